"""On a CUDA device: the captured step is the plain step, draws anew at each replay, and never waits for the device.

Skipped without one. Float64, deterministic algorithms, no TF32, so that a difference means a mistake.
"""

import copy
from dataclasses import replace

import pytest
import torch

from cfa_nb.data.batches import Batches
from cfa_nb.method.calibration import uniform
from cfa_nb.method.evaluate import EpochEvaluation
from cfa_nb.method.fast import fast_networks
from cfa_nb.method.graphs import GraphEpoch, GraphEvaluation
from cfa_nb.method.metrics import ClassCounts
from cfa_nb.method.model import build
from cfa_nb.method.step import Epoch, Sgd, train_step
from cfa_nb.method.train import Training, train
from cfa_nb.rng import stream
from cfa_nb.runs.store import RunStore
from tests import tiny
from tests.tiny import SHAPE

pytestmark = [pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")]

CLOSE = 1e-8  # of the largest movement


@pytest.fixture(autouse=True)
def _exact(monkeypatch):
    monkeypatch.setattr(torch.backends.cuda.matmul, "allow_tf32", False)
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", False)
    monkeypatch.setattr(torch.backends.cudnn, "deterministic", True)
    monkeypatch.setattr(torch.backends.cudnn, "benchmark", False)


def config_of(recipe="at_ccm", **changes):
    return tiny.step_config(recipe, **dict(steps=3, batch_size=24, crop_padding=1, flip=True) | changes)


def split():
    return tiny.split(60, SHAPE).to("cuda")


def runners_of(config):
    """The epoch whose steps are made one by one, which tests/test_fast.py holds to the plain loop, and the replayed."""
    model = build(config, 10, SHAPE).double().cuda().train()
    return [kind(copy.deepcopy(model), config, split(), 10) for kind in (Epoch, GraphEpoch)]


def assert_close(start, plain, graph):
    assert tiny.difference(start, plain.model.state_dict(), graph.model.state_dict()) <= CLOSE
    assert not graph.one_by_one


@pytest.mark.parametrize("recipe", ["at_ccm", "trades_ccm_ccr", "fat_ccm", "frl"])
def test_a_captured_epoch_equals_the_plain_one(recipe):
    config = config_of(recipe, repeat_forwards=recipe[:2] in ("tr", "fa"))
    plain, graph = runners_of(config)
    start = tiny.state_of(plain.model)
    assert graph.run(1, tiny.class_wise(config)) == plain.run(1, tiny.class_wise(config))
    assert_close(start, plain, graph)
    assert sorted(graph.captured) == [12, 24]


@pytest.mark.parametrize("change", ["eps", "beta", "lr"])
def test_values_changed_after_the_capture_take_effect(change):
    config = config_of("trades_ccm_ccr", milestones=(1, 2) if change == "lr" else (3, 4))
    second = config if change == "lr" else replace(config, **{change: 0.5 * getattr(config, change)})
    plain, graph = runners_of(config)
    for runner in (plain, graph):
        runner.run(1, uniform(config, 10))
    start = tiny.state_of(plain.model)
    for runner in (plain, graph):
        runner.run(2, uniform(second, 10))
    assert_close(start, plain, graph)


def test_replays_draw_anew_and_the_same_step_draws_the_same():
    config = config_of(batch_size=20)
    _, runner = runners_of(config)
    runner.run(1, uniform(config, 10))
    index, results = torch.arange(20, device="cuda"), []
    for number in (0, 1, 0):
        before = [t.clone() for t in runner.mutable()]
        runner.run_step(2, number, index)
        results.append(runner.model.linear.weight.detach().clone())
        with torch.no_grad():
            torch._foreach_copy_(runner.mutable(), before)
    assert not torch.equal(results[0], results[1])
    assert torch.equal(results[0], results[2])


def test_a_captured_evaluation_equals_the_eager_one_and_follows_the_weights():
    config = config_of()
    model = build(config, 10, SHAPE).double().cuda().train()
    captured, eager = (k(model, split(), config, 10, "evaluate-test") for k in (GraphEvaluation, EpochEvaluation))
    assert captured(1) == eager(1)
    with torch.no_grad():
        model.linear.weight.neg_()
    assert captured(2) == eager(2)


def test_nothing_in_the_epoch_loop_waits_for_the_device():
    config = config_of(batch_size=20)
    _, runner = runners_of(config)
    runner.run(1, uniform(config, 10))
    order = Batches(runner.split, config, 2).order()
    torch.cuda.set_sync_debug_mode("error")
    try:
        for number, index in enumerate(order):
            runner.run_step(2, number, index)
    finally:
        torch.cuda.set_sync_debug_mode("default")


@pytest.mark.parametrize("recipe", ["at", "trades", "fat"])
def test_one_weight_gradient_a_layer_and_output(recipe):
    """Compiled attacks compute no weight gradient: 20 kernels a step for AT's 20 convolutions, not 220."""
    config = config_of(recipe, batch_size=20)
    model = build(config, 10, SHAPE).double().cuda().train()
    networks, update = fast_networks(model, compiled=True), Sgd(model, config)
    x, y = next(iter(Batches(split(), config, 1)))
    class_values = uniform(config, 10).to("cuda", torch.float64)

    def run():
        counts = ClassCounts(10, "cuda"), ClassCounts(10, "cuda")
        train_step(networks, update, x, y, class_values, config, stream(0, "attack", 1, 0, "cuda"), *counts)

    for _ in range(3):
        run()
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as profile:
        run()
    backward = [e for e in profile.events() if e.name == "aten::convolution_backward"]
    convolutions = sum(p.ndim == 4 for p in model.parameters())
    assert len(backward) == (config.steps + (2 if recipe == "trades" else 1)) * convolutions


def test_a_run_resumes_exactly(tmp_path):
    config = config_of("trades_ccm_ccr", precision="fp32")
    whole = train(config, tiny.AVERAGES, RunStore(tmp_path / "a"), device="cuda")
    half = Training(config, tiny.AVERAGES, RunStore(tmp_path / "b"), "cuda")
    half.epoch(1)
    half.save(0.0)
    resumed = train(config, tiny.AVERAGES, RunStore(tmp_path / "b"), device="cuda")
    assert resumed.to_json() == whole.to_json()


def test_bf16_trains():
    config = config_of(precision="bf16", epochs=1, milestones=())
    runner = GraphEpoch(build(config, 10, SHAPE).cuda().train(), config, split(), 10)
    robust, _ = runner.run(1, uniform(config, 10))  # raises if the loss is not finite
    assert sum(robust.n) == 60
