"""What a claim is, and what is said of it: `Claim` and `Verdict`.

A verdict comes from records (or, for the theorems, from a proof or a counterexample); nobody types one.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from cfa_nb.runs.study import Profile

SHOWN, NOT_SHOWN = "shown here", "not shown here"
REPRODUCED, DIRECTION, NOT_REPRODUCED = "reproduced", "direction only", "not reproduced"
INCONCLUSIVE, NOT_RUN = "inconclusive", "not run"

#: From the worst to the best that can be said: "all of these hold" is worth no more than its worst part.
RANKS = (NOT_RUN, NOT_SHOWN, NOT_REPRODUCED, INCONCLUSIVE, DIRECTION, SHOWN, REPRODUCED)


class Words(NamedTuple):
    """How verdicts are worded: the claim holds; it holds, but the paper's number does not fit; it fails."""

    holds: str
    other_size: str
    fails: str


HERE = Words(SHOWN, SHOWN, NOT_SHOWN)  # other data, network or schedule: the paper's number is not held against ours
PROTOCOL = Words(REPRODUCED, DIRECTION, NOT_REPRODUCED)


def words_of(profile: Profile) -> Words:
    """`PROTOCOL` where data, network, schedule and attack are the paper's, `HERE` everywhere else."""
    return PROTOCOL if profile.paper_protocol else HERE


@dataclass(frozen=True)
class Verdict:
    """What the records say of one claim.

    status: on the paper's own protocol "reproduced", "direction only" or "not reproduced", on any other "shown here"
        or "not shown here"; on both "inconclusive" or "not run"; for a theorem "proved", "proved under added
        conditions" or "refuted as stated".
    estimate: the measured quantity with its unit, such as "+5.7 points"; None where there is none.
    interval: its 95 % interval, such as "+1.2 to +10.2"; None where there is none.
    n: how many seeds (or cases) it rests on.
    evidence: one sentence: what was compared with what, and what else is worth knowing.
    """

    status: str
    estimate: str | None = None
    interval: str | None = None
    n: int | None = None
    evidence: str = ""


@dataclass(frozen=True)
class Claim:
    """One sentence of the paper that can turn out true or false.

    key: short name, unique in the ledger.
    place: where the paper says it, such as "Sec. 3.1, Fig. 2(b)".
    sentence: what it says, in its own words as far as they fit.
    paper_value: the number that it gives, as text; None where it gives none.
    check: `check(runs, profile) -> Verdict`.
    """

    key: str
    place: str
    sentence: str
    paper_value: str | None
    check: Callable[..., Verdict]
