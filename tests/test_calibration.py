"""CCM, CCR, the controls and FRL: the formulas by hand, their limits, and what each does to training."""

import math
from dataclasses import replace

import pytest
import torch

from cfa_nb.method.calibration import Past, class_betas, class_margins, next_calibration, uniform
from cfa_nb.method.rivals import Frl, limited
from cfa_nb.method.train import train
from cfa_nb.recipes import RECIPES
from cfa_nb.runs.store import RunStore
from tests import tiny


def test_equations_6_and_7_by_hand():
    assert class_margins((0.2, 0.7), 8 / 255, 0.5) == pytest.approx((0.7 * 8 / 255, 1.2 * 8 / 255))
    assert class_betas((0.2, 0.7), 6, 0.5) == pytest.approx((4.2, 7.2))


@pytest.mark.parametrize("t", [50.0, -0.1, math.nan])
def test_percentages_and_missing_classes_are_refused(t):
    with pytest.raises(ValueError, match="fractions"):
        class_margins((0.5, t), 8 / 255, 0.5)


@pytest.mark.parametrize(("changes", "start"), [({}, 11), (dict(calibration_start=2), 2)])
def test_calibration_starts_with_epoch_11_and_ccr_keeps_the_ball(changes, start):
    both, ccr = (replace(RECIPES[r], **changes) for r in ("trades_ccm_ccr", "trades_ccr"))
    past = Past([(0.5, 0.5), (0.1, 0.9)])
    assert next_calibration(both, 2, start - 1, past) == uniform(both, 2)
    assert next_calibration(both, 2, start, Past([])) == uniform(both, 2)
    assert next_calibration(both, 2, start, past).eps == pytest.approx((0.4 * both.eps, 1.2 * both.eps))
    assert next_calibration(both, 2, start, past).beta == pytest.approx((0.6 * both.beta, 1.4 * both.beta))
    ccr_alone = replace(next_calibration(both, 2, start, past), eps=(both.eps,) * 2)
    assert next_calibration(ccr, 2, start, past) == ccr_alone


def test_calibration_that_never_starts_is_the_plain_method_bit_for_bit(tmp_path):
    store = RunStore(tmp_path)
    plain, late = tiny.config("trades"), tiny.config("trades_ccm_ccr", calibration_start=99)
    assert train(plain, tiny.AVERAGES, store).epochs == train(late, tiny.AVERAGES, store).epochs


def margins(recipe, past, **changes):
    """What a control gives each class once it has begun; it changes nothing but the margins."""
    config = tiny.config(recipe, **changes)
    given, same = next_calibration(config, len(past.t), config.calibration_start, past), uniform(config, len(past.t))
    assert replace(given, eps=same.eps) == same
    return given.eps


def test_the_mean_margin_is_the_parent_s_for_every_class():
    past = Past([(0.1, 0.2, 0.9)], parent_eps=(0.01, 0.02, 0.06))
    assert margins("at_mean_margin", past) == pytest.approx((0.03,) * 3)


def test_shuffled_margins_are_the_parent_s_and_no_class_keeps_its_own():
    parents, drawn = ((0.01, 0.02, 0.03, 0.04, 0.05), (0.5, 0.1, 0.4, 0.2, 0.3)), set()
    for seed in range(20):
        first, later = (margins("at_shuffled_margins", Past([(0.3,) * 5], p), seed=seed) for p in parents)
        owners = tuple(parents[0].index(eps) for eps in first)
        assert sorted(owners) == list(range(5))
        assert all(owner != k for k, owner in enumerate(owners))
        assert later == tuple(parents[1][owner] for owner in owners), "the seed alone draws whose margin a class has"
        drawn.add(owners)
    assert len(drawn) > 5


def test_damped_ccm_halves_what_is_new():
    config, t = tiny.config("at_damped_ccm"), [(0.0, 0.8), (0.4, 0.4), (1.0, 0.0)]
    damped = (0.6, 0.3)  # (0 / 4 + 0.4 / 4 + 1 / 2), (0.8 / 4 + 0.4 / 4 + 0)
    assert margins("at_damped_ccm", Past(t)) == pytest.approx(class_margins(damped, config.eps, config.lambda_1))
    assert margins("at_damped_ccm", Past(t[:1])) == class_margins(t[0], config.eps, config.lambda_1)


@pytest.mark.parametrize("recipe", ["at_mean_margin", "at_shuffled_margins"])
def test_a_control_follows_its_parent_epoch_by_epoch(recipe, tmp_path):
    store, config = RunStore(tmp_path), tiny.config(recipe)
    parent, child = train(config.parent, (), store), train(config, (), store)
    assert [e.class_eps for e in parent.epochs] != [parent.epochs[1].class_eps] * config.epochs
    for theirs, ours in zip(parent.epochs, child.epochs):
        assert sum(ours.class_eps) == pytest.approx(sum(theirs.class_eps))
        assert len(set(ours.class_eps)) == (1 if recipe == "at_mean_margin" else len(set(theirs.class_eps)))
    assert child.epochs[0] == replace(parent.epochs[0], val=child.epochs[0].val, test=child.epochs[0].test)


def test_frl_starts_as_trades_with_equal_weights_and_updates_by_hand():
    config = tiny.config("frl")
    assert Frl.start(2).calibration(config) == uniform(config, 2)
    # clean errors .1 and .5 (mean .3), boundary errors .2 and .4 (mean .3); tolerance .07
    state = Frl.start(2).update((0.9, 0.5), (0.7, 0.1), config)
    assert state.clean == pytest.approx((0.0, 0.05 * 0.13))
    assert state.boundary == pytest.approx((0.0, 2 * 0.05 * 0.03))
    assert state.margin == pytest.approx((0.2 * -0.17, 0.2 * 0.03))
    calibration = state.calibration(config)
    assert calibration.ce_weight == pytest.approx((0.5 - 0.00325, 0.5 + 0.00325))
    assert calibration.eps == pytest.approx((0.98 * config.eps, math.exp(2 * 0.006) * config.eps))
    rows = calibration.eps, calibration.beta, calibration.ce_weight, calibration.kl_weight
    assert calibration.to("cpu", torch.float64).tolist() == [list(row) for row in rows]


def test_frl_weights_stay_positive_and_sum_to_one():
    assert limited([3.0, 1.0, -2.0], 0.5) == pytest.approx((0.375, 0.125, 0.0))
    config, state = tiny.config("frl"), Frl.start(10)
    for _ in range(300):
        state = state.update((0.1,) + (0.99,) * 9, (0.0,) + (0.9,) * 9, config)
    weights = state.calibration(config).ce_weight
    assert min(weights) > 0
    assert sum(weights) == pytest.approx(1)
    assert max(state.calibration(config).eps) <= config.frl_margin_max * config.eps
