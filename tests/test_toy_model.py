"""The closed forms of the toy model: against samples of the true ball, 50-digit arithmetic and Section 2's picture."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cfa_pages.theory.model import FIGURE_1, UNEQUAL_NOISE
from tests.toy import balls, models, monte_carlo_acc, mp

exact = settings(max_examples=120)
labels, margins, weights = st.sampled_from((1, -1)), st.floats(0, 1.5), st.floats(1e-3, 1e3)


def from_definition(model, label, w, eps, ball):
    """P(every x' in the ball is right), from the law of y (w x_1 + S) after the worst shift; 50 digits."""
    p, total = mp.mpf(model.p(label)), mp.mpf(0)
    for vote, share in ((1, p), (-1, 1 - p)):
        mean = w * mp.mpf(vote) + model.d * mp.mpf(model.eta) - mp.mpf(eps) * (model.d + (w if ball == "all" else 0))
        total += share * mp.ncdf(mean / (mp.sqrt(model.d) * model.sigma(label)))
    return total


@exact
@given(models(st.floats(0.2, 4)), labels, weights, margins, balls)
def test_closed_form_is_the_definition(model, label, w, eps, ball):
    assert abs(model.robust_acc(label, w, eps, ball) - from_definition(model, label, mp.mpf(w), eps, ball)) < 1e-12
    assert abs(model.clean_acc(label, w) - from_definition(model, label, mp.mpf(w), 0.0, ball)) < 1e-12


@exact
@given(models(), weights, margins, balls)
def test_theorem_1(model, w, eps, ball):
    lead = model.robust_acc(1, w, eps, ball) - model.robust_acc(-1, w, eps, ball)
    assert model.gap(w, eps, ball) == pytest.approx(lead, abs=1e-14)
    assert model.gap(w, eps, ball) >= 0
    far = abs(np.sqrt(model.d) * (model.eta - eps)) + (1 + eps) * w  # beyond 30 the difference underflows
    assert model.gap(w, eps, ball) > 0 or far > 30


@exact
@given(models(), weights, margins)
def test_the_literal_ball_is_the_other_at_a_larger_margin_and_at_twice_eta_the_gap_is_the_clean_one(model, w, eps):
    for label in (1, -1):
        literal = model.robust_acc(label, w, eps, "all")
        assert literal == pytest.approx(model.robust_acc(label, w, eps * (1 + w / model.d)), abs=1e-10)
    assert model.gap(w, 2 * model.eta) == pytest.approx(model.gap(w), rel=1e-9, abs=1e-14)
    assert model.gap(w, model.eta) >= model.gap(w) - 1e-14


@pytest.mark.parametrize("ball", ["features", "all"])
@pytest.mark.parametrize(("model", "eps"), [(FIGURE_1, 0.5), (replace(UNEQUAL_NOISE, d=2), 0.2)], ids=str)
def test_monte_carlo_over_the_true_ball(model, eps, ball):
    for label, w in ((1, 0.5), (-1, 1.5)):
        measured, standard_error = monte_carlo_acc(model, label, w, eps, ball, seed=1)
        assert abs(measured - model.robust_acc(label, w, eps, ball)) < 3 * standard_error
    np.testing.assert_array_equal(model.sample(9, seed=3)[0], model.sample(9, seed=3)[0])


def test_limits():
    assert FIGURE_1.clean_acc(1, np.inf) == 0.85
    assert FIGURE_1.robust_acc(-1, np.inf, 0.9, "all") == 0.60
    assert FIGURE_1.robust_acc(-1, np.inf, 1.2, "all") == 0.0
    near_one = FIGURE_1.robust_acc(1, 1e9, 1.0, "all")  # eps = 1 just cancels x_1
    assert FIGURE_1.robust_acc(1, np.inf, 1.0, "all") == pytest.approx(near_one)
    assert FIGURE_1.clean_acc(1, 1e-12) == pytest.approx(FIGURE_1.clean_acc(-1, 1e-12))
    assert FIGURE_1.robust_acc(1, np.ones((3, 1)), np.zeros(4)).shape == (3, 4)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda m: replace(m, p_pos=1.0), r"p_pos must lie in \[0.5, 1\)"),
        (lambda m: replace(m, p_neg=0.9), "p_neg < p_pos"),
        (lambda m: replace(m, eta=0.0), r"eta must lie in \(0, inf\)"),
        (lambda m: replace(m, d=0), "d must be an integer >= 1"),
        (lambda m: m.clean_acc(0, 1.0), "label must be"),
        (lambda m: m.clean_acc(1, [1.0, 0.0]), r"w must lie in \(0, inf\]"),
        (lambda m: m.robust_acc(1, 1.0, -0.1), r"eps must lie in \[0, inf\)"),
        (lambda m: m.robust_acc(1, 1.0, 0.1, "cube"), "ball must be"),
        (lambda m: m.ccm_fixed_point(0.0, 0.5), "eps must lie"),
        (lambda m: m.ccm_fixed_point(0.2, 0.0), "lambda_1 must lie"),
    ],
)
def test_what_lies_outside_its_domain_is_refused(call, words):
    with pytest.raises(ValueError, match=words):
        call(FIGURE_1)
