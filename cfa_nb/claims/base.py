"""What a claim is, and what is said of it: `Claim` and `Verdict`.

A verdict comes from records (or, for the theorems, from a proof or a counterexample); nobody types one.
"""

from collections.abc import Callable
from dataclasses import dataclass

SHOWN, NOT_SHOWN = "shown here", "not shown here"
INCONCLUSIVE, NOT_RUN = "inconclusive", "not run"


@dataclass(frozen=True)
class Verdict:
    """What the records say of one claim.

    status: on `demo`, `digits` and `smoke` one of "shown here", "not shown here", "inconclusive", "not run"; for a
        theorem "proved", "proved under added conditions" or "refuted as stated".
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
