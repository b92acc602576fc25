"""Fig. 3: TRADES with different beta, class by class: robust accuracy (a) and clean accuracy (b)."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from cfa_pages.report.lines import class_lines, shown_classes, window_text
from cfa_pages.report.style import panels
from cfa_pages.results.measurements import beta_effect, window_mean
from cfa_pages.results.rows import class_groups, find, mean_of
from cfa_pages.results.runs import Results, Run
from cfa_pages.results.stats import count, epoch_span, mean_std, paired, points


def beta_classes(results: Results, metric: str = "robust") -> Figure:
    """Fig. 3(a) ("robust") and 3(b) ("clean"): class-wise test accuracy over beta, a mean of epochs."""
    fig, (ax,) = panels(1, height=4.6)
    runs_by_beta = {beta: beta_runs(results, beta) for beta in results.profile.betas}
    classes = shown_classes(results)
    class_lines(ax, results.profile.betas, _means(runs_by_beta, results.profile, metric), classes)
    ax.set_xticks(results.profile.betas, [f"{b:g}" for b in results.profile.betas])
    ax.set_xlabel("β of TRADES")
    span = epoch_span(*results.profile.beta_window)
    ax.set_title(classes.title(f"{metric.capitalize()} accuracy of each class, {span}"))
    return fig


def _means(runs_by_beta, profile, metric):
    window = profile.beta_window
    return [np.mean([r.window(*window, metric=metric) for r in runs_by_beta[b]], axis=0) for b in profile.betas]


def beta_runs(results: Results, beta: float) -> list[Run]:
    """The TRADES runs at one beta, in the study's seeds."""
    return [r for s, r in sorted(find(results, "trades", beta=beta).items()) if s in results.profile.study_seeds]


def beta_table(results: Results) -> pd.DataFrame:
    """A row a beta: robust and clean accuracy of hard and of easy classes, mean ± std over seeds."""
    groups = class_groups(results)
    return pd.DataFrame([_beta_row(results.profile, groups, b, beta_runs(results, b)) for b in results.profile.betas])


def _beta_row(profile, groups, beta, runs):
    row = {"β": f"{beta:g}"}
    for metric in ("robust", "clean"):
        for group in ("hard", "easy"):
            values = [mean_of(r.window(*profile.beta_window, metric=metric), groups[group]) for r in runs]
            row[f"{metric}, {group}"] = mean_std(values)
    return row


def beta_caption(results: Results, part: str) -> str:
    """Caption of Fig. 3(a) or (b); the paper prints no numbers for these curves."""
    accuracy_text = "robust accuracy (PGD-10)" if part == "a" else "clean accuracy"
    return (
        f"Fig. 3({part}). Class-wise {accuracy_text} of TRADES over β, {window_text(results.profile.beta_window)} "
        f"(paper: 151–170); ours: {results.profile.data_label}, n = {len(results.profile.study_seeds)}."
    )


def beta_text(results: Results) -> str:
    """What the curves say: change from the smallest to the largest beta, hard and easy classes, robust and clean."""
    low, high = results.profile.betas[0], results.profile.betas[-1]
    lines = [f"From β = {low:g} to β = {high:g}, means over classes and seeds:", ""]
    for group in ("hard", "easy"):
        gains = [f"{m} accuracy {points(beta_change(results, group, m))} points" for m in ("robust", "clean")]
        lines.append(f"- {group} classes: {', '.join(gains)}")
    return "\n".join([*lines, "", trend_text(results)])


def beta_change(results: Results, group: str, metric: str) -> float:
    """Change of a group's accuracy from the smallest to the largest beta: the number that the verdicts rest on."""
    classes = class_groups(results)[group]
    return paired(*beta_effect(results, lambda r: window_mean(r, classes, results.profile.beta_window, metric))).mean


def trend_text(results: Results) -> str:
    """Where the trend has another direction than the paper's: robust accuracy up, clean accuracy of hard classes down.

    Less than a point in either direction is called flat.
    """
    expected = {("easy", "robust"): "rises", ("hard", "robust"): "rises a little", ("hard", "clean"): "falls"}
    deviations = []
    for (group, metric), paper in expected.items():
        trend = _trend(beta_change(results, group, metric))
        if not paper.startswith(trend):
            deviations.append(f"{metric} accuracy of the {group} classes {trend}, in the paper it {paper}")
    if not deviations:
        return "All three trends have the paper's direction."
    seeds = count(len(results.profile.study_seeds), "seed")
    seeds = f"mean of {seeds}; the verdicts below say what can be told from zero"
    return f"The trend differs from the paper's: {'; '.join(deviations)} ({seeds})."


def _trend(change):
    return "is nearly flat" if abs(change) < 0.01 else "rises" if change > 0 else "falls"
