"""Pictures of the toy model, Section 2: Fig. 1 and Theorems 1 to 4, each where it holds and where it ends; the panel.

Blue is the easy class +1, red the hard class -1; solid is robust accuracy, dotted is clean, as in the paper.
Every function returns a matplotlib Figure, but for the panel in which one moves the parameters (JupyterLab):

    page.figure(panel_figure(model, eps), ...)   # always: a static picture, which the saved page keeps
    show_panel(model, eps)                       # in JupyterLab: the same picture with sliders
"""

import os
from collections.abc import Callable, Sequence
from functools import partial

import ipywidgets as widgets
import matplotlib.pyplot as plt
import numpy as np
from IPython.display import Markdown, display
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from cfa_pages.report.style import BELOW, HARD, INK, QUIET, label_ends, ordered_colours, panels, percent_axis, png
from cfa_pages.theory import ToyModel

COLOUR = {1: BELOW[3], -1: HARD[0]}
NAME = {1: "easy class", -1: "hard class"}
DOT = {"markersize": 6.5, "markeredgecolor": "white"}
WEIGHT = "$w$, the weight of the robust feature"


def data_scatter(model: ToyModel, n: int = 400, seed: int = 0) -> Figure:
    """Fig. 1(a): a sample for d = 1; x_1 is -1 or +1 and is drawn with a little horizontal jitter."""
    x, y = model.sample(n, seed)
    fig, (ax,) = panels(1, height=3.3, width=7)
    jitter = np.random.default_rng(seed).uniform(-0.22, 0.22, n)
    for label in (1, -1):
        of_class = y == label
        across = x[of_class, 0] + 0.26 * label + jitter[of_class]  # side by side, so that shares can be compared
        ax.scatter(across, x[of_class, 1], s=14, color=COLOUR[label], alpha=0.6, linewidth=0)
        for side in (-1, 1):
            share = f"{100 * (model.p(label) if side == label else 1 - model.p(label)):.0f} % of\nthe {NAME[label]}"
            ax.text(side + 0.26 * label, 1.02, share if side == label else f"wrong: {share}", color=COLOUR[label],
                    ha="center", fontsize=9, transform=ax.get_xaxis_transform())  # fmt: skip
    ax.axvline(0, color=QUIET, linewidth=0.8)
    ax.set(xticks=[-1, 1], xticklabels=["$x_1 = -1$", "$x_1 = +1$"], ylabel="weak feature $x_2$", xlim=(-1.6, 1.6))
    return fig


def accuracy_curves(model: ToyModel, eps: float, ball: str = "features", w_max: float = 5.0) -> Figure:
    """Fig. 1(b): clean and robust accuracy of both classes along w, tops marked."""
    fig, (ax,) = panels(1)
    draw_accuracies(ax, model, eps, ball, w_max)
    ax.set_title("The hard class pays with clean accuracy and gains little")
    return fig


def draw_accuracies(ax: Axes, model: ToyModel, eps: float, ball: str, w_max: float) -> None:
    """The four curves of Fig. 1(b) on an axis, with their tops, and the classes' names at the right end."""
    w, ends = np.linspace(0.01, w_max, 500), []
    for label in (1, -1):
        clean, robust = model.clean_acc(label, w), model.robust_acc(label, w, eps, ball)
        ax.plot(w, clean, ":", color=COLOUR[label])
        ax.plot(w, robust, color=COLOUR[label])
        mark_top(ax, model, label, 0.0, ball, w_max)
        mark_top(ax, model, label, eps, ball, w_max)
        ends.append((robust[-1], NAME[label], COLOUR[label]))
    ax.text(0.98, 0.5, "dotted: clean\nsolid: robust", transform=ax.transAxes, ha="right", fontsize=9.5)
    ax.set(xlabel=WEIGHT, ylabel="accuracy", xlim=(0, w_max))
    percent_axis(ax, None)
    label_ends(ax, w_max, ends)


def mark_top(ax: Axes, model: ToyModel, label: int, eps: float, ball: str, w_max: float) -> float | None:
    """A dot on the top of R_y at margin eps, if it is in sight; returns its w, or None."""
    top = model.optimal_w(label, eps, ball)
    if not 0 < top < w_max:
        return None
    ax.plot([top], [model.robust_acc(label, top, eps, ball)], "o", color=COLOUR[label], **DOT)
    return top


def lead_figure(model: ToyModel, unequal: ToyModel) -> Figure:
    """Theorem 1: clean accuracies with equal noise, and with unequal noise, where the theorem ends."""
    fig, axes = panels(2, height=2.9, stacked=True, sharey=True)
    w = np.linspace(0.01, 5, 400)
    draw_pairs(axes, (model, unequal), w)
    overtaken = w[np.flatnonzero(unequal.gap(w) > 0)[0]]
    axes[1].axvspan(0, overtaken, color=HARD[0], alpha=0.08, linewidth=0)
    axes[1].text(overtaken + 0.1, 0.85, "shaded: the hard class leads", color=COLOUR[-1], fontsize=9.5)
    axes[0].set_title("Equal noise: the easy class leads")
    axes[1].set_title("Easy class noisier: not for every $w$")
    return fig


def draw_pairs(axes: Sequence[Axes], models: Sequence[ToyModel], w: np.ndarray) -> None:
    """Clean accuracies of both classes, one model an axis, on one scale."""
    for ax, model in zip(axes, models):
        for label in (1, -1):
            ax.plot(w, model.clean_acc(label, w), ":", color=COLOUR[label])
        ax.set(xlabel=WEIGHT, ylabel="clean accuracy", xlim=(0, w[-1]))
    percent_axis(axes[0], None)
    for ax, model in zip(axes, models):
        label_ends(ax, w[-1], [(model.clean_acc(y, w[-1]), NAME[y], COLOUR[y]) for y in (1, -1)], gap=0.07)


def stronger_attack_figure(model: ToyModel, margins: Sequence[float], w_max: float = 6.0) -> Figure:
    """Theorem 2: overall robust accuracy along w at some margins, tops marked; and w* along the margin."""
    fig, (upper, lower) = panels(2, height=3.1, stacked=True)
    w, colours = np.linspace(0.01, w_max, 500), ordered_colours(margins, model.eta)
    curves = [(eps, f"$\\epsilon$ = {eps:g}", colour) for eps, colour in colours.items()]
    draw_curves(upper, w, model.overall_acc, lambda eps: model.optimal_w(eps=eps), curves, w_max)
    upper.set(ylabel="overall robust accuracy", title="The best $w$ (dots) moves to the right")
    eps = np.linspace(0, model.eta, 300, endpoint=False)
    lower.plot(eps, model.optimal_w(eps=eps), color=INK)
    lower.axvline(model.eta, color=QUIET, linewidth=0.9, linestyle="--")
    lower.text(model.eta, 0.5, "$\\epsilon = \\eta$ ", ha="right", fontsize=9.5)
    lower.set(xlabel="training margin $\\epsilon$", ylabel="best $w$", title="Beyond all bounds at $\\epsilon = \\eta$")
    lower.set(ylim=(0, 12), xlim=(0, 1.02 * model.eta))
    return fig


def draw_curves(
    ax: Axes, w: np.ndarray, accuracy: Callable, top: Callable, curves: Sequence[tuple], w_max: float
) -> None:
    """Accuracies along w, a curve for each (setting, name, colour), with a dot on each top that is in sight.

    The name stands to the left of a line's start, where curves that end together still lie apart.

    Args:
        accuracy: from w and a setting to an accuracy.
        top: from a setting to the w of its largest accuracy.
    """
    for setting, name, colour in curves:
        heights, best = accuracy(w, setting), top(setting)
        ax.plot(w, heights, color=colour)
        if best < w_max:
            ax.plot([best], [accuracy(best, setting)], "o", color=colour, **DOT)
        ax.text(-0.015 * w_max, heights[0], name, ha="right", va="center", fontsize=9)
    ax.set_xlabel(WEIGHT)
    ax.set(xlim=(-0.2 * w_max, w_max), xticks=range(0, int(w_max) + 1, 1 if w_max < 10 else 4))
    percent_axis(ax, None)


def clean_tops_figure(model: ToyModel, coin: ToyModel) -> Figure:
    """Theorem 3 and its end: tops of the clean accuracies; none for the hard class at p_-1 = 1/2."""
    fig, axes = panels(2, height=2.9, stacked=True, sharey=True)
    w = np.linspace(0.01, 4, 500)
    draw_pairs(axes, (model, coin), w)
    for ax, subject in zip(axes, (model, coin)):
        for label in (1, -1):
            if (top := mark_top(ax, subject, label, 0.0, "all", 4)) is not None:
                at = (top, subject.clean_acc(label, top))
                ax.annotate(f"$w$ = {top:.2f}", at, xytext=(0, -16), textcoords="offset points", color=COLOUR[label],
                            ha="center", fontsize=9.5)  # fmt: skip
    axes[0].set_title("The hard class has its top first")
    axes[1].set_title("$p_{-1}$ = 1/2: the hard class has none")
    return fig


def hard_class_figure(model: ToyModel, margins: Sequence[float], w_max: float = 5.0) -> Figure:
    """Theorem 4: robust accuracy of both classes along w at up to four margins; a dot where it starts to fall."""
    fig, axes = panels(2, height=3.1, stacked=True)
    w, colours = np.linspace(0.005, w_max, 800), ordered_colours(margins, model.eta)
    curves = [(eps, f"$\\epsilon$ = {eps:g}", colour) for eps, colour in colours.items()]
    for ax, label in zip(axes, (1, -1)):
        draw_curves(ax, w, partial(model.robust_acc, label), partial(model.optimal_w, label), curves, w_max)
        ax.set(ylabel="robust accuracy", title=NAME[label].capitalize())
        ax.title.set_color(COLOUR[label])
    return fig


SLIDERS = {  # name: (description, low, high, step); the paper's domain
    "p_pos": ("p₊₁", 0.50, 0.99, 0.01),
    "p_neg": ("p₋₁", 0.50, 0.99, 0.01),
    "eta": ("η", 0.02, 0.50, 0.01),
    "d": ("d", 1, 30, 1),
    "eps": ("ε", 0.0, 1.0, 0.01),
}
BALLS = {"x₁ untouched": "features", "literal ball": "all"}


def panel_figure(model: ToyModel, eps: float, ball: str = "features", w_max: float = 5.0) -> Figure:
    """The panel's picture: Fig. 1(b) at one margin, and below it w*(eps); what they say in the titles."""
    fig, (above, below) = panels(2, height=2.9, stacked=True)
    draw_accuracies(above, model, eps, ball, w_max)
    best = model.optimal_w(eps=eps, ball=ball)
    if best < w_max:
        above.axvline(best, color=INK, linewidth=0.9, linestyle="--")
    above.set_title(f"Attacked at $\\epsilon$ = {eps:g}\n{_gap_words(model, best, eps, ball)}")
    margins = np.linspace(0, 1.25 * model.eta, 200)
    below.plot(margins, model.optimal_w(eps=margins, ball=ball), color=INK)
    below.axvline(model.eta, color=QUIET, linewidth=0.9, linestyle="--")
    below.plot([eps], [min(best, 10)], "^" if best > 10 else "o", color=INK, clip_on=False, **DOT)
    below.set(xlabel="training margin $\\epsilon$ (dashed: $\\eta$)", ylabel="best $w$ overall", ylim=(0, 10))
    below.set_xlim(0, max(margins[-1], eps))
    below.set_title("Training finds no best $w$" if best == np.inf else f"Training chooses $w$ = {best:.2f}")
    return fig


def _gap_words(model, w, eps, ball):
    clean, robust = (100 * model.gap(w, margin, ball) if w > 0 else 0.0 for margin in (0.0, eps))
    return f"lead: {clean:.0f} points clean, {robust:.0f} robust"


def build_panel(model: ToyModel, eps: float) -> widgets.VBox:
    """The widget: a slider a parameter, the reading of the ball, the picture, and a line for what is out of domain."""
    start = {"p_pos": model.p_pos, "p_neg": model.p_neg, "eta": model.eta, "d": model.d, "eps": eps}
    controls = {name: _slider(*SLIDERS[name], start[name]) for name in SLIDERS}
    controls["ball"] = widgets.Dropdown(options=BALLS, value="features", description="ball")
    picture, note = widgets.Image(format="png"), widgets.Label()

    def redraw(_=None):
        values = {name: control.value for name, control in controls.items()}
        margin, ball = values.pop("eps"), values.pop("ball")
        try:
            fig = panel_figure(ToyModel(**values), margin, ball)
        except ValueError as error:
            note.value = str(error)
            return
        picture.value, note.value = png(fig), ""
        plt.close(fig)

    for control in controls.values():
        control.observe(redraw, names="value")
    redraw()
    return widgets.VBox([widgets.HBox(list(controls.values()), layout={"flex_flow": "row wrap"}), note, picture])


def _slider(description, low, high, step, value):
    kind = widgets.IntSlider if isinstance(step, int) else widgets.FloatSlider
    return kind(value=value, min=low, max=high, step=step, description=description, continuous_update=False)


def live_front_end() -> bool:
    """Whether a person's notebook front end runs this kernel: its session is named, and the runner is not at work."""
    return "JPY_SESSION_NAME" in os.environ and not os.environ.get("CFA_NB_RUNNER")


def show_panel(model: ToyModel, eps: float) -> None:
    """Shows the widget under a live front end, else one line that says where it would move."""
    if live_front_end():
        view = build_panel(model, eps)._repr_mimebundle_()
        display({kind: data for kind, data in view.items() if kind != "text/plain"}, raw=True)
    else:
        display(Markdown("*Run this cell in JupyterLab for sliders for every parameter.*"))
