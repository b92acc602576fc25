"""The checks of the experiments' claims: each asks the records, paired by seed, and returns a `Verdict`.

`experiments.py` binds them to the paper's sentences. All take results and what else they need by name.
"""

import math

from cfa_nb.recipes import ROWS
from cfa_nb.runs.study import Profile
from cfa_pages.claims.base import NOT_JUDGED, NOT_RUN, Verdict, words_of
from cfa_pages.claims.verdicts import few_accepted_notes, verdict_of
from cfa_pages.results.measurements import (
    CHANGE_EPOCHS,
    NO_CHANGE_EPOCHS,
    base_eps,
    best_overall,
    beta_effect,
    changes,
    last_text,
    margin_effect,
    margin_excess,
    margin_moves,
    mean_change,
    mean_value,
    slopes_by_seed,
    window_mean,
)
from cfa_pages.results.paper import QUOTED
from cfa_pages.results.rows import (
    SELECTIONS,
    attack_label,
    class_groups,
    eps_text,
    find,
    row_difference,
    row_runs,
    statistic_difference,
    worst_label,
)
from cfa_pages.results.runs import Results
from cfa_pages.results.stats import Paired, epoch_span, paired, percent


def verdict(
    profile: Profile,
    comparison: Paired,
    evidence: str,
    sign: int = +1,
    border: float = 0.0,
    unit: str = "points",
) -> Verdict:
    """`verdict_of` in the profile's words, for a claim without a number of the paper's own."""
    return verdict_of(comparison, evidence, sign, border, unit, words_of(profile))


def margin_window(results: Results, group: str, window: str, sign: int) -> Verdict:
    """Fig. 2(b), (c): a group's robust accuracy, mean over all training margins beyond eps_0, against eps_0."""
    epochs, classes = getattr(results.profile, window), class_groups(results)[group]
    ours, theirs = margin_effect(results, lambda r: window_mean(r, classes, epochs), mean_value)
    evidence = f"{group} classes, {epoch_span(*epochs)}, mean over all training margins > ε₀ minus ε₀ = "
    evidence += eps_text(base_eps(results.profile))
    return verdict(results.profile, _paired_numbers(ours, theirs), evidence, sign)


def least_class_rises(results: Results) -> Verdict:
    """Fig. 2(c): even the class that gains least by the margins beyond eps_0 gains, in the last epochs."""
    epochs, every = results.profile.late_window, class_groups(results)["all"]
    effects = [margin_effect(results, lambda r, k=k: window_mean(r, [k], epochs), mean_value) for k in every]
    changes_by_class = [_paired_numbers(*effect) for effect in effects]
    evidence = f"the class that gains least, {epoch_span(*epochs)}, mean over all training margins > ε₀ minus ε₀"
    if not changes_by_class or not changes_by_class[0].n:
        return verdict(results.profile, paired({}, {}), evidence)
    least = min(every, key=lambda k: changes_by_class[k].mean)
    return verdict(results.profile, changes_by_class[least], f"{evidence} ({results[0].record.class_names[least]})")


def no_better_peak(results: Results) -> Verdict:
    """Fig. 2(a): the best epoch of any margin beyond eps_0 lies less than a point above that of eps_0."""
    ours, theirs = margin_effect(results, best_overall, max)
    evidence = "average at the best epoch, the best of all training margins > ε₀ minus ε₀ (progress: 1 point or more)"
    return verdict(results.profile, paired(ours, theirs), evidence, -1, 0.01)


def beta_window(results: Results, group: str, metric: str, sign: int) -> Verdict:
    """Fig. 3: a group's accuracy at the largest beta against the smallest."""
    classes = class_groups(results)[group]
    ours, theirs = beta_effect(results, lambda r: window_mean(r, classes, results.profile.beta_window, metric))
    evidence = f"{group} classes, {metric} accuracy, largest minus smallest beta"
    return verdict(results.profile, _paired_numbers(ours, theirs), evidence, sign)


def hard_below_easy(results: Results, metric: str) -> Verdict:
    """Fig. 3: from the smallest to the largest beta, hard classes gain less (lose more) than easy ones."""
    groups = class_groups(results)

    def gap(run):
        hard, easy = (window_mean(run, groups[g], results.profile.beta_window, metric) for g in ("hard", "easy"))
        return hard - easy

    ours, theirs = beta_effect(results, gap)
    evidence = f"change of {metric} accuracy from the smallest to the largest beta, hard minus easy classes"
    return verdict(results.profile, _paired_numbers(ours, theirs), evidence, -1)


def fluctuates(results: Results) -> Verdict:
    """Fig. 4(a): from epoch to epoch the worst class moves more than another single class does.

    The average of ten classes moves less than any of them for that reason alone, so it decides nothing; it is told.
    """
    evidence = (
        f"AT, mean |change| between adjacent epochs ({CHANGE_EPOCHS}), {worst_label(results.profile)} minus the others"
    )
    at_runs = row_runs(results, "at")
    if at_runs and not any(changes(run) for run in at_runs.values()):
        return Verdict(NOT_RUN, evidence=NO_CHANGE_EPOCHS)
    kinds = ("worst", "others", "overall")
    worst, others, overall = ({s: mean_change(r, statistic=k) for s, r in at_runs.items()} for k in kinds)
    if at_runs:
        evidence += f" (worst {percent(mean_value(list(worst.values())))}, another class "
        evidence += (
            f"{percent(mean_value(list(others.values())))}, average {percent(mean_value(list(overall.values())))})"
        )
    return verdict(results.profile, _paired_numbers(worst, others), evidence)


def fawa_smooths(results: Results) -> Verdict:
    """Fig. 4(b): FAWA's worst class moves by less than the paper's 1 point, told beside the live one's change."""
    ours, live_changes, accepted_count, epoch_count, at_runs = {}, [], 0, 0, row_runs(results, "at")
    for seed, run in at_runs.items():
        if shared := {epoch for epoch, _ in changes(run, "fawa")}:
            ours[seed] = mean_change(run, "fawa", "worst", shared)
            live_changes.append(mean_change(run, "live", "worst", shared))
            accepted_count += sum(run.record.epochs[e - 1].accepted["fawa"] for e in shared)
            epoch_count += len(shared)
    limit = QUOTED["fig4_fawa_change"]
    evidence = (
        f"AT + FAWA, mean |change| of the {worst_label(results.profile)} between adjacent epochs ({CHANGE_EPOCHS}), "
    )
    evidence += f"against {limit}"
    if at_runs and not live_changes:
        return Verdict(NOT_RUN, evidence=NO_CHANGE_EPOCHS)
    if few := few_accepted_notes(results, ("at_fawa",), "last"):
        return Verdict(NOT_JUDGED, evidence="; ".join((evidence, *few)))
    if live_changes:
        evidence += f" (live over the same epochs {percent(mean_value(live_changes))} points; FAWA took in "
        evidence += f"{accepted_count} of these {epoch_count} epochs, and one left out changes nothing)"
    return verdict(results.profile, paired(ours, dict.fromkeys(ours, 0.0)), evidence, -1, limit.value / 100)


def _paired_numbers(ours, theirs):
    """Paired by seed, without the seeds in which one of the two has no number (an empty group, no such epoch)."""
    return paired(*({s: v for s, v in d.items() if v is not None and not math.isnan(v)} for d in (ours, theirs)))


def every_lambda(results: Results, statistic: str) -> Verdict:
    """Fig. 5(a): the least gain over AT among all lambda_1, seed by seed (PGD-10, best checkpoint)."""
    at_accuracies = {s: getattr(r.pgd10("live", "best"), statistic) for s, r in find(results, "at").items()}
    gains = {}
    for value in results.profile.lambdas_1:
        for seed, run in find(results, "at_ccm", lambda_1=value).items():
            if seed in at_accuracies:
                gains.setdefault(seed, []).append(getattr(run.pgd10("live", "best"), statistic) - at_accuracies[seed])
    least = {s: min(g) for s, g in gains.items() if len(g) == len(results.profile.lambdas_1)}
    name = {"overall": "average", "worst": worst_label(results.profile)}[statistic]
    evidence = f"AT + CCM minus AT, {name}, the least gain among the lambda_1 tried (PGD-10, best checkpoint)"
    return verdict(results.profile, paired(least, dict.fromkeys(least, 0.0)), evidence)


def best_lambda(results: Results, value: float) -> Verdict:
    """Fig. 5(a): one lambda_1 against the best of all others, seed by seed: average plus worst class, as "best" is."""
    scores = {
        v: {s: r.pgd10("live", "best") for s, r in find(results, "at_ccm", lambda_1=v).items()}
        for v in dict.fromkeys((value, *results.profile.lambdas_1))
    }
    scores = {v: {s: a.overall + a.worst for s, a in by_seed.items()} for v, by_seed in scores.items()}
    others = [by_seed for v, by_seed in scores.items() if v != value]
    seeds = set.intersection(*map(set, others)) if others else ()
    evidence = f"AT + CCM, average + worst class at lambda_1 = {value:g} minus the best of the others (PGD-10, best)"
    return verdict(results.profile, paired(scores[value], {s: max(o[s] for o in others) for s in seeds}), evidence)


def margins_settle(results: Results) -> Verdict:
    """Sec. 4.1: calibrated margins converge: late in training a margin moves by less than 5 % of eps an epoch."""
    moves = {s: margin_moves(run) for s, run in row_runs(results, "at_ccm").items()}
    limit, unit = 0.05, "% of eps an epoch"
    evidence = "AT + CCM, mean |change| of a class's margin between adjacent epochs, second half of training, against "
    evidence += f"{100 * limit:g} %"
    return verdict(results.profile, paired(moves, dict.fromkeys(moves, 0.0)), evidence, -1, limit, unit)


def loop_is_stable(results: Results) -> Verdict:
    """Eq. 6 as an iteration contracts where t_k falls by less than 1 as the margin grows by eps (notebook 07)."""
    slopes = {s: max(by_class) for s, by_class in slopes_by_seed(results).items()}
    evidence = "AT at the two training margins next to eps, the class whose t_k falls fastest, against 1 per eps"
    return verdict(results.profile, paired(slopes, dict.fromkeys(slopes, 0.0)), evidence, -1, 1.0, "% of t per eps")


def margins_sort(results: Results, group: str, sign: int) -> Verdict:
    """Fig. 5(b): the calibrated margins of the hard (easy) classes lie below (above) eps."""
    ccm_runs, classes = row_runs(results, "at_ccm"), class_groups(results)[group]
    excess = {s: margin_excess(run, classes) for s, run in ccm_runs.items()} if classes else {}
    span = f" over the {last_text(next(iter(ccm_runs.values())).config)}" if excess else ""
    evidence = f"AT + CCM, mean margin of the {group} classes{span}, less eps"
    return verdict(results.profile, paired(excess, dict.fromkeys(excess, 0.0)), evidence, sign, unit="% of eps")


def evened_out(results: Results, row: str, base: str, selection: str = "last") -> Verdict:
    """Appendix C.2: the robust accuracies of the classes differ less from one another than in the base."""
    evidence = f"{ROWS[row].label} minus {ROWS[base].label}, standard deviation over classes"
    return _statistic_verdict(results, row, base, selection, "spread", evidence, sign=-1)


def no_class_harmed(results: Results, row: str, base: str, selection: str = "last") -> Verdict:
    """Appendix C.2: no class loses a point or more, not even the one that loses most in the mean over seeds."""
    evidence = f"{ROWS[row].label} minus {ROWS[base].label}, the class of smallest mean change (harm: 1 point or more)"
    if not row_difference(results, row, base, selection, "robust_avg").n:
        return verdict(results.profile, paired({}, {}), evidence)
    classes = range(len(results[0].record.class_names))
    by_class = [statistic_difference(results, row, base, selection, k).mean for k in classes]
    least = by_class.index(min(by_class))
    evidence += f", here {results[0].record.class_names[least]}"
    return _statistic_verdict(results, row, base, selection, least, evidence, border=-0.01)


def _statistic_verdict(results, row, base, selection, statistic, evidence, **options):
    """`verdict` on table rows: not judged where an average accepted too few epochs."""
    evidence += f", {attack_label(results.profile)}, {SELECTIONS[selection]}"
    comparison = statistic_difference(results, row, base, selection, statistic)
    if (few := few_accepted_notes(results, (row, base), selection)) and comparison.n:
        return Verdict(NOT_JUDGED, evidence="; ".join((evidence, *few)))
    return verdict(results.profile, comparison, evidence, **options)
