"""From a comparison paired by seed to a verdict: one rule for all claims, fixed before the published runs were made.

Where the whole 95 % interval lies on the claim's side the claim is supported, on the other side contradicted; where it
lies within a point of 0 on both sides there is no difference worth the name; else the records do not decide. On the
paper's own protocol a claim that holds is reproduced only if the paper's number fits ours too (`fits`).
"""

import math
from collections.abc import Sequence

from cfa_nb.config import LIVE
from cfa_nb.recipes import ROWS
from cfa_nb.runs.study import Profile
from cfa_pages.claims.base import HERE, NO_DIFFERENCE, NOT_JUDGED, NOT_RUN, UNDECIDED, Verdict, Words, words_of
from cfa_pages.results.paper import Gap
from cfa_pages.results.rows import (
    SELECTIONS,
    aa_difference,
    accuracies,
    attack_label,
    row_difference,
    row_runs,
    worst_label,
)
from cfa_pages.results.runs import Results
from cfa_pages.results.stats import MANY_SEEDS, ROUNDING, Paired, count, points, worst_bias

OTHER_SIDE = "the whole interval lies on the other side"  # what "contradicted" means, told in every such verdict
SMALL = 0.01  # a difference of less than a point is none
Z = 1.96  # standard errors of the paper's own difference by which ours may miss it
FEW_ACCEPTED = 5  # an average of fewer epochs is hardly one, and nothing is judged by it


def verdict_of(
    comparison: Paired,
    evidence: str,
    sign: int = +1,
    border: float = 0.0,
    unit: str = "points",
    words: Words = HERE,
    paper: Gap | None = None,
    notes: Sequence[str] = (),
    aa: Paired | None = None,
) -> Verdict:
    """The verdict on "this difference lies beyond `border`": above it for sign +1, below it for sign -1.

    Args:
        comparison: a `Paired`.
        evidence: one sentence: what was compared.
        words: `HERE` or `PROTOCOL`.
        paper: the paper's own `Gap`; told and judged by `PROTOCOL` alone, None where the claim gives no number.
        notes: further parts of the evidence.
        aa: the same difference under standard AutoAttack; where that decides otherwise, nothing is decided.
    """
    if comparison.n == 0:
        return Verdict(NOT_RUN, evidence="; ".join((evidence, *notes)))
    paper = paper if words.holds != words.other_size else None
    status = _status(comparison, sign, border, unit, words, paper)
    side = _side(comparison, sign, border)
    if aa is not None and aa.n:
        notes = (f"standard AutoAttack: {aa}", *notes)
        status = UNDECIDED if side * _side(aa, sign, border) < 0 else status
    ahead = sum(sign * (d - border) > 0 for d in comparison.differences)
    seeds = f"{ahead} of {count(comparison.n, 'seed')} on the claim's side"
    seeds += f"; {OTHER_SIDE}" if status == words.fails else ""
    seeds += f"; {_seeds_text(comparison, border)}" if status == UNDECIDED and comparison.n > 1 else ""
    notes = (*([fit_text(comparison, paper)] if paper else []), *notes)
    text = "; ".join((evidence, seeds, *notes)) + "."
    low, high = comparison.interval if comparison.n > 1 else comparison.images or (math.nan, math.nan)
    numbers = tuple(100 * v for v in (comparison.mean, low, high))
    estimate = f"{points(comparison.mean)} {unit}"
    p = comparison.p_value(border) if comparison.n > 1 else None
    return Verdict(status, estimate, comparison.interval_text, comparison.n, text, numbers, p)


def _status(comparison, sign, border, unit, words, paper):
    side = _side(comparison, sign, border)
    if words is HERE and border == 0 and unit == "points" and max(map(abs, comparison.interval)) < SMALL:
        return NO_DIFFERENCE
    holds = words.holds if paper is None or fits(comparison, paper) else words.other_size
    return {1: holds, -1: words.fails, 0: UNDECIDED}[side]


def _side(comparison, sign, border):
    """1 where the whole interval lies on the claim's side of the border, -1 on the other, 0 where it covers it."""
    low, high = sorted(sign * (v - border) for v in comparison.interval)
    # ROUNDING: where all seeds agree the interval has no width, and may lie on the border itself
    return 1 if low > ROUNDING else -1 if high < -ROUNDING else 0


def _seeds_text(comparison, border):
    seeds = comparison.seeds_to_decide(border)
    return f"{seeds} seeds would decide it" if seeds else f"{MANY_SEEDS} seeds would not decide it"


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


def few_accepted_notes(results: Results, keys: Sequence[str], selection: str) -> tuple[str, ...]:
    """A sentence for each row whose average had accepted too few epochs in some seed: nothing is judged by such a row.

    Too few are less than `FEW_ACCEPTED`, or than all that a run too short for so many could give.
    """
    return tuple(note for key in keys if (note := _few_accepted(results, key, selection)))


def _few_accepted(results, key, selection):
    weights, few = ROWS[key].weights, []
    for seed, run in row_runs(results, key).items() if weights != LIVE else ():
        spec = next((a for a in run.record.averages if a.name == weights), None)
        if spec is None:  # a study without averages: the row is not run
            continue
        accepted = 0 if run.record.never_accepted(weights) else run.accepted(weights, selection)
        if accepted < min(FEW_ACCEPTED, run.config.epochs - spec.start + 1):
            few.append(f"{accepted} in seed {seed}")
    name = weights.upper()
    return f"{ROWS[key].label}, {SELECTIONS[selection]}: {name} had accepted {', '.join(few)}" if few else ""


def rows_compared(
    results: Results,
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
    comparisons = {s: row_difference(results, row, base, s, quantity) for s in SELECTIONS}
    conditions = f"{quantity_text(results.profile, quantity)}, {attack_label(results.profile)}, {SELECTIONS[selection]}"
    evidence = [f"{ROWS[row].label} minus {ROWS[base].label}, {conditions}"]
    if (few := few_accepted_notes(results, (row, base), selection)) and comparisons[selection].n:
        return Verdict(NOT_JUDGED, evidence="; ".join((*evidence, *few)))
    others = ((SELECTIONS[s], d) for s, d in comparisons.items() if s != selection and d.n)
    evidence += [f"{name} {points(d.mean)} [{d.interval_text}]" for name, d in others]
    notes = bias_notes(results, (row, base), selection) if quantity == "robust_worst" else ()
    aa = aa_difference(results, row, base, quantity) if selection == "last" else None
    return verdict_of(
        comparisons[selection], "; ".join(evidence), sign, border, "points", words_of(results.profile), paper, notes, aa
    )


def quantity_text(profile: Profile, quantity: str) -> str:
    """ "average", "worst class", "clean, worst class" of a quantity of `rows.QUANTITIES`."""
    metric, statistic = quantity.split("_")
    name = "average" if statistic == "avg" else worst_label(profile)
    return name if metric == "robust" else f"{metric}, {name}"


def bias_notes(results: Results, keys: Sequence[str], selection: str) -> tuple[str, ...]:
    """(text,): by how many points the worst class of each row reads low, mean over seeds; () where none is known."""
    texts = []
    for key in keys:
        biases = [worst_bias(a)[0] for a in accuracies(results, key, selection).values()]
        if biases:
            texts.append(f"{ROWS[key].label} {points(sum(biases) / len(biases))}")
    return (f"bias of the minimum, in points: {', '.join(texts)}",) if texts else ()
