"""The claims of Sections 3 and 5 as data; each asks the records, paired by seed."""

from functools import partial

from cfa_nb import paper
from cfa_nb.claims.base import Claim
from cfa_nb.claims.studies import (
    base_eps,
    best_overall,
    beta_effect,
    margin_effect,
    margin_excess,
    mean_change,
    window_mean,
)
from cfa_nb.claims.studies import changes as changes_of
from cfa_nb.claims.verdicts import all_of, rows_compared, verdict_of
from cfa_nb.rows import easy_classes, find, hard_classes, row_runs
from cfa_nb.stats import paired

LABELS = {"at": "AT", "trades": "TRADES", "fat": "FAT"}


def margin_window(runs, profile, group, window, sign):
    """Fig. 2(b), (c): a group's robust accuracy at the largest training margin against eps_0."""
    epochs = getattr(profile, window)
    ours, theirs = margin_effect(runs, profile, lambda r: window_mean(r, profile, group, epochs))
    where = f"{group} classes, epochs {epochs[0]}–{epochs[1]}: training margin {max(profile.margins, default=0):g} minus {base_eps(profile):g}"
    return verdict_of(paired(ours, theirs), where, sign)


def no_better_peak(runs, profile):
    """Fig. 2(a): the best epoch of the largest margin is less than a point above that of eps_0."""
    ours, theirs = margin_effect(runs, profile, best_overall)
    return verdict_of(paired(ours, theirs), "best epoch's overall accuracy, largest margin minus eps_0", -1, 0.01)


def beta_window(runs, profile, group, what, sign):
    """Fig. 3: a group's accuracy at the largest beta against the smallest."""
    ours, theirs = beta_effect(runs, profile, lambda r: window_mean(r, profile, group, profile.beta_window, what))
    return verdict_of(paired(ours, theirs), f"{group} classes, {what} accuracy, largest minus smallest beta", sign)


def hard_gain_less(runs, profile):
    """Fig. 3(a): hard classes gain less robust accuracy from beta than easy ones."""
    gap = lambda r: _gap(r, profile)  # noqa: E731
    ours, theirs = beta_effect(runs, profile, gap)
    return verdict_of(paired(ours, theirs), "hard minus easy classes, gain in robust accuracy from smallest to largest beta", -1)


def _gap(run, profile):
    return window_mean(run, profile, "hard", profile.beta_window) - window_mean(run, profile, "easy", profile.beta_window)


def fluctuates(runs, profile):
    """Fig. 4(a): from epoch to epoch the worst class moves more than the average."""
    at = row_runs(runs, profile, "at")
    worst = {s: mean_change(r, which="worst") for s, r in at.items()}
    overall = {s: mean_change(r, which="overall") for s, r in at.items()}
    return verdict_of(_known(worst, overall), "AT: mean |change| between adjacent epochs, worst class minus average")


def fawa_smooths(runs, profile):
    """Fig. 4(b): FAWA's worst class moves less than the live network's, over the same epochs."""
    ours, theirs = {}, {}
    for seed, run in row_runs(runs, profile, "at").items():
        shared = {epoch for epoch, _, _ in changes_of(run, "fawa")}
        ours[seed], theirs[seed] = (mean_change(run, w, "worst", shared) for w in ("fawa", "live"))
    return verdict_of(_known(ours, theirs), "AT: mean |change| of the worst class between adjacent epochs, FAWA minus live", -1)


def _known(ours, theirs):
    drop = lambda d: {s: v for s, v in d.items() if v is not None}  # noqa: E731
    return paired(drop(ours), drop(theirs))


def every_method(runs, profile, pairs, measure="robust_worst", sign=+1, border=0.0):
    """All of several rows against their bases: `pairs` maps a label to (row, base)."""
    found = {n: rows_compared(runs, profile, a, b, measure, sign=sign, border=border) for n, (a, b) in pairs.items()}
    return all_of(found)


def both_measures(runs, profile, row, base):
    """A row ahead of another in average and in worst class."""
    return all_of({n: rows_compared(runs, profile, row, base, f"robust_{m}")
                   for n, m in (("average", "avg"), ("worst", "worst"))})  # fmt: skip


def every_lambda(runs, profile, which):
    """Fig. 5(a): the least gain over AT among all lambda_1, seed by seed (PGD-10, best checkpoint)."""
    at = {s: getattr(r.pgd10("live", "best"), which) for s, r in find(runs, profile, "at").items()}
    gains = {}
    for value in profile.lambdas_1:
        for seed, run in find(runs, profile, "at_ccm", lambda_1=value).items():
            gains.setdefault(seed, []).append(getattr(run.pgd10("live", "best"), which) - at[seed])
    least = {s: min(g) for s, g in gains.items() if len(g) == len(profile.lambdas_1)}
    name = {"overall": "average", "worst": "worst class"}[which]
    return verdict_of(paired(least, dict.fromkeys(least, 0.0)), f"{name}, AT + CCM minus AT, least gain among the lambda_1 tried (PGD-10, best)")


def margins_sort(runs, profile, group, sign):
    """Fig. 5(b): the mean calibrated margin of the hard (easy) classes lies below (above) eps."""
    runs_ccm = row_runs(runs, profile, "at_ccm")
    own = {}
    for seed, run in runs_ccm.items():
        easy = easy_classes(profile, len(run.record.class_names))
        own[seed] = margin_excess(run, hard_classes(profile) if group == "hard" else easy)
    return verdict_of(paired(own, dict.fromkeys(own, 0.0)), f"AT + CCM, mean margin of the {group} classes over the last 8 epochs, less eps", sign, unit="% of eps")
