"""Pictures of images: clean, adversarial, and the difference that the attack made."""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor, nn

from cfa_nb.runs.study import Profile
from cfa_pages.report.style import CFA, GRID, HARD, INK, WIDTH, name_classes, panels, plt, short_name
from cfa_pages.results.rows import CLASS_LIMIT, calibrated_text
from cfa_pages.results.runs import Run


def adversarial_grid(
    x: np.ndarray, x_adv: np.ndarray, names: Sequence[str], predicted: Sequence[str], eps: Sequence[float]
) -> Figure:
    """Clean images, their adversarial ones and the differences, all in one scale of colours; a column an image.

    Args:
        x, x_adv: (N, C, H, W) arrays in [0, 1].
        names: N names of the true classes.
        predicted: N names of what the model says of x_adv.
        eps: N margins; the differences are drawn from -max to +max of them.
    """
    fig, axes = plt.subplots(3, len(x), figsize=(1.2 * len(x) + 0.4, 4.5), squeeze=False)
    for i, name in enumerate(names):
        _show(axes[0, i], x[i], short_name(name, 12))
        _show_attacked(axes[1, i], x_adv[i], name, predicted[i])
        _show_difference(axes[2, i], x_adv[i] - x[i], max(eps), f"within {calibrated_text(float(eps[i]))}")
    for ax, text in zip(axes[:, 0], ("clean", "attacked", "the change")):
        ax.set_ylabel(text, fontsize=10)
    return fig


def defence_grid(
    networks: Mapping[str, nn.Module], x: Tensor, attacked: Mapping[str, Tensor], y: Tensor, names: Sequence[str],
    eps: float,
) -> Figure:  # fmt: skip
    """The same images before several networks, each attacked in its own way: image, change, probabilities.

    Args:
        networks: {name: network}, in eval mode.
        x, y: (N, C, H, W) in [0, 1] and (N,).
        attacked: {name: (N, C, H, W)}, the images as the attack on that network left them.
        names: of the K classes.
        eps: the margin; changes are drawn from -eps to +eps.
    """
    heights = [1.0, *[0.24, 1.0, 1.0, 0.62] * len(networks)]
    fig, axes = plt.subplots(len(heights), len(x), figsize=(1.2 * len(x) + 0.2, 1.15 * sum(heights)),
                             height_ratios=heights, squeeze=False)  # fmt: skip
    for i, label in enumerate(y.tolist()):
        _show(axes[0, i], x[i].numpy(), short_name(names[label], 12))
    axes[0, 0].set_ylabel("clean", fontsize=10)
    for block, (name, network) in enumerate(networks.items()):
        with torch.no_grad():
            chances = [network(images).softmax(dim=1).numpy() for images in (x, attacked[name])]
        rows = axes[4 * block + 1 : 4 * block + 5]
        _defence(rows, name, x.numpy(), attacked[name].numpy(), chances, y.tolist(), names, eps)
    return fig


def _defence(rows, name, x, x_adv, chances, labels, names, eps):
    """Four rows of axes for one network: its name, attacked images, changes, probabilities."""
    before, after = chances
    for i, label in enumerate(labels):
        rows[0, i].set_axis_off()
        _show_attacked(rows[1, i], x_adv[i], names[label], names[after[i].argmax()])
        _show_difference(rows[2, i], x_adv[i] - x[i], eps, "")
        _probabilities(rows[3, i], before[i], after[i], label, names)
    rows[0, 0].text(0, 0.1, name, fontsize=11.5, fontweight="bold", in_layout=False)
    for ax, text in zip(rows[1:, 0], ("attacked", "the change", "it says")):
        ax.set_ylabel(text, fontsize=10)


def _show_attacked(ax, image, name, predicted):
    _show(ax, image, f"→ {short_name(predicted, 12)}", CFA if name == predicted else HARD[0])


def _probabilities(ax, before, after, label, names):
    """Bars of the true class and its strongest rival after the attack; a mark where each stood before it."""
    rival = max((k for k in range(len(after)) if k != label), key=lambda k: after[k])
    for height, k in enumerate((rival, label)):
        colour = CFA if k == label else HARD[0]
        ax.barh(height, 1, height=0.3, color=GRID)
        ax.barh(height, after[k], height=0.3, color=colour)
        ax.plot([before[k]] * 2, [height - 0.3, height + 0.15], color=INK, lw=2)
        ax.text(0, height + 0.25, f"{short_name(names[k], 11)} {100 * after[k]:.0f} %", fontsize=9, color=colour)
    ax.set(xlim=(-0.07, 1.07), ylim=(-0.4, 1.8))
    _frame(ax, "", INK)


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
    fig, (ax,) = panels(1, height=5.2 * size, width=WIDTH * size)
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
