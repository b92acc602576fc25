"""The step on faster views of the network computes what the plain step computes: in float64, to 1e-9 of the largest
movement, counts equal; and its SGD is torch's.

In float32 the sign of a gradient near 0 would be chance, and two correct steps would part ways.
"""

import copy
from dataclasses import replace

import pytest
import torch
import torch.nn as nn

from cfa_nb.cli import core
from cfa_nb.data.batches import Batches
from cfa_nb.method import attacks, evaluate, graphs
from cfa_nb.method.calibration import Calibration, uniform
from cfa_nb.method.fast import Frozen, Trained, fast_networks
from cfa_nb.method.metrics import ClassCounts
from cfa_nb.method.model import build
from cfa_nb.method.objectives import OBJECTIVES, Networks, PerImage
from cfa_nb.method.step import Epoch, Sgd, train_step
from cfa_nb.method.train import _epoch_kind, _evaluation_kind
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


class Side:
    """A network that is stepped, with what the step needs and counts."""

    def __init__(self, model, config, networks=Networks):
        self.model, self.config, self.networks, self.update = model, config, networks(model), Sgd(model, config)
        self.counts = [ClassCounts(10), ClassCounts(10)]

    def step(self, number, class_values, n=BATCH):
        x, y = batch(number, n)
        generator = stream(0, "attack", 1, number)
        return train_step(self.networks, self.update, x, y, class_values, self.config, generator, *self.counts)


class Pair:
    """Two copies of one warmed-up network, stepped as it is and through faster views."""

    def __init__(self, config, views, network=None):
        self.config, model = config, (network or build(config, 10, SHAPE)).double().train()
        warm_up = Side(model, config)
        for number in range(3):
            warm_up.step(100 + number, uniform(config, 10).to("cpu", torch.float64))
        self.plain, self.fast = Side(model, config), Side(copy.deepcopy(model), config, views)
        self.start = copy.deepcopy(model.state_dict())

    @property
    def sides(self):
        return self.plain, self.fast

    def difference(self):
        """Largest difference of weights and buffers, over the largest movement since the start."""
        plain, fast = (side.model.state_dict() for side in self.sides)
        names = [k for k in plain if plain[k].is_floating_point()]
        moved = max(float((plain[k] - self.start[k]).abs().max()) for k in names)
        assert moved > 1e-4
        assert all(torch.equal(plain[k], fast[k]) for k in plain if k not in names), "batch counters"
        return max(float((plain[k] - fast[k]).abs().max()) for k in names) / moved

    def assert_equal(self, close=CLOSE):
        assert self.difference() <= close
        for plain, fast in zip(*(side.counts for side in self.sides)):
            assert plain.result() == fast.result()


def views(model):
    return Networks(Trained(model), Frozen(model))


@pytest.fixture
def smallest_gradient(monkeypatch):
    """The smallest |gradient| over its largest entry that an attack took the sign of."""
    smallest, original = [], attacks.input_gradient

    def watched(*args):
        gradient, logits = original(*args)
        smallest.append(float(gradient.abs().min() / gradient.abs().max()))
        return gradient, logits

    monkeypatch.setattr(attacks, "input_gradient", watched)
    return lambda: min(smallest)


@pytest.mark.parametrize("repeat", [False, True])
@pytest.mark.parametrize("recipe", RECIPES)
def test_three_steps_through_views_equal_three_plain_ones(recipe, repeat, smallest_gradient):
    pair = Pair(config_of(recipe, repeat_forwards=repeat), views)
    for number in range(3):
        for side in pair.sides:
            side.step(number, class_wise(pair.config), BATCH if number < 2 else 12)  # the smaller last batch too
    pair.assert_equal()
    assert smallest_gradient() > 1e-11, "a gradient so near 0 that rounding decides its sign: choose another seed"


@pytest.mark.parametrize("attack_bn", ["train", "eval"])
@pytest.mark.parametrize("clean_forward", ["train", "eval", "off"])
def test_both_modes_of_the_attack_and_all_of_the_clean_pass(attack_bn, clean_forward):
    pair = Pair(config_of("at", attack_bn=attack_bn, clean_forward=clean_forward), views)
    for side in pair.sides:
        side.step(0, class_wise(pair.config))
    pair.assert_equal()


def test_the_comparison_can_fail():
    pair = Pair(config_of("at_ccm"), views)
    class_values = class_wise(pair.config)
    pair.plain.step(0, class_values.clone())
    class_values[0, 3] *= 1.01  # one class's margin is a hundredth larger
    pair.fast.step(0, class_values)
    assert pair.difference() > CLOSE


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
    config = config_of(recipe, repeat_forwards=recipe != "at_ccm", steps=2)
    pair = Pair(config, lambda model: fast_networks(model, compiled=True), small)
    for number in range(2):
        for side in pair.sides:
            side.step(number, class_wise(pair.config))
    pair.assert_equal()


@pytest.mark.parametrize("change", ["eps", "beta", "lr"])
def test_the_update_is_torchs_sgd_and_changed_values_take_effect(change):
    """An independent reference: autograd's backward and torch.optim.SGD on a twin, in the same loop."""
    config = config_of("trades_ccm_ccr")
    ours = Side(build(config, 10, SHAPE).double().train(), config)
    twin = copy.deepcopy(ours.model)
    optimiser = torch.optim.SGD(twin.parameters(), config.lr, config.momentum, weight_decay=config.weight_decay)
    class_values = class_wise(config)
    for number in range(3):
        if number == 2 and change == "lr":
            ours.update.set_lr(0.2)
            optimiser.param_groups[0]["lr"] = 0.2
        elif number == 2:
            class_values[{"eps": 0, "beta": 1}[change]] *= 1.7
        before = copy.deepcopy(twin.state_dict())
        ours.step(number, class_values)
        (x, y), generator = batch(number), stream(0, "attack", 1, number)
        loss, _ = OBJECTIVES["trades"](Networks(twin), x, y, PerImage(class_values, y), config, generator)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        twin(x)  # the clean pass of the log moves the statistics
    for name, theirs in twin.state_dict().items():
        torch.testing.assert_close(ours.model.state_dict()[name], theirs, rtol=1e-9, atol=1e-12, msg=name)
    assert any(not torch.equal(before[k], v) for k, v in twin.state_dict().items())


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
    side = Side(model, config, lambda model: fast_networks(model, bf16=True))
    kinds = {p.ndim: s.dtype for p, s in zip(model.parameters(), side.networks.attacked.weights())}
    assert kinds == {4: torch.bfloat16, 2: torch.float32, 1: torch.float32}
    x, y = batch(0)
    before = copy.deepcopy(model.state_dict())
    step = (class_wise(config).float(), config, stream(0, "attack"), *side.counts)
    loss = train_step(side.networks, side.update, x.float(), y, *step)
    assert loss.dtype == torch.float32
    assert loss.isfinite()
    after = model.state_dict()
    assert all(after[k].dtype == before[k].dtype for k in before)
    assert not torch.equal(before["stem.weight"], after["stem.weight"])
    assert Epoch(model, config, tiny.split(20, SHAPE), 10).networks.attacked.bf16, "an epoch on a CPU is in bf16 too"
    attacked = side.networks.attacked.weights()[0].clone()
    side.networks.refresh()
    assert not torch.equal(attacked, side.networks.attacked.weights()[0]), "the attack's copy follows the weights"


def test_an_epoch_is_the_plain_loop():
    """It takes the same batches and random numbers as a loop over `Batches`, the smaller last batch included."""
    config = config_of("at_ccm", batch_size=24, flip=True)
    split, calibration = tiny.split(60, SHAPE), uniform(config, 10)
    plain = build(config, 10, SHAPE).double().train()
    epoch, counts = Epoch(copy.deepcopy(plain), config, split, 10), (ClassCounts(10), ClassCounts(10))
    networks, update, class_values = Networks(plain), Sgd(plain, config), calibration.to("cpu", torch.float64)
    update.set_lr(config.lr_at(1))
    for step, (x, y) in enumerate(Batches(split, config, 1)):
        generator = stream(config.seed, "attack", 1, step)
        train_step(networks, update, x, y, class_values, config, generator, *counts)
    robust, clean, first_bad_step = epoch.run(1, calibration)
    assert first_bad_step == 0
    assert (robust, clean) == tuple(c.result() for c in counts)
    for ours, theirs in zip(epoch.model.parameters(), plain.parameters()):
        torch.testing.assert_close(ours, theirs, rtol=1e-9, atol=1e-12)


def test_the_first_loss_that_is_not_finite_is_named():
    config = config_of("at", batch_size=20, lr=1e200)
    model = build(config, 10, SHAPE).double().train()
    assert Epoch(model, config, tiny.split(60, SHAPE), 10).run(1, uniform(config, 10))[2] == 2


class Replayed:
    """Stands for `Captured` on a CPU: runs the body at each replay, on the generators' seeds."""

    def __init__(self, body, size, device, mutable, generators):
        self.body, self.size, self.generators = body, size, [torch.Generator() for _ in range(generators)]
        assert all(t.device.type == "cpu" for t in mutable)

    def replay(self, index, seeds):
        assert len(index) == self.size
        for generator, seed in zip(self.generators, seeds, strict=True):
            generator.manual_seed(seed)
        self.body(index, *self.generators)


@pytest.fixture
def _no_gpu_needed(monkeypatch):
    monkeypatch.setattr(graphs, "Captured", Replayed)
    monkeypatch.setattr(torch, "compile", lambda function, **_: function)


@pytest.mark.usefixtures("_no_gpu_needed")
@pytest.mark.parametrize("recipe", ["at_ccm", "trades_ccm_ccr", "fat_ccm", "frl"])
def test_an_epoch_of_graphs_is_the_epoch_but_for_the_capture(recipe):
    """What surrounds a capture (batches, seeds, views, counters) needs no GPU; tests/test_gpu.py has the capture."""
    config = config_of(recipe, batch_size=24, flip=True)
    split, calibration, model = tiny.split(60, SHAPE), uniform(config, 10), build(config, 10, SHAPE).double().train()
    plain = Epoch(copy.deepcopy(model), config, split, 10)
    graph = graphs.GraphEpoch(copy.deepcopy(model), config, split, 10)
    for epoch in (1, 2):
        assert graph.run(epoch, calibration) == plain.run(epoch, calibration)
    assert not graph.one_by_one
    assert sorted(graph.captured) == [12, 24]
    for ours, theirs in zip(graph.model.state_dict().values(), plain.model.state_dict().values()):
        torch.testing.assert_close(ours, theirs, rtol=1e-9, atol=1e-12)
    changed = {id(t) for t in graph.mutable()}
    assert {id(t) for t in (*graph.model.parameters(), *graph.model.buffers(), *graph.update.momentum)} <= changed


class OtherMargin(Replayed):
    """A capture that went wrong: it holds the margins of the moment of capture, and they were doubled."""

    def replay(self, index, seeds):
        class_values = self.body.__self__.class_values
        class_values[0].mul_(2)
        super().replay(index, seeds)
        class_values[0].div_(2)


class NotCaptured(Replayed):
    def __init__(self, body, size, device, mutable, generators):
        mutable[0].detach().zero_()  # what a warm-up that breaks down may leave behind
        raise RuntimeError("operation not permitted when stream is capturing\nand more")


@pytest.mark.usefixtures("_no_gpu_needed")
@pytest.mark.parametrize(
    ("captured", "said"),
    [
        (OtherMargin, "a captured step goes elsewhere than a plain one (by "),
        (NotCaptured, "a captured step fails (RuntimeError: operation not permitted when stream is capturing)"),
    ],
)
def test_a_captured_step_that_is_wrong_is_said_and_not_used(captured, said, monkeypatch, capsys):
    monkeypatch.setattr(graphs, "Captured", captured)
    config, split = config_of("at", batch_size=24), tiny.split(60, SHAPE)
    calibration, model = uniform(config, 10), build(config, 10, SHAPE).double().train()
    plain = Epoch(copy.deepcopy(model), config, split, 10)
    graph = graphs.GraphEpoch(copy.deepcopy(model), config, split, 10)
    for epoch in (1, 2):
        assert graph.run(epoch, calibration) == plain.run(epoch, calibration)
    assert graph.one_by_one
    assert all(torch.equal(a, b) for a, b in zip(graph.model.state_dict().values(), plain.model.state_dict().values()))
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert said in lines[0]
    assert lines[0].endswith("; all steps are made one by one")


@pytest.mark.usefixtures("_no_gpu_needed")
def test_plain_steps_can_be_asked_for(monkeypatch):
    cuda = torch.device("cuda")
    monkeypatch.setenv("CFA_NB_PLAIN", "")
    assert _epoch_kind(cuda) is graphs.GraphEpoch
    assert _evaluation_kind(one_by_one=False) is graphs.GraphEvaluation
    monkeypatch.setattr("cfa_nb.runs.sweep.ensure", lambda *_, **__: [])
    assert core.main(["sweep", "--profile", "smoke", "--plain"], standalone_mode=False) is None
    assert _epoch_kind(cuda) is Epoch
    assert _evaluation_kind(one_by_one=True) is evaluate.EpochEvaluation


@pytest.mark.usefixtures("_no_gpu_needed")
def test_an_evaluation_of_graphs_is_the_evaluation_but_for_the_capture(monkeypatch):
    for module in (graphs, evaluate):
        monkeypatch.setattr(module, "BATCH", 25)
    config, split = config_of("at"), tiny.split(60, SHAPE)
    model = build(config, 10, SHAPE).double().train()
    kinds = graphs.GraphEvaluation, evaluate.EpochEvaluation
    graph, plain = (kind(model, split, config, 10, "evaluate-test") for kind in kinds)
    assert graph(1) == plain(1)
    with torch.no_grad():
        model.linear.weight.neg_()
    assert graph(2) == plain(2)
    assert model.training
