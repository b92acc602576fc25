"""The paper's claims, and a verdict for each: `ledger(results)` is the first table a reader sees.

`verdicts` says what a claim and a verdict are, `theory` has those of Section 2, `experiments` those of Sections 3 to 5.
"""

from collections.abc import Iterable

import pandas as pd

from cfa_nb.runs.study import Profile
from cfa_pages.claims.experiments import CLAIMS as EXPERIMENTS
from cfa_pages.claims.theory import THEOREMS as THEORY
from cfa_pages.claims.verdicts import (
    CONTRADICTED,
    DIRECTION,
    FEW_ACCEPTED,
    NO_DIFFERENCE,
    NOT_JUDGED,
    NOT_REPRODUCED,
    NOT_RUN,
    OTHER_SIDE,
    REPRODUCED,
    STATUSES,
    SUPPORTED,
    UNDECIDED,
    Claim,
    Verdict,
    Z,
    words_of,
)
from cfa_pages.results.runs import Results
from cfa_pages.results.stats import Cell, holm

SIGNS = {
    SUPPORTED: "✓", REPRODUCED: "✓", DIRECTION: "◐", CONTRADICTED: "✗", NOT_REPRODUCED: "✗", NO_DIFFERENCE: "=",
    UNDECIDED: "~", NOT_JUDGED: "·", NOT_RUN: "·", "proved": "✓", "proved under conditions": "△",
}  # fmt: skip

ALL = (*THEORY, *EXPERIMENTS)


def judge(results: Results, claims: Iterable[Claim] = ALL) -> list[tuple[Claim, Verdict]]:
    """[(Claim, Verdict)] in the paper's order."""
    return [(claim, claim.check(results)) for claim in claims]


def ledger(results: Results, claims: Iterable[Claim] = ALL) -> pd.DataFrame:
    """DataFrame: a row a claim, with the paper's value, the verdict, estimate, interval, n and evidence."""
    judged = judge(results, claims)
    adjusted = adjusted_p_values(judged)
    return pd.DataFrame([_row(claim, verdict, adjusted.get(claim.key)) for claim, verdict in judged], dtype=object)


def adjusted_p_values(judged: Iterable[tuple[Claim, Verdict]]) -> dict[str, float]:
    """{claim's key: its p-value after Holm's correction among all judged claims of its section}."""
    sections = {}
    for claim, verdict in judged:
        if verdict.p is not None:
            sections.setdefault(claim.section, {})[claim.key] = verdict.p
    return {key: p for section in sections.values() for key, p in holm(section).items()}


def _row(claim, verdict, adjusted):
    value, low, high = verdict.numbers or (None,) * 3
    unit = (verdict.estimate or "").partition(" ")[2]
    return {
        "Section": claim.section,
        "Place": claim.place,
        "Claim": claim.sentence,
        "paper, CIFAR-10": claim.paper_value or "",
        "Verdict": f"{SIGNS.get(verdict.status, '✗')} {verdict.status}",
        "Estimate": Cell(verdict.estimate or "", **({"value": value, "unit": unit} if verdict.numbers else {})),
        "95 % interval": Cell(verdict.interval or "", **({"low": low, "high": high} if verdict.numbers else {})),
        "p, Holm": "" if adjusted is None else Cell(f"{adjusted:.2g}", value=adjusted),
        "n": "" if verdict.n is None else str(verdict.n),
        "Evidence": verdict.evidence,
    }


def tally(results: Results, claims: Iterable[Claim] = ALL) -> str:
    """How many claims have which verdict, in words: "12 shown here, 3 not shown here, ..."."""
    statuses = [verdict.status for _, verdict in judge(results, claims)]
    of_theorems = [s for s in dict.fromkeys(statuses) if s not in STATUSES]
    return ", ".join(f"{statuses.count(s)} {s}" for s in (*of_theorems, *STATUSES) if s in statuses)


def verdicts(results: Results, *keys: str) -> pd.DataFrame:
    """DataFrame: a row for each of the named claims, as the end of a page wants it."""
    chosen = [c for c in ALL if c.key in keys]
    if unknown := set(keys) - {c.key for c in chosen}:
        raise KeyError(f"no claim named {', '.join(sorted(unknown))}")
    table = ledger(results, chosen)[["Claim", "Verdict", "Estimate", "95 % interval", "n", "paper, CIFAR-10"]]
    return table if table["paper, CIFAR-10"].any() else table.iloc[:, :-1]


def rule_text(profile: Profile) -> str:
    """Markdown: what the words of the verdicts mean under this profile, as `verdicts.verdict_of` applies them."""
    words = words_of(profile)
    first = "the whole 95 % interval lies within 1 point of 0 (asked first, where the claim's border is 0)"
    rules = {} if profile.paper_protocol else {NO_DIFFERENCE: first}
    rules[words.holds] = "the whole 95 % interval of the difference, paired by seed, lies on the claim's side"
    if profile.paper_protocol:
        rules[words.holds] += (
            f", and the paper's number, where the claim gives one, lies within our interval widened by {Z} standard "
            f"errors of the paper's own difference"
        )
        rules[words.other_size] = "on the claim's side, but the paper's number does not fit"
    rules[words.fails] = OTHER_SIDE
    covers = "the interval covers the border, or standard AutoAttack decides otherwise, or there is one seed"
    few = f"in more than a tenth of the seeds an average had accepted fewer than {FEW_ACCEPTED} epochs"
    rules |= {UNDECIDED: covers, NOT_JUDGED: f"{few}; **{NOT_RUN}**: no record"}
    text = "\n".join(f"- **{status.capitalize()}**: {rule}." for status, rule in rules.items())
    return (
        f"{text}\n\nAn interval covers other seeds (Student's t). For table rows under the targeted attack it "
        f"covers other test images, too, by a bootstrap over the images that both methods meet; elsewhere seeds alone. "
        f'"p, Holm" is the p-value after Holm\'s correction among all claims of a section. "8 seeds would decide it": '
        f"if further seeds spread as these do; where the test images alone leave it open, no number of seeds would. "
        f'"Bias of the minimum": by how much the worst of noisy classes reads low. The claims and this '
        f"rule were fixed before the runs were made, but for the tenth of the seeds: before, one seed was enough."
    )


__all__ = ["ALL", "EXPERIMENTS", "THEORY", "Claim", "Verdict", "judge", "ledger", "rule_text", "tally", "verdicts"]
