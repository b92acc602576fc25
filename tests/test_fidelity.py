"""Our steps against the naive transcription, in float64, on a small PreActResNet that has trained for 20 steps."""

import copy
from dataclasses import replace
from itertools import pairwise

import pytest
import torch

from cfa_nb.method import objectives
from cfa_nb.method.calibration import Calibration, uniform
from cfa_nb.method.metrics import ClassAccuracy, ClassCounts
from cfa_nb.method.model import build
from cfa_nb.method.objectives import Networks
from cfa_nb.method.step import Sgd, train_step
from cfa_nb.rng import stream
from tests import tiny
from tests.naive import NaiveRun

pytestmark = pytest.mark.slow

SHAPE, BATCH = (3, 8, 8), 20
CLOSE = 1e-9  # of the largest movement


RECIPES = ("at", "at_ccm", "trades", "trades_ccm_ccr", "fat", "fat_ccm")
REPEATED = ("at_ccm", "trades", "trades_ccm_ccr", "fat", "fat_ccm")  # AT has no pass to repeat: the field is idle there


def config_of(recipe, **changes):
    own = dict(precision="fp64", clean_forward="train", lr=0.05, steps=10, alpha=0.02, eps=0.06)
    return tiny.resnet_config(recipe, **{**own, **changes})


def batch(step):
    g = torch.Generator().manual_seed(100 + step)
    y = torch.arange(BATCH) % 10
    templates = torch.rand(10, *SHAPE, generator=torch.Generator().manual_seed(5), dtype=torch.float64)
    return 0.5 * templates[y] + 0.5 * torch.rand(BATCH, *SHAPE, generator=g, dtype=torch.float64), y


def our_step(model, update, config, class_values, step, counts):
    x, y = batch(step)
    networks, generator = Networks(model), stream(0, "attack", 1, step)
    return train_step(networks, update, x, y, class_values, config, generator, *counts)


def warmed_up(config):
    """The network after 20 plain steps: BatchNorm and weights away from their start."""
    model = build(config, 10, SHAPE).double().train()
    update, class_values = Sgd(model, config), uniform(config, 10).to("cpu", torch.float64)
    for step in range(20):
        our_step(model, update, config, class_values, 1000 + step, counts())
    return model


def class_wise(config):
    """Margins and betas that differ from class to class where the recipe calibrates them."""
    spread = torch.linspace(0.6, 1.4, 10, dtype=torch.float64)
    eps = tuple((config.eps * (spread if config.ccm else torch.ones(10))).tolist())
    beta = tuple((config.beta * (spread.flip(0) if config.ccr else torch.ones(10))).tolist())
    return Calibration(eps, beta, (0.1,) * 10, (0.1,) * 10)


def noise_of(config, step, x):
    draw = torch.randn if config.objective == "trades" else torch.rand
    return draw(x.shape, generator=stream(0, "attack", 1, step), dtype=x.dtype)


def counts():
    return ClassCounts(10), ClassCounts(10)


def pair(config, calibration=None):
    """Our network, its update and its class-wise values; the naive run; the state that both start from."""
    model, calibration = warmed_up(config), calibration or class_wise(config)
    naive = NaiveRun(copy.deepcopy(model), config, calibration.eps, calibration.beta)
    ours = model, Sgd(model, config), config, class_wise(config).to("cpu", torch.float64)
    return ours, naive, copy.deepcopy(model.state_dict())


def assert_equal_movement(start, ours, theirs):
    moved = max(float((ours[k] - start[k]).abs().max()) for k in start if start[k].is_floating_point())
    assert moved > 1e-4
    for k in start:
        assert float((ours[k] - theirs[k]).abs().max()) <= CLOSE * moved, k


@pytest.mark.parametrize(
    ("recipe", "repeat"), [*((r, False) for r in RECIPES), *((r, True) for r in REPEATED)], ids=str
)
def test_three_steps_equal_the_naive_transcription(recipe, repeat):
    config = config_of(recipe, repeat_forwards=repeat)
    ours, naive, start = pair(config)
    robust, clean = counts()
    for step in range(3):
        our_step(*ours, step, (robust, clean))
        x, y = batch(step)
        naive.step(x, y, noise_of(config, step, x))
    assert naive.smallest_gradient > 1e-10, "a gradient so near 0 that rounding decides its sign: choose another seed"
    assert_equal_movement(start, ours[0].state_dict(), naive.model.state_dict())
    assert robust.result() == ClassAccuracy(naive.robust_hits, naive.n)
    assert clean.result() == ClassAccuracy(naive.clean_hits, naive.n)


@pytest.mark.parametrize("recipe", ["at_ccm", "trades_ccm_ccr", "fat_ccm"])
def test_the_update_alone_on_given_images(recipe, monkeypatch):
    """The same adversarial images for both: losses and SGD, without the attack."""
    config = config_of(recipe)
    ours, naive, start = pair(config)
    given = [
        (batch(s)[0] + 0.05 * torch.sin(torch.arange(192.0).view(SHAPE).double() + s)).clamp(0, 1) for s in range(3)
    ]
    todo = iter(given)
    monkeypatch.setattr(objectives, "friendly_pgd" if config.objective == "fat" else "pgd", lambda *a, **k: next(todo))
    for step in range(3):
        our_step(*ours, step, counts())
        naive.update(batch(step)[0], given[step], batch(step)[1])
    assert_equal_movement(start, ours[0].state_dict(), naive.model.state_dict())


def passes(model, config):
    """One step; the inputs of all its train-mode passes, in order."""
    seen = []
    hook = model.register_forward_pre_hook(lambda m, inputs: seen.append(inputs[0].detach()) if m.training else None)
    our_step(model, Sgd(model, config), config, class_wise(config).to("cpu", torch.float64), 0, counts())
    hook.remove()
    return seen


@pytest.mark.parametrize("recipe", ["trades", "fat"])
def test_the_release_s_order_of_passes_and_the_effect_of_a_repeated_one(recipe):
    """TRADES: clean, adversarial, clean again, and clean after the step. FAT: the last point twice, and clean.

    BatchNorm's statistics alone are others for it.
    """
    once, x = warmed_up(config_of(recipe)), batch(0)[0]
    twice = copy.deepcopy(once)
    plain, repeated = (passes(m, config_of(recipe, repeat_forwards=m is twice)) for m in (once, twice))
    if recipe == "trades":
        assert [torch.equal(s, x) for s in plain] == [True, False, True]
        assert [torch.equal(s, x) for s in repeated] == [True, False, True, True]
    else:  # the start and ten moves come before
        assert (len(plain), len(repeated)) == (12, 13)
        assert [torch.equal(a, b) for a, b in pairwise(repeated)][-3:] == [False, True, False]
        assert torch.equal(repeated[-1], x)
    different = {k for k, v in once.state_dict().items() if not torch.equal(v, twice.state_dict()[k])}
    assert different
    assert all("running" in k or "num_batches" in k for k in different)


def test_the_comparison_can_fail():
    """A margin wrong by a thousandth, for one class, is seen."""
    config = config_of("at_ccm")
    right = class_wise(config)
    ours, naive, start = pair(config, replace(right, eps=(right.eps[0] * 1.001, *right.eps[1:])))
    our_step(*ours, 0, counts())
    x, y = batch(0)
    naive.step(x, y, noise_of(config, 0, x))
    with pytest.raises(AssertionError):
        assert_equal_movement(start, ours[0].state_dict(), naive.model.state_dict())
