"""The checks of the experiments' claims: each asks the records, paired by seed, and returns a `Verdict`.

`experiments.py` binds them to the paper's sentences. All take (runs, profile) and what else they need by name.
"""

from cfa_nb.claims.studies import (
    base_eps,
    best_overall,
    beta_effect,
    changes,
    class_spread,
    margin_effect,
    margin_excess,
    mean_change,
    mean_value,
    swing_note,
    window_mean,
)
from cfa_nb.claims.verdicts import all_of, rows_compared, verdict_of
from cfa_nb.config import ROWS
from cfa_nb.paper import QUOTED
from cfa_nb.rows import SELECTIONS, accuracy, attack_label, easy_classes, find, hard_classes, row_runs
from cfa_nb.stats import paired, percent


def margin_window(runs, profile, group, window, sign):
    """Fig. 2(b), (c): a group's robust accuracy, mean over all training margins beyond eps_0, against eps_0."""
    epochs = getattr(profile, window)
    ours, theirs = margin_effect(runs, profile, lambda r: window_mean(r, profile, group, epochs), mean_value)
    where = f"{group} classes, epochs {epochs[0]}–{epochs[1]}, mean over all training margins > ε₀ minus ε₀ = "
    return verdict_of(paired(ours, theirs), f"{where}{base_eps(profile):g}", sign)


def no_better_peak(runs, profile):
    """Fig. 2(a): the best epoch of any margin beyond eps_0 lies less than a point above that of eps_0."""
    ours, theirs = margin_effect(runs, profile, best_overall, max)
    where = "average at the best epoch, the best of all training margins > ε₀ minus ε₀ (progress: 1 point or more)"
    return verdict_of(paired(ours, theirs), where, -1, 0.01)


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
    """Fig. 4(b): FAWA's worst class moves by less than the paper's 1 point, told beside the live one's change."""
    ours, live, taken, shown = {}, [], 0, 0
    for seed, run in row_runs(runs, profile, "at").items():
        if shared := {epoch for epoch, _, _ in changes(run, "fawa")}:
            ours[seed] = mean_change(run, "fawa", "worst", shared)
            live.append(mean_change(run, "live", "worst", shared))
            taken, shown = taken + sum(run.record.epochs[e - 1].accepted["fawa"] for e in shared), shown + len(shared)
    limit = QUOTED["fig4_fawa_change"]
    evidence = f"AT + FAWA, mean |change| of the worst class between adjacent epochs, against {limit}"
    if live:
        evidence += f" (live over the same epochs {percent(mean_value(live))} points; FAWA took in {taken} of these "
        evidence += f"{shown} epochs, and one left out changes nothing)"
    return verdict_of(paired(ours, dict.fromkeys(ours, 0.0)), evidence, -1, limit.value / 100)


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
    found, excess, classes = row_runs(runs, profile, "at_ccm"), {}, ()
    for seed, run in found.items():
        easy = easy_classes(profile, len(run.record.class_names))
        classes = hard_classes(profile) if group == "hard" else easy
        excess[seed] = margin_excess(run, classes)
    evidence = f"AT + CCM, mean margin of the {group} classes over the last 8 epochs, less eps"
    evidence += f" ({swing_note(found.values(), classes, group)})" if found else ""
    return verdict_of(paired(excess, dict.fromkeys(excess, 0.0)), evidence, sign, unit="% of eps")


def _final(runs, profile, key, selection):
    """{seed: `ClassAccuracy`} of a table row under the tables' attack, where it was measured."""
    weights = ROWS[key].weights
    found = {s: accuracy(r, profile, weights, selection, "robust") for s, r in row_runs(runs, profile, key).items()}
    return {s: a for s, a in found.items() if a is not None}


def evened_out(runs, profile, pairs, selection="best"):
    """Appendix C.2: the robust accuracies of the classes differ less from one another than in the base, all `pairs`."""
    return all_of({name: _spread_change(runs, profile, *pair, selection) for name, pair in pairs.items()})


def _spread_change(runs, profile, row, base, selection):
    ours, theirs = (
        {s: class_spread(a) for s, a in _final(runs, profile, key, selection).items()} for key in (row, base)
    )
    where = f"{ROWS[row].label} minus {ROWS[base].label}, standard deviation over classes, {attack_label(profile)}"
    return verdict_of(paired(ours, theirs), f"{where}, {SELECTIONS[selection]}", -1)


def no_class_harmed(runs, profile, pairs, selection="best"):
    """Appendix C.2: no class loses a point or more, not even the one that loses most in the mean over seeds."""
    return all_of({name: _least_change(runs, profile, *pair, selection) for name, pair in pairs.items()})


def _least_change(runs, profile, row, base, selection):
    found = [_final(runs, profile, key, selection) for key in (row, base)]
    ours, theirs = ({s: a.per_class for s, a in accuracies.items()} for accuracies in found)
    seeds = sorted(set(ours) & set(theirs))
    where = f"{ROWS[row].label} minus {ROWS[base].label}, the class of smallest mean change (harm: 1 point or more)"
    if not seeds:
        return verdict_of(paired({}, {}), where)
    means = [mean_value([ours[s][k] - theirs[s][k] for s in seeds]) for k in range(len(ours[seeds[0]]))]
    least = means.index(min(means))
    own, other = ({s: values[s][least] for s in seeds} for values in (ours, theirs))
    return verdict_of(paired(own, other), where, border=-0.01)
