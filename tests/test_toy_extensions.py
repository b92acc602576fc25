"""What is built on the toy model: fairness, Eq. 6, a threshold, K classes."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cfa_pages.theory import KClassToy, ToyModel, ToyModelWithBias, ccm_rounds
from cfa_pages.theory.fairness import ccm_fixed_point
from cfa_pages.theory.model import FIGURE_1, UNEQUAL_NOISE
from tests.toy import models, mp

few = settings(max_examples=30)
W = np.geomspace(1e-4, 1e4, 4000)
moderate = dict(lead=0.01, highest=0.98, eta=(0.05, 0.6), features=20)
equal, unequal = models(**moderate), models(st.floats(0.3, 3), **moderate)


# Fairness and Eq. 6


@few
@given(unequal, st.floats(0, 0.8))
def test_fair_w_is_best_for_the_worst_class(model, eps):
    best = model.fair_w(eps)
    if np.isnan(best):
        assert model.p_neg == 0.5
    else:
        at_best, elsewhere = (np.minimum(*(model.robust_acc(y, w, eps) for y in (1, -1))) for w in (best or 1e-300, W))
        assert at_best >= elsewhere.max() - 1e-12


@few
@given(equal, st.floats(0, 0.8))
def test_with_equal_noise_the_fair_w_is_the_hard_class_s_own(model, eps):
    assert model.fair_w(eps) == pytest.approx(model.optimal_w(-1, eps), nan_ok=True)
    if eps < model.eta:
        assert model.fair_w(eps) < model.optimal_w(eps=eps)


def test_with_unequal_noise_the_fair_w_makes_the_classes_equal():
    crossing = UNEQUAL_NOISE.fair_w(0.1)
    assert UNEQUAL_NOISE.robust_acc(1, crossing, 0.1) == pytest.approx(UNEQUAL_NOISE.robust_acc(-1, crossing, 0.1))
    assert FIGURE_1.fair_w([0.1, 0.2]).shape == (2,)


@settings(max_examples=10)
@given(equal, st.floats(0.05, 0.8), st.floats(0.1, 1.0))
def test_eq_6_leaves_its_fixed_point_alone(model, share, lambda_1):
    eps = share * model.eta
    w, eps_pos, eps_neg = model.ccm_fixed_point(eps, lambda_1)
    assert w == pytest.approx(model.trained_w(eps_pos, eps_neg), rel=1e-9)
    for label, margin in ((1, eps_pos), (-1, eps_neg)):
        accuracy = model.robust_acc(label, max(w, 1e-300), margin)
        assert margin == pytest.approx((lambda_1 + accuracy) * eps, rel=1e-12)


@pytest.mark.parametrize(("d", "converges"), [(16, True), (256, False)])
def test_eq_6_converges_where_a_deviation_shrinks(d, converges):
    model = ToyModel(0.85, 0.60, 0.40, d)
    last_move = np.abs(np.diff(ccm_rounds(model, 0.3, 0.3, 20)[-2:], axis=0)).max()
    assert (model.ccm_radius(0.3, 0.3) < 1) == converges == (last_move < 1e-3)
    if converges:
        assert model.ccm_fixed_point(0.3, 0.3).w == pytest.approx(ccm_fixed_point(model, 0.3, 0.3, share=0.5).w)
    else:
        with pytest.raises(ArithmeticError, match="has not come to rest"):
            ccm_fixed_point(model, 0.3, 0.3, rounds=40)


# With a threshold


@few
@given(equal, st.floats(0, 0.9), st.floats(0, 0.9))
def test_no_other_rule_beats_the_one_with_a_threshold(model, first, second):
    biased = ToyModelWithBias(model.p_pos, model.p_neg, model.eta, model.d)
    eps_pos, eps_neg = first * model.eta, second * model.eta
    w, c = biased.optimal(eps_pos, eps_neg)

    def mean(w, c):
        return (biased.robust_acc(1, w, c, eps_pos) + biased.robust_acc(-1, w, c, eps_neg)) / 2

    others_w, others_c = np.meshgrid(np.geomspace(w / 50, w * 50, 150), c + np.linspace(-3, 3, 151))
    assert mean(w, c) >= mean(others_w, others_c).max() - 1e-13
    assert mean(w, c) >= mean(1e9, 0.0) - 1e-13


def test_with_a_threshold_split_margins_move_it_and_not_w():
    model = ToyModelWithBias(0.85, 0.60, 0.40)
    (w, c), split = model.optimal(0.2), model.optimal(0.24, 0.16)
    assert split == pytest.approx((w, c + 0.04 / w))
    assert model.optimal(0.4)[0] == np.inf
    assert model.robust_acc(-1, 1.3, 0.0, 0.2) == pytest.approx(FIGURE_1.robust_acc(-1, 1.3, 0.2))  # no threshold


# K classes


@pytest.mark.parametrize(("k", "p", "eps", "w"), [(3, 0.5, 0.3, 2.0), (10, 0.6, 0.05, 4.0)])
def test_k_class_integral_in_50_digits(k, p, eps, w):
    toy = KClassToy(k, p, 0.4, 4)
    c, u = mp.sqrt(4) * (mp.mpf(0.4) - 2 * mp.mpf(eps)), mp.mpf(w) / 2

    def integrand(z):
        right = p * mp.ncdf(z + c + u) ** (k - 1) + (1 - mp.mpf(p)) * mp.ncdf(z + c) ** (k - 2) * mp.ncdf(z + c - u)
        return mp.npdf(z) * right

    assert abs(toy.robust_acc(w, eps) - mp.quad(integrand, range(-12, 13, 4))) < 1e-12


def test_k_class_against_samples():
    k, p, eta, eps, w, d, n = 3, 0.5, 0.4, 0.1, 2.0, 4, 400_000
    rng = np.random.default_rng(5)
    votes = rng.choice(k, size=n, p=[p, (1 - p) / 2, (1 - p) / 2])  # the true class is 0
    scores = np.sqrt(d) * rng.standard_normal((n, k)) + d * np.array([eta - eps, eps, eps])
    scores[np.arange(n), votes] += w
    share = np.mean(scores.argmax(axis=1) == 0)
    exact = KClassToy(k, p, eta, d).robust_acc(w, eps)
    assert abs(share - exact) < 3 * np.sqrt(exact * (1 - exact) / n)


@few
@given(st.integers(2, 40), st.floats(0.02, 0.95), st.floats(0.05, 0.6), st.integers(1, 20), st.floats(0, 0.9))
def test_k_class_optimum(k, lift, eta, d, share):
    toy = KClassToy(k, 1 / k + lift * (1 - 1 / k) * 0.99, eta, d)
    eps = share * eta / 2
    best = toy.optimal_w(eps)
    assert toy.robust_acc(best, eps) >= toy.robust_acc(best * np.linspace(0.2, 3, 57), eps).max() - 1e-14
    assert toy.optimal_w(eta / 2) == np.inf
    assert np.all(np.diff(toy.robust_acc(np.linspace(0.1, 10, 50), 0.6 * eta)) >= -1e-15)


def test_k_class_edges():
    assert KClassToy(4, 0.25, 0.4).optimal_w([0.1, 0.3]).tolist() == [0.0, np.inf]
    assert np.isnan(KClassToy(4, 0.25, 0.4).optimal_w(0.2))
    assert KClassToy(5, 0.6, 0.4).robust_acc(np.inf, 0.1) == pytest.approx(0.6, abs=1e-14)
    assert KClassToy(5, 0.6, 0.4).robust_acc(np.ones((2, 3)), 0.1).shape == (2, 3)
    for wrong in ((4, 0.2, 0.4), (1, 0.5, 0.4)):
        with pytest.raises(ValueError, match=r"p must lie in \[0.25, 1\)|num_classes must be an integer >= 2"):
            KClassToy(*wrong)
