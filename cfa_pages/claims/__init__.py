"""The paper's claims, and a verdict for each: `ledger(runs, profile)` is the first table a reader sees.

`base` says what a claim and a verdict are, `theory` holds those of Section 2, `experiments` those of Sections 3 and 5.
"""

from collections.abc import Iterable

import pandas as pd

from cfa_nb.runs.study import Profile
from cfa_pages.claims.base import (
    DIRECTION,
    INCONCLUSIVE,
    NOT_REPRODUCED,
    NOT_RUN,
    NOT_SHOWN,
    REPRODUCED,
    SHOWN,
    Claim,
    Verdict,
    words_of,
)
from cfa_pages.claims.experiments import CLAIMS as EXPERIMENTS
from cfa_pages.claims.theory import CLAIMS as THEORY
from cfa_pages.claims.verdicts import OTHER_SIDE, Z
from cfa_pages.results.runs import Runs

SIGNS = {
    SHOWN: "✓", REPRODUCED: "✓", DIRECTION: "◐", NOT_SHOWN: "✗", NOT_REPRODUCED: "✗", INCONCLUSIVE: "~", NOT_RUN: "·",
    "proved": "✓", "proved under added conditions": "△",
}  # fmt: skip

ALL = (*THEORY, *EXPERIMENTS)


def judge(runs: Runs, profile: Profile, claims: Iterable[Claim] = ALL) -> list[tuple[Claim, Verdict]]:
    """[(Claim, Verdict)] in the paper's order."""
    return [(claim, claim.check(runs, profile)) for claim in claims]


def ledger(runs: Runs, profile: Profile, claims: Iterable[Claim] = ALL) -> pd.DataFrame:
    """DataFrame: a row a claim, with the paper's value, the verdict, estimate, interval, n and evidence."""
    return pd.DataFrame([_row(claim, verdict) for claim, verdict in judge(runs, profile, claims)])


def _row(claim, verdict):
    return {
        "Place": claim.place,
        "Claim": claim.sentence,
        "paper, CIFAR-10": claim.paper_value or "",
        "Verdict": f"{_sign(verdict)} {verdict.status}",
        "Estimate": verdict.estimate or "",
        "95 % interval": verdict.interval or "",
        "n": "" if verdict.n is None else str(verdict.n),
        "Evidence": verdict.evidence,
    }


def tally(runs: Runs, profile: Profile, claims: Iterable[Claim] = ALL) -> str:
    """How many claims have which verdict, in words: "12 shown here, 3 not shown here, ..."."""
    statuses = [verdict.status for _, verdict in judge(runs, profile, claims)]
    return ", ".join(f"{statuses.count(s)} {s}" for s in dict.fromkeys(sorted(statuses, key=_rank)))


def verdicts(runs: Runs, profile: Profile, *keys: str) -> str:
    """Markdown: one line for each of the named claims, as the end of a page wants it."""
    chosen = [c for c in ALL if c.key in keys]
    if unknown := set(keys) - {c.key for c in chosen}:
        raise KeyError(f"no claim named {', '.join(sorted(unknown))}")
    return "\n".join(_line(claim, verdict) for claim, verdict in judge(runs, profile, chosen))


def _line(claim, verdict):
    paper = f"; paper {claim.paper_value}" if claim.paper_value else ""
    interval = f" [{verdict.interval}]" if verdict.interval else ""
    ours = f"here {verdict.estimate}{interval}, n = {verdict.n}" if verdict.estimate else "nothing to judge it by"
    status = f"{_sign(verdict)} **{verdict.status}**{_meaning(verdict)}"
    return f"- {status}: {claim.sentence} ({claim.place}{paper}; {ours})"


def _meaning(verdict):
    if verdict.status == DIRECTION:
        return ", the paper's number does not fit"
    if verdict.status not in (NOT_SHOWN, NOT_REPRODUCED):
        return ""
    several = "," in (verdict.interval or "")
    return ", " + (OTHER_SIDE.replace("the whole", "at least one whole") if several else OTHER_SIDE)


def _sign(verdict):
    return SIGNS.get(verdict.status, "✗")


def _rank(status):
    order = (REPRODUCED, DIRECTION, NOT_REPRODUCED, SHOWN, NOT_SHOWN, INCONCLUSIVE, NOT_RUN)
    return order.index(status) if status in order else -1


def rule_text(profile: Profile) -> str:
    """Markdown: what the words of the verdicts mean under this profile, as `verdicts.verdict_of` applies them."""
    words = words_of(profile)
    side = "the whole 95 % interval of the difference, paired by seed, lies on the claim's side"
    text = f"**{words.holds.capitalize()}** means: {side}"
    if profile.paper_protocol:
        text += (
            f", and the paper's number, where the claim gives one, lies within our interval widened by {Z} standard "
            f"errors of the paper's own difference. **{words.other_size.capitalize()}**: the interval lies on the "
            f"claim's side, but the paper's number does not fit"
        )
    text += f". **{words.fails.capitalize()}**: {OTHER_SIDE}, so the records speak against the claim"
    text += "" if profile.paper_protocol else " on this data"
    return (
        f"{text}. **Inconclusive**: the interval covers the border, or there is one seed. What is then shown as the "
        f"interval covers the noise of the test images, and says nothing of how another seed would train; only "
        f"comparisons of table rows have such an interval, and one seed of anything else has none. "
        f"**Not run**: no record, no such group of classes or epochs, or an average that accepted no epoch in any seed."
    )


__all__ = ["ALL", "EXPERIMENTS", "THEORY", "Claim", "Verdict", "judge", "ledger", "rule_text", "tally", "verdicts"]
