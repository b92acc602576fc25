"""Optimal w: against the sign of the 50-digit derivative beside it, and every other branch of the accuracy."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cfa_pages.theory import ToyModel, always_rises, jump_margin
from cfa_pages.theory.model import COIN_FLIP, FALLING, FIGURE_1
from tests.toy import balls, models, mp

exact, few = settings(max_examples=40), settings(max_examples=25)
GRID = [mp.mpf(10) ** (k / mp.mpf(8)) for k in range(-40, 33)]  # w from 1e-5 to 1e4
unequal = models(st.floats(0.3, 3), features=8)


def terms(model, labels, eps_of, ball):
    """(share, vote's rate, mean, spread) of each normal event behind the mean accuracy of `labels`."""
    for label in labels:
        eps, p = mp.mpf(eps_of[label]), mp.mpf(model.p(label))
        for vote, share in ((1, p), (-1, 1 - p)):
            rate = vote - (eps if ball == "all" else 0)
            mean = model.d * (mp.mpf(model.eta) - eps)
            yield share / len(labels), rate, mean, mp.sqrt(model.d) * model.sigma(label)


def accuracy(parts, w):
    return sum(share * mp.ncdf((mean + rate * w) / spread) for share, rate, mean, spread in parts)


def slope(parts, w):
    return sum(share * rate / spread * mp.npdf((mean + rate * w) / spread) for share, rate, mean, spread in parts)


def at_infinity(parts):
    return sum(share * (1 if rate > 0 else mp.ncdf(mean / spread) * (rate == 0)) for share, rate, mean, spread in parts)


def check_optimum(best, parts):
    """The claimed optimum is a root of the derivative within 1e-9, and no w and no limit does better."""
    ends = (accuracy(parts, 0), at_infinity(parts))
    if np.isnan(best):
        values = {*(round(float(accuracy(parts, w)), 14) for w in GRID)}
        assert len(values) == 1 or abs(ends[0] - ends[1]) < mp.mpf(10) ** -30
        return
    if 0 < best < np.inf:
        below, above = mp.mpf(best) * (1 - mp.mpf("1e-9")), mp.mpf(best) * (1 + mp.mpf("1e-9"))
        assert slope(parts, below) > 0 > slope(parts, above)
        top = accuracy(parts, mp.mpf(best))
    else:
        top = ends[0] if best == 0 else ends[1]
    assert max(*ends, *(accuracy(parts, w) for w in GRID)) <= top + mp.mpf(10) ** -25


@exact
@given(models(st.floats(0.2, 4)), st.sampled_from((1, -1)), st.floats(0, 1.3), balls)
def test_class_optimum(model, label, eps, ball):
    check_optimum(model.optimal_w(label, eps, ball), [*terms(model, (label,), {label: eps}, ball)])


@settings(max_examples=65)
@given(st.one_of(models(), unequal), st.floats(0, 1.3), balls)
def test_overall_optimum(model, eps, ball):
    check_optimum(model.optimal_w(eps=eps, ball=ball), [*terms(model, (1, -1), {1: eps, -1: eps}, ball)])


@few
@given(models(features=8), st.floats(0, 0.9), st.floats(0, 0.9), balls)
def test_trained_w_with_class_wise_margins(model, eps_pos, eps_neg, ball):
    parts = [*terms(model, (1, -1), {1: eps_pos, -1: eps_neg}, ball)]
    check_optimum(model.trained_w(eps_pos, eps_neg, ball), parts)


@exact
@given(models(), st.floats(0, 0.999), st.integers(0, 8))
@pytest.mark.slow
def test_near_the_jump_of_the_literal_ball(model, share, digits):
    """Where the two roots come together and the branches tie, doubles alone would lose half their digits."""
    eps = jump_margin(model, 1) * (1 - share * 10.0**-digits)
    if np.isfinite(eps):
        check_optimum(model.optimal_w(1, eps, "all"), [*terms(model, (1,), {1: eps}, "all")])


@exact
@given(models(), st.floats(0, 0.99))
def test_formulas_of_theorems_2_and_3(model, share):
    eps, mean_p = share * model.eta, (mp.mpf(model.p_pos) + mp.mpf(model.p_neg)) / 2
    formula = mp.log(mean_p / (1 - mean_p)) / (2 * (mp.mpf(model.eta) - mp.mpf(eps)))
    assert model.optimal_w(eps=eps) == pytest.approx(float(formula), rel=1e-13)
    assert model.optimal_w(1) > model.optimal_w(-1)
    assert model.optimal_w(eps=eps) <= model.optimal_w(eps=(eps + model.eta) / 2)


def test_limits_and_ties():
    assert COIN_FLIP.optimal_w(-1) == 0.0
    assert np.isnan(COIN_FLIP.optimal_w(-1, COIN_FLIP.eta))
    assert COIN_FLIP.optimal_w(-1, 0.5) == np.inf
    assert np.isnan(COIN_FLIP.optimal_w(-1, COIN_FLIP.eta, "all"))  # falls and comes back: both ends at 1/2
    assert FIGURE_1.optimal_w(eps=[[0.0, 0.2], [0.4, 0.5]]).shape == (2, 2)
    assert FIGURE_1.optimal_w(eps=1.0, ball="all") == 0.0
    assert FIGURE_1.optimal_w(eps=0.7, ball="all") == np.inf


def test_in_the_literal_ball_w_falls_and_then_jumps():
    assert np.all(np.diff(FALLING.optimal_w(eps=[0, 0.05, 0.10, 0.15], ball="all")) < 0)
    assert jump_margin(FALLING) == pytest.approx(0.196676, abs=5e-7)
    before, after = np.nextafter(jump_margin(FALLING), 0), jump_margin(FALLING)
    assert FALLING.optimal_w(eps=before, ball="all") == pytest.approx(0.013808, abs=5e-7)
    assert FALLING.optimal_w(eps=after, ball="all") == np.inf
    assert np.isnan(jump_margin(ToyModel(0.7, 0.6, eta=3.0)))


@exact
@given(st.floats(0.5, 0.99), st.floats(0.02, 1.2), st.floats(0, 1.2), st.integers(1, 40), balls)
def test_always_rises_is_the_sign_of_the_slope(p, eta, eps, d, ball):
    parts = [*terms(ToyModel(0.995, p, eta, d), (-1,), {-1: eps}, ball)]
    slopes = [slope(parts, w) for w in GRID]
    if always_rises(p, eta, eps, d, ball):
        assert min(slopes) > 0
    elif ball == "all" and 0 < eps < 1:
        lowest = d * (mp.mpf(eta) - eps) / (2 * mp.mpf(eps))  # where the quadratic has its bottom
        assert min(*slopes, slope(parts, max(lowest, mp.mpf("1e-12")))) <= 0
    else:
        assert min(slopes) <= 0 or eps < eta < eps + 1e-3  # the top may lie beyond the grid
