"""What a claim is and what is said of it: one rule for all claims, fixed before the published runs were made.

A verdict comes from records (or, for the theorems, from a proof or a counterexample); nobody types one. Where the whole
95 % interval lies on the claim's side the claim is supported, on the other side contradicted; where it lies within a
point of 0 on both sides there is no difference worth the name; else the records do not decide. On the paper's own
protocol a claim that holds is reproduced only if the paper's number fits ours too (`fits`).
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from cfa_nb.card.card import worst_bias
from cfa_nb.config import LIVE
from cfa_nb.recipes import ROWS
from cfa_nb.runs.study import Profile
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
from cfa_pages.results.stats import MANY_SEEDS, ROUNDING, Paired, count, points

SUPPORTED, CONTRADICTED = "supported here", "contradicted here"
REPRODUCED, DIRECTION, NOT_REPRODUCED = "reproduced", "direction only", "not reproduced"
NO_DIFFERENCE, UNDECIDED = "no difference here", "undecided here"
NOT_JUDGED, NOT_RUN = "not judged", "not run"

#: In the order in which a tally names them.
STATUSES = (
    REPRODUCED, DIRECTION, NOT_REPRODUCED, SUPPORTED, CONTRADICTED, NO_DIFFERENCE, UNDECIDED, NOT_JUDGED, NOT_RUN,
)  # fmt: skip

OTHER_SIDE = "the whole interval lies on the other side"  # what "contradicted" means, told in every such verdict
SMALL = 0.01  # a difference of less than a point is none
Z = 1.96  # standard errors of the paper's own difference by which ours may miss it
FEW_ACCEPTED = 5  # an average of fewer epochs is hardly one, and nothing is judged by it


class Words(NamedTuple):
    """How verdicts are worded: the claim holds; it holds, but the paper's number does not fit; it fails."""

    holds: str
    other_size: str
    fails: str


HERE = Words(SUPPORTED, SUPPORTED, CONTRADICTED)  # other data or network: the paper's number is not held against ours
PROTOCOL = Words(REPRODUCED, DIRECTION, NOT_REPRODUCED)


def words_of(profile: Profile) -> Words:
    """`PROTOCOL` where data, network, schedule and attack are the paper's, `HERE` everywhere else."""
    return PROTOCOL if profile.paper_protocol else HERE


@dataclass(frozen=True)
class Verdict:
    """What the records say of one claim.

    status: one of `STATUSES`; for a theorem "proved", "proved under conditions" or "refuted".
    estimate: the measured quantity with its unit, such as "+5.7 points"; None where there is none.
    interval: its 95 % interval, such as "+1.2 to +10.2"; None where there is none.
    n: how many seeds (or cases) it rests on.
    evidence: one sentence: what was compared with what, and what else is worth knowing.
    numbers: (mean, low, high) in points, or in the estimate's unit, for a picture; None where there is none.
    p: p-value of the difference lying at the claim's border; None where nothing was compared.
    border: what the difference must lie beyond, as `numbers`, for a picture.
    unit: of the numbers and the border.
    """

    status: str
    estimate: str | None = None
    interval: str | None = None
    n: int | None = None
    evidence: str = ""
    numbers: tuple[float, float, float] | None = None
    p: float | None = None
    border: float = 0.0
    unit: str = "points"


@dataclass(frozen=True)
class Claim:
    """One sentence of the paper that can turn out true or false.

    key: short name, unique in the ledger.
    place: where the paper says it, such as "Sec. 3.1, Fig. 2(b)".
    sentence: what it says, in its own words as far as they fit.
    check: `check(results) -> Verdict`.
    label: what is measured, in a few words, for a picture.
    paper_value: the number that it gives, as text; None where it gives none.
    gap: the paper's own difference, where the claim is one between two rows of a table.
    """

    key: str
    place: str
    sentence: str
    check: Callable[..., Verdict]
    label: str = ""
    paper_value: str | None = None
    gap: Gap | None = None

    @property
    def section(self) -> str:
        """Such as "Sec. 5.2": the family of claims within which Holm's correction is made."""
        return ".".join(self.place.partition(",")[0].split(".")[:3])


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
        return Verdict(NOT_RUN, evidence="; ".join((evidence, *notes)), border=100 * border, unit=unit)
    paper = paper if words.holds != words.other_size else None
    status = _status(comparison, sign, border, unit, words, paper)
    if aa is not None and aa.n:
        notes = (f"standard AutoAttack: {aa}", *notes)
        status = UNDECIDED if _side(comparison, sign, border) * _side(aa, sign, border) < 0 else status
    ahead = sum(sign * (d - border) > 0 for d in comparison.differences)
    seeds = f"{ahead} of {count(comparison.n, 'seed')} on the claim's side"
    seeds += f"; {OTHER_SIDE}" if status == words.fails else ""
    seeds += f"; {_seeds_text(comparison, border)}" if status == UNDECIDED and comparison.n > 1 else ""
    notes = (*([fit_text(comparison, paper)] if paper else []), *notes)
    low, high = comparison.interval if comparison.n > 1 else comparison.images or (math.nan, math.nan)
    return Verdict(
        status,
        f"{points(comparison.mean)} {unit}",
        comparison.interval_text,
        comparison.n,
        "; ".join((evidence, seeds, *notes)) + ".",
        tuple(100 * v for v in (comparison.mean, low, high)),
        comparison.p_value(border) if comparison.n > 1 else None,
        100 * border,
        unit,
    )


def _status(comparison, sign, border, unit, words, paper):
    if words is HERE and border == 0 and unit == "points" and max(map(abs, comparison.interval)) < SMALL:
        return NO_DIFFERENCE
    holds = words.holds if paper is None or fits(comparison, paper) else words.other_size
    return {1: holds, -1: words.fails, 0: UNDECIDED}[_side(comparison, sign, border)]


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
    """A sentence for each row by which nothing is judged: in more than a tenth of its seeds its average had accepted
    too few epochs, less than `FEW_ACCEPTED`, or than all that a run too short for so many could give.
    """  # fmt: skip
    return tuple(note for key in keys if (note := _few_accepted(results, key, selection)))


def _few_accepted(results, key, selection):
    weights, runs, few = ROWS[key].weights, row_runs(results, key), []
    for seed, run in runs.items() if weights != LIVE else ():
        starts = [a.start for a in run.record.averages if a.name == weights]  # none in a study without averages
        accepted = 0 if run.record.never_accepted(weights) else run.accepted(weights, selection)
        if any(accepted < min(FEW_ACCEPTED, run.config.epochs - start + 1) for start in starts):
            few.append(f"{accepted} in seed {seed}")
    name = weights.upper()
    too_many = 10 * len(few) > len(runs)
    return f"{ROWS[key].label}, {SELECTIONS[selection]}: {name} had accepted {', '.join(few)}" if too_many else ""


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
    profile, comparisons = results.profile, {s: row_difference(results, row, base, s, quantity) for s in SELECTIONS}
    name = "average" if quantity == "robust_avg" else worst_label(profile)
    conditions = f"{name}, {attack_label(profile)}, {SELECTIONS[selection]}"
    evidence = [f"{ROWS[row].label} minus {ROWS[base].label}, {conditions}"]
    if (few := few_accepted_notes(results, (row, base), selection)) and comparisons[selection].n:
        return Verdict(NOT_JUDGED, evidence="; ".join((*evidence, *few)))
    others = ((SELECTIONS[s], d) for s, d in comparisons.items() if s != selection and d.n)
    evidence = "; ".join((*evidence, *(f"{name} {points(d.mean)} [{d.interval_text}]" for name, d in others)))
    notes = bias_notes(results, (row, base), selection) if quantity == "robust_worst" else ()
    aa = aa_difference(results, row, base, quantity) if selection == "last" else None
    return verdict_of(comparisons[selection], evidence, sign, border, "points", words_of(profile), paper, notes, aa)


def bias_notes(results: Results, keys: Sequence[str], selection: str) -> tuple[str, ...]:
    """(text,): by how many points the worst class of each row reads low, mean over seeds; () where it does not."""
    texts = []
    for key in keys:
        biases = [worst_bias(a)[0] for a in accuracies(results, key, selection).values()]
        bias = points(sum(biases) / len(biases)) if biases else points(0)
        texts += [f"{ROWS[key].label} {bias}"] if bias != points(0) else []
    return (f"bias of the minimum, in points: {', '.join(texts)}",) if texts else ()
