"""Fig. 3: TRADES with different beta, class by class: robust accuracy (a) and clean accuracy (b)."""

import numpy as np
import pandas as pd

from cfa_pages.claims.studies import beta_effect, window_mean
from cfa_pages.report.lines import class_lines, shown, window_text
from cfa_pages.report.style import panels
from cfa_pages.results.rows import class_groups, find, mean_of
from cfa_pages.results.stats import count, epoch_span, mean_std, paired, points


def beta_classes(runs, profile, what="robust"):
    """Fig. 3(a) ("robust") and 3(b) ("clean"): class-wise test accuracy over beta, a mean of epochs."""
    fig, (ax,) = panels(1, height=4.6)
    found = {beta: beta_runs(runs, profile, beta) for beta in profile.betas}
    classes = shown(profile, runs)
    class_lines(ax, profile.betas, _means(found, profile, what), classes)
    ax.set_xticks(profile.betas, [f"{b:g}" for b in profile.betas])
    ax.set_xlabel("β of TRADES")
    ax.set_title(classes.title(f"{what.capitalize()} accuracy of each class, {epoch_span(*profile.beta_window)}"))
    return fig


def _means(found, profile, what):
    return [np.mean([r.window(*profile.beta_window, what=what) for r in found[b]], axis=0) for b in profile.betas]


def beta_runs(runs, profile, beta):
    """The TRADES runs at one beta, in the study's seeds."""
    return [r for s, r in sorted(find(runs, profile, "trades", beta=beta).items()) if s in profile.study_seeds]


def beta_table(runs, profile):
    """A row a beta: robust and clean accuracy of hard and of easy classes, mean ± std over seeds."""
    groups = class_groups(profile, runs)
    return pd.DataFrame([_beta_row(profile, groups, beta, beta_runs(runs, profile, beta)) for beta in profile.betas])


def _beta_row(profile, groups, beta, found):
    row = {"β": f"{beta:g}"}
    for what in ("robust", "clean"):
        for group in ("hard", "easy"):
            values = [mean_of(r.window(*profile.beta_window, what=what), groups[group]) for r in found]
            row[f"{what}, {group}"] = mean_std(values)
    return row


def beta_caption(runs, profile, part):
    """Caption of Fig. 3(a) or (b); the paper prints no numbers for these curves."""
    what = "robust accuracy (PGD-10)" if part == "a" else "clean accuracy"
    return (
        f"Fig. 3({part}). Class-wise {what} of TRADES over β, {window_text(profile.beta_window)} (paper: 151–170); "
        f"ours: {profile.data_label}, n = {len(profile.study_seeds)}."
    )


def beta_text(runs, profile):
    """What the curves say: change from the smallest to the largest beta, hard and easy classes, robust and clean."""
    told = [f"From β = {profile.betas[0]:g} to β = {profile.betas[-1]:g}, means over classes and seeds:", ""]
    for group in ("hard", "easy"):
        gains = [f"{w} accuracy {points(beta_change(runs, profile, group, w))} points" for w in ("robust", "clean")]
        told.append(f"- {group} classes: {', '.join(gains)}")
    return "\n".join([*told, "", trend_text(runs, profile)])


def beta_change(runs, profile, group, what):
    """Change of a group's accuracy from the smallest to the largest beta: the number that the verdicts judge."""
    classes = class_groups(profile, runs)[group]
    return paired(*beta_effect(runs, profile, lambda r: window_mean(r, classes, profile.beta_window, what))).mean


def trend_text(runs, profile):
    """Where the trend has another direction than the paper's: robust accuracy up, clean accuracy of hard classes down.

    Less than a point in either direction is called flat.
    """
    expected = {("easy", "robust"): "rises", ("hard", "robust"): "rises a little", ("hard", "clean"): "falls"}
    told = []
    for (group, what), paper in expected.items():
        trend = _trend(beta_change(runs, profile, group, what))
        if not paper.startswith(trend):
            told.append(f"{what} accuracy of the {group} classes {trend}, in the paper it {paper}")
    if not told:
        return "All three trends have the paper's direction."
    seeds = f"mean of {count(len(profile.study_seeds), 'seed')}; the verdicts below say what can be told from zero"
    return f"The trend differs from the paper's: {'; '.join(told)} ({seeds})."


def _trend(change):
    return "is nearly flat" if abs(change) < 0.01 else "rises" if change > 0 else "falls"
