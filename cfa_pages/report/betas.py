"""Fig. 3: TRADES with different beta, class by class: robust accuracy (a) and clean accuracy (b)."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from cfa_pages.report.lines import class_lines, shown_classes
from cfa_pages.report.style import panels
from cfa_pages.results.rows import class_groups, find, mean_of
from cfa_pages.results.runs import Results, Run
from cfa_pages.results.stats import epoch_span, mean_std


def beta_classes(results: Results) -> Figure:
    """Fig. 3(a) and 3(b): robust and clean test accuracy of each class over beta, a mean of epochs."""
    fig, axes = panels(2, height=4.8, width=12.5)
    runs_by_beta = {beta: beta_runs(results, beta) for beta in results.profile.betas}
    classes, span = shown_classes(results), epoch_span(*results.profile.beta_window)
    for ax, metric, title in zip(axes, ("robust", "clean"), ("(a) robust accuracy, PGD-10", "(b) clean accuracy")):
        class_lines(ax, results.profile.betas, _means(runs_by_beta, results.profile, metric), classes)
        ax.set_xticks(results.profile.betas, [f"{b:g}" for b in results.profile.betas])
        ax.set_xlabel("β of TRADES")
        ax.set_ylabel(f"{metric} accuracy")
        ax.set_title(classes.title(f"{title}, {span}"))
    return fig


def _means(runs_by_beta, profile, metric):
    window = profile.beta_window
    return [np.array([r.window(*window, metric=metric) for r in runs_by_beta[b]]) for b in profile.betas]


def beta_runs(results: Results, beta: float) -> list[Run]:
    """The TRADES runs at one beta, in the study's seeds."""
    return [r for s, r in sorted(find(results, "trades", beta=beta).items()) if s in results.profile.study_seeds]


def beta_table(results: Results) -> pd.DataFrame:
    """A row a beta: robust and clean accuracy of hard and of easy classes, mean ± std over seeds."""
    groups = class_groups(results)
    return pd.DataFrame(
        [_beta_row(results.profile, groups, b, beta_runs(results, b)) for b in results.profile.betas], dtype=object
    )


def _beta_row(profile, groups, beta, runs):
    row = {"β": f"{beta:g}"}
    for metric in ("robust", "clean"):
        for group in ("hard", "easy"):
            values = [mean_of(r.window(*profile.beta_window, metric=metric), groups[group]) for r in runs]
            row[f"{metric}, {group}"] = mean_std(values)
    return row
