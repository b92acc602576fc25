"""One run, epoch by epoch (notebook 05): margins and betas that follow t_k, and the epochs that FAWA accepts."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from cfa_nb.runs.study import Profile
from cfa_pages.report.lines import epoch_axis, margin_axis, shown_classes
from cfa_pages.report.style import AVERAGED, CFA, INK, PLAIN, QUIET, label_ends, percent_axis, plt
from cfa_pages.results.rows import CLASS_LIMIT, calibrated_text, class_groups, eps_text, mean_of, worst_label
from cfa_pages.results.runs import Results, Run


def calibration_trace(run: Run, results: Results) -> Figure:
    """t_k, eps_k and beta_k of every class over the epochs of one run (Eqs. 6 and 7 at work).

    `results` say which classes are hard.
    """
    classes, epochs = shown_classes(results), run.record.epochs
    series = (
        ("train robust accuracy $t_k$", [e.train_robust.per_class for e in epochs], None),
        ("margin $\\epsilon_k$ (Eq. 6)", [e.class_eps for e in epochs], run.config.eps),
        ("regularisation $\\beta_k$ (Eq. 7)", [e.class_beta for e in epochs], run.config.beta),
    )
    fig, axes = plt.subplots(3, 1, figsize=(7.6, 8.2 if len(classes.indices) <= 10 else 14), sharex=True)
    for ax, (title, values, base) in zip(axes, series):
        _trace(ax, run.config, np.array(values), classes, base)
        ax.set_title(classes.title(title))
    percent_axis(axes[0], None)
    margin_axis(axes[1])
    axes[-1].set_xlabel("epoch")
    return fig


def _trace(ax, config, values, classes, base):
    hard, colours = classes.hard, classes.colours
    for k in classes.indices:
        ax.plot(np.arange(1, len(values) + 1), values[:, k], color=colours[k], lw=2 if k in hard else 1.2,
                zorder=3 if k in hard else 2)  # fmt: skip
    if base is not None:
        ax.axhline(base, color=INK, lw=1, ls=(0, (1, 2)))
    epoch_axis(ax, config)
    ax.set_xlabel("")
    label_ends(ax, len(values), classes.ends(values), gap=min(0.075, 0.95 / len(classes.indices)))


def acceptance_trace(run: Run, profile: Profile, weights: str = "fawa") -> Figure:
    """Worst class on validation against the threshold: which epochs FAWA accepts; and the test curves that result."""
    spec = next(a for a in run.record.averages if a.name == weights)
    epochs = np.arange(1, run.config.epochs + 1)
    worst_val = [np.nan if e.val["live"] is None else e.val["live"].robust.worst for e in run.record.epochs]
    accepted = np.array([e.accepted[weights] for e in run.record.epochs])
    fig, (top, bottom) = plt.subplots(2, 1, figsize=(7.6, 5.6), sharex=True)
    top.plot(epochs, worst_val, color=PLAIN, lw=1.2, zorder=1)
    top.scatter(
        epochs,
        worst_val,
        s=44 if run.config.epochs <= 50 else 14,
        c=[CFA if a else "white" for a in accepted],
        edgecolors=[CFA if a else QUIET for a in accepted],
        zorder=2,
        clip_on=False,
    )
    top.axhline(spec.threshold, color=INK, lw=1, ls=(0, (1, 2)))
    top.axvspan(0, spec.start - 0.5, color=QUIET, alpha=0.12, lw=0)
    percent_axis(top, 0)
    top.annotate(f"threshold δ = {spec.threshold:g}", (run.config.epochs + 0.4, spec.threshold), xytext=(0, 4),
                 textcoords="offset points", ha="right", fontsize=9)  # fmt: skip
    worst = worst_label(profile)
    top.set_title(f"{worst.capitalize()} on validation; filled: accepted")
    _worst_curves(bottom, run, epochs, weights, worst)
    for ax in (top, bottom):
        epoch_axis(ax, run.config)
    top.set_xlabel("")
    return fig


def _worst_curves(ax, run, epochs, weights, worst):
    ends = []
    for name, colour, label in (("live", PLAIN, "live"), ("ema", AVERAGED, "EMA"), (weights, CFA, "FAWA")):
        values = np.array([np.nan if a is None else a.worst for a in run.curve(name)])
        ax.plot(epochs, values, color=colour, lw=2.2 if name == weights else 1.5)
        if np.isfinite(values[-1]):
            ends.append((values[-1], label, colour))
    percent_axis(ax, 0)
    label_ends(ax, epochs[-1], ends, gap=0.09)
    ax.set_title(f"{worst.capitalize()} on test")


def trace_text(run: Run, results: Results, weights: str = "fawa") -> str:
    """What the two pictures show, in numbers of this run; `results` as in `calibration_trace`."""
    groups, last_epoch = class_groups(results), run.record.epochs[-1]
    hard, easy = groups["hard"], groups["easy"]
    spec = next(a for a in run.record.averages if a.name == weights)
    accepted = [e.epoch for e in run.record.epochs if e.accepted[weights]]
    accepted_text = epochs_text(accepted)
    eps = [calibrated_text(mean_of(last_epoch.class_eps, group)) for group in (hard, easy)]
    beta = [f"{mean_of(last_epoch.class_beta, group):.3g}" for group in (hard, easy)]
    return (
        f"In the last epoch the margins of the hard classes average {eps[0]} and those of the easy ones {eps[1]} "
        f"(ε = {eps_text(run.config.eps)}); their betas {beta[0]} and {beta[1]} (β = {run.config.beta:g}). FAWA "
        f"(δ = {spec.threshold:g}, from epoch {spec.start}) took in {accepted_text}."
    )


def epochs_text(epochs: Sequence[int]) -> str:
    """ "epochs 6, 8–11", "epoch 7", "no epoch"."""
    spans = []
    for epoch in epochs:
        if spans and epoch == spans[-1][1] + 1:
            spans[-1][1] = epoch
        else:
            spans.append([epoch, epoch])
    spans_text = ", ".join(f"{a}–{b}" if a < b else str(a) for a, b in spans)
    return f"{'epochs' if len(epochs) > 1 else 'epoch'} {spans_text}" if epochs else "no epoch"


def calibration_table(
    names: Sequence[str],
    train_robust_acc: Sequence[float],
    class_eps: Sequence[float],
    class_beta: Sequence[float],
) -> pd.DataFrame:
    """t_k, margin and beta of each class, one row a class; of many classes the first, and the head says so."""
    rows = list(zip(names, train_robust_acc, class_eps, class_beta))[:CLASS_LIMIT]
    heading = "Class" if len(names) <= CLASS_LIMIT else f"Class (first {CLASS_LIMIT} of {len(names)})"
    return pd.DataFrame(
        {heading: str(n), "t_k": f"{t:.3f}", "margin": calibrated_text(e), "beta": f"{b:.3f}"} for n, t, e, b in rows
    )
