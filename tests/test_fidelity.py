"""Our steps against the naive transcription, in float64, on a small PreActResNet that has trained for 20 steps."""

import copy
from itertools import pairwise

import pytest
import torch

from cfa_nb.method import objectives
from cfa_nb.method.calibration import Calibration, uniform
from cfa_nb.method.metrics import ClassCounts
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
        our_step(model, update, config, class_values, 1000 + step, (ClassCounts(10), ClassCounts(10)))
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
    model = warmed_up(config)
    start = copy.deepcopy(model.state_dict())
    naive = NaiveRun(copy.deepcopy(model), config, class_wise(config).eps, class_wise(config).beta)
    update, class_values = Sgd(model, config), class_wise(config).to("cpu", torch.float64)
    counts = ClassCounts(10), ClassCounts(10)
    for step in range(3):
        our_step(model, update, config, class_values, step, counts)
        x, y = batch(step)
        naive.step(x, y, noise_of(config, step, x))
    assert naive.smallest_gradient > 1e-10, "a gradient so near 0 that rounding decides its sign: choose another seed"
    assert_equal_movement(start, model.state_dict(), naive.model.state_dict())
    assert counts[0].result().hits == tuple(naive.robust_hits)
    assert counts[1].result().hits == tuple(naive.clean_hits)
    assert counts[0].result().n == tuple(naive.n)


@pytest.mark.parametrize("recipe", ["at_ccm", "trades_ccm_ccr", "fat_ccm"])
def test_the_update_alone_on_given_images(recipe, monkeypatch):
    """The same adversarial images for both: losses and SGD, without the attack."""
    config = config_of(recipe)
    model = warmed_up(config)
    start = copy.deepcopy(model.state_dict())
    given = [
        (batch(s)[0] + 0.05 * torch.sin(torch.arange(192.0).view(SHAPE).double() + s)).clamp(0, 1) for s in range(3)
    ]
    todo = iter(given)
    monkeypatch.setattr(objectives, "friendly_pgd" if config.objective == "fat" else "pgd", lambda *a, **k: next(todo))
    naive = NaiveRun(copy.deepcopy(model), config, class_wise(config).eps, class_wise(config).beta)
    update, class_values = Sgd(model, config), class_wise(config).to("cpu", torch.float64)
    for step in range(3):
        our_step(model, update, config, class_values, step, (ClassCounts(10), ClassCounts(10)))
        naive.update(batch(step)[0], given[step], batch(step)[1])
    assert_equal_movement(start, model.state_dict(), naive.model.state_dict())


def passes(model, config):
    """One step; the inputs of all its train-mode passes, in order."""
    seen = []
    hook = model.register_forward_pre_hook(lambda m, inputs: seen.append(inputs[0].detach()) if m.training else None)
    our_step(model, Sgd(model, config), config, class_wise(config).to("cpu", torch.float64), 0,
              (ClassCounts(10), ClassCounts(10)))  # fmt: skip
    hook.remove()
    return seen


def test_the_release_s_order_of_passes_in_trades():
    """Clean, adversarial, clean again, and the clean one after the step; without the repetition three."""
    model, x = warmed_up(config_of("trades")), batch(0)[0]
    seen = passes(copy.deepcopy(model), config_of("trades", repeat_forwards=True))
    assert [torch.equal(s, x) for s in seen] == [True, False, True, True]
    assert [torch.equal(s, x) for s in passes(model, config_of("trades"))] == [True, False, True]


def test_the_release_s_order_of_passes_in_fat():
    """The start and ten moves, the last point twice, and the clean pass; without the repetition one less."""
    model, x = warmed_up(config_of("fat")), batch(0)[0]
    seen = passes(copy.deepcopy(model), config_of("fat", repeat_forwards=True))
    assert len(seen) == 13
    assert [torch.equal(a, b) for a, b in pairwise(seen)][-3:] == [False, True, False]
    assert torch.equal(seen[-1], x)
    assert len(passes(model, config_of("fat"))) == 12


@pytest.mark.parametrize("recipe", ["trades", "fat"])
def test_a_repeated_pass_moves_batchnorm_s_statistics_and_nothing_else(recipe):
    once, twice = (warmed_up(config_of(recipe)) for _ in range(2))
    for model, repeat in ((once, False), (twice, True)):
        passes(model, config_of(recipe, repeat_forwards=repeat))
    different = {k for k, v in once.state_dict().items() if not torch.equal(v, twice.state_dict()[k])}
    assert different
    assert all("running" in k or "num_batches" in k for k in different)


def test_the_comparison_can_fail():
    """A margin wrong by a thousandth, for one class, is seen."""
    config = config_of("at_ccm")
    model = warmed_up(config)
    start, right = copy.deepcopy(model.state_dict()), class_wise(config)
    wrong = (right.eps[0] * 1.001, *right.eps[1:])
    naive = NaiveRun(copy.deepcopy(model), config, wrong, right.beta)
    our_step(model, Sgd(model, config), config, right.to("cpu", torch.float64), 0, (ClassCounts(10), ClassCounts(10)))
    x, y = batch(0)
    naive.step(x, y, noise_of(config, 0, x))
    with pytest.raises(AssertionError):
        assert_equal_movement(start, model.state_dict(), naive.model.state_dict())
