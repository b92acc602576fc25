"""A theorem's verdict as a box under its proof."""

from IPython.display import Markdown


def verdict_box(claim):
    """Markdown block quote: the claim, its status, the conditions, and what contradicts it, from `claim.check`."""
    verdict = claim.check(None, None)
    place = claim.place.removeprefix("Sec. 2.3, ")
    lines = [f"**{place[0].upper()}{place[1:]}: {verdict.status}.** {claim.sentence}"]
    lines.append(verdict.evidence.split(" [Proof]")[0])
    if verdict.estimate:
        lines.append("Against the statement as it stands: " + verdict.estimate + ".")
    return Markdown("\n>\n".join(f"> {line}" for line in lines))
