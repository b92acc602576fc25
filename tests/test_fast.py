"""The step on faster views of the network computes what the plain step computes: in float64, to 1e-9 of the largest
movement, counts equal; and its SGD is torch's. A GPU replays it: what surrounds the capture is tested here, too.
"""

import copy
from functools import partial

import pytest
import torch
import torch.nn as nn

from cfa_nb.cli import core
from cfa_nb.data.batches import Batches
from cfa_nb.method import evaluate, graphs
from cfa_nb.method.calibration import uniform
from cfa_nb.method.fast import Frozen, Trained, fast_networks
from cfa_nb.method.metrics import ClassCounts
from cfa_nb.method.model import build
from cfa_nb.method.objectives import Networks
from cfa_nb.method.step import Epoch, Sgd, train_step
from cfa_nb.method.train import _epoch_kind
from cfa_nb.rng import stream
from tests import tiny
from tests.tiny import CLOSE, SHAPE, step_config


def assert_equal_steps(config, networks, network=None):
    """Steps of the plain network and of other views of it, the smaller last batch included."""
    model = tiny.warmed_up(config, network)
    start, plain = tiny.state_of(model), tiny.Stepped(config, copy.deepcopy(model))
    other = tiny.Stepped(config, model, networks)
    for number, size in enumerate((20, 12)):
        for side in (plain, other):
            side.step(number, size)
    assert tiny.difference(start, plain.model.state_dict(), other.model.state_dict()) <= CLOSE
    assert plain.results() == other.results()


def views(model):
    return Networks(Trained(model), Frozen(model))


@pytest.mark.parametrize(
    ("recipe", "changes"),
    [
        ("at_ccm", {}),
        ("at_ccm", dict(attack_bn="eval", clean_forward="eval")),
        ("trades_ccm_ccr", dict(repeat_forwards=True, clean_forward="off")),
        ("fat_ccm", dict(repeat_forwards=True)),
        ("frl", {}),
    ],
)
def test_steps_through_views_equal_plain_ones(recipe, changes):
    assert_equal_steps(step_config(recipe, **changes), views)


@pytest.mark.slow
def test_the_compiled_step_equals_the_plain_one(monkeypatch):
    """Both modes, two batch sizes, on a network of one convolution; the code for it is written on a GPU only."""
    torch._dynamo.reset()
    monkeypatch.setattr(torch, "compile", partial(torch.compile, backend="aot_eager"))
    small = nn.Sequential(nn.Conv2d(3, 4, 3, 2, 1), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(64, 10))
    config = step_config("trades_ccm_ccr", repeat_forwards=True)
    assert_equal_steps(config, lambda model: fast_networks(model, compiled=True), small)


def test_the_update_is_torchs_sgd_and_follows_the_rate():
    ours, config = nn.Linear(3, 2), step_config(lr=0.1)
    theirs, update, x = copy.deepcopy(ours), Sgd(ours, config), torch.rand(5, 3)
    optimiser = torch.optim.SGD(theirs.parameters(), config.lr, config.momentum, weight_decay=config.weight_decay)
    for lr in (0.1, 0.1, 0.02):
        update.set_lr(lr)
        update(ours(x).square().sum())
        optimiser.param_groups[0]["lr"] = lr
        optimiser.zero_grad()
        theirs(x).square().sum().backward()
        optimiser.step()
        torch.testing.assert_close([*ours.parameters()], [*theirs.parameters()])


def test_bf16_touches_the_convolutions_alone():
    config = step_config(precision="bf16")
    epoch = Epoch(build(config, 10, SHAPE).train(), config, tiny.split(20, SHAPE), 10)
    attacked, before = epoch.networks.attacked, tiny.state_of(epoch.model)
    kinds = {p.ndim: w.dtype for p, w in zip(epoch.model.parameters(), attacked.weights())}
    assert kinds == {4: torch.bfloat16, 2: torch.float32, 1: torch.float32}
    stem = attacked.weights()[0].clone()
    epoch.run(1, uniform(config, 10))
    after = epoch.model.state_dict()
    assert {k: v.dtype for k, v in after.items()} == {k: v.dtype for k, v in before.items()}
    assert not torch.equal(before["stem.weight"], after["stem.weight"])
    epoch.networks.refresh()
    assert not torch.equal(stem, attacked.weights()[0]), "the attack's copy follows the weights"


@pytest.fixture
def epoch_of():
    """Epochs of one kind after another on the same images, from the same weights."""
    config = step_config("trades_ccm_ccr", batch_size=24, flip=True)
    model = build(config, 10, SHAPE).double().train()
    return lambda kind: kind(copy.deepcopy(model), config, tiny.split(60, SHAPE), 10)


def test_an_epoch_is_the_plain_loop(epoch_of):
    """It takes the same batches and random numbers as a loop over `Batches`, the smaller last batch included."""
    epoch, same = epoch_of(Epoch), epoch_of(Epoch)
    config, calibration, counts = epoch.config, tiny.class_wise(epoch.config), (ClassCounts(10), ClassCounts(10))
    networks, update, class_values = Networks(same.model), Sgd(same.model, config), calibration.to("cpu", torch.float64)
    update.set_lr(config.lr_at(1))
    for step, (x, y) in enumerate(Batches(epoch.split, config, 1)):
        noise = stream(config.seed, "attack", 1, step)
        train_step(networks, update, x, y, class_values, config, noise, *counts)
    assert epoch.run(1, calibration) == tuple(c.result() for c in counts)
    assert_close(epoch, same)


def assert_close(one, other):
    for name, value in one.model.state_dict().items():
        torch.testing.assert_close(value, other.model.state_dict()[name], rtol=CLOSE, atol=1e-12, msg=name)


# --- CUDA graphs, without their capture


class Replayed:
    """Stands for `Captured` on a CPU: runs the body at each replay, on the generators' seeds."""

    def __init__(self, body, size, device, mutable, generators):
        self.body, self.size, self.generators = body, size, [torch.Generator() for _ in range(generators)]

    def replay(self, index, seeds):
        assert len(index) == self.size
        for generator, seed in zip(self.generators, seeds, strict=True):
            generator.manual_seed(seed)
        self.body(index, *self.generators)


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


@pytest.fixture
def _no_gpu_needed(monkeypatch):
    monkeypatch.setattr(graphs, "Captured", Replayed)
    monkeypatch.setattr(torch, "compile", lambda function, **_: function)


@pytest.mark.usefixtures("_no_gpu_needed")
def test_an_epoch_of_graphs_is_the_epoch_but_for_the_capture(epoch_of):
    """What surrounds a capture (batches, seeds, views, counters) needs no GPU; tests/test_gpu.py has the capture."""
    plain, graph = epoch_of(Epoch), epoch_of(graphs.GraphEpoch)
    for epoch in (1, 2):
        assert graph.run(epoch, tiny.class_wise(plain.config)) == plain.run(epoch, tiny.class_wise(plain.config))
    assert not graph.one_by_one
    assert sorted(graph.captured) == [12, 24]
    assert_close(graph, plain)
    changed = {id(t) for t in graph.mutable()}
    assert {id(t) for t in (*graph.model.parameters(), *graph.model.buffers(), *graph.update.momentum)} <= changed


@pytest.mark.usefixtures("_no_gpu_needed")
@pytest.mark.parametrize(
    ("captured", "said"),
    [
        (OtherMargin, "a captured step goes elsewhere than a plain one (by "),
        (NotCaptured, "a captured step fails (RuntimeError: operation not permitted when stream is capturing)"),
    ],
)
def test_a_captured_step_that_is_wrong_is_said_and_not_used(captured, said, epoch_of, monkeypatch, capsys):
    monkeypatch.setattr(graphs, "Captured", captured)
    plain, graph = epoch_of(Epoch), epoch_of(graphs.GraphEpoch)
    for epoch in (1, 2):
        assert graph.run(epoch, tiny.class_wise(plain.config)) == plain.run(epoch, tiny.class_wise(plain.config))
    assert graph.one_by_one
    assert all(torch.equal(a, b) for a, b in zip(graph.model.state_dict().values(), plain.model.state_dict().values()))
    (line,) = capsys.readouterr().err.splitlines()
    assert said in line
    assert line.endswith("; all steps are made one by one")


def test_plain_steps_can_be_asked_for(monkeypatch):
    cuda = torch.device("cuda")
    monkeypatch.setenv("CFA_NB_PLAIN", "")
    assert _epoch_kind(cuda) is graphs.GraphEpoch
    monkeypatch.setattr("cfa_nb.runs.sweep.ensure", lambda *_, **__: [])
    assert core.main(["sweep", "--profile", "smoke", "--plain"], standalone_mode=False) is None
    assert _epoch_kind(cuda) is Epoch


@pytest.mark.usefixtures("_no_gpu_needed")
def test_an_evaluation_of_graphs_is_the_evaluation_but_for_the_capture(monkeypatch):
    monkeypatch.setattr(evaluate, "BATCH", 25)
    config, model = step_config(), build(step_config(), 10, SHAPE).double().train()
    kinds = graphs.GraphEvaluation, evaluate.EpochEvaluation
    graph, plain = (kind(model, tiny.split(60, SHAPE), config, 10, "evaluate-test") for kind in kinds)
    assert graph(1) == plain(1)
    with torch.no_grad():
        model.linear.weight.neg_()
    assert graph(2) == plain(2)
    assert model.training
