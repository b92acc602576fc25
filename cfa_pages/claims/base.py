"""What a claim is, and what is said of it: `Claim` and `Verdict`.

A verdict comes from records (or, for the theorems, from a proof or a counterexample); nobody types one.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from cfa_nb.runs.study import Profile
from cfa_pages.results.paper import Gap

SUPPORTED, CONTRADICTED = "supported here", "contradicted here"
REPRODUCED, DIRECTION, NOT_REPRODUCED = "reproduced", "direction only", "not reproduced"
NO_DIFFERENCE, UNDECIDED = "no difference here", "undecided here"
NOT_JUDGED, NOT_RUN = "not judged", "not run"

#: In the order in which a tally names them.
STATUSES = (
    REPRODUCED, DIRECTION, NOT_REPRODUCED, SUPPORTED, CONTRADICTED, NO_DIFFERENCE, UNDECIDED, NOT_JUDGED, NOT_RUN,
)  # fmt: skip


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
    """

    status: str
    estimate: str | None = None
    interval: str | None = None
    n: int | None = None
    evidence: str = ""
    numbers: tuple[float, float, float] | None = None
    p: float | None = None


@dataclass(frozen=True)
class Claim:
    """One sentence of the paper that can turn out true or false.

    key: short name, unique in the ledger.
    place: where the paper says it, such as "Sec. 3.1, Fig. 2(b)".
    sentence: what it says, in its own words as far as they fit.
    paper_value: the number that it gives, as text; None where it gives none.
    check: `check(results) -> Verdict`.
    label: what is measured, in a few words, for a picture.
    gap: the paper's own difference, where the claim is one between two rows of a table.
    """

    key: str
    place: str
    sentence: str
    paper_value: str | None
    check: Callable[..., Verdict]
    label: str = ""
    gap: Gap | None = None

    @property
    def section(self) -> str:
        """Such as "Sec. 5.2": the family of claims within which Holm's correction is made."""
        return ".".join(self.place.partition(",")[0].split(".")[:3])
