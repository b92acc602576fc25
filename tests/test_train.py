"""Algorithm 1 end to end on tiny runs: repeatable, resumable bit for bit, selection, FRL's start, broken losses."""

from dataclasses import replace

import pytest
import torch

from cfa_nb import data
from cfa_nb.config import LOOKS, Attack, Average
from cfa_nb.method.evaluate import attack_accuracy
from cfa_nb.method.train import Training, train
from cfa_nb.runs import measure as measure_module
from cfa_nb.runs.store import RunStore
from cfa_pages.results.runs import Run
from tests import tiny


class Killed(BaseException):
    pass


def killed_after(last):
    def on_epoch(epoch, _):
        if epoch == last:
            raise Killed

    return on_epoch


RESNET = tiny.resnet_config("trades_ccm_ccr", crop_padding=1, flip=True, clean_forward="train", epochs=3)


@pytest.mark.parametrize(
    "config", [RESNET, *map(tiny.config, ("at_damped_ccm", "at_shuffled_margins", "frl"))], ids=lambda c: c.recipe
)
def test_resumed_equals_uninterrupted_byte_for_byte(config, tmp_path):
    """Killed after each epoch: BatchNorm, augmentation, all t_k so far, a parent's margins, FRL's multipliers."""
    whole, parts = RunStore(tmp_path / "whole"), RunStore(tmp_path / "parts")
    for store in (whole, parts) if config.parent else ():
        train(config.parent, tiny.AVERAGES, store)
    expected = train(config, tiny.AVERAGES, whole)
    for last in range(1, config.epochs + 1):
        with pytest.raises(Killed):
            train(config, tiny.AVERAGES, parts, on_epoch=killed_after(last))
        assert parts.status(config).state == "partial"
        assert parts.epochs_saved(config) == last
    resumed = train(config, tiny.AVERAGES, parts)
    assert resumed.to_json() == expected.to_json()
    for key in expected.checkpoints:
        assert parts.weights_path(config, key).read_bytes() == whole.weights_path(config, key).read_bytes()
    assert not (parts.path(config) / "state.safetensors").exists()


def test_a_damaged_training_state_starts_over(tmp_path):
    store, config = RunStore(tmp_path / "a"), tiny.config()
    with pytest.raises(Killed):
        train(config, (), store, on_epoch=killed_after(2))
    (store.path(config) / "state.safetensors").write_bytes(b"half")
    assert store.epochs_saved(config) == 0
    assert train(config, (), store) == train(config, (), RunStore(tmp_path / "b"))


def test_kept_weights_are_those_that_were_measured(tmp_path):
    store, config = RunStore(tmp_path), tiny.config("at", eval_per_class=None)
    record = train(config, tiny.AVERAGES, store)
    dataset = data.load(config)
    for key in ("live/last", "ema/last", "ema/best"):
        stated = record.measured(key.split("/")[0], "test", record.checkpoints[key].epoch)
        assert (
            attack_accuracy(tiny.network(store, config, key), dataset.test, Attack("clean", 0.0), 10, 0) == stated.clean
        )


def test_epochs_may_be_evaluated_on_fewer_images_and_tables_still_show_all(tmp_path):
    store, config, few = RunStore(tmp_path), tiny.config(eval_per_class=None), tiny.config(eval_per_class=3)
    full = train(config, tiny.AVERAGES, store)
    record = train(few, tiny.AVERAGES, store, evaluations={"ema/last": (Attack("clean", 0.0),)})
    for one, other in zip(record.epochs, full.epochs):
        assert one.test["live"].clean.n == one.test["live"].robust.n == (3,) * 10
        assert (one.val, one.train_robust) == (other.val, other.train_robust), "training and validation are the same"
    run = Run(few, record, store.provenance(few))
    assert run.clean("ema", "last") == full.measured("ema", "test", 4).clean
    assert run.clean("live", "last").n == (3,) * 10, "where nothing else was measured"


def test_evaluations_are_added_once(tmp_path, monkeypatch):
    store, config = RunStore(tmp_path), tiny.config()
    attack = Attack("pgd", 0.15, 0.04, 5)
    wanted = {"live/last": (attack,), "live/best": (attack,), "swa/last": (attack,)}
    train(config, (), store)
    assert store.status(config, (), wanted).reason == "trained, 2 evaluation(s) to make"
    record = train(config, (), store, evaluations=wanted)
    assert set(record.evaluations) == {"live/last", "live/best"}
    assert store.status(config, (), wanted).fresh
    monkeypatch.setattr(measure_module, "outcomes", lambda *_: pytest.fail("attacked again"))
    monkeypatch.setattr(Training, "epoch", lambda *_: pytest.fail("trained again"))
    assert train(config, (), store, evaluations=wanted) == record


def test_what_nobody_looks_at_is_not_evaluated(tmp_path):
    """Validation before an average may begin, the best may be chosen or FRL asks; averages before the best may be."""
    late = (Average("ema", start=3),)
    config = tiny.config(epochs=8, milestones=(6, 7))  # best from epoch 5
    for number, (averages, first) in enumerate(((late, 3), ((), 5), ((Average("ema", start=7),), 5))):
        epochs = train(config, averages, RunStore(tmp_path / str(number))).epochs
        assert [e.epoch for e in epochs if e.val["live"] is None] == list(range(1, first))
        assert all(e.test["live"] for e in epochs)
        for a in averages:
            seen = [e.epoch for e in epochs if e.val[a.name] and e.test[a.name]]
            assert seen == list(range(max(5, a.start), 9))
            assert [e.epoch for e in epochs if e.accepted[a.name]] == list(range(a.start, 9))
    frl, store = tiny.config("frl"), RunStore(tmp_path)
    train(frl.parent, (), store)
    assert all(e.val["live"] for e in train(frl, (), store).epochs)


def test_fewer_looks_leave_the_rest_as_it_is_and_more_train_again(tmp_path):
    """What a figure does not show is not evaluated: the other numbers are those of the whole run."""
    whole, store, config = RunStore(tmp_path / "whole"), RunStore(tmp_path / "few"), tiny.config()
    expected = train(config, (), whole)
    few = train(config, (), store, looks=("best",))
    assert few.checkpoints == {key: kept for key, kept in expected.checkpoints.items() if key != "live/best_val"}
    for epoch, same in zip(few.epochs, expected.epochs):
        assert epoch.val == {"live": None}
        assert epoch.test == (same.test if epoch.epoch >= config.best_from else {"live": None})
        assert epoch.train_robust == same.train_robust
    assert store.status(config, looks=("best",)).fresh
    assert store.status(config, looks=LOOKS).reason == "trained without its curve, best_val"
    assert train(config, (), store) == expected
    assert store.status(config, looks=()).fresh


@pytest.mark.parametrize(("first", "then"), [(LOOKS, ("best",)), (("best",), LOOKS)])
def test_a_run_that_began_with_enough_looks_goes_on_with_them_and_another_begins_again(first, then, tmp_path):
    store, config, trained = RunStore(tmp_path), tiny.config(), []
    with pytest.raises(Killed):
        train(config, (), store, looks=first, on_epoch=killed_after(2))
    record = train(config, (), store, looks=then, on_epoch=lambda epoch, _: trained.append(epoch))
    assert trained == ([3, 4] if first == LOOKS else [1, 2, 3, 4])
    assert record == train(config, (), RunStore(tmp_path / "whole"))


def test_a_new_average_trains_again_keeps_the_old_record_and_never_touches_training(tmp_path):
    store, config = RunStore(tmp_path), tiny.config()
    before = train(config, (), store)
    after = train(config, (Average("ema", start=1), Average("random", init="random", start=9)), store)
    assert [(e.train_robust, e.test["live"]) for e in before.epochs] == [
        (e.train_robust, e.test["live"]) for e in after.epochs
    ]
    assert before.checkpoints["live/last"] == after.checkpoints["live/last"]
    assert list(store.path(config).glob("record.set-aside-*.json"))


def test_best_is_the_first_maximum_of_the_second_half(tmp_path):
    config = tiny.config("at", epochs=8, milestones=(6, 7))
    record = train(config, tiny.AVERAGES, RunStore(tmp_path))
    for key, split in (("live/best", "test"), ("live/best_val", "val"), ("ema/best", "test")):
        weights = key.split("/")[0]
        scores = {e.epoch: getattr(e, split)[weights].score for e in record.epochs if e.epoch >= 5}
        assert record.checkpoints[key].epoch == min(e for e, s in scores.items() if s == max(scores.values()))


def test_frl_starts_from_the_validation_best_of_its_parent(tmp_path):
    store, config = RunStore(tmp_path), tiny.config("frl")
    train(config.parent, tiny.AVERAGES, store)
    run = Training(config, (), store, "cpu")
    start = store.load_weights(config.parent, "live/best_val")
    assert all(torch.equal(v, start[k]) for k, v in run.model.state_dict().items())


@pytest.mark.filterwarnings("ignore:.*encountered in matmul")
def test_a_loss_that_is_not_finite_names_its_run_and_epoch(tmp_path):
    config = replace(tiny.config(), lr=1e30, weight_decay=0.0)
    with pytest.raises(FloatingPointError, match=r"at, seed 0: the loss is not finite at epoch \d; a smaller lr"):
        train(config, (), RunStore(tmp_path))


@pytest.mark.parametrize("field", ["objective", "calibrator"])
def test_an_unknown_function_is_named_before_anything_is_trained(field, tmp_path):
    with pytest.raises(ValueError, match=f"unknown {field} 'nobody_s'; there are "):
        train(tiny.config(**{field: "nobody_s"}), (), RunStore(tmp_path))
    assert not list(tmp_path.iterdir())
