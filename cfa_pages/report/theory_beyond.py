"""Pictures of the toy model beyond the paper: where its theorems end, and what margins do to the two classes.

Colours and strokes as in `theory_figures`; every function returns a matplotlib Figure.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from matplotlib.figure import Figure

from cfa_pages.report.style import ABOVE, BELOW, HARD, INK, QUIET, label_ends, panels, percent_axis
from cfa_pages.report.theory_figures import COLOUR, DOT, NAME, WEIGHT
from cfa_pages.theory import KClassToy, ToyModel, ToyModelWithBias, always_rises, ccm_rounds, jump_margin

FILLS = ("#dbe9f4", "#f7dcd3")  # where Theorem 2 speaks, and where Theorem 4 does


def rise_map(eta: float, d: int = 1) -> Figure:
    """Over p_-1 and eps: where R_-1 rises for every w, as Theorem 4 says, in both readings of the ball."""
    fig, axes = panels(2, height=3.1, stacked=True)
    p, eps = np.meshgrid(np.linspace(0.5, 0.99, 1000), np.linspace(0, 1, 1000))
    titles = {"features": "The attack leaves $x_1$ alone", "all": "The attack moves $x_1$, too"}
    for ax, (ball, title) in zip(axes, titles.items()):
        rises = always_rises(p, eta, eps, d, ball).astype(float)
        ax.contourf(p, eps, rises, levels=[-0.5, 0.5, 1.5], colors=FILLS if ball == "features" else ["white", FILLS[1]])
        ax.axhline(eta, color=INK, linewidth=1, linestyle="--")
        ax.text(0.505, eta + 0.012, "$\\epsilon = \\eta$", fontsize=9.5)
        ax.set(xlabel="$p_{-1}$, reliability of the hard class", ylabel="margin $\\epsilon$", title=title)
        ax.set(xlim=(0.5, 0.99), ylim=(0, 1))
        ax.grid(False)
    centred = {"ha": "center", "va": "center", "fontsize": 10}
    axes[0].text(0.745, (1 + eta) / 2, "Theorem 4 holds, Theorem 2 does not", **centred)
    axes[0].text(0.745, eta / 2, "Theorem 2 holds, Theorem 4 does not", **centred)
    axes[1].text(0.91, 0.5, "Theorem 4\nholds", **centred)
    axes[1].text(0.62, 0.75, "Theorem 4\ndoes not hold", **centred)
    axes[1].plot([0.5, 1], [0, 1], color=QUIET, linewidth=0.9, linestyle=":")
    axes[1].text(0.74, 0.5, "$\\epsilon = 2p_{-1} - 1$ ", fontsize=9.5, ha="right")
    return fig


def repair_figure(model: ToyModel, share: float = 0.9) -> Figure:
    """Accuracies along the path w*(eps) of Theorem 2; robustness at the training margin, below at 2 eta."""
    fig, axes = panels(2, height=2.9, stacked=True, sharey=True)
    eps = np.linspace(0, share * model.eta, 300)
    w = model.optimal_w(eps=eps)
    titles = ("One margin: the hard class only loses", "Measured at $2\\eta$: both gain robustness")
    for ax, measured_at, title in zip(axes, (eps, 2 * model.eta), titles):
        for label in (1, -1):
            ax.plot(eps, model.clean_acc(label, w), ":", color=COLOUR[label])
            ax.plot(eps, model.robust_acc(label, w, measured_at), color=COLOUR[label])
        ax.set(
            xlabel="training margin $\\epsilon$", ylabel="accuracy at the trained $w$", title=title, xlim=(0, eps[-1])
        )
    percent_axis(axes[0], None)
    for ax in axes:
        label_ends(ax, eps[-1], [(model.clean_acc(y, w[-1]), NAME[y], COLOUR[y]) for y in (1, -1)])
    axes[1].text(0.98, 0.04, "dotted: clean\nsolid: robust", transform=axes[1].transAxes, ha="right", fontsize=9.5)
    return fig


def optimal_w_figure(models: Sequence[ToyModel], w_max: float = 4.0) -> Figure:
    """Theorem 2: w*(eps) of the overall accuracy in both readings of the ball, one panel a model, up to eps = eta."""
    fig, axes = panels(len(models), height=3.2, stacked=True, sharey=True)
    for ax, model, verb in zip(axes, models, ("rises", "falls")):
        jump, eps = jump_margin(model), np.linspace(0, model.eta, 600, endpoint=False)
        untouched, literal = model.optimal_w(eps=eps), model.optimal_w(eps=eps, ball="all")
        ax.plot(eps, untouched, color=QUIET)
        before = eps < jump
        last_w = model.optimal_w(eps=np.nextafter(jump, 0), ball="all")
        ax.plot([*eps[before], jump], [*literal[before], last_w], color=INK, linewidth=2.4)
        ax.plot([jump], [last_w], "o", color=INK, clip_on=False, zorder=5, **DOT)
        arrow = {"arrowstyle": "-|>", "color": INK, "linestyle": "--"}
        ax.annotate("", (jump, w_max), (jump, last_w), arrowprops=arrow)
        words, pad = f"jumps to ∞\nat $\\epsilon$ = {jump:.3f}", 0.02 * model.eta
        ax.text(jump + 0.6 * pad, 0.9 * w_max, words, fontsize=9.5, va="top")
        here = np.interp(0.5 * w_max, untouched, eps) + pad
        ax.text(here, 0.47 * w_max, "$x_1$ left alone", color=QUIET, fontsize=9.5)
        ax.text(pad, 0.75 * literal[before].min(), "$x_1$ attacked", fontsize=9.5, va="bottom")
        ax.set(xlabel="training margin $\\epsilon$, up to $\\eta$", ylabel="best $w$ overall")
        ax.set(ylim=(0, w_max), xlim=(0, model.eta))
        ax.set_title(f"It {verb}, then jumps: $p$ = {model.p_pos:g} and {model.p_neg:g}, $\\eta$ = {model.eta:g}")
    return fig


def jump_figure(model: ToyModel, step: float = 0.008) -> Figure:
    """Why w* jumps: overall robust accuracy along w just below, at, and above eps_c, less its limit, in points."""
    fig, (ax,) = panels(1, height=3.2)
    jump, w = jump_margin(model), np.geomspace(1.5e-3, 8, 700)
    colours = (BELOW[3], INK, HARD[0])
    for eps, colour, words in zip((jump - step, jump, jump + step), colours, ("below", "at the jump", "above")):
        limit = model.overall_acc(np.inf, eps, "all")
        lead = 100 * (model.overall_acc(w, eps, "all") - limit)
        ax.plot(w, lead, color=colour)
        top = model.optimal_w(eps=np.nextafter(eps, 0), ball="all")
        if np.isfinite(top):
            ax.plot([top], [100 * (model.overall_acc(top, eps, "all") - limit)], "o", color=colour, **DOT)
        ax.annotate(f"{words}: $\\epsilon$ = {eps:.3f}", (w[0], lead[0]), xytext=(6, 4), textcoords="offset points",
                    color=colour, fontsize=9.5)  # fmt: skip
    ax.axhline(0, color=QUIET, linewidth=0.9)
    ax.text(w[-1], 0, "its limit at $w = \\infty$ ", ha="right", va="bottom", fontsize=9.5)
    ax.set(xscale="log", xlabel=WEIGHT, ylabel="accuracy less its limit, points", xlim=(w[0], w[-1]))
    return fig


def fair_figure(model: ToyModel, eps: float, w_max: float = 6.0) -> Figure:
    """R_-1 along w: its top, where a fair training would end, and the w at which training does end."""
    fig, (ax,) = panels(1, height=3.1)
    w, places = np.linspace(0.02, w_max, 500), (model.fair_w(eps), model.optimal_w(eps=eps))
    heights = [model.robust_acc(-1, place, eps) for place in places]
    ax.plot(w, model.robust_acc(-1, w, eps), color=COLOUR[-1])
    for place, height, words, side in zip(places, heights, ("fair ", " trained"), ("right", "left")):
        ax.plot([place], [height], "o", color=COLOUR[-1], **DOT)
        ax.axvline(place, color=INK, linewidth=0.9, linestyle="--")
        ax.text(place, 0.1, words, ha=side, fontsize=9.5, transform=ax.get_xaxis_transform())
    ax.set(xlabel=WEIGHT, ylabel="robust accuracy, hard class", xlim=(0, w_max))
    ax.set_title(f"Training overshoots; it costs the hard class {100 * (heights[0] - heights[1]):.1f} points")
    percent_axis(ax, None)
    return fig


def ccm_figure(model: ToyModel, eps: float, delta: float = 0.02, most_features: int = 20) -> Figure:
    """Eq. 6 at rest: R_-1 against one uniform margin, over lambda_1; and the move of w by split margins, over d."""
    fig, (upper, lower) = panels(2, height=2.9, stacked=True)
    budgets, uniform = np.linspace(0.05, 0.6, 12), model.robust_acc(-1, model.optimal_w(eps=eps), eps)
    rests = [model.robust_acc(-1, model.ccm_fixed_point(eps, budget).w, eps) - uniform for budget in budgets]
    upper.plot(budgets, 100 * np.array(rests), "o-", color=COLOUR[-1], markersize=4)
    upper.set(xlabel="base budget $\\lambda_1$", ylabel="change for the hard class, points", xlim=(0, 0.62))
    upper.set_title("A large $\\lambda_1$ costs the hard class a little")
    features = np.arange(1, most_features + 1)
    split = [replace(model, d=d).trained_w(eps + delta, eps - delta) for d in features]
    lower.plot(features, np.array(split) - model.optimal_w(eps=eps), "o-", color=INK, markersize=4)
    lower.set(xlabel="number of weak features $d$", ylabel="change of $w$", xticks=range(0, most_features + 1, 5))
    lower.set_title(f"Margins $\\epsilon \\pm {delta:g}$ move $w$ either way")
    for ax in (upper, lower):
        ax.axhline(0, color=QUIET, linewidth=0.9)
    return fig


def swing_figure(model: ToyModel, few: int, many: int, eps: float, lambda_1: float, rounds: int = 25) -> Figure:
    """The margins of both classes over the rounds of Eq. 6, with few weak features and with many."""
    fig, axes = panels(2, height=2.6, stacked=True, sharey=True)
    for ax, d, words in zip(axes, (few, many), ("they settle", "they swing for ever")):
        margins = np.array(ccm_rounds(replace(model, d=d), eps, lambda_1, rounds))
        for column, label in enumerate((1, -1)):
            ax.plot(margins[:, column] / eps, ".-", color=COLOUR[label], linewidth=1.2)
        ends = [(margins[-1, column] / eps, NAME[label], COLOUR[label]) for column, label in enumerate((1, -1))]
        ax.set(xlabel="round of Eq. 6", ylabel="margin, multiples of $\\epsilon$", xlim=(0, rounds))
        ax.set_title(f"{d} weak features: {words}")
        label_ends(ax, rounds, ends, gap=0.07)
    return fig


def bias_figure(model: ToyModelWithBias, eps: float, reach: float = 0.15) -> Figure:
    """With a threshold: what training at eps + delta (easy) and eps - delta (hard) changes, measured at eps."""
    fig, (ax,) = panels(1, height=3.3)
    deltas, ends = np.linspace(-reach, reach, 201), []
    rules = [model.optimal(eps + delta, eps - delta) for delta in deltas]
    for label in (1, -1):
        accuracy = np.array([model.robust_acc(label, *rule, eps) for rule in rules])
        change = 100 * (accuracy - model.robust_acc(label, *model.optimal(eps), eps))
        ax.plot(deltas, change, color=COLOUR[label])
        ends.append((change[-1], NAME[label], COLOUR[label]))
    ax.axvline(0, color=QUIET, linewidth=0.9)
    ax.set(xlabel="$\\delta$: margins $\\epsilon + \\delta$ (easy class) and $\\epsilon - \\delta$ (hard class)",
           ylabel="change of robust accuracy, points", xlim=(-reach, reach))  # fmt: skip
    ax.set_title("A larger margin for the easy class costs the hard class")
    label_ends(ax, reach, ends)
    return fig


def k_class_figure(counts: Sequence[int], p: float, eta: float, d: int, eps: float, w_max: float = 16.0) -> Figure:
    """K classes: robust accuracy along w for several K, with the top at log((K-1)p/(1-p)) / (eta - 2 eps)."""
    fig, (ax,) = panels(1, height=3)
    toys = [KClassToy(count, p, eta, d) for count in counts]
    w = np.linspace(0.02, w_max, 400)
    for toy, count, colour in zip(toys, counts, (INK, *ABOVE[2:])):
        heights, top = toy.robust_acc(w, eps), toy.optimal_w(eps)
        ax.plot(w, heights, color=colour)
        ax.plot([top], [toy.robust_acc(top, eps)], "o", color=colour, **DOT)
        ax.annotate(f"{count} classes", (0, heights[0]), (12, -16), textcoords="offset points", color=colour)
    ax.margins(y=0.15)
    ax.set(xlabel=WEIGHT, ylabel=f"robust accuracy at $\\epsilon$ = {eps:g}", xlim=(0, w_max))
    percent_axis(ax, None)
    return fig
