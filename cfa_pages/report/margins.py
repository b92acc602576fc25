"""Fig. 2: AT with different training margins, overall (a) and class by class around two stages of training (b, c)."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from cfa_pages.report.lines import class_lines, epoch_axis, mark_base, mean_curves, shown_classes
from cfa_pages.report.style import INK, label_ends, ordered_colours, panels, percent_axis
from cfa_pages.results.measurements import base_eps, best_overall
from cfa_pages.results.rows import class_groups, eps_text, find, mean_of
from cfa_pages.results.runs import Results, Run
from cfa_pages.results.stats import epoch_span, mean_std


def margin_overall(results: Results) -> Figure:
    """Fig. 2(a): overall robust accuracy after each epoch, one line a training margin."""
    fig, (ax,) = panels(1, height=4.2)
    colours, ends = ordered_colours(results.profile.margins, base_eps(results.profile)), []
    for eps in results.profile.margins:
        eps_runs = margin_runs(results, eps)
        epochs, mean = mean_curves(eps_runs)
        base = colours[eps] == INK
        ax.plot(epochs, mean, color=colours[eps], lw=2.8 if base else 1.7, zorder=3 if base else 2)
        spread = np.std([[a.overall for a in r.curve()] for r in eps_runs], axis=0)
        ax.fill_between(epochs, mean - spread, mean + spread, color=colours[eps], alpha=0.12, lw=0)
        ends.append((mean[-1], f"ε = {eps_text(eps)}" + ("  (ε₀)" if base else ""), colours[eps]))
    percent_axis(ax, None)
    ax.set_ylabel("average robust accuracy, PGD-10 at ε₀")
    epoch_axis(ax, eps_runs[0].config)
    label_ends(ax, epochs[-1], ends, gap=0.05)
    ax.set_title("Overall robust accuracy, by training margin")
    return fig


def margin_classes(results: Results, stage: str = "early") -> Figure:
    """Fig. 2(b) ("early") and 2(c) ("late"): class-wise robust accuracy over the training margin, a mean of epochs."""
    window = getattr(results.profile, f"{stage}_window")
    fig, (ax,) = panels(1, height=4.6)
    runs_by_eps = {eps: margin_runs(results, eps) for eps in results.profile.margins}
    values = [np.array([r.window(*window) for r in runs_by_eps[eps]]) for eps in results.profile.margins]
    classes = shown_classes(results)
    class_lines(ax, results.profile.margins, values, classes)
    base = base_eps(results.profile)
    mark_base(ax, base, "attack of the test, ε₀")
    ax.set_xticks(results.profile.margins, [f"{e / base:g}\n{eps_text(e)}" for e in results.profile.margins])
    ax.set_xlabel("training margin, in units of ε₀ and as k/255")
    ax.set_ylabel("robust accuracy, PGD-10 at ε₀")
    ax.set_title(classes.title(f"Robust accuracy of each class, {epoch_span(*window)}"))
    return fig


def margin_runs(results: Results, eps: float) -> list[Run]:
    """The AT runs at one training margin, in the study's seeds."""
    return [r for s, r in sorted(find(results, "at", eps=eps).items()) if s in results.profile.study_seeds]


def margin_table(results: Results) -> pd.DataFrame:
    """A row a training margin: average at the best epoch, hard and easy classes early and late, clean accuracy."""
    groups = class_groups(results)
    return pd.DataFrame(
        [_margin_row(results.profile, groups, e, margin_runs(results, e)) for e in results.profile.margins],
        dtype=object,
    )


def _margin_row(profile, groups, eps, runs):
    row = {"training margin": eps_text(eps), "average, best epoch": mean_std([best_overall(r) for r in runs])}
    for window in (profile.early_window, profile.late_window):
        for group in ("hard", "easy"):
            values = [mean_of(r.window(*window), groups[group]) for r in runs]
            row[f"{group}, {epoch_span(*window)}"] = mean_std(values)
    clean = [mean_of(r.window(*profile.late_window, metric="clean"), groups["hard"]) for r in runs]
    return row | {"clean, hard": mean_std(clean)}
