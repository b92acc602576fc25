"""The theorems of Section 2 as ledger entries: each status follows from counterexamples computed on the spot.

    refuted                   a counterexample lies inside the domain that the paper gives
    proved under conditions   the claim fails on an edge of that domain, or under one reading of it
    proved                    it holds on the whole domain

What is proved is proved on the pages, where `algebra.checked` stops the publication if a step fails. A counterexample
that no longer contradicts raises here: no verdict then stands.
"""

from collections.abc import Mapping
from functools import cache

from cfa_pages.claims.verdicts import Claim, Verdict
from cfa_pages.theory import ToyModel, jump_margin
from cfa_pages.theory.model import COIN_FLIP, FALLING, FIGURE_1

PROVED, CONDITIONAL, REFUTED = "proved", "proved under conditions", "refuted"
PAPER, BEYOND = "01_toy_theory.ipynb", "08_beyond_the_paper.ipynb"


def judge(
    proof: str, text: str, inside: Mapping[str, float] | None = None, edge: Mapping[str, float] | None = None
) -> Verdict:
    """The verdict on one theorem.

    Args:
        proof: the page and the heading where it is proved, as in a link.
        text: when the claim holds, in a sentence or two.
        inside: {words with {:+.4f}: quantity} that the theorem says is > 0 and that is not, inside the paper's domain.
        edge: the same on the edge of that domain, or under a reading of it that the paper leaves open.
    Raises:
        ArithmeticError: if a quantity is > 0 after all.
    """
    exceptions = {
        words.format(float(quantity)): quantity for words, quantity in ((inside or {}) | (edge or {})).items()
    }
    if broken := [words for words, quantity in exceptions.items() if quantity > 0]:
        raise ArithmeticError(f"no verdict on {proof}: {', '.join(broken)}")
    status = REFUTED if inside else CONDITIONAL if edge else PROVED
    return Verdict(status, estimate="; ".join(exceptions) or None, evidence=f"{text} [Proof]({proof})")


def rise(model: ToyModel, label: int, low: float, high: float, eps: float, ball: str = "features") -> float:
    """R_y(f_high) - R_y(f_low), which Theorem 4 says is > 0 for class -1."""
    return float(model.robust_acc(label, high, eps, ball) - model.robust_acc(label, low, eps, ball))


THEOREMS: list[Claim] = []  # in the paper's order


def _theorem(place, sentence):
    """Enters what settles a theorem as the check of the claim of its name: it needs no runs and is asked once."""

    def enter(settle):
        settled = cache(settle)
        THEOREMS.append(Claim(settle.__name__, f"Sec. 2.3, {place}", sentence, lambda *_: settled()))

    return enter


@_theorem("Theorem 1", "The easy class is ahead, clean and robust: A₊₁ > A₋₁ and R₊₁ > R₋₁ for every w > 0.")
def theorem_1():
    """Holds for every w > 0 and every eps, in both readings of the ball."""
    return judge(
        f"{PAPER}#Theorem-1",
        "Holds for every w and ε: the classes differ in p alone. Their noise must be equal, as it is in the paper.",
    )


@_theorem("Theorem 2", "The best w for overall robustness grows with ε, for 0 ≤ ε ≤ η.")
def theorem_2():
    """x_1 outside the ball: an argmax exists for eps < eta only."""
    top = min(FIGURE_1.optimal_w(eps=FIGURE_1.eta), 2.0)  # inf; were it finite, R(f_top) would exceed the limit
    shortfall = FIGURE_1.overall_acc(top, FIGURE_1.eta) - FIGURE_1.overall_acc(float("inf"), FIGURE_1.eta)
    return judge(
        f"{PAPER}#Theorem-2",
        "Holds for ε < η: accuracy has one top, which moves right. At ε = η it rises for ever: there is no best w.",
        edge={"at ε = η, accuracy at w = 2 less its unattained limit: {:+.4f}": shortfall},
    )


@_theorem("Theorem 2", "Our reading: the same for the ball as Eq. 4 writes it, in which the attack moves x₁, too.")
def theorem_2_literal():
    """The ball of Eq. 4 read literally: w* falls, then jumps."""
    change = FALLING.optimal_w(eps=0.1, ball="all") - FALLING.optimal_w(eps=0.0, ball="all")
    jump = jump_margin(FALLING)
    return judge(
        f"{BEYOND}#Theorem-2-in-the-literal-ball",
        f"The best w can fall as ε grows, and then jumps to infinity (at ε = {jump:.3f} for η = {FALLING.eta}).",
        inside={"change of the best w from ε = 0 to 0.1: {:+.4f}": change},
    )


@_theorem("Theorem 3", "The hard class has its best clean accuracy at the smaller w.")
def theorem_3():
    """Needs p_-1 > 1/2."""
    gain = COIN_FLIP.clean_acc(-1, 0.1) - COIN_FLIP.clean_acc(-1, 0.01)
    return judge(
        f"{PAPER}#Theorem-3",
        "Holds for p₋₁ > 1/2: the top moves right with p. At p₋₁ = 1/2, which the paper allows, there is none.",
        edge={"at p₋₁ = 1/2, change of A₋₁ from w = 0.01 to 0.1: {:+.4f}": gain},
    )


@_theorem("Theorem 4", "Past the easy class's best w both classes lose clean accuracy, the hard one more.")
def theorem_4_clean():
    """Holds; its first inequality even for all w > 0."""
    return judge(
        f"{PAPER}#Theorem-4", "Holds as stated: the lead of the easy class grows with w, and both are past their tops."
    )


@_theorem("Theorem 4", "As w grows, the hard class gains less robust accuracy than the easy one.")
def theorem_4_gain():
    """R_-1 gains less than R_+1: both readings, in the literal ball for eps <= 1."""
    lead = FIGURE_1.gap(2.0, 1.5, "all") - FIGURE_1.gap(1.0, 1.5, "all")
    return judge(
        f"{PAPER}#Theorem-4",
        "Holds for every w and ε, since the lead grows; if the attack moves x₁, too, for ε ≤ 1.",
        edge={"x₁ attacked with ε = 1.5: growth of the gap from w = 1 to 2: {:+.4f}": lead},
    )


@_theorem("Theorem 4", "The hard class does gain robust accuracy, for every w > 0.")
def theorem_4_rise():
    """R_-1 gains at all: only for eps >= eta."""
    literal = rise(FIGURE_1, -1, 0.1, 0.5, 0.5, "all")
    return judge(
        f"{PAPER}#Theorem-4",
        "Holds if robustness is measured at ε ≥ η; below η the hard class gains and then loses.",
        inside={
            "at ε = 0.2, change of R₋₁ from w = 2 to 3: {:+.4f}": rise(FIGURE_1, -1, 2, 3, 0.2),
            "x₁ attacked with ε = 0.5: from w = 0.1 to 0.5: {:+.4f}": literal,
        },
    )


@_theorem("Theorems 2 and 4", "Our reading: both describe training and measuring at one margin ε.")
def theorems_2_and_4():
    """Theorem 2 and the robust half of Theorem 4 at one eps."""
    top = FIGURE_1.optimal_w(eps=0.2)
    return judge(
        f"{BEYOND}#Theorems-2-and-4-exclude-each-other",
        "If both robust accuracies rise for all w, so does their mean, and no best w exists.",
        inside={"at ε = 0.2, change of R₋₁ from the best w to w + 1: {:+.4f}": rise(FIGURE_1, -1, top, top + 1, 0.2)},
    )


@_theorem(
    "after Theorem 3",
    "As the attack in training grows, the hard class loses more clean accuracy and gains less robustness.",
)
def strong_attacks():
    """Both stories at two margins: train below eta, evaluate at or above it."""
    same_margin = rise(FIGURE_1, -1, FIGURE_1.optimal_w(eps=0.1), FIGURE_1.optimal_w(eps=0.2), 0.2)
    return judge(
        f"{BEYOND}#Two-margins-repair-it",
        "Holds with two margins: train at ε < η, measure robustness at η or more.",
        edge={"measured at ε = 0.2 < η, change of R₋₁ from training at 0.1 to 0.2: {:+.4f}": same_margin},
    )
