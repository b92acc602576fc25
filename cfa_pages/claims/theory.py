"""The theorems of Section 2 as ledger entries: each status follows from proofs and counterexamples run on the spot.

    refuted as stated              a counterexample lies inside the domain that the paper gives
    proved under added conditions  the proof needs more than the paper says; the claim fails on the edge left out
    proved                         the proof holds on the whole domain

A proof that no longer holds, or a counterexample that no longer contradicts, raises: no verdict then stands.
"""

from collections.abc import Sequence
from functools import cache

from cfa_pages.claims.base import Claim, Verdict
from cfa_pages.theory import ToyModel, jump_margin, proofs, proofs_limits
from cfa_pages.theory.algebra import Proof
from cfa_pages.theory.model import COIN_FLIP, FALLING, FIGURE_1

PROVED, CONDITIONAL, REFUTED = "proved", "proved under added conditions", "refuted as stated"
PAGE = "01_toy_theory.ipynb"


def judge(
    proofs: Sequence[Proof],
    anchor: str,
    text: str,
    inside: dict[str, float] | None = None,
    edge: dict[str, float] | None = None,
) -> Verdict:
    """The verdict on one theorem.

    Args:
        proofs: the `Proof`s of what is true of it.
        anchor: heading of the notebook where it is settled, as in a link.
        text: one sentence: what is proved, and under which conditions.
        inside: {words: quantity} that the theorem says is > 0 and that is not, inside the paper's domain.
        edge: the same on the edge of that domain, or under a reading of it that the paper leaves open.
    Raises:
        ArithmeticError: if a proof does not hold, or a quantity is > 0 after all.
    """
    broken = [proof.name for proof in proofs if not proof.holds]
    exceptions = (inside or {}) | (edge or {})
    broken += [words for words, quantity in exceptions.items() if quantity > 0]
    if broken:
        raise ArithmeticError(f"no verdict on {anchor}: {', '.join(broken)}")
    status = REFUTED if inside else CONDITIONAL if edge else PROVED
    counterexamples = "; ".join(f"{words} = {quantity:+.6f}" for words, quantity in exceptions.items())
    return Verdict(status, estimate=counterexamples or None, evidence=f"{text} [Proof]({PAGE}#{anchor})")


def rise(model: ToyModel, label: int, low: float, high: float, eps: float, ball: str = "features") -> float:
    """R_y(f_high) - R_y(f_low), which Theorem 4 says is > 0 for class -1."""
    return float(model.robust_acc(label, high, eps, ball) - model.robust_acc(label, low, eps, ball))


def theorem_1() -> Verdict:
    """Holds for every w > 0 and every eps, in both readings of the ball."""
    return judge([proofs.closed_form(), proofs.theorem_1()], "Theorem-1", "For every w, every eps and both readings.")


def theorem_2() -> Verdict:
    """x_1 outside the ball: an argmax exists for eps < eta only."""
    top = min(FIGURE_1.optimal_w(eps=FIGURE_1.eta), 2.0)  # inf; were it finite, R(f_top) would exceed the limit
    shortfall = FIGURE_1.overall_acc(top, FIGURE_1.eta) - FIGURE_1.overall_acc(float("inf"), FIGURE_1.eta)
    return judge(
        [proofs.one_turn(), proofs.theorem_2(), proofs.theorem_2_edge()],
        "Theorem-2",
        "Holds if the attack leaves x_1 alone and eps < eta; at eps = eta there is no argmax.",
        edge={"R(f_2) less its supremum, which no w attains, at eps = eta": float(shortfall)},
    )


def theorem_2_literal() -> Verdict:
    """The ball of Eq. 4 read literally: w* falls, then jumps."""
    change = FALLING.optimal_w(eps=0.1, ball="all") - FALLING.optimal_w(eps=0.0, ball="all")
    return judge(
        [proofs_limits.literal_turns(), proofs_limits.literal_start()],
        "Theorem-2-in-the-literal-ball",
        f"w* can fall with eps; then it jumps to infinity, at {jump_margin(FALLING):.4f} for eta = {FALLING.eta}.",
        inside={"w*(0.1) - w*(0)": change},
    )


def theorem_3() -> Verdict:
    """Needs p_-1 > 1/2."""
    gain = float(COIN_FLIP.clean_acc(-1, 0.1) - COIN_FLIP.clean_acc(-1, 0.01))
    return judge(
        [proofs.one_turn(), proofs.theorem_3()],
        "Theorem-3",
        "Holds if p_-1 > 1/2; at p_-1 = 1/2, which the paper allows, A_-1 only falls and w*_-1 does not exist.",
        edge={"A_-1(f_0.1) - A_-1(f_0.01) at p_-1 = 1/2": gain},
    )


def theorem_4_clean() -> Verdict:
    """Holds; its first inequality even for all w > 0."""
    return judge(
        [proofs.one_turn(), proofs.theorem_4_clean()],
        "Theorem-4",
        "Holds as stated; the first inequality even for every w > 0.",
    )


def theorem_4_gain() -> Verdict:
    """R_-1 gains less than R_+1: both readings, in the literal ball for eps <= 1."""
    lead = FIGURE_1.gap(2.0, 1.5, "all") - FIGURE_1.gap(1.0, 1.5, "all")
    return judge(
        [proofs.theorem_4_gain()],
        "Theorem-4",
        "Holds for every w; if the attack moves x_1 too, for eps <= 1.",
        edge={"growth of the lead from w = 1 to 2 in the literal ball at eps = 1.5": float(lead)},
    )


def theorem_4_rise() -> Verdict:
    """R_-1 gains at all: only for eps >= eta."""
    return judge(
        [proofs.theorem_4_rise(), proofs_limits.literal_rise()],
        "Theorem-4",
        "Holds iff eps >= eta (x_1 untouched, p_-1 > 1/2); in the literal ball under narrower conditions still.",
        inside={
            "R_-1(f_3) - R_-1(f_2) at eps = 0.2": rise(FIGURE_1, -1, 2, 3, 0.2),
            "R_-1(f_0.5) - R_-1(f_0.1) in the literal ball at eps = 0.5": rise(FIGURE_1, -1, 0.1, 0.5, 0.5, "all"),
        },
    )


def together() -> Verdict:
    """Theorem 2 and the robust half of Theorem 4 at one eps."""
    top = FIGURE_1.optimal_w(eps=0.2)
    return judge(
        [proofs_limits.exclusion()],
        "Theorems-2-and-4-exclude-each-other",
        "If both robust accuracies rise for all w, so does their mean, and no argmax exists.",
        inside={f"R_-1 from w* = {top:.4f} to w* + 1 at eps = 0.2": rise(FIGURE_1, -1, top, top + 1, 0.2)},
    )


def repaired() -> Verdict:
    """Both stories at two margins: train below eta, evaluate at or above it."""
    same_margin = rise(FIGURE_1, -1, FIGURE_1.optimal_w(eps=0.1), FIGURE_1.optimal_w(eps=0.2), 0.2)
    return judge(
        [proofs_limits.repair()],
        "The-repair:-two-margins",
        "Holds if training is at eps < eta and robustness is measured at eps >= eta, x_1 untouched.",
        edge={"R_-1 from w*(0.1) to w*(0.2), measured at eps = 0.2": same_margin},
    )


def _theorem(key, place, sentence, settle):
    settled = cache(settle)  # a proof needs no runs and is asked for once
    return Claim(key, f"Sec. 2.3, {place}", sentence, None, lambda *_: settled())


CLAIMS = THEOREMS = (
    _theorem("theorem_1", "Theorem 1", "A_+1 > A_-1 and R_+1 > R_-1 for every w > 0.", theorem_1),
    _theorem("theorem_2", "Theorem 2, x_1 untouched", "w* = argmax R grows with eps on [0, eta].", theorem_2),
    _theorem(
        "theorem_2_literal",
        "Theorem 2, literal ball",
        "The same in the ball of Eq. 4 as it is written.",
        theorem_2_literal,
    ),
    _theorem("theorem_3", "Theorem 3", "The hard class has its best clean accuracy at the smaller w.", theorem_3),
    _theorem(
        "theorem_4_clean",
        "Theorem 4, clean accuracy",
        "Past w*_+1 both lose clean accuracy, class -1 more.",
        theorem_4_clean,
    ),
    _theorem(
        "theorem_4_gain", "Theorem 4, hard class gains less", "R_-1 gains less than R_+1 as w grows.", theorem_4_gain
    ),
    _theorem(
        "theorem_4_rise",
        "Theorem 4, hard class gains at all",
        "R_-1 gains as w grows, for every w > 0.",
        theorem_4_rise,
    ),
    _theorem("theorems_2_and_4", "Theorems 2 and 4", "Both describe training at one margin eps.", together),
    _theorem(
        "strong_attacks",
        "remark after Theorem 3",
        "As eps grows, the hard class loses more clean accuracy yet gains less robust accuracy.",
        repaired,
    ),
)
