"""The sympy statements hold, and each of them can fail: a wrong formula in, a failed proof out."""

import pytest
import sympy as sp

from cfa_pages.claims.theory import judge
from cfa_pages.theory import algebra, proofs, proofs_beyond, proofs_limits
from cfa_pages.theory.algebra import Phi, Proof, Step, b, d, eps, eta, p, q, u, x

ALL = proofs.THEOREMS + proofs_limits.LIMITS + proofs_beyond.BEYOND


@pytest.mark.parametrize("prove", ALL, ids=lambda f: f.__name__)
def test_holds(prove):
    proof = prove()
    assert isinstance(proof, Proof)
    assert [step.text for step in proof.steps if not step.ok] == []
    assert proof.holds
    assert prove.__doc__
    assert "✗" not in proof._repr_markdown_()


def swapped(p, q, centre, u):
    """The accuracy with the sign of u turned: x_1 counted against itself."""
    return p * Phi(centre - u) + q * Phi(centre + u)


SLIPS = [
    (proofs.closed_form, {"helped": Phi(b - u)}),
    (proofs.closed_form, {"misled": Phi(-b - u)}),
    (proofs.theorem_1, {"acc": swapped}),
    (proofs.one_turn, {"slope": -proofs.SLOPE}),
    (proofs.one_turn, {"slope": proofs.SLOPE.subs(b, -b)}),
    (proofs.theorem_2, {"w_star": proofs.W_STAR.subs(eps, -eps)}),
    (proofs.theorem_2, {"w_star": -proofs.W_STAR}),
    (proofs.theorem_2_edge, {"slope": -proofs.SLOPE}),
    (proofs.theorem_3, {"w_star": -proofs.CLEAN_W_STAR}),
    (proofs.theorem_4_clean, {"acc": swapped}),
    (proofs.theorem_4_gain, {"acc": swapped}),
    (proofs.theorem_4_rise, {"inside": proofs.INSIDE.subs(b, -b)}),
    (proofs_limits.literal_turns, {"quadratic": proofs_limits.LITERAL_SIGN.subs(b, -b)}),
    (proofs_limits.literal_turns, {"quadratic": proofs_limits.LITERAL_SIGN.subs(eps, -eps)}),
    (proofs_limits.literal_start, {"first_order": proofs_limits.LITERAL_FIRST_ORDER + 2 / eta}),
    (proofs_limits.literal_rise, {"square": proofs_limits.LITERAL_SQUARE + b**2 / eps}),
    (proofs_limits.exclusion, {"above": proofs_limits.BELOW_ETA}),
    (proofs_limits.exclusion, {"below": proofs_limits.ABOVE_ETA}),
    (proofs_limits.repair, {"evaluation": eta / 2}),
    (proofs_beyond.mirror, {"opposite_b": b + u}),
    (proofs_beyond.fair_margin, {"eps_fair": eta + (eta - eps) * proofs_beyond.L_mean / proofs_beyond.L_neg}),
    (proofs_beyond.raise_one, {"lever": -proofs_beyond.LEVER}),
    (proofs_beyond.split, {"criterion": proofs_beyond.SPLIT.subs(u, -u) - 2 * u * sp.sinh(b * u)}),
    (proofs_beyond.bayes_rule, {"shift": -proofs_beyond.SHIFT}),
    (proofs_beyond.bias_shift, {"moved": -proofs_beyond.THRESHOLD_MOVE}),
    (proofs_beyond.k_class, {"ratio": sp.exp(b * u)}),
    (proofs_beyond.logistic, {"weights": (-sp.log(p / q), 2 * (eta - eps))}),
]


@pytest.mark.parametrize(("prove", "slip"), SLIPS, ids=lambda v: v.__name__ if callable(v) else "-".join(v))
def test_a_slip_of_sign_makes_it_fail(prove, slip):
    proof = prove(**slip)
    assert not proof.holds
    assert "✗" in proof._repr_markdown_()


def test_every_proof_has_a_slip():
    assert {prove for prove, _ in SLIPS} == set(ALL)


def test_the_checks_themselves_can_fail():
    assert not algebra.vanishes(Phi(b) - Phi(-b))
    assert not algebra.positive_on_numbers(p - q * 10)
    assert not algebra.positive("undecided", b + x).ok  # b may be negative
    assert not algebra.positive("negative", -d).ok
    assert algebra.equal("odds", sp.log(p / q), sp.log(p) - sp.log(q)).ok


def test_a_verdict_needs_its_proof_and_its_counterexample():
    holds, fails = (Proof("name", "claim", (Step("text", "formula", ok),)) for ok in (True, False))
    assert judge([holds], "a", "text").status == "proved"
    assert judge([holds], "a", "text", edge={"at the edge": -1.0}).status == "proved under added conditions"
    assert judge([holds], "a", "text", inside={"inside": 0.0}).status == "refuted as stated"
    with pytest.raises(ArithmeticError, match="name"):
        judge([fails], "a", "text")
    with pytest.raises(ArithmeticError, match="inside"):
        judge([holds], "a", "text", inside={"inside": 0.1})
