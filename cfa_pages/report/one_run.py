"""One run, step by step (notebook 05): margins that follow t_k, epochs that FAWA accepts, source code on a page."""

import ast
import inspect
from collections.abc import Callable, Sequence
from html import escape
from textwrap import dedent

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from cfa_nb.runs.study import Profile
from cfa_pages.report.lines import class_traces, epoch_axis, margin_axis, shown_classes
from cfa_pages.report.style import AVERAGED, BELOW, CFA, INK, PLAIN, QUIET, label_ends, panels, percent_axis, short_name
from cfa_pages.results.rows import CLASS_LIMIT, calibrated_text, find, worst_label
from cfa_pages.results.runs import Results, Run

FAWA = "fawa"


def margin_trace(run: Run, results: Results) -> Figure:
    """The margin of every class over the epochs of one run (Eq. 6 at work); `results` say which classes are hard."""
    classes, config = shown_classes(results), run.config
    values, names = np.array([e.class_eps for e in run.record.epochs]), classes.names
    fig, (ax,) = panels(1, height=4.4 if len(classes.indices) <= 10 else 8.0, width=6.2)
    class_traces(ax, values, classes)
    ax.axhline(config.eps, color=INK, lw=1.2, ls=(0, (1, 2)))
    epoch_axis(ax, config)
    ax.set_ylim(0, 1.08 * values.max())
    margin_axis(ax)
    ax.set(ylabel="margin of the class in training", title=classes.title("The margin of each class"))
    last = values[-1]
    ends = [(last[k], f"{short_name(names[k])}  {255 * last[k]:.1f}", classes.colours[k]) for k in classes.indices]
    ends.append((config.eps, f"ε  {255 * config.eps:.1f}", INK))
    label_ends(ax, len(values), ends, gap=min(0.056, 0.95 / len(ends)))
    return fig


def strictest_run(results: Results, recipe: str = "at") -> Run:
    """The run of a recipe in which FAWA refuses the most epochs: the one in which its gate matters most."""
    return max(find(results, recipe).values(), key=lambda run: len(refused(run)))


def refused(run: Run) -> list[int]:
    """The epochs that FAWA refused, of those from which on it may begin."""
    start = _spec(run).start
    return [e.epoch for e in run.record.epochs if e.epoch >= start and not e.accepted[FAWA]]


def last_worst(run: Run, weights: str) -> float:
    """Worst robust class accuracy on test of some weights after the last epoch; nan where there are none."""
    return run.series(weights, "worst")[-1]


def _spec(run):
    return next(a for a in run.record.averages if a.name == FAWA)


def acceptance_trace(run: Run, profile: Profile) -> Figure:
    """Worst class on validation against the threshold: which epochs FAWA accepts; and the test curves that result."""
    spec, worst = _spec(run), worst_label(profile)
    fig, (top, bottom) = plt.subplots(2, 1, figsize=(6.2, 6.0), sharex=True)
    _gate(top, run, spec)
    top.set_title(f"The gate: {worst} on validation images")
    _worst_curves(bottom, run)
    bottom.set_title(f"What comes of it: {worst} on test images")
    for ax in (top, bottom):
        epoch_axis(ax, run.config)
        ax.axvspan(0, spec.start - 0.5, color=QUIET, alpha=0.12, lw=0)
        ax.set_ylabel("robust accuracy")
    top.set_xlabel("")
    return fig


def _gate(ax, run, spec):
    epochs = np.arange(1, run.config.epochs + 1)
    worst = np.array([np.nan if e.val["live"] is None else e.val["live"].robust.worst for e in run.record.epochs])
    accepted = np.array([e.accepted[FAWA] for e in run.record.epochs])
    size = 46 if run.config.epochs <= 50 else 14
    ax.plot(epochs, worst, color=PLAIN, lw=1.1, zorder=1)
    ax.scatter(epochs[accepted], worst[accepted], s=size, c=CFA, label="accepted", zorder=3)
    ax.scatter(epochs[~accepted], worst[~accepted], s=size, c="white", edgecolors=INK, label="refused", zorder=3)
    ax.axhline(spec.threshold, color=INK, lw=1.2, ls=(0, (1, 2)))
    percent_axis(ax, 0, max(1.5 * spec.threshold, 1.12 * np.nanmax(worst, initial=0)))
    label_ends(ax, epochs[-1], [(spec.threshold, f"δ = {100 * spec.threshold:g} %", INK)])
    ax.legend(loc="upper right", ncols=2, fontsize=9, handletextpad=0.2, borderaxespad=0)
    if spec.start > 0.2 * run.config.epochs:
        ax.text(spec.start / 2, 0.5, "no average\nyet", transform=ax.get_xaxis_transform(), ha="center", fontsize=9)


def _worst_curves(ax, run):
    ends, epochs = [], np.arange(1, run.config.epochs + 1)
    lines = (("live", PLAIN, INK, "live"), ("ema", AVERAGED, BELOW[3], "EMA"), (FAWA, CFA, CFA, "FAWA"))
    for name, colour, dark, label in lines:
        values = run.series(name, "worst")
        ax.plot(epochs, values, color=colour, lw=2.6 if name == FAWA else 1.6)
        if np.isfinite(values[-1]):
            ends.append((values[-1], f"{label}  {100 * values[-1]:.1f} %", dark))
    percent_axis(ax, 0)
    label_ends(ax, epochs[-1], ends, gap=0.09)


def calibration_table(
    names: Sequence[str], train_robust_acc: Sequence[float], class_eps: Sequence[float]
) -> pd.DataFrame:
    """t_k and margin of each class, a column a class, the smallest margin first; of many classes both ends."""
    order = sorted(range(len(names)), key=lambda k: class_eps[k])
    half = CLASS_LIMIT // 4
    order = order if len(order) <= 2 * half else order[:half] + order[-half:]
    columns = {str(names[k]): [f"{100 * train_robust_acc[k]:.1f} %", calibrated_text(class_eps[k])] for k in order}
    return pd.DataFrame({"": ["train robust accuracy t", "next margin"]} | columns)


def listing(*functions: Callable) -> str:
    """The source of functions as a block of code in Markdown; of a docstring the first line."""
    return "```python\n" + "\n\n".join("\n".join(_source(f)) for f in functions) + "\n```"


def _source(function):
    """Lines of a function's source, without what its docstring says after the first line."""
    lines = dedent(inspect.getsource(function)).rstrip().splitlines()
    node = ast.parse("\n".join(lines)).body[0]
    docstring = ast.get_docstring(node)
    if docstring is None or "\n" not in docstring:
        return lines
    first = node.body[0]
    short = " " * first.col_offset + f'"""{docstring.splitlines()[0]}"""'
    return [*lines[: first.lineno - 1], short, *lines[first.end_lineno :]]


def algorithm_beside(function: Callable, parts: Sequence[tuple[str, str]]) -> str:
    """A table in HTML: steps of an algorithm to the left, to the right the lines of a function that carry them out.

    Args:
        function: the real one.
        parts: (first words of the line at which a step begins, the step in HTML), in order.
    Raises:
        ValueError: if there is no such line, or they come in another order.
    """
    lines = _source(function)
    begins = [_line(lines, words) for words, _ in parts]
    if begins != sorted(set(begins)):
        raise ValueError(f"the steps are not in the order of the lines of {function.__qualname__}: {begins}")
    rows = []
    for (_, step), begin, end in zip(parts, begins, [*begins[1:], len(lines)]):
        code = escape("\n".join(lines[begin:end]))
        rows.append(f'<tr><td {_STEP}>{step}</td><td {_LEFT}><pre style="{_CODE}">{code}</pre></td></tr>')
    head = f"<tr><th {_LEFT}>Algorithm 1</th><th {_LEFT}>the code that runs</th></tr>"
    return f"<table><thead>{head}</thead><tbody>{''.join(rows)}</tbody></table>"


_LEFT = 'style="text-align:left; vertical-align:top"'
_STEP = 'style="text-align:left; vertical-align:top; width:13em; min-width:13em"'
_CODE = "margin:0; background:none; font-family:monospace; font-size:90%; white-space:pre-wrap"


def _line(lines, words):
    for number, line in enumerate(lines):
        if line.strip().startswith(words):
            return number
    raise ValueError(f"no line begins with {words!r}")
