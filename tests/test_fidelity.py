"""Our steps against the naive transcription, on a small PreActResNet that has trained a little."""

import copy
from dataclasses import replace
from itertools import pairwise

import pytest
import torch

from cfa_nb.method.metrics import ClassAccuracy
from cfa_nb.rng import stream
from tests import tiny
from tests.naive import NaiveRun

pytestmark = pytest.mark.slow


class Pair:
    """Our step and the naive one, from the same state."""

    def __init__(self, config, calibration=None):
        model, calibration = tiny.warmed_up(config), calibration or tiny.class_wise(config)
        self.start, self.ours = tiny.state_of(model), tiny.Stepped(config, model)
        self.naive = NaiveRun(copy.deepcopy(model), config, calibration.eps, calibration.beta)

    def step(self, number):
        self.ours.step(number)
        x, y = tiny.batch(number)
        draw = torch.randn if self.naive.config.objective == "trades" else torch.rand
        self.naive.step(x, y, draw(x.shape, generator=stream(0, "attack", 1, number), dtype=x.dtype))

    def difference(self):
        return tiny.difference(self.start, self.ours.model.state_dict(), self.naive.model.state_dict())


@pytest.mark.parametrize(
    ("recipe", "repeat"), [("at", False), ("trades", False), ("trades", True), ("fat", False), ("fat", True)]
)
def test_three_steps_equal_the_naive_transcription(recipe, repeat):
    pair = Pair(tiny.step_config(recipe, repeat_forwards=repeat, steps=8))  # FAT freezes images on the way
    for number in range(3):
        pair.step(number)
    naive = pair.naive
    assert naive.smallest_gradient > 1e-10, "a gradient so near 0 that rounding decides its sign: choose another seed"
    assert pair.difference() <= tiny.CLOSE
    assert pair.ours.results() == [ClassAccuracy(hits, naive.n) for hits in (naive.robust_hits, naive.clean_hits)]


def test_the_comparison_can_fail():
    """A margin wrong by a thousandth, for one class, is seen."""
    config = tiny.step_config("at")
    right = tiny.class_wise(config)
    pair = Pair(config, replace(right, eps=(right.eps[0] * 1.001, *right.eps[1:])))
    pair.step(0)
    assert pair.difference() > tiny.CLOSE


def passes(side):
    """One step; the inputs of all its train-mode passes, in order."""
    seen = []
    hook = side.model.register_forward_pre_hook(lambda m, x: seen.append(x[0].detach()) if m.training else None)
    side.step(0)
    hook.remove()
    return seen


@pytest.mark.parametrize("recipe", ["trades", "fat"])
def test_the_release_s_order_of_passes_and_the_effect_of_a_repeated_one(recipe):
    """TRADES: clean, adversarial, clean again, and clean after the step. FAT: the last point twice, and clean.

    BatchNorm's statistics alone are others for it.
    """
    once, twice = (tiny.Stepped(tiny.step_config(recipe, repeat_forwards=repeat)) for repeat in (False, True))
    plain, repeated, x = passes(once), passes(twice), tiny.batch(0)[0]
    if recipe == "trades":
        assert [torch.equal(s, x) for s in plain] == [True, False, True]
        assert [torch.equal(s, x) for s in repeated] == [True, False, True, True]
    else:  # the start and four moves come before
        assert (len(plain), len(repeated)) == (6, 7)
        assert [torch.equal(a, b) for a, b in pairwise(repeated)][-3:] == [False, True, False]
        assert torch.equal(repeated[-1], x)
    states = once.model.state_dict(), twice.model.state_dict()
    different = {k for k, v in states[0].items() if not torch.equal(v, states[1][k])}
    assert different
    assert all("running" in k or "num_batches" in k for k in different)
