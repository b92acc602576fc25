"""The checks of the experiments' claims: each asks the records, paired by seed, and returns a `Verdict`.

`experiments.py` binds them to the paper's sentences. All take results and what else they need by name.
"""

import math

from cfa_nb.card.card import percent
from cfa_nb.recipes import ROWS
from cfa_pages.claims.verdicts import NOT_JUDGED, NOT_RUN, Verdict, few_accepted_notes, verdict_of, words_of
from cfa_pages.results import measurements as of_run
from cfa_pages.results.measurements import CHANGE_EPOCHS, NO_CHANGE_EPOCHS, BySeed, mean_value, window_mean
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
from cfa_pages.results.stats import Paired, epoch_span, paired


def verdict(
    results: Results, comparison: Paired, evidence: str, sign: int = +1, border: float = 0.0, unit: str = "points"
) -> Verdict:
    """`verdict_of` in the profile's words, for a claim without a number of the paper's own."""
    return verdict_of(comparison, evidence, sign, border, unit, words_of(results.profile))


def numbers(ours: BySeed, theirs: BySeed | None = None) -> Paired:
    """Ours minus theirs (None: minus 0), without the seeds in which one has no number (an empty group, no epoch)."""
    pair = ours, dict.fromkeys(ours, 0.0) if theirs is None else theirs
    return paired(*({s: v for s, v in values.items() if v is not None and not math.isnan(v)} for values in pair))


def margin_window(results: Results, group: str, window: str, sign: int) -> Verdict:
    """Fig. 2(b), (c): a group's robust accuracy, mean over all training margins beyond eps_0, against eps_0."""
    epochs, classes = getattr(results.profile, window), class_groups(results)[group]
    effect = of_run.margin_effect(results, lambda r: window_mean(r, classes, epochs), mean_value)
    evidence = f"{group} classes, {epoch_span(*epochs)}, mean over all training margins > ε₀ minus ε₀ = "
    return verdict(results, numbers(*effect), evidence + eps_text(of_run.base_eps(results.profile)), sign)


def least_class_rises(results: Results) -> Verdict:
    """Fig. 2(c): even the class that gains least by the margins beyond eps_0 gains, in the last epochs."""
    epochs, every = results.profile.late_window, class_groups(results)["all"]
    by_class = [
        numbers(*of_run.margin_effect(results, lambda r, k=k: window_mean(r, [k], epochs), mean_value)) for k in every
    ]
    evidence = f"the class that gains least, {epoch_span(*epochs)}, mean over all training margins > ε₀ minus ε₀"
    if not by_class or not by_class[0].n:
        return verdict(results, numbers({}), evidence)
    least = min(every, key=lambda k: by_class[k].mean)
    return verdict(results, by_class[least], f"{evidence} ({results[0].record.class_names[least]})")


def no_better_peak(results: Results) -> Verdict:
    """Fig. 2(a): the best epoch of any margin beyond eps_0 lies less than a point above that of eps_0."""
    effect = of_run.margin_effect(results, of_run.best_overall, max)
    evidence = "average at the best epoch, the best of all training margins > ε₀ minus ε₀ (progress: 1 point or more)"
    return verdict(results, numbers(*effect), evidence, -1, 0.01)


def beta_window(results: Results, group: str, metric: str, sign: int) -> Verdict:
    """Fig. 3: a group's accuracy at the largest beta against the smallest."""
    classes, window = class_groups(results)[group], results.profile.beta_window
    effect = of_run.beta_effect(results, lambda r: window_mean(r, classes, window, metric))
    return verdict(results, numbers(*effect), f"{group} classes, {metric} accuracy, largest minus smallest beta", sign)


def hard_below_easy(results: Results, metric: str) -> Verdict:
    """Fig. 3: from the smallest to the largest beta, hard classes gain less (lose more) than easy ones."""
    groups, window = class_groups(results), results.profile.beta_window

    def gap(run):
        return window_mean(run, groups["hard"], window, metric) - window_mean(run, groups["easy"], window, metric)

    evidence = f"change of {metric} accuracy from the smallest to the largest beta, hard minus easy classes"
    return verdict(results, numbers(*of_run.beta_effect(results, gap)), evidence, -1)


def fluctuates(results: Results) -> Verdict:
    """Fig. 4(a): from epoch to epoch the worst class moves more than another single class does.

    The average of ten classes moves less than any of them for that reason alone, so it decides nothing; it is told.
    """
    worst_class, at_runs = worst_label(results.profile), row_runs(results, "at")
    if at_runs and not any(of_run.changes(run) for run in at_runs.values()):
        return Verdict(NOT_RUN, evidence=NO_CHANGE_EPOCHS)
    evidence = f"AT, mean |change| between adjacent epochs ({CHANGE_EPOCHS}), {worst_class} minus the others"
    kinds = ("worst", "others", "overall")
    moves = [{s: of_run.mean_change(r, statistic=kind) for s, r in at_runs.items()} for kind in kinds]
    if at_runs:
        worst, others, average = (percent(mean_value(list(by_seed.values()))) for by_seed in moves)
        evidence += f" (worst {worst}, another class {others}, average {average})"
    return verdict(results, numbers(*moves[:2]), evidence)


def fawa_smooths(results: Results) -> Verdict:
    """Fig. 4(b): FAWA's worst class moves by less than the paper's 1 point, told beside the live one's change."""
    ours, live, accepted, epochs, at_runs = {}, [], 0, 0, row_runs(results, "at")
    for seed, run in at_runs.items():
        if shared := {epoch for epoch, _ in of_run.changes(run, "fawa")}:
            ours[seed] = of_run.mean_change(run, "fawa", "worst", shared)
            live.append(of_run.mean_change(run, "live", "worst", shared))
            accepted += sum(run.record.epochs[e - 1].accepted["fawa"] for e in shared)
            epochs += len(shared)
    if at_runs and not live:
        return Verdict(NOT_RUN, evidence=NO_CHANGE_EPOCHS)
    limit, worst_class = QUOTED["fig4_fawa_change"], worst_label(results.profile)
    evidence = f"AT + FAWA, mean |change| of the {worst_class} between adjacent epochs ({CHANGE_EPOCHS}), "
    evidence += f"against {limit}"
    if few := few_accepted_notes(results, ("at_fawa",), "last"):
        return Verdict(NOT_JUDGED, evidence="; ".join((evidence, *few)))
    if live:
        evidence += f" (live over the same epochs {percent(mean_value(live))} points; FAWA took in "
        evidence += f"{accepted} of these {epochs} epochs, and one left out changes nothing)"
    return verdict(results, numbers(ours), evidence, -1, limit.value / 100)


def every_lambda(results: Results, statistic: str) -> Verdict:
    """Fig. 5(a): the least gain over AT among all lambda_1, seed by seed (PGD-10, best checkpoint)."""
    values = results.profile.lambdas_1
    base, *tried = (
        {s: getattr(r.pgd10("live", "best"), statistic) for s, r in runs.items()}
        for runs in (find(results, "at"), *(find(results, "at_ccm", lambda_1=v) for v in values))
    )
    seeds = set(base).intersection(*tried) if tried else ()
    least = {s: min(by_seed[s] - base[s] for by_seed in tried) for s in seeds}
    name = {"overall": "average", "worst": worst_label(results.profile)}[statistic]
    evidence = f"AT + CCM minus AT, {name}, the least gain among the lambda_1 tried (PGD-10, best checkpoint)"
    return verdict(results, numbers(least), evidence)


def best_lambda(results: Results, value: float) -> Verdict:
    """Fig. 5(a): one lambda_1 against the best of all others, seed by seed: average plus worst class, as "best" is."""
    ours, *others = (
        {s: a.overall + a.worst for s, r in runs.items() for a in [r.pgd10("live", "best")]}
        for v in dict.fromkeys((value, *results.profile.lambdas_1))
        for runs in [find(results, "at_ccm", lambda_1=v)]
    )
    seeds = set.intersection(*map(set, others)) if others else ()
    evidence = f"AT + CCM, average + worst class at lambda_1 = {value:g} minus the best of the others (PGD-10, best)"
    return verdict(results, numbers(ours, {s: max(o[s] for o in others) for s in seeds}), evidence)


def margins_settle(results: Results) -> Verdict:
    """Sec. 4.1: calibrated margins converge: late in training a margin moves by less than 5 % of eps an epoch."""
    moves = {s: of_run.margin_moves(run) for s, run in row_runs(results, "at_ccm").items()}
    evidence = "AT + CCM, mean |change| of a class's margin between adjacent epochs, second half of training, against "
    return verdict(results, numbers(moves), f"{evidence}5 %", -1, 0.05, "% of eps an epoch")


def loop_is_stable(results: Results) -> Verdict:
    """Eq. 6 as an iteration contracts where t_k falls by less than 1 as the margin grows by eps (notebook 07)."""
    slopes = {s: max(by_class) for s, by_class in of_run.slopes_by_seed(results).items()}
    evidence = "AT at the two training margins next to eps, the class whose t_k falls fastest, against 1 per eps"
    return verdict(results, numbers(slopes), evidence, -1, 1.0, "% of t per eps")


def margins_sort(results: Results, group: str, sign: int) -> Verdict:
    """Fig. 5(b): the calibrated margins of the hard (easy) classes lie below (above) eps."""
    runs, classes = row_runs(results, "at_ccm"), class_groups(results)[group]
    excess = {s: of_run.margin_excess(run, classes) for s, run in runs.items()} if classes else {}
    span = f" over the {of_run.last_text(next(iter(runs.values())).config)}" if excess else ""
    evidence = f"AT + CCM, mean margin of the {group} classes{span}, less eps"
    return verdict(results, numbers(excess), evidence, sign, unit="% of eps")


def evened_out(results: Results, row: str, base: str) -> Verdict:
    """Appendix C.2: the robust accuracies of the classes differ less from one another than in the base."""
    evidence = f"{ROWS[row].label} minus {ROWS[base].label}, standard deviation over classes"
    return _statistic_verdict(results, row, base, "spread", evidence, sign=-1)


def no_class_harmed(results: Results, row: str, base: str) -> Verdict:
    """Appendix C.2: no class loses a point or more, not even the one that loses most in the mean over seeds."""
    evidence = f"{ROWS[row].label} minus {ROWS[base].label}, the class of smallest mean change (harm: 1 point or more)"
    if not row_difference(results, row, base, "last", "robust_avg").n:
        return verdict(results, numbers({}), evidence)
    names = results[0].record.class_names
    means = [statistic_difference(results, row, base, "last", k).mean for k in range(len(names))]
    least = means.index(min(means))
    return _statistic_verdict(results, row, base, least, f"{evidence}, here {names[least]}", border=-0.01)


def _statistic_verdict(results, row, base, statistic, evidence, **options):
    """`verdict` on table rows at the last epoch: not judged where an average accepted too few epochs."""
    evidence += f", {attack_label(results.profile)}, {SELECTIONS['last']}"
    comparison = statistic_difference(results, row, base, "last", statistic)
    if (few := few_accepted_notes(results, (row, base), "last")) and comparison.n:
        return Verdict(NOT_JUDGED, evidence="; ".join((evidence, *few)))
    return verdict(results, comparison, evidence, **options)
