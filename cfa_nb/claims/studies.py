"""The measurements behind the claims of Sections 3 and 5.3 that no table row holds: windows, changes, margins.

Each function gives one number a run, as a fraction; the claims compare them seed by seed.
"""

from cfa_nb.config import LIVE, TrainConfig
from cfa_nb.rows import easy_classes, find, hard_classes, mean_of


def base_eps(profile):
    """The profile's original margin, eps_0."""
    return profile.common.get("eps", TrainConfig.eps)


def window_mean(run, profile, group, window, what="robust"):
    """Mean test accuracy of the "hard", "easy" or "all" classes over a window of epochs (Figs. 2 and 3)."""
    values = run.window(*window, what=what)
    groups = {"hard": hard_classes(profile), "easy": easy_classes(profile, len(values)), "all": range(len(values))}
    return mean_of(values, groups[group])


def margin_effect(runs, profile, measure):
    """({seed: measure}, {seed: measure}) at the largest training margin and at eps_0; empty where none is larger."""
    largest, base = max(profile.margins, default=0.0), base_eps(profile)
    if largest <= base:
        return {}, {}
    return tuple({s: measure(r) for s, r in find(runs, profile, "at", eps=eps).items()} for eps in (largest, base))


def beta_effect(runs, profile, measure):
    """({seed: measure}, {seed: measure}) at the largest and at the smallest beta of Fig. 3."""
    ends = (max(profile.betas), min(profile.betas)) if profile.betas else ()
    found = [{s: measure(r) for s, r in find(runs, profile, "trades", beta=b).items()} for b in ends]
    return tuple(found) if found else ({}, {})


def best_overall(run):
    """Highest overall robust test accuracy of any epoch, under the epochs' own attack."""
    return max(a.overall for a in run.curve())


def changes(run, weights=LIVE):
    """[(epoch, |change of overall|, |change of worst|)] against the epoch before, in the second half of training.

    Left out: an epoch right after a milestone, where the rate falls, and epochs before the average exists.
    """
    curve, out = run.curve(weights), []
    for epoch in range(run.config.best_from + 1, run.config.epochs + 1):
        before, now = curve[epoch - 2], curve[epoch - 1]
        if before is not None and now is not None and epoch - 1 not in run.config.milestones:
            out.append((epoch, abs(now.overall - before.overall), abs(now.worst - before.worst)))
    return out


def mean_change(run, weights=LIVE, which="worst", only=None):
    """Mean |change| of the "overall" or "worst" accuracy between adjacent epochs; None without such a pair."""
    column = {"overall": 1, "worst": 2}[which]
    kept = [row[column] for row in changes(run, weights) if only is None or row[0] in only]
    return sum(kept) / len(kept) if kept else None


def margin_excess(run, classes, epochs=8):
    """Mean class margin over the last epochs, less eps, in units of eps (Fig. 5(b))."""
    rows = [mean_of(e.class_eps, classes) for e in run.record.epochs[-epochs:]]
    return sum(rows) / len(rows) / run.config.eps - 1
