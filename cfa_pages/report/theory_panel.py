"""The interactive panel of the toy model: move the parameters, see Fig. 1(b), w* and the gaps.

page.figure(panel_figure(model, eps), ...)   # always: a static picture, which the saved page keeps
show_panel(model, eps)                       # in JupyterLab: the same picture with sliders
"""

import os

import ipywidgets as widgets
import matplotlib.pyplot as plt
import numpy as np
from IPython.display import Markdown, display
from matplotlib.figure import Figure

from cfa_pages.report.style import INK, QUIET, panels, png
from cfa_pages.report.theory_figures import DOT, draw_accuracies
from cfa_pages.theory import ToyModel

SLIDERS = {  # name: (description, low, high, step); the paper's domain
    "p_pos": ("p₊₁", 0.50, 0.99, 0.01),
    "p_neg": ("p₋₁", 0.50, 0.99, 0.01),
    "eta": ("η", 0.02, 0.50, 0.01),
    "d": ("d", 1, 30, 1),
    "eps": ("ε", 0.0, 1.0, 0.01),
}
BALLS = {"x₁ untouched": "features", "literal ball": "all"}


def panel_figure(model: ToyModel, eps: float, ball: str = "features", w_max: float = 5.0) -> Figure:
    """The panel's picture: Fig. 1(b) at one margin on the left, w*(eps) on the right; what they say in the titles."""
    fig, (left, right) = panels(2, height=3.7, width=9.6)
    draw_accuracies(left, model, eps, ball, w_max)
    best = model.optimal_w(eps=eps, ball=ball)
    if best < w_max:
        left.axvline(best, color=INK, linewidth=0.9, linestyle="--")
    left.set_title(f"Accuracies, attacked at $\\epsilon$ = {eps:g}\n{_gap_words(model, best, eps, ball)}")
    margins = np.linspace(0, 1.25 * model.eta, 200)
    right.plot(margins, model.optimal_w(eps=margins, ball=ball), color=INK)
    right.axvline(model.eta, color=QUIET, linewidth=0.9, linestyle="--")
    right.plot([eps], [min(best, 10)], "^" if best > 10 else "o", color=INK, clip_on=False, **DOT)
    right.set(xlabel="training margin $\\epsilon$ (dashed: $\\eta$)", ylabel="best $w$ overall", ylim=(0, 10))
    right.set_xlim(0, max(margins[-1], eps))
    right.set_title("Training finds no best $w$\n" if best == np.inf else f"Training chooses $w$ = {best:.2f}\n")
    return fig


def _gap_words(model, w, eps, ball):
    clean, robust = (100 * model.gap(w, margin, ball) if w > 0 else 0.0 for margin in (0.0, eps))
    return f"hard class behind by {clean:.0f} points clean, {robust:.0f} robust"


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
