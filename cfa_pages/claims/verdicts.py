"""From a comparison paired by seed to a verdict: one rule for all claims.

A claim holds where the whole 95 % interval lies on its side, fails where it lies wholly on the other side, and is
inconclusive otherwise: the interval covers the border, or a single seed gives none. On the paper's own protocol a claim
that holds is reproduced only if the paper's number fits ours too (`fits`); else its direction alone is.
"""

from collections.abc import Sequence

from cfa_nb.config import ROWS
from cfa_nb.runs.study import Profile
from cfa_pages.claims.base import HERE, INCONCLUSIVE, NOT_RUN, RANKS, Verdict, Words, words_of
from cfa_pages.results.paper import Gap
from cfa_pages.results.rows import (
    SELECTIONS,
    accuracies,
    attack_label,
    only_stand_ins,
    row_difference,
    stand_in_text,
    worst_label,
)
from cfa_pages.results.runs import Runs
from cfa_pages.results.stats import ROUNDING, Paired, count, points, worst_bias

OTHER_SIDE = "the whole interval lies on the other side"  # what "not shown here" means, told in every such verdict
Z = 1.96  # standard errors of the paper's own difference by which ours may miss it


def verdict_of(
    comparison: Paired,
    evidence: str,
    sign: int = +1,
    border: float = 0.0,
    unit: str = "points",
    words: Words = HERE,
    paper: Gap | None = None,
    notes: Sequence[str] = (),
) -> Verdict:
    """The verdict on "this difference lies beyond `border`": above it for sign +1, below it for sign -1.

    Args:
        comparison: a `Paired`.
        evidence: one sentence: what was compared.
        words: `HERE` or `PROTOCOL`.
        paper: the paper's own `Gap`; told and judged by `PROTOCOL` alone, None where the claim gives no number.
        notes: further parts of the evidence.
    """
    if comparison.n == 0:
        return Verdict(NOT_RUN, evidence="; ".join((evidence, *notes)))
    low, high = sorted(sign * (v - border) for v in comparison.interval)
    paper = paper if words.holds != words.other_size else None
    agrees = paper is None or fits(comparison, paper)
    holds = words.holds if agrees else words.other_size
    # ROUNDING: where all seeds agree the interval has no width, and may lie on the border itself
    status = holds if low > ROUNDING else words.fails if high < -ROUNDING else INCONCLUSIVE
    ahead = sum(sign * (d - border) > 0 for d in comparison.differences)
    seeds = f"{ahead} of {count(comparison.n, 'seed')} on the claim's side"
    seeds += f"; {OTHER_SIDE}" if status == words.fails else ""
    notes = (*([fit_text(comparison, paper)] if paper else []), *notes)
    text = "; ".join((evidence, seeds, *notes)) + "."
    return Verdict(status, f"{points(comparison.mean)} {unit}", comparison.interval_text, comparison.n, text)


def fits(comparison: Paired, paper: Gap) -> bool:
    """Whether the paper's `Gap` lies within our interval, widened by `Z` standard errors of the paper's own."""
    low, high = comparison.interval
    slack = Z * paper.error + ROUNDING
    return low - slack <= paper.mean <= high + slack


def fit_text(comparison: Paired, paper: Gap) -> str:
    """Whether the paper's number fits ours, in words; one seed cannot tell."""
    if comparison.n < 2:
        return f"one seed cannot tell whether the paper's {paper} fit"
    return f"the paper's {paper} {'fit' if fits(comparison, paper) else 'do not fit'} ours"


def stand_in_notes(runs: Runs, profile: Profile, keys: Sequence[str]) -> tuple[tuple[str, ...], bool]:
    """What the claims on some rows must say where an average accepted no epoch.

    Returns:
        (notes, comparable): a sentence for each row in which other weights stand in, and whether all rows show what
        they are named for in at least one seed; without that nothing can be said of them.
    """
    notes = dict.fromkeys(text for key in keys if (text := stand_in_text(runs, profile, key)))
    return tuple(notes), not any(only_stand_ins(runs, profile, key) for key in keys)


def rows_compared(
    runs: Runs,
    profile: Profile,
    row: str,
    base: str,
    quantity: str = "robust_worst",
    selection: str = "best",
    sign: int = +1,
    border: float = 0.0,
    paper: Gap | None = None,
) -> Verdict:
    """Verdict on a table row against another one; the evidence tells the other selections too.

    `paper` is the paper's own `Gap` between the two rows.
    """
    selections = [selection] + [s for s in SELECTIONS if s != selection]
    comparisons = {s: row_difference(runs, profile, row, base, s, quantity) for s in selections}
    conditions = f"{quantity_text(profile, quantity)}, {attack_label(profile)}, {SELECTIONS[selection]}"
    evidence = [f"{ROWS[row].label} minus {ROWS[base].label}, {conditions}"]
    notes, comparable = stand_in_notes(runs, profile, (row, base))
    if not comparable:
        return Verdict(NOT_RUN, evidence="; ".join((*evidence, *notes)))
    other_comparisons = ((SELECTIONS[s], d) for s, d in comparisons.items() if s != selection and d.n)
    evidence += [f"{name} {points(d.mean)} [{d.interval_text}]" for name, d in other_comparisons]
    notes += bias_notes(runs, profile, (row, base), selection) if quantity == "robust_worst" else ()
    return verdict_of(
        comparisons[selection], "; ".join(evidence), sign, border, "points", words_of(profile), paper, notes
    )


def quantity_text(profile: Profile, quantity: str) -> str:
    """ "average", "worst class", "clean, worst class" of a quantity of `rows.QUANTITIES`."""
    metric, statistic = quantity.split("_")
    name = "average" if statistic == "avg" else worst_label(profile)
    return name if metric == "robust" else f"{metric}, {name}"


def bias_notes(runs: Runs, profile: Profile, keys: Sequence[str], selection: str) -> tuple[str, ...]:
    """(text,): by how many points the worst class of each row reads low, mean over seeds; () where none is known."""
    texts = []
    for key in keys:
        biases = [worst_bias(a)[0] for a in accuracies(runs, profile, key, selection).values()]
        if biases:
            texts.append(f"{ROWS[key].label} {points(sum(biases) / len(biases))}")
    return (f"bias of the minimum, in points: {', '.join(texts)}",) if texts else ()


def all_of(verdicts: dict[str, Verdict]) -> Verdict:
    """One verdict on "all of these hold", from {name: Verdict}: the worst status counts, each part's own is told."""
    status = min((v.status for v in verdicts.values()), key=RANKS.index)
    evidence = " ".join(f"{name}: {v.status}; {v.evidence.removesuffix('.')}." for name, v in verdicts.items())
    if status == NOT_RUN:
        return Verdict(NOT_RUN, evidence=evidence)
    estimate = ", ".join(f"{name} {v.estimate.removesuffix(' points')}" for name, v in verdicts.items()) + " points"
    interval = ", ".join(f"{name} {v.interval}" for name, v in verdicts.items())
    return Verdict(status, estimate, interval, min(v.n for v in verdicts.values()), evidence)
