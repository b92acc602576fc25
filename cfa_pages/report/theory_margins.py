"""Pictures of the toy model, Section 2 and beyond: what margins do to the two classes.

Theorem 4 and its domain, the repair with two margins, the fair w, Eq. 6, a threshold, K classes. Colours and strokes
as in `theory_figures`; every function returns a matplotlib Figure.
"""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from cfa_pages.report.style import INK, QUIET, label_ends, panels
from cfa_pages.report.theory_figures import COLOUR, DOT, EASY_RED, HARD_BLUE, NAME, mark_top
from cfa_pages.theory import KClassToy, ToyModel, ToyModelWithBias, always_rises

FILL = "#f3d9a4"
BLUES = ("#9cc0e8", "#5b95d1", HARD_BLUE, "#153f6f")


def hard_class_figure(model: ToyModel, margins: Sequence[float], w_max: float = 5.0) -> Figure:
    """Theorem 4, left half: R_-1 along w at up to four margins, in both readings; a dot where it starts to fall."""
    fig, axes = panels(2, width=10.6, sharey=True)
    w = np.linspace(0.005, w_max, 800)
    for ax, ball, title in zip(axes, ("features", "all"), ("$x_1$ untouched", "Literal ball")):
        ends = []
        for eps, shade in zip(margins, BLUES):
            robust = model.robust_acc(-1, w, eps, ball)
            ax.plot(w, robust, color=shade)
            falls = np.flatnonzero(np.diff(robust) < 0)
            if len(falls):
                ax.plot([w[falls[0]]], [robust[falls[0]]], "o", color=shade, clip_on=False, zorder=5, **DOT)
            rises = always_rises(model.p_neg, model.eta, eps, model.d, ball)
            ends.append((robust[-1], f"$\\epsilon$ = {eps:g}, {'rises' if rises else 'falls'}", shade))
        ax.set(xlabel="$w$", title=title, xlim=(0, w_max))
        label_ends(ax, w_max, ends, gap=0.06)
    axes[0].set_ylabel("robust accuracy of class −1")
    return fig


def rise_map(eta: float, d: int = 1) -> Figure:
    """Where R_-1 rises for every w (filled), over p_-1 and eps: the true domain of Theorem 4's left half."""
    fig, axes = panels(2, height=4.1, sharey=True)
    p, eps = np.meshgrid(np.linspace(0.5, 0.99, 1000), np.linspace(0, 1, 1000))
    for ax, ball, title in zip(axes, ("features", "all"), ("$x_1$ untouched", "Literal ball")):
        ax.contourf(p, eps, always_rises(p, eta, eps, d, ball).astype(float), levels=[0.5, 1.5], colors=[FILL])
        ax.axhline(eta, color=INK, linewidth=1, linestyle="--")
        ax.text(0.505, eta + 0.012, "$\\epsilon = \\eta$", fontsize=9.5)
        ax.set(xlabel="$p_{-1}$", title=title, xlim=(0.5, 0.99), ylim=(0, 1))
        ax.grid(False)
    centred = {"ha": "center", "va": "center", "fontsize": 10}
    axes[0].text(0.745, (1 + eta) / 2, "$R_{-1}$ rises for every $w$\n(Theorem 4)", **centred)
    axes[0].text(0.745, eta / 2, "$w^*(\\epsilon)$ is finite and grows\n(Theorem 2)", **centred)
    axes[1].text(0.92, 0.5, "$R_{-1}$ rises\nfor every $w$", **centred)
    axes[1].plot([0.5, 1], [0, 1], color=QUIET, linewidth=0.9, linestyle=":")
    axes[1].text(0.74, 0.5, "$\\epsilon = 2p_{-1} - 1$", fontsize=9.5, color=QUIET, ha="right")
    axes[0].set_ylabel("margin $\\epsilon$")
    return fig


def repair_figure(model: ToyModel, share: float = 0.9) -> Figure:
    """Accuracies along the path w*(eps) of Theorem 2; robustness at the training margin (left) and at 2 eta (right)."""
    fig, axes = panels(2, width=10.6, sharey=True)
    eps = np.linspace(0, share * model.eta, 300)
    w = model.optimal_w(eps=eps)
    for ax, evaluation_eps, title in zip(
        axes, (eps, 2 * model.eta), ("Measured at the training margin", "Measured at $2\\eta$")
    ):
        for label in (1, -1):
            ax.plot(eps, model.clean_acc(label, w), ":", color=COLOUR[label])
            ax.plot(eps, model.robust_acc(label, w, evaluation_eps), color=COLOUR[label])
        ax.set(xlabel="training margin $\\epsilon$", title=title, xlim=(0, eps[-1]))
        label_ends(ax, eps[-1], [(model.clean_acc(y, w[-1]), f"class {NAME[y]}", COLOUR[y]) for y in (1, -1)])
    axes[0].set_ylabel("accuracy at $w^*(\\epsilon)$")
    axes[0].text(0.02 * model.eta, 0.75, "dotted: clean\nsolid: robust", fontsize=9.5, va="center")
    return fig


def fair_figure(model: ToyModel, eps: float, w_max: float = 6.0) -> Figure:
    """The fair w against the w of training: R_+1 and R_-1 at one margin, with both w marked."""
    fig, axes = panels(2)
    fair, trained = model.fair_w(eps), model.optimal_w(eps=eps)
    w = np.linspace(0.02, w_max, 500)
    for ax, label in zip(axes, (1, -1)):
        ax.plot(w, model.robust_acc(label, w, eps), color=COLOUR[label])
        mark_top(ax, model, label, eps, "features", w_max)
        low, high = ax.get_ylim()
        for place, text, side in ((fair, "fair $w$ ", "right"), (trained, " trained $w^*$", "left")):
            ax.axvline(place, color=INK, linewidth=0.9, linestyle="--")
            ax.text(place, low + 0.1 * (high - low), text, ha=side, fontsize=9.5)
        ax.set(xlabel="$w$", ylabel="robust accuracy", title=f"Class {NAME[label]}", xlim=(0, w_max))
    return fig


def ccm_figure(model: ToyModel, eps: float, delta: float = 0.02, most_features: int = 100) -> Figure:
    """Eq. 6 in the toy model: R_-1 where the rule rests, over lambda_1; the move of w by split margins, over d."""
    fig, (left, right) = panels(2, width=10.6)
    budgets = np.linspace(0.05, 0.6, 12)
    rests = [model.robust_acc(-1, model.ccm_fixed_point(eps, budget).w, eps) for budget in budgets]
    uniform = model.robust_acc(-1, model.optimal_w(eps=eps), eps)
    left.plot(budgets, rests, "o-", color=HARD_BLUE, markersize=4)
    left.axhline(uniform, color=INK, linewidth=1, linestyle="--")
    left.set(
        xlabel="$\\lambda_1$",
        ylabel=f"$R_{{-1}}$ at $\\epsilon$ = {eps:g}",
        title="Where Eq. 6 comes to rest",
        xlim=(0, 0.6),
    )
    label_ends(left, budgets[-1], [(rests[-1], "Eq. 6", HARD_BLUE), (uniform, "uniform", INK)], gap=0.07)
    features = np.unique(np.geomspace(1, most_features, 30).astype(int))
    split = [_model_with(model, d).trained_w(eps + delta, eps - delta) for d in features]
    right.plot(features, np.array(split) - model.optimal_w(eps=eps), "o-", color=INK, markersize=4)
    right.axhline(0, color=QUIET, linewidth=0.9)
    right.set(xscale="log", xlabel="number of weak features $d$", ylabel="change of $w$")
    right.set_title(f"Margins $\\epsilon \\pm$ {delta:g} instead of $\\epsilon$")
    return fig


def _model_with(model, d):
    return type(model)(model.p_pos, model.p_neg, model.eta, d)


def bias_figure(model: ToyModelWithBias, eps: float, reach: float = 0.15) -> Figure:
    """With a threshold: each robust accuracy at a common margin, after training at eps + delta and eps - delta."""
    fig, axes = panels(2)
    deltas = np.linspace(-reach, reach, 200)
    rules = [model.optimal(eps + delta, eps - delta) for delta in deltas]
    for ax, label in zip(axes, (1, -1)):
        ax.plot(deltas, [model.robust_acc(label, *rule, eps) for rule in rules], color=COLOUR[label])
        ax.axvline(0, color=QUIET, linewidth=0.9)
        low, high = ax.get_ylim()
        ax.text(-reach, low + 0.5 * (high - low), " larger margin:\n hard class", fontsize=9.5, va="center")
        ax.text(reach, low + 0.5 * (high - low), "larger margin: \neasy class ", fontsize=9.5, va="center", ha="right")
        ax.set(xlabel="$\\delta$", title=f"Class {NAME[label]}", xlim=(-reach, reach))
    axes[0].set_ylabel(f"robust accuracy at $\\epsilon$ = {eps:g}")
    return fig


def k_class_figure(
    class_counts: Sequence[int], p: float, eta: float, d: int, eps: float, w_max: float = 16.0
) -> Figure:
    """K classes: robust accuracy along w for several K, with the top at log((K-1)p/(1-p)) / (eta - 2 eps)."""
    fig, (ax,) = panels(1)
    w, ends = np.linspace(0.02, w_max, 400), []
    for count, colour in zip(class_counts, (INK, EASY_RED, HARD_BLUE)):
        toy = KClassToy(count, p, eta, d)
        ax.plot(w, toy.robust_acc(w, eps), color=colour)
        top = toy.optimal_w(eps)
        ax.plot([top], [toy.robust_acc(top, eps)], "o", color=colour, **DOT)
        ends.append((toy.robust_acc(w_max, eps), f"K = {count}, $w^*$ = {top:.2f}", colour))
    ax.set(xlabel="$w$", ylabel=f"robust accuracy at $\\epsilon$ = {eps:g}", xlim=(0, w_max))
    label_ends(ax, w_max, ends, gap=0.06)
    return fig
