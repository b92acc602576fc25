"""Pictures of the toy model, Section 2: Fig. 1, and Theorems 1 to 3 with the places where they end.

Red is the easy class +1, blue the hard class -1; solid is robust accuracy, dotted is clean, as in the paper.
Every function returns a matplotlib Figure.
"""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from cfa_pages.report.style import INK, QUIET, label_ends, panels
from cfa_pages.theory import ToyModel, jump_margin, laplace_clean_acc

EASY_RED, HARD_BLUE = "#c8372d", "#2a6ebb"
COLOUR = {1: EASY_RED, -1: HARD_BLUE}
NAME = {1: "+1", -1: "−1"}
DOT = {"markersize": 6.5, "markeredgecolor": "white"}


def data_scatter(model: ToyModel, n: int = 400, seed: int = 0) -> Figure:
    """Fig. 1(a): a sample for d = 1; x_1 is -1 or +1 and is drawn with a little horizontal jitter."""
    x, y = model.sample(n, seed)
    fig, (ax,) = panels(1, height=4.2, width=6.4)
    jitter = np.random.default_rng(seed).uniform(-0.22, 0.22, n)
    for label in (1, -1):
        of_class = y == label
        across = x[of_class, 0] + 0.26 * label + jitter[of_class]  # side by side, so that shares can be compared
        ax.scatter(across, x[of_class, 1], s=16, color=COLOUR[label], alpha=0.65, linewidth=0)
        for side in (-1, 1):
            share = np.mean(x[of_class, 0] == side)
            words = f"{100 * share:.0f} % of {NAME[label]}"
            ax.text(side + 0.26 * label, 1.02, words, color=COLOUR[label], ha="center", fontsize=9.5,
                    transform=ax.get_xaxis_transform())  # fmt: skip
    ax.axvline(0, color=QUIET, linewidth=0.8)
    ax.set(xticks=[-1, 1], xticklabels=["$x_1 = -1$", "$x_1 = +1$"], ylabel="weak feature $x_2$", xlim=(-1.6, 1.6))
    ax.set_title("Where the robust feature errs", pad=24)
    return fig


def accuracy_curves(model: ToyModel, eps: float, ball: str = "features", w_max: float = 5.0) -> Figure:
    """Fig. 1(b): clean and robust accuracy of both classes along w, tops marked."""
    fig, (ax,) = panels(1, height=4.3)
    draw_accuracies(ax, model, eps, ball, w_max)
    return fig


def draw_accuracies(ax: Axes, model: ToyModel, eps: float, ball: str, w_max: float) -> None:
    """The four curves of Fig. 1(b) on an axis, with their tops and their names at the right end."""
    w, ends = np.linspace(0.01, w_max, 500), []
    for label in (1, -1):
        clean, robust = model.clean_acc(label, w), model.robust_acc(label, w, eps, ball)
        ax.plot(w, clean, ":", color=COLOUR[label])
        ax.plot(w, robust, color=COLOUR[label])
        mark_top(ax, model, label, 0.0, ball, w_max)
        mark_top(ax, model, label, eps, ball, w_max)
        ends += [(clean[-1], f"$A_{{{NAME[label]}}}$ clean", COLOUR[label])]
        ends += [(robust[-1], f"$R_{{{NAME[label]}}}$ robust", COLOUR[label])]
    ax.set(xlabel="$w$, the weight of the robust feature", ylabel="accuracy", xlim=(0, w_max))
    ax.set_title(f"$\\eta$ = {model.eta:g}, $\\epsilon$ = {eps:g}")
    label_ends(ax, w_max, ends, gap=0.05)


def mark_top(ax: Axes, model: ToyModel, label: int, eps: float, ball: str, w_max: float) -> float | None:
    """A dot on the top of R_y at margin eps, if it is in sight; returns its w, or None."""
    top = model.optimal_w(label, eps, ball)
    if not 0 < top < w_max:
        return None
    ax.plot([top], [model.robust_acc(label, top, eps, ball)], "o", color=COLOUR[label], **DOT)
    return top


def lead_figure(model: ToyModel, unequal: ToyModel, eps: float) -> Figure:
    """Theorem 1: the lead of class +1 along w; and its clean accuracies with unequal noise, where the theorem ends."""
    fig, (left, right) = panels(2)
    w = np.linspace(0.01, 5, 400)
    left.plot(w, model.gap(w), ":", color=INK)
    left.plot(w, model.gap(w, eps), color=INK)
    left.axhline(0, color=QUIET, linewidth=0.8)
    left.set(xlabel="$w$", ylabel="lead of class +1", title="Equal noise: always ahead", xlim=(0, 5))
    label_ends(left, 5, [(model.gap(5), "clean", INK), (model.gap(5, eps), "robust", INK)], gap=0.07)
    draw_pair(right, unequal, w)
    right.set_title(f"Noise {unequal.sigma_pos:g} and {unequal.sigma_neg:g}: overtaken")
    return fig


def draw_pair(ax: Axes, model: ToyModel, w: np.ndarray) -> None:
    """Clean accuracies of both classes."""
    for label in (1, -1):
        ax.plot(w, model.clean_acc(label, w), ":", color=COLOUR[label])
    ax.set(xlabel="$w$", ylabel="clean accuracy", xlim=(0, w[-1]))
    label_ends(ax, w[-1], [(model.clean_acc(y, w[-1]), f"$A_{{{NAME[y]}}}$", COLOUR[y]) for y in (1, -1)], gap=0.07)


def optimal_w_figure(models: Sequence[ToyModel], w_max: float = 4.0) -> Figure:
    """Theorem 2: w*(eps) of the overall accuracy in both readings of the ball, one panel a model, up to eps = eta."""
    fig, axes = panels(len(models), sharey=True)
    for ax, model in zip(axes, models):
        jump, eps = jump_margin(model), np.linspace(0, model.eta, 600, endpoint=False)
        untouched, literal = model.optimal_w(eps=eps), model.optimal_w(eps=eps, ball="all")
        ax.plot(eps, untouched, color=QUIET)
        before = eps < jump
        last_w = model.optimal_w(eps=np.nextafter(jump, 0), ball="all")
        ax.plot([*eps[before], jump], [*literal[before], last_w], color=INK, linewidth=2.4)
        ax.plot([jump], [last_w], "o", color=INK, clip_on=False, zorder=5, **DOT)
        arrow = {"arrowstyle": "-|>", "color": INK, "linestyle": "--"}
        ax.annotate("", (jump, w_max), (jump, last_w), arrowprops=arrow)
        ax.text(
            jump + 0.012 * model.eta, 0.86 * w_max, f"jumps to ∞\nat $\\epsilon$ = {jump:.4f}", fontsize=9.5, va="top"
        )
        here = np.interp(0.65 * w_max, untouched, eps)
        ax.text(here - 0.02 * model.eta, 0.65 * w_max, "$x_1$ untouched", color=QUIET, ha="right", fontsize=9.5)
        ax.text(0.02 * model.eta, 0.8 * literal[before].min(), "literal ball", fontsize=9.5, va="bottom")
        ax.axvline(model.eta, color=QUIET, linewidth=0.9, linestyle="--")
        ax.set(xlabel="training margin $\\epsilon$ (dashed: $\\eta$)", ylim=(0, w_max), xlim=(0, 1.05 * model.eta))
        ax.set_title(f"$p_{{+1}}$ = {model.p_pos:g}, $p_{{-1}}$ = {model.p_neg:g}, $\\eta$ = {model.eta:g}")
    axes[0].set_ylabel("$w^*(\\epsilon)$")
    return fig


def jump_figure(model: ToyModel, step: float = 0.008) -> Figure:
    """Why w* jumps: overall robust accuracy along w (log axis) just below, at, and above eps_c, less its limit."""
    fig, (ax,) = panels(1, height=3.9)
    jump, w, ends = jump_margin(model), np.geomspace(1e-3, 3e3, 700), []
    for eps, colour, words in ((jump - step, INK, "below"), (jump, EASY_RED, "at"), (jump + step, QUIET, "above")):
        lead = model.overall_acc(w, eps, "all") - model.overall_acc(np.inf, eps, "all")
        ax.plot(w, lead, color=colour)
        ends.append((lead[0], f"{words}: $\\epsilon$ = {eps:.4f}", colour))
        top = model.optimal_w(eps=np.nextafter(eps, 0), ball="all")
        if np.isfinite(top):
            ax.plot([top], [model.overall_acc(top, eps, "all") - model.overall_acc(np.inf, eps, "all")], "o",
                    color=colour, **DOT)  # fmt: skip
    ax.axhline(0, color=QUIET, linewidth=0.9)
    ax.text(w[-1], 0, "the limit $w \\to \\infty$ ", ha="right", va="bottom", fontsize=9.5, color=QUIET)
    ax.set(xscale="log", xlabel="$w$", ylabel="$R(f_w) - \\bar p$", xlim=(w[0], w[-1]))
    for height, text, colour in ends:
        ax.annotate(text, (w[0], height), xytext=(6, 4), textcoords="offset points", color=colour, fontsize=9.5)
    return fig


def clean_tops_figure(model: ToyModel, coin: ToyModel, laplace: tuple[float, float, float]) -> Figure:
    """Theorem 3 and its ends: tops of A_y; p_-1 = 1/2; Laplace noise with both log-odds beyond 2 eta.

    laplace: (p_+1, p_-1, eta) of the third panel.
    """
    fig, axes = panels(3, height=3.7, width=12)
    w = np.linspace(0.01, 4, 500)
    for ax, subject, title in ((axes[0], model, "Gaussian noise"), (axes[1], coin, "$p_{-1}$ = 0.5: no top")):
        draw_pair(ax, subject, w)
        for label in (1, -1):
            if (top := mark_top(ax, subject, label, 0.0, "all", 4)) is not None:
                ax.annotate(
                    f"$w^*$ = {top:.3f}",
                    (top, subject.clean_acc(label, top)),
                    xytext=(0, -16 if label == 1 else 8),
                    textcoords="offset points",
                    ha="center" if label == 1 else "left",
                    color=COLOUR[label],
                    fontsize=9.5,
                )
        ax.set_title(title)
    p, eta = dict(zip((1, -1), laplace)), laplace[2]
    for label in (1, -1):
        axes[2].plot(w, laplace_clean_acc(p[label], eta, w), ":", color=COLOUR[label])
    ends = [(laplace_clean_acc(p[y], eta, 4.0), f"$A_{{{NAME[y]}}}$", COLOUR[y]) for y in (1, -1)]
    axes[2].set(xlabel="$w$", ylabel="clean accuracy", xlim=(0, 4), title="Laplace noise: both at ∞")
    label_ends(axes[2], 4, ends, gap=0.07)
    return fig
