"""The fast step computes what the plain step computes: in float64, to 1e-9 of the largest movement, counts equal.

In float32 the sign of a gradient near 0 would be chance, and two correct steps would part ways.
"""

import copy
from dataclasses import replace

import pytest
import torch
import torch.nn as nn

from cfa_nb.data.batches import Batches
from cfa_nb.method import attacks
from cfa_nb.method.calibration import Calibration, uniform
from cfa_nb.method.fast import FastStep, Frozen, RepeatedPass, Trained
from cfa_nb.method.graphs import EagerEpoch, epoch_runner
from cfa_nb.method.metrics import ClassCounts
from cfa_nb.method.model import build
from cfa_nb.method.step import sgd, train_step
from cfa_nb.rng import stream
from tests import tiny

SHAPE, BATCH, CLOSE = (3, 8, 8), 20, 1e-9
RECIPES = ("at", "at_ccm", "trades_ccm_ccr", "fat_ccm", "frl")


def config_of(recipe, **changes):
    base = tiny.resnet_config(recipe, precision="fp64", clean_forward="train", lr=0.05, steps=4, alpha=0.02, eps=0.06)
    return replace(base, **changes)


def batch(step, n=BATCH):
    g = torch.Generator().manual_seed(step)
    templates = torch.rand(10, *SHAPE, generator=torch.Generator().manual_seed(5), dtype=torch.float64)
    y = torch.arange(n) % 10
    return 0.5 * templates[y] + 0.5 * torch.rand(n, *SHAPE, generator=g, dtype=torch.float64), y


def class_wise(config):
    spread = [0.6 + 0.08 * k for k in range(10)]
    eps, beta = (tuple(v * s for s in spread) for v in (config.eps, config.beta))
    weights = tuple(s / sum(spread) for s in spread)
    return Calibration(eps, beta, weights, weights[::-1]).to("cpu", torch.float64)


class Pair:
    """Two copies of one warmed-up network, stepped plainly and fast."""

    def __init__(self, config, network=None, **options):
        self.config = config
        self.plain = (network or build(config, 10, SHAPE)).double().train()
        self.plain_sgd = sgd(self.plain, config)
        self.counts = [[ClassCounts(10), ClassCounts(10)] for _ in range(2)]
        for step in range(3):
            self.step_plain(100 + step, uniform(config, 10).to("cpu", torch.float64))
        self.fast = copy.deepcopy(self.plain)
        fast_sgd = sgd(self.fast, config)
        fast_sgd.load_state_dict(copy.deepcopy(self.plain_sgd.state_dict()))
        self.step = FastStep(self.fast, fast_sgd, config, **options)
        self.start = copy.deepcopy(self.plain.state_dict())
        self.counts = [[ClassCounts(10), ClassCounts(10)] for _ in range(2)]

    def step_plain(self, number, table, n=BATCH):
        x, y = batch(number, n)
        generator = stream(0, "attack", 1, number)
        return train_step(self.plain, self.plain_sgd, x, y, table, self.config, generator, *self.counts[0])

    def step_fast(self, number, table, n=BATCH):
        x, y = batch(number, n)
        return self.step(x, y, table, stream(0, "attack", 1, number), *self.counts[1])

    def difference(self):
        """Largest difference of weights and buffers, over the largest movement since the start."""
        plain, fast = self.plain.state_dict(), self.fast.state_dict()
        names = [k for k in plain if plain[k].is_floating_point()]
        moved = max(float((plain[k] - self.start[k]).abs().max()) for k in names)
        assert moved > 1e-4
        assert all(torch.equal(plain[k], fast[k]) for k in plain if k not in names), "batch counters"
        return max(float((plain[k] - fast[k]).abs().max()) for k in names) / moved

    def assert_equal(self, close=CLOSE):
        assert self.difference() <= close
        for plain, fast in zip(*self.counts):
            assert plain.result() == fast.result()


@pytest.fixture
def smallest_gradient(monkeypatch):
    """The smallest |gradient| over its largest entry that an attack took the sign of."""
    seen, original = [], attacks.input_gradient

    def watched(*args):
        gradient, logits = original(*args)
        seen.append(float(gradient.abs().min() / gradient.abs().max()))
        return gradient, logits

    monkeypatch.setattr(attacks, "input_gradient", watched)
    return lambda: min(seen)


@pytest.mark.parametrize("repeat", [False, True])
@pytest.mark.parametrize("recipe", RECIPES)
def test_three_fast_steps_equal_three_plain_ones(recipe, repeat, smallest_gradient):
    pair = Pair(config_of(recipe, repeat_forwards=repeat))
    for number in range(3):
        n = BATCH if number < 2 else 12  # the smaller last batch too
        pair.step_plain(number, class_wise(pair.config), n)
        pair.step_fast(number, class_wise(pair.config), n)
    pair.assert_equal()
    assert smallest_gradient() > 1e-11, "a gradient so near 0 that rounding decides its sign: choose another seed"


@pytest.mark.parametrize("attack_bn", ["train", "eval"])
@pytest.mark.parametrize("clean_forward", ["train", "eval", "off"])
def test_both_modes_of_the_attack_and_all_of_the_clean_pass(attack_bn, clean_forward):
    pair = Pair(config_of("at", attack_bn=attack_bn, clean_forward=clean_forward))
    pair.step_plain(0, class_wise(pair.config))
    pair.step_fast(0, class_wise(pair.config))
    pair.assert_equal()


@pytest.mark.parametrize("change", ["eps", "beta", "lr"])
def test_changed_values_take_effect(change):
    pair = Pair(config_of("trades_ccm_ccr"))
    table = class_wise(pair.config)
    for step in (pair.step_plain, pair.step_fast):
        step(0, table)
    if change == "lr":
        pair.plain_sgd.param_groups[0]["lr"] = 0.2
        pair.step.sgd.set_lr(0.2)
    else:
        table[{"eps": 0, "beta": 1}[change]] *= 1.7
    unchanged = copy.deepcopy(pair.fast.state_dict())
    for step in (pair.step_plain, pair.step_fast):
        step(1, table)
    pair.assert_equal()
    assert any(not torch.equal(unchanged[k], v) for k, v in pair.fast.state_dict().items())


def test_the_comparison_can_fail():
    pair = Pair(config_of("at_ccm"))
    pair.step_plain(0, class_wise(pair.config))
    table = class_wise(pair.config)
    table[0, 3] *= 1.01  # one class's margin is a hundredth larger
    pair.step_fast(0, table)
    assert pair.difference() > CLOSE


@pytest.mark.parametrize("recipe", ["at_ccm", "trades_ccm_ccr", "fat_ccm"])
def test_the_views_equal_the_network(recipe, monkeypatch):
    pair = Pair(config_of(recipe))
    pair.step.attacked, pair.step.trained = Frozen(pair.fast), Trained(pair.fast)
    pair.step.through_views = True
    for number in range(2):
        pair.step_plain(number, class_wise(pair.config))
        pair.step_fast(number, class_wise(pair.config))
    pair.assert_equal()


@pytest.mark.slow
@pytest.mark.parametrize("recipe", ["at_ccm", "trades_ccm_ccr", "fat_ccm"])
def test_the_compiled_step_equals_the_plain_one(recipe):
    """On a network of two convolutions: compiling PreActResNet takes minutes on a CPU."""
    torch._dynamo.reset()
    small = nn.Sequential(
        nn.Conv2d(3, 4, 3, 2, 1),
        nn.BatchNorm2d(4),
        nn.ReLU(),
        nn.Conv2d(4, 4, 3, 2, 1),
        nn.Flatten(),
        nn.Linear(16, 10),
    )
    pair = Pair(config_of(recipe, repeat_forwards=recipe != "at_ccm", steps=2), small, compiled=True)
    for number in range(2):
        pair.step_plain(number, class_wise(pair.config))
        pair.step_fast(number, class_wise(pair.config))
    pair.assert_equal()


def test_a_frozen_view_gives_no_gradient_to_weights_and_follows_them():
    config = config_of("at")
    model = build(config, 10, SHAPE).double().train()
    view, (x, y) = Frozen(model), batch(0)
    gradient, before = attacks.input_gradient(view, x, attacks.cross_entropy(y))
    assert gradient.abs().max() > 0
    with pytest.raises(RuntimeError, match="does not require grad"):
        view(x).sum().backward()
    with torch.no_grad():
        model.linear.weight.mul_(2)
    view.refresh()
    assert not torch.allclose(view(x), before)


def test_bf16_touches_the_convolutions_alone():
    config = config_of("at", precision="bf16")
    model = build(config, 10, SHAPE).train()
    step = FastStep(model, sgd(model, config), config)
    kinds = {p.ndim: s.dtype for p, s in zip(model.parameters(), step.attacked.state())}
    assert kinds == {4: torch.bfloat16, 2: torch.float32, 1: torch.float32}
    x, y = batch(0)
    before = copy.deepcopy(model.state_dict())
    loss = step(x.float(), y, class_wise(config).float(), stream(0, "attack"), ClassCounts(10), ClassCounts(10))
    assert loss.dtype == torch.float32
    assert loss.isfinite()
    after = model.state_dict()
    assert all(after[k].dtype == before[k].dtype for k in before)
    assert not torch.equal(before["stem.weight"], after["stem.weight"])


def test_a_repeated_pass_is_arithmetic():
    model = build(config_of("at"), 10, SHAPE).double().train()
    twin, (x, _), (other, _) = copy.deepcopy(model), batch(0), batch(1)
    for images in (x, other, x):
        twin(images)
    repeated = RepeatedPass(model)
    repeated.before()
    model(x)
    repeated.after()
    model(other)
    repeated.again()
    for (name, ours), theirs in zip(model.state_dict().items(), twin.state_dict().values()):
        torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-14, msg=name)


def test_an_epoch_is_the_plain_loop():
    """The runner takes the same batches and random numbers as the plain loop, the smaller last batch included."""
    config = config_of("at_ccm", batch_size=24, flip=True)
    split, calibration = tiny.split(60, SHAPE), uniform(config, 10)
    plain = build(config, 10, SHAPE).double().train()
    fast, counts = copy.deepcopy(plain), (ClassCounts(10), ClassCounts(10))
    optimiser, table = sgd(plain, config), calibration.to("cpu", torch.float64)
    for group in optimiser.param_groups:
        group["lr"] = config.lr_at(1)
    for step, (x, y) in enumerate(Batches(split, config, 1)):
        train_step(plain, optimiser, x, y, table, config, stream(config.seed, "attack", 1, step), *counts)
    runner = epoch_runner(fast, sgd(fast, config), config, split, 10)
    robust, clean, broken = runner.run(1, calibration)
    assert type(runner) is EagerEpoch
    assert broken == 0
    assert (robust, clean) == tuple(c.result() for c in counts)
    for ours, theirs in zip(fast.parameters(), plain.parameters()):
        torch.testing.assert_close(ours, theirs, rtol=1e-9, atol=1e-12)


def test_the_first_loss_that_is_not_finite_is_named():
    config = config_of("at", batch_size=20, lr=1e200)
    model = build(config, 10, SHAPE).double().train()
    assert (
        epoch_runner(model, sgd(model, config), config, tiny.split(60, SHAPE), 10).run(1, uniform(config, 10))[2] == 2
    )
