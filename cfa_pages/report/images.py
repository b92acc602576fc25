"""Pictures of images: clean, adversarial, and the difference that the attack made."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from cfa_nb.runs.study import Profile
from cfa_pages.report.style import CFA, INK, name_classes, panels, plt, short_name
from cfa_pages.results.rows import CLASS_LIMIT, calibrated_text
from cfa_pages.results.runs import Run


def image_strip(images: np.ndarray, titles: Sequence[str] | None = None, size: float = 1.15) -> Figure:
    """Images (N, C, H, W) in [0, 1], such as one of each class, in rows of at most `CLASS_LIMIT`."""
    wide = min(len(images), CLASS_LIMIT)
    rows = -(-len(images) // wide)
    fig, axes = plt.subplots(rows, wide, figsize=(size * wide, (size + 0.35) * rows), squeeze=False)
    for i, ax in enumerate(axes.flat):
        if i < len(images):
            _show(ax, images[i], short_name(titles[i], 11) if titles is not None else "")
        else:
            ax.set_axis_off()
    return fig


def adversarial_grid(
    x: np.ndarray, x_adv: np.ndarray, names: Sequence[str], predicted: Sequence[str], eps: float | np.ndarray
) -> Figure:
    """Clean images, their adversarial ones and the perturbations, a column an image (at most ten).

    Args:
        x, x_adv: (N, C, H, W) arrays in [0, 1].
        names: N names of the true classes.
        predicted: N names of what the model says of x_adv.
        eps: N margins, or one for all: the perturbation is drawn from -max to +max of them.
    """
    count = min(10, len(x))
    eps = np.broadcast_to(np.asarray(eps, dtype=float), (len(x),))
    fig, axes = plt.subplots(3, count, figsize=(1.15 * count + 0.6, 4.4), squeeze=False)
    for i in range(count):
        wrong = names[i] != predicted[i]
        _show(axes[0, i], x[i], short_name(names[i], 12))
        _show(axes[1, i], x_adv[i], f"→ {short_name(predicted[i], 11)}", CFA if wrong else INK)
        _show_difference(axes[2, i], x_adv[i] - x[i], eps.max(), f"ε = {calibrated_text(float(eps[i]))}")
    for ax, text in zip(axes[:, 0], ("clean", "adversarial", "difference")):
        ax.set_ylabel(text, fontsize=9.5)
    return fig


def _show(ax, image, title="", colour=INK):
    grey = image.shape[0] == 1
    ax.imshow(image[0] if grey else image.transpose(1, 2, 0), cmap="gray", vmin=0, vmax=1, interpolation="nearest")
    _frame(ax, title, colour)


def _show_difference(ax, difference, limit, title):
    ax.imshow(difference.mean(axis=0), cmap="RdBu_r", vmin=-limit, vmax=limit, interpolation="nearest")
    _frame(ax, title, INK)


def _frame(ax, title, colour):
    ax.set(xticks=[], yticks=[])
    ax.grid(False)
    for spine in ax.spines.values():
        spine.set_visible(False)
    ax.set_title(title, fontsize=9, fontweight="normal", loc="center", pad=4, color=colour)


def confusion_map(counts: np.ndarray, names: Sequence[str], hard: Sequence[int]) -> Figure:
    """Where attacked images of each class go, in percent of the class; hard classes are set in bold.

    Of more than `CLASS_LIMIT` classes those are drawn that keep the least and the most images under this attack.

    Args:
        counts: (K, K) images of true class i that are predicted as j under attack.
    """
    counts = np.asarray(counts)
    shares = 100 * counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    classes = _drawn_classes(shares)
    size = 1 if len(classes) <= 10 else 1.7
    fig, (ax,) = panels(1, height=5.2 * size, width=6.6 * size)
    _draw_shares(ax, shares[np.ix_(classes, classes)])
    for axis in (ax.xaxis, ax.yaxis):
        name_classes(axis, [names[k] for k in classes], [i for i, k in enumerate(classes) if k in hard])
    ax.set(xlabel="predicted under attack", ylabel="true class")
    ax.grid(False)
    half = CLASS_LIMIT // 2
    note = f", {half} hardest and {half} easiest of {len(counts)}" if len(classes) < len(counts) else ""
    ax.set_title(f"Where attacked images go, % of each class{note}")
    return fig


def confusion_caption(run: Run, profile: Profile) -> str:
    """Caption of `confusion_map` of one run: attack, checkpoint and images."""
    ((key, attack),) = profile.confusions(run.config)
    images = int(run.confusion(profile).sum())
    scope = "all" if attack.per_class is None else "the first"
    return (
        f"AT, seed {run.config.seed}, {'last epoch' if key.endswith('last') else key}: what {scope} {images:,} test "
        f"images are taken for under {attack.label.partition(',')[0]}, in percent of their class; hard classes in red."
    )


def _drawn_classes(shares):
    """Indices of the classes that a map of (K, K) shares draws."""
    if len(shares) <= CLASS_LIMIT:
        return list(range(len(shares)))
    order = np.argsort(np.diag(shares), kind="stable")
    return [*order[: CLASS_LIMIT // 2], *order[-(CLASS_LIMIT // 2) :]]


def _draw_shares(ax, shares):
    wrong = shares - np.diag(np.diag(shares))
    ax.imshow(wrong, cmap="Reds", vmin=0, vmax=max(10.0, wrong.max()))
    for i, j in np.ndindex(*shares.shape):
        if shares[i, j] >= 0.5:
            dark = i != j and wrong[i, j] > 0.6 * wrong.max()
            ax.text(j, i, f"{shares[i, j]:.0f}", ha="center", va="center", fontsize=9,
                    color="white" if dark else INK if i != j else "#5c6b78", fontweight="normal")  # fmt: skip
