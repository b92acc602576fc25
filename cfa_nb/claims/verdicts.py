"""From a comparison paired by seed to a verdict: one rule for all claims.

A claim is shown where the whole 95 % interval lies on its side, not shown where it lies wholly on the other side, and
inconclusive otherwise: the interval covers the border, or a single seed gives none.
"""

import math

from cfa_nb.claims.base import INCONCLUSIVE, NOT_RUN, NOT_SHOWN, SHOWN, Verdict
from cfa_nb.config import ROWS
from cfa_nb.rows import SELECTIONS, attack_label, by_seed
from cfa_nb.stats import paired, points

OTHER_SIDE = "the whole interval lies on the other side"  # what "not shown here" means, told in every such verdict
WHAT = {
    "robust_worst": "worst class",
    "robust_avg": "average",
    "clean_avg": "clean",
    "clean_worst": "worst clean class",
}


def verdict_of(comparison, evidence, sign=+1, border=0.0, unit="points"):
    """The verdict on "this difference lies beyond `border`": above it for sign +1, below it for sign -1.

    Args:
        comparison: a `Paired`.
        evidence: one sentence: what was compared.
    """
    if comparison.n == 0:
        return Verdict(NOT_RUN, evidence=evidence)
    low, high = sorted(sign * (v - border) for v in comparison.interval)
    status = SHOWN if low > 0 else NOT_SHOWN if high < 0 else INCONCLUSIVE
    ahead = sum(sign * (d - border) > 0 for d in comparison.differences)
    seeds = f"{ahead} of {comparison.n} seed{'s' * (comparison.n > 1)} on the claim's side"
    seeds += f"; {OTHER_SIDE}" if status == NOT_SHOWN else ""
    return Verdict(
        status, _value(comparison.mean, unit), interval_text(comparison), comparison.n, f"{evidence}; {seeds}."
    )


def interval_text(comparison):
    """ "+1.2 to +10.2", or None where one seed gives no interval."""
    low, high = comparison.interval
    return None if math.isinf(low) else f"{points(low)} to {points(high)}"


def _bracket(comparison):
    interval = interval_text(comparison)
    return f" [{interval}]" if interval else ""


def _value(mean, unit):
    return f"{points(mean)} {unit}"


def rows_compared(runs, profile, row, base, measure="robust_worst", selection="best", sign=+1, border=0.0):
    """Verdict on a table row against another one; the evidence tells the other selections too."""
    selections = [selection] + [s for s in SELECTIONS if s != selection]
    found = {s: row_difference(runs, profile, row, base, s, measure) for s in selections}
    told = [
        f"{ROWS[row].label} minus {ROWS[base].label}, {WHAT[measure]}, {attack_label(profile)}, {SELECTIONS[selection]}"
    ]
    told += [f"{SELECTIONS[s]} {points(d.mean)}{_bracket(d)}" for s, d in found.items() if s != selection and d.n]
    return verdict_of(found[selection], "; ".join(told), sign, border)


def row_difference(runs, profile, row, base, selection, measure):
    """A table row minus another one, paired by seed: a `Paired`."""
    return paired(by_seed(runs, profile, row, selection, measure), by_seed(runs, profile, base, selection, measure))


def all_of(verdicts):
    """One verdict on "all of these hold", from {name: Verdict}: each estimate stays in sight."""
    found = {v.status for v in verdicts.values()}
    status = next(s for s in (NOT_RUN, NOT_SHOWN, INCONCLUSIVE, SHOWN) if s in found)
    if status == NOT_RUN:
        return Verdict(NOT_RUN, evidence="; ".join(v.evidence for v in verdicts.values() if v.status == NOT_RUN))
    estimate = ", ".join(f"{name} {v.estimate.removesuffix(' points')}" for name, v in verdicts.items()) + " points"
    interval = ", ".join(f"{name} {v.interval or 'none'}" for name, v in verdicts.items())
    evidence = " ".join(f"{name}: {v.status}." for name, v in verdicts.items())
    return Verdict(status, estimate, interval, min(v.n for v in verdicts.values()), evidence)
