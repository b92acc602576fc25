"""The checks of the experiments' claims: each asks the records, paired by seed, and returns a `Verdict`.

`experiments.py` binds them to the paper's sentences. All take (runs, profile) and what else they need by name.
"""

import math
from collections.abc import Sequence

from cfa_nb.config import ROWS
from cfa_nb.runs.study import Profile
from cfa_pages.claims.base import NOT_RUN, Verdict, words_of
from cfa_pages.claims.verdicts import all_of, quantity_text, rows_compared, stand_in_notes, verdict_of
from cfa_pages.results.measurements import (
    CHANGE_EPOCHS,
    NO_CHANGE_EPOCHS,
    base_eps,
    best_overall,
    beta_effect,
    changes,
    class_spread,
    last_text,
    margin_effect,
    margin_excess,
    mean_change,
    mean_value,
    swing_note,
    window_mean,
)
from cfa_pages.results.paper import QUOTED, Gap
from cfa_pages.results.rows import (
    SELECTIONS,
    accuracies,
    attack_label,
    class_groups,
    eps_text,
    find,
    row_runs,
    worst_label,
)
from cfa_pages.results.runs import Runs
from cfa_pages.results.stats import Paired, epoch_span, paired, percent

Pairs = dict[str, tuple[str, str]]  # {name: (row, base)}


def verdict(
    profile: Profile,
    comparison: Paired,
    evidence: str,
    sign: int = +1,
    border: float = 0.0,
    unit: str = "points",
    notes: Sequence[str] = (),
) -> Verdict:
    """`verdict_of` in the profile's words, for a claim without a number of the paper's own."""
    return verdict_of(comparison, evidence, sign, border, unit, words_of(profile), notes=notes)


def margin_window(runs: Runs, profile: Profile, group: str, window: str, sign: int) -> Verdict:
    """Fig. 2(b), (c): a group's robust accuracy, mean over all training margins beyond eps_0, against eps_0."""
    epochs, classes = getattr(profile, window), class_groups(profile, runs)[group]
    ours, theirs = margin_effect(runs, profile, lambda r: window_mean(r, classes, epochs), mean_value)
    evidence = f"{group} classes, {epoch_span(*epochs)}, mean over all training margins > ε₀ minus ε₀ = "
    evidence += eps_text(base_eps(profile))
    return verdict(profile, _paired_numbers(ours, theirs), evidence, sign)


def no_better_peak(runs: Runs, profile: Profile) -> Verdict:
    """Fig. 2(a): the best epoch of any margin beyond eps_0 lies less than a point above that of eps_0."""
    ours, theirs = margin_effect(runs, profile, best_overall, max)
    evidence = "average at the best epoch, the best of all training margins > ε₀ minus ε₀ (progress: 1 point or more)"
    return verdict(profile, paired(ours, theirs), evidence, -1, 0.01)


def beta_window(runs: Runs, profile: Profile, group: str, metric: str, sign: int) -> Verdict:
    """Fig. 3: a group's accuracy at the largest beta against the smallest."""
    classes = class_groups(profile, runs)[group]
    ours, theirs = beta_effect(runs, profile, lambda r: window_mean(r, classes, profile.beta_window, metric))
    evidence = f"{group} classes, {metric} accuracy, largest minus smallest beta"
    return verdict(profile, _paired_numbers(ours, theirs), evidence, sign)


def hard_below_easy(runs: Runs, profile: Profile, metric: str) -> Verdict:
    """Fig. 3: from the smallest to the largest beta, hard classes gain less (lose more) than easy ones."""
    groups = class_groups(profile, runs)

    def gap(run):
        hard, easy = (window_mean(run, groups[g], profile.beta_window, metric) for g in ("hard", "easy"))
        return hard - easy

    ours, theirs = beta_effect(runs, profile, gap)
    evidence = f"change of {metric} accuracy from the smallest to the largest beta, hard minus easy classes"
    return verdict(profile, _paired_numbers(ours, theirs), evidence, -1)


def fluctuates(runs: Runs, profile: Profile) -> Verdict:
    """Fig. 4(a): from epoch to epoch the worst class moves more than the average."""
    evidence = f"AT, mean |change| between adjacent epochs ({CHANGE_EPOCHS}), {worst_label(profile)} minus average"
    at_runs = row_runs(runs, profile, "at")
    if at_runs and not any(changes(run) for run in at_runs.values()):
        return Verdict(NOT_RUN, evidence=NO_CHANGE_EPOCHS)
    worst, overall = ({s: mean_change(r, statistic=w) for s, r in at_runs.items()} for w in ("worst", "overall"))
    return verdict(profile, _paired_numbers(worst, overall), evidence)


def fawa_smooths(runs: Runs, profile: Profile) -> Verdict:
    """Fig. 4(b): FAWA's worst class moves by less than the paper's 1 point, told beside the live one's change."""
    ours, live_changes, accepted_count, epoch_count, at_runs = {}, [], 0, 0, row_runs(runs, profile, "at")
    for seed, run in at_runs.items():
        if shared := {epoch for epoch, _, _ in changes(run, "fawa")}:
            ours[seed] = mean_change(run, "fawa", "worst", shared)
            live_changes.append(mean_change(run, "live", "worst", shared))
            accepted_count += sum(run.record.epochs[e - 1].accepted["fawa"] for e in shared)
            epoch_count += len(shared)
    limit = QUOTED["fig4_fawa_change"]
    evidence = f"AT + FAWA, mean |change| of the {worst_label(profile)} between adjacent epochs ({CHANGE_EPOCHS}), "
    evidence += f"against {limit}"
    notes, _ = stand_in_notes(runs, profile, ("at_fawa",))
    notes = [note.partition(":")[0] for note in notes]  # nothing stands in here
    if at_runs and not live_changes:
        return Verdict(NOT_RUN, evidence="; ".join((NO_CHANGE_EPOCHS, *notes)))
    if live_changes:
        evidence += f" (live over the same epochs {percent(mean_value(live_changes))} points; FAWA took in "
        evidence += f"{accepted_count} of these {epoch_count} epochs, and one left out changes nothing)"
    return verdict(profile, paired(ours, dict.fromkeys(ours, 0.0)), evidence, -1, limit.value / 100, notes=tuple(notes))


def _paired_numbers(ours, theirs):
    """Paired by seed, without the seeds in which one of the two has no number (an empty group, no such epoch)."""
    return paired(*({s: v for s, v in d.items() if v is not None and not math.isnan(v)} for d in (ours, theirs)))


def every_method(
    runs: Runs,
    profile: Profile,
    pairs: Pairs,
    quantity: str = "robust_worst",
    sign: int = +1,
    border: float = 0.0,
    paper: dict[str, Gap] | None = None,
) -> Verdict:
    """Several rows against their bases, all of them.

    Args:
        pairs: {name: (row, base)}.
        paper: {name: the paper's own `Gap`}.
    """
    paper = paper or {}
    return all_of({
        name: rows_compared(runs, profile, row, base, quantity, sign=sign, border=border, paper=paper.get(name))
        for name, (row, base) in pairs.items()
    })  # fmt: skip


def both_quantities(runs: Runs, profile: Profile, row: str, base: str, paper: dict[str, Gap]) -> Verdict:
    """A row ahead of another one in average and in worst class; `paper` maps each quantity to the paper's `Gap`."""
    return all_of({
        quantity_text(profile, quantity): rows_compared(runs, profile, row, base, quantity, paper=gap)
        for quantity, gap in paper.items()
    })  # fmt: skip


def every_lambda(runs: Runs, profile: Profile, statistic: str) -> Verdict:
    """Fig. 5(a): the least gain over AT among all lambda_1, seed by seed (PGD-10, best checkpoint)."""
    at_accuracies = {s: getattr(r.pgd10("live", "best"), statistic) for s, r in find(runs, profile, "at").items()}
    gains = {}
    for value in profile.lambdas_1:
        for seed, run in find(runs, profile, "at_ccm", lambda_1=value).items():
            if seed in at_accuracies:
                gains.setdefault(seed, []).append(getattr(run.pgd10("live", "best"), statistic) - at_accuracies[seed])
    least = {s: min(g) for s, g in gains.items() if len(g) == len(profile.lambdas_1)}
    name = {"overall": "average", "worst": worst_label(profile)}[statistic]
    evidence = f"AT + CCM minus AT, {name}, the least gain among the lambda_1 tried (PGD-10, best checkpoint)"
    return verdict(profile, paired(least, dict.fromkeys(least, 0.0)), evidence)


def margins_sort(runs: Runs, profile: Profile, group: str, sign: int) -> Verdict:
    """Fig. 5(b): the calibrated margins of the hard (easy) classes lie below (above) eps."""
    ccm_runs, classes = row_runs(runs, profile, "at_ccm"), class_groups(profile, runs)[group]
    excess = {s: margin_excess(run, classes) for s, run in ccm_runs.items()} if classes else {}
    span = f" over the {last_text(next(iter(ccm_runs.values())).config)}" if excess else ""
    evidence = f"AT + CCM, mean margin of the {group} classes{span}, less eps"
    evidence += f" ({swing_note(ccm_runs.values(), classes, group)})" if excess else ""
    return verdict(profile, paired(excess, dict.fromkeys(excess, 0.0)), evidence, sign, unit="% of eps")


def evened_out(runs: Runs, profile: Profile, pairs: Pairs, selection: str = "best") -> Verdict:
    """Appendix C.2: the robust accuracies of the classes differ less from one another than in the base, all `pairs`."""
    return all_of({name: _spread_change(runs, profile, *pair, selection) for name, pair in pairs.items()})


def _spread_change(runs, profile, row, base, selection):
    ours, theirs = (
        {s: class_spread(a) for s, a in accuracies(runs, profile, key, selection).items()} for key in (row, base)
    )
    evidence = f"{ROWS[row].label} minus {ROWS[base].label}, standard deviation over classes, "
    evidence += f"{attack_label(profile)}, {SELECTIONS[selection]}"
    return _row_verdict(runs, profile, (row, base), paired(ours, theirs), evidence, sign=-1)


def _row_verdict(runs, profile, keys, comparison, evidence, **options):
    """`verdict` for table rows: not run where an average accepted no epoch in any seed, else its stand-ins are told."""
    notes, comparable = stand_in_notes(runs, profile, keys)
    if not comparable:
        return Verdict(NOT_RUN, evidence="; ".join((evidence, *notes)))
    return verdict(profile, comparison, evidence, notes=notes, **options)


def no_class_harmed(runs: Runs, profile: Profile, pairs: Pairs, selection: str = "best") -> Verdict:
    """Appendix C.2: no class loses a point or more, not even the one that loses most in the mean over seeds."""
    return all_of({name: _least_change(runs, profile, *pair, selection) for name, pair in pairs.items()})


def _least_change(runs, profile, row, base, selection):
    ours, theirs = (
        {s: a.per_class for s, a in accuracies(runs, profile, key, selection).items()} for key in (row, base)
    )
    seeds = sorted(set(ours) & set(theirs))
    evidence = f"{ROWS[row].label} minus {ROWS[base].label}, the class of smallest mean change (harm: 1 point or more)"
    evidence += f", {attack_label(profile)}, {SELECTIONS[selection]}"
    if not seeds:
        return verdict(profile, paired({}, {}), evidence)
    means = [mean_value([ours[s][k] - theirs[s][k] for s in seeds]) for k in range(len(ours[seeds[0]]))]
    least = means.index(min(means))
    comparison = paired(*({s: values[s][least] for s in seeds} for values in (ours, theirs)))
    return _row_verdict(runs, profile, (row, base), comparison, evidence, border=-0.01)
