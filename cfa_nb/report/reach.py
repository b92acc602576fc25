"""How far the training attack can move a pixel, against the margin that it is meant to fill (Fig. 2)."""

from cfa_nb.report.figures_margins import study_runs
from cfa_nb.rows import eps_text


def reach_text(runs, profile):
    """One sentence: which training margins of Fig. 2 the attack cannot cross from a random start; "" where none is.

    Each step moves a pixel by at most alpha, so `steps * alpha` is the whole path; from one side of the ball to the
    other it takes 2 * eps.
    """
    found = {eps: study_runs(runs, profile, eps) for eps in profile.margins}
    short = [own[0].config for own in found.values() if own and under_attacked(own[0].config)]
    if not short:
        return ""
    path = f"{short[0].steps} steps of {eps_text(short[0].alpha)} cover {eps_text(short[0].steps * short[0].alpha)}"
    return (
        f"The training attack does not scale its step with ε: {path}, less than the way across the ball, 2ε, at "
        f"ε = {', '.join(eps_text(c.eps) for c in short)}. Runs at these margins train against a weaker attack than "
        f"their ε says; the variant `{profile.name.partition('@')[0]}+scaled-alpha` attacks them in full."
    )


def under_attacked(config):
    """True where eps exceeds half the attack's path, `steps * alpha`."""
    return config.eps > config.steps * config.alpha / 2 + 1e-9
