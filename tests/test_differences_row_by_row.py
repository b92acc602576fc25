"""Each row of the table of differences names a test that fails if its point were decided otherwise: here, or there."""

import ast
from dataclasses import fields
from pathlib import Path

import pytest
import torch

from cfa_nb import data
from cfa_nb.config import Attack, Average, TrainConfig
from cfa_nb.method import evaluate, objectives
from cfa_nb.method.calibration import Past, next_calibration, uniform
from cfa_nb.method.evaluate import EpochEvaluation
from cfa_nb.method.metrics import ClassAccuracy, ClassCounts, Measured
from cfa_nb.method.model import MODELS, STATISTICS, Normalise, build
from cfa_nb.method.objectives import Networks
from cfa_nb.method.step import Sgd, train_step
from cfa_nb.method.train import Training, train
from cfa_nb.recipes import RECIPES
from cfa_nb.rng import stream
from cfa_nb.runs.profiles import CIFAR10, PROFILES, TINY_IMAGENET
from cfa_nb.runs.store import RunStore
from cfa_pages.results.differences import DIFFERENCES
from tests import tiny

TESTS = Path(__file__).parent
SHAPE = (1, 8, 8)


def names_of_tests(file):
    return {node.name for node in ast.parse(file.read_text()).body if getattr(node, "name", "").startswith("test_")}


def test_each_row_names_a_test_that_there_is():
    tests = [test.split("::") for tests in DIFFERENCES["test"] for test in tests.split()]
    for file, name in tests:
        assert name in names_of_tests(TESTS / file)
    unnamed = names_of_tests(Path(__file__)) - {name for _, name in tests}
    assert unnamed == {"test_each_row_names_a_test_that_there_is"}


def test_a_name_for_each_of_the_algorithm_s_symbols():
    run, average = ({f.name for f in fields(c)} for c in (TrainConfig, Average))
    assert {"epochs", "alpha"} <= run - average
    assert {"decay", "threshold"} <= average - run
    assert not {"N", "m"} & (run | average)


def test_numbers_of_the_methods():
    assert {(c.lambda_2, c.steps) for c in RECIPES.values()} == {(0.5, 10)}
    assert {(c.eps, c.eval_eps) for c in RECIPES.values()} == {(8 / 255, 8 / 255)}
    assert {c.lambda_1 for c in CIFAR10.runs("table2") if c.recipe == "trades_ccm"} == {0.3}
    assert RECIPES["trades"].alpha == 2 / 255
    assert RECIPES["fat"].fat_tau == 3
    assert CIFAR10.final_attack(CIFAR10.config("at", 0)) == Attack("aa", 8 / 255)


def test_an_average_moves_once_an_epoch_and_running_statistics_with_it(tmp_path):
    run = Training(tiny.resnet_config(batch_size=16), (Average("ema", start=1),), RunStore(tmp_path), "cpu")
    live = []
    for epoch in (1, 2):
        run.epoch(epoch)
        live.append({k: v.clone() for k, v in run.model.state_dict().items() if v.is_floating_point()})
    assert any("running" in k for k in live[0])
    for k in live[0]:
        assert torch.allclose(run.averages[0].state[k], 0.85 * live[0][k] + 0.15 * live[1][k], atol=1e-7)


def test_best_on_test_and_on_validation_is_the_earliest_of_equals_in_the_second_half(tmp_path, monkeypatch):
    hits = {"evaluate-test": (9, 1, 5, 5), "evaluate-val": (9, 1, 5, 6)}  # after each of the four epochs

    def measured(evaluation, epoch):
        return Measured(*[ClassAccuracy((hits[evaluation.purpose][epoch - 1],) * 10, (9,) * 10)] * 2)

    monkeypatch.setattr(EpochEvaluation, "__call__", measured)
    checkpoints = train(tiny.config(), (), RunStore(tmp_path)).checkpoints
    assert (checkpoints["live/best"].epoch, checkpoints["live/best_val"].epoch) == (3, 4)


def test_pgd_10_from_a_random_start_seeded(monkeypatch):
    calls, inner = [], evaluate.pgd
    monkeypatch.setattr(evaluate, "pgd", lambda m, x, loss, **k: calls.append(k | {"x": x}) or inner(m, x, loss, **k))
    model = build(tiny.config(), 10, SHAPE)
    one, same = (EpochEvaluation(model, tiny.split(50), TrainConfig(), 10, "evaluate-test")(1) for _ in range(2))
    assert one == same
    first, again = calls  # one restart each
    assert (first["steps"], first["eps"], first["alpha"]) == (10, 8 / 255, 2 / 255)
    assert torch.equal(first["start"], again["start"])
    assert not torch.equal(first["start"], first["x"])


def test_the_clean_pass_moves_batchnorm_s_statistics():
    def after_a_step(config):
        model, (x, y) = build(config, 10, SHAPE).train(), tiny.images(n=20, shape=SHAPE, num_classes=10)
        step = x, y, uniform(config, 10).to("cpu"), config, tiny.generator(), ClassCounts(10), ClassCounts(10)
        train_step(Networks(model), Sgd(model, config), *step)
        return model.bn

    modes = dict(clean_forward=TrainConfig().clean_forward), dict(clean_forward="eval"), dict(clean_forward="off")
    moved, still, without = (after_a_step(tiny.resnet_config(**mode)) for mode in modes)
    assert int(moved.num_batches_tracked) == int(without.num_batches_tracked) + 1
    assert not torch.equal(moved.running_mean, without.running_mean)
    assert torch.equal(still.running_mean, without.running_mean)


def test_tau_is_the_same_in_every_epoch(tmp_path, monkeypatch):
    taus, inner = [], objectives.friendly_pgd
    monkeypatch.setattr(objectives, "friendly_pgd", lambda *a, **k: taus.append(k["tau"]) or inner(*a, **k))
    train(tiny.config("fat"), (), RunStore(tmp_path))
    assert len(taus) >= tiny.config("fat").epochs
    assert set(taus) == {3}


def test_the_network_normalises_pixels_itself():
    network, x = build(TrainConfig(width=4), 10, (3, 32, 32)), torch.rand(2, 3, 32, 32)
    first, before = next(network.children()), network(x)
    assert isinstance(first, Normalise)
    mean, std = STATISTICS["cifar10"]
    assert torch.allclose(first(torch.ones(1, 3, 1, 1)).flatten(), (1 - torch.tensor(mean)) / torch.tensor(std))
    first.mean += 1
    assert not torch.allclose(network(x), before), "each pass goes through it"


def test_every_draw_has_a_key_of_its_own():
    keys = [(0, "attack", 1, 1), (1, "attack", 1, 1), (0, "order", 1, 1), (0, "attack", 2, 1), (0, "attack", 1, 2)]
    draws, again = ([tuple(torch.rand(4, generator=stream(*key)).tolist()) for key in keys] for _ in range(2))
    assert draws == again
    assert len(set(draws)) == len(keys)
    assert CIFAR10.seeds == (0, 1, 2, 3, 4)


def test_no_wide_resnet_and_not_its_schedule_but_any_width_and_depth():
    assert set(MODELS) == {"preactresnet", "mlp"}
    wide = build(TrainConfig(width=6, depth=3), 10, (3, 32, 32))
    assert (wide.bn.num_features, len(wide.blocks)) == (48, 12)
    schedules = {(c.epochs, c.milestones) for p in PROFILES.values() for c in p.runs()}
    assert (100, (75, 90)) not in schedules
    assert (200, (100, 150)) in schedules


def test_any_number_of_classes():
    assert TrainConfig().dataset == "cifar10"
    assert {"cifar100", "tiny-imagenet", "folder"} <= set(data.LOADERS)
    assert build(tiny.resnet_config(), 7, SHAPE)(torch.rand(2, *SHAPE)).shape == (2, 7)
    assert len(next_calibration(RECIPES["at_ccm"], 3, 11, Past([(0.1, 0.2, 0.3)])).eps) == 3


def test_the_split_is_cut_again_and_hashed(tmp_path):
    record = train(tiny.config(), (), RunStore(tmp_path))
    data._load.cache_clear()
    assert data.load(record.config).content_hash == record.data_hash
    assert {f.suffix for f in tmp_path.rglob("*") if f.is_file()} <= {".json", ".safetensors", ".lock", ""}


def test_live_weights_each_epoch_averages_in_the_second_half_and_an_unchanged_one_once(tmp_path, monkeypatch):
    calls, inner = [], EpochEvaluation.__call__
    monkeypatch.setattr(EpochEvaluation, "__call__", lambda e, epoch: calls.append(e.purpose) or inner(e, epoch))
    never = Average("never", threshold=1.01, start=1, init="random")
    record = train(tiny.config(), (Average("ema", start=1), never), RunStore(tmp_path))
    seen = [[name for name, measured in e.test.items() if measured] for e in record.epochs]
    assert seen == [["live"]] * 2 + [["live", "ema", "never"]] * 2  # of four epochs the best is one of the last two
    assert record.epochs[2].test["never"] == record.epochs[3].test["never"]
    assert {split: calls.count(f"evaluate-{split}") for split in ("val", "test")} == {"val": 7, "test": 7}


def test_tiny_imagenet_is_a_profile_with_a_worst_tenth():
    config = TINY_IMAGENET.config("at", 0)
    assert (config.dataset, config.worst_share, TrainConfig().worst_share) == ("tiny-imagenet", 0.1, 0.0)
    measured = ClassAccuracy(tuple(range(20)), (20,) * 20)
    assert measured.worst == 0.0
    assert measured.with_share(config.worst_share).worst == pytest.approx((0 / 20 + 1 / 20) / 2)
