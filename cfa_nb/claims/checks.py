"""The checks of the experiments' claims: each asks the records, paired by seed, and returns a `Verdict`.

`experiments.py` binds them to the paper's sentences. All take (runs, profile) and what else they need by name.
"""

from cfa_nb.claims.studies import (
    base_eps,
    best_overall,
    beta_effect,
    changes,
    margin_effect,
    margin_excess,
    mean_change,
    window_mean,
)
from cfa_nb.claims.verdicts import all_of, rows_compared, verdict_of
from cfa_nb.rows import easy_classes, find, hard_classes, row_runs
from cfa_nb.stats import paired


def margin_window(runs, profile, group, window, sign):
    """Fig. 2(b), (c): a group's robust accuracy at the largest training margin against eps_0."""
    epochs = getattr(profile, window)
    ours, theirs = margin_effect(runs, profile, lambda r: window_mean(r, profile, group, epochs))
    largest = max(profile.margins, default=0.0)
    where = f"{group} classes, epochs {epochs[0]}–{epochs[1]}, training margin {largest:g} minus {base_eps(profile):g}"
    return verdict_of(paired(ours, theirs), where, sign)


def no_better_peak(runs, profile):
    """Fig. 2(a): the best epoch of the largest margin lies less than a point above that of eps_0."""
    ours, theirs = margin_effect(runs, profile, best_overall)
    return verdict_of(paired(ours, theirs), "average at the best epoch, largest training margin minus eps_0", -1, 0.01)


def beta_window(runs, profile, group, what, sign):
    """Fig. 3: a group's accuracy at the largest beta against the smallest."""
    ours, theirs = beta_effect(runs, profile, lambda r: window_mean(r, profile, group, profile.beta_window, what))
    return verdict_of(paired(ours, theirs), f"{group} classes, {what} accuracy, largest minus smallest beta", sign)


def hard_below_easy(runs, profile, what):
    """Fig. 3: from the smallest to the largest beta, hard classes gain less (lose more) than easy ones."""

    def gap(run):
        hard, easy = (window_mean(run, profile, g, profile.beta_window, what) for g in ("hard", "easy"))
        return hard - easy

    ours, theirs = beta_effect(runs, profile, gap)
    evidence = f"change of {what} accuracy from the smallest to the largest beta, hard minus easy classes"
    return verdict_of(paired(ours, theirs), evidence, -1)


def fluctuates(runs, profile):
    """Fig. 4(a): from epoch to epoch the worst class moves more than the average."""
    at = row_runs(runs, profile, "at")
    worst, overall = ({s: mean_change(r, which=w) for s, r in at.items()} for w in ("worst", "overall"))
    return verdict_of(_known(worst, overall), "AT, mean |change| between adjacent epochs, worst class minus average")


def fawa_smooths(runs, profile):
    """Fig. 4(b): FAWA's worst class moves less than the live network's, over the same epochs."""
    ours, theirs, taken, shown = {}, {}, 0, 0
    for seed, run in row_runs(runs, profile, "at").items():
        shared = {epoch for epoch, _, _ in changes(run, "fawa")}
        ours[seed], theirs[seed] = (mean_change(run, w, "worst", shared) for w in ("fawa", "live"))
        taken, shown = taken + sum(run.record.epochs[e - 1].accepted["fawa"] for e in shared), shown + len(shared)
    evidence = "AT, mean |change| of the worst class between adjacent epochs, FAWA minus live"
    evidence += f" (FAWA took in {taken} of these {shown} epochs; one left out changes nothing)"
    return verdict_of(_known(ours, theirs), evidence, -1)


def _known(ours, theirs):
    return paired(*({s: v for s, v in d.items() if v is not None} for d in (ours, theirs)))


def every_method(runs, profile, pairs, measure="robust_worst", sign=+1, border=0.0):
    """Several rows against their bases, all of them: `pairs` maps a name to (row, base)."""
    return all_of(
        {n: rows_compared(runs, profile, a, b, measure, sign=sign, border=border) for n, (a, b) in pairs.items()}
    )


def both_measures(runs, profile, row, base):
    """A row ahead of another one in average and in worst class."""
    names = {"average": "robust_avg", "worst class": "robust_worst"}
    return all_of({n: rows_compared(runs, profile, row, base, m) for n, m in names.items()})


def every_lambda(runs, profile, which):
    """Fig. 5(a): the least gain over AT among all lambda_1, seed by seed (PGD-10, best checkpoint)."""
    at = {s: getattr(r.pgd10("live", "best"), which) for s, r in find(runs, profile, "at").items()}
    gains = {}
    for value in profile.lambdas_1:
        for seed, run in find(runs, profile, "at_ccm", lambda_1=value).items():
            if seed in at:
                gains.setdefault(seed, []).append(getattr(run.pgd10("live", "best"), which) - at[seed])
    least = {s: min(g) for s, g in gains.items() if len(g) == len(profile.lambdas_1)}
    name = {"overall": "average", "worst": "worst class"}[which]
    evidence = f"AT + CCM minus AT, {name}, the least gain among the lambda_1 tried (PGD-10, best checkpoint)"
    return verdict_of(paired(least, dict.fromkeys(least, 0.0)), evidence)


def margins_sort(runs, profile, group, sign):
    """Fig. 5(b): the calibrated margins of the hard (easy) classes lie below (above) eps."""
    excess = {}
    for seed, run in row_runs(runs, profile, "at_ccm").items():
        easy = easy_classes(profile, len(run.record.class_names))
        excess[seed] = margin_excess(run, hard_classes(profile) if group == "hard" else easy)
    evidence = f"AT + CCM, mean margin of the {group} classes over the last 8 epochs, less eps"
    return verdict_of(paired(excess, dict.fromkeys(excess, 0.0)), evidence, sign, unit="% of eps")
