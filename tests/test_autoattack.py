"""AutoAttack and its parts: their order of strength, journals that are gone on from, records of how they were made."""

import logging
import math
import sys
from dataclasses import replace
from itertools import pairwise

import pytest
import torch

from cfa_nb.config import Attack
from cfa_nb.method import autoattack
from cfa_nb.method import evaluate as evaluate_module
from cfa_nb.method.autoattack import Journal
from cfa_nb.method.evaluate import attack_accuracy, outcomes
from cfa_nb.method.metrics import ClassAccuracy
from cfa_nb.runs import measure as measure_module
from cfa_nb.runs.measure import measure
from cfa_nb.runs.record import RunRecord, missing_confusions, missing_evaluations, unpack_outcomes

SQUARE = Attack("square", 0.1, steps=30, per_class=2)


def test_the_fast_half_is_the_first_two_attacks_of_the_standard_one(judged):
    made = {kind: autoattack._library_attack(judged[0], Attack(kind, 0.1), 3, "cpu") for kind in ("aa", "aa-fast")}
    fast, standard = made["aa-fast"], made["aa"]
    assert standard.attacks_to_run[:2] == fast.attacks_to_run == ["apgd-ce", "apgd-t"]
    for part in ("apgd", "apgd_targeted"):
        ours, theirs = vars(getattr(fast, part)), vars(getattr(standard, part))
        same = ("n_restarts", "n_iter", "eps", "eot_iter", "thr_decr", "norm", "seed")
        assert {k: ours[k] for k in same} == {k: theirs[k] for k in same}
    assert fast.apgd_targeted.n_target_classes == standard.apgd_targeted.n_target_classes == autoattack.TARGETS
    assert autoattack._library_attack(judged[0], SQUARE, 0, "cpu").square.n_queries == 30
    with pytest.raises(ValueError, match=r"needs 10 classes, this data has 4; use PGD or Square"):
        attack_accuracy(*judged, Attack("aa", 0.1), 4, 0)


def test_nothing_is_left_behind(judged, tmp_path, caplog):
    """Neither a moved generator nor a gradient, and no line of the library's in another log than the journal's."""
    model, test = judged
    model.linear.bias.requires_grad_(False)
    learning = [p.requires_grad for p in model.parameters()]
    before, tracer = torch.random.get_rng_state(), sys.gettrace()
    handlers, level = list(autoattack.LOGGER.handlers), autoattack.LOGGER.level
    with caplog.at_level(logging.DEBUG):
        attack_accuracy(model, test, SQUARE, 10, 0, Journal(tmp_path / "j", SQUARE, 0, 1000))
    assert torch.equal(before, torch.random.get_rng_state())
    assert sys.gettrace() is tracer
    assert (autoattack.LOGGER.handlers, autoattack.LOGGER.level) == (handlers, level)
    assert [p.requires_grad for p in model.parameters()] == learning
    assert all(p.grad is None for p in model.parameters())
    assert not caplog.records
    assert "running square" in next(tmp_path.glob("j-*.log")).read_text()


def test_a_journal_is_found_by_its_own_evaluation_alone(tmp_path, monkeypatch):
    base = dict(stem=tmp_path / "j", attack=SQUARE, seed=2, batch_size=7, weights="w", data="d")
    journal = Journal(**base)
    journal.done[0] = ClassAccuracy((1, 2), (3, 4))
    journal.save()
    assert Journal(**base).done == journal.done
    changes = [dict(weights="other"), dict(data="other"), dict(batch_size=8), dict(seed=3)]
    for change in [*changes, dict(attack=replace(SQUARE, steps=9))]:
        assert Journal(**base | change).done == {}
    monkeypatch.setattr(autoattack, "library", lambda: "pyautoattack 9.9")
    assert Journal(**base).done == {}
    journal.file.write_text("{ half")
    monkeypatch.undo()
    with pytest.raises(ValueError, match="is damaged; remove it"):
        Journal(**base)
    journal.remove()
    assert not list(tmp_path.iterdir())


def test_a_killed_measurement_goes_on_from_its_journal(copied, judged, monkeypatch):
    store, config = copied
    for module in (evaluate_module, measure_module):
        monkeypatch.setattr(module, "BATCH", 7)  # 20 images: three batches
    real, calls = autoattack._attack_batch, []
    whole = attack_accuracy(*judged, SQUARE, 10, config.seed)

    def dies(*a):
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return real(*a)

    monkeypatch.setattr(autoattack, "_attack_batch", dies)
    with pytest.raises(KeyboardInterrupt):
        measure(config, store, {"live/last": (SQUARE,)})
    assert len(list((store.path(config) / "evaluations").glob("*.json"))) == 1
    assert not store.record(config).evaluations
    record = measure(config, store, {"live/last": (SQUARE,)})
    assert record.evaluations["live/last"][SQUARE.key] == whole
    how = dict(kind="square", eps=0.1, batch_size=7, library=autoattack.library(), images=20)
    assert record.attacks == {SQUARE.key: how}
    assert len(calls) == 4  # the third batch, again
    (log,) = (store.path(config) / "evaluations").iterdir()
    assert "robust accuracy after SQUARE" in log.read_text()


@pytest.mark.parametrize(
    ("kind", "function"), [("pgd", "outcomes"), ("targeted", "outcomes"), ("square", "attack_accuracy")]
)
def test_equal_weights_are_attacked_once_whatever_their_headers_say(copied, monkeypatch, kind, function):
    store, config = copied
    tensors, record = store.load_weights(config, "live/last"), store.record(config)
    digest = store.save_weights(config, "live/best", tensors)
    record.checkpoints["live/best"] = replace(record.checkpoints["live/last"], sha256=digest)
    store.write_record(config, record, store.provenance(config))
    assert digest != record.checkpoints["live/last"].sha256
    attack, calls, real = Attack(kind, 0.1, 0.025, 2), [], getattr(measure_module, function)
    monkeypatch.setattr(measure_module, function, lambda *a: calls.append(1) or real(*a))
    done = measure(config, store, {"live/last": (attack,), "live/best": (attack,)})
    assert len(calls) == 1
    assert done.evaluations["live/best"] == done.evaluations["live/last"]
    assert done.outcomes.get(f"live/best:{attack.key}") == done.outcomes.get(f"live/last:{attack.key}")
    assert len(done.outcomes) == (2 if kind == "targeted" else 0)


def test_a_targeted_attack_tells_of_clean_and_pgd_by_the_way_and_of_each_image(copied, monkeypatch):
    store, config = copied
    attacks = Attack("clean", 0.0), Attack("pgd", 0.04, 0.01, 2), Attack("targeted", 0.04, 0.01, 2)
    apart = measure(config, store, {"live/last": attacks[:2]}).evaluations["live/last"]
    record = replace(store.record(config), evaluations={})
    store.write_record(config, record, store.provenance(config))
    calls = []
    monkeypatch.setattr(measure_module, "outcomes", lambda *a: calls.append(1) or outcomes(*a))
    done = measure(config, store, {"live/last": attacks})
    assert len(calls) == 1
    assert done.evaluations["live/last"].items() > apart.items()
    targeted = done.evaluations["live/last"]["targeted2"]
    right = unpack_outcomes(done.outcomes["live/last:targeted2"], targeted.n)
    assert [int(r.sum()) for r in right] == list(targeted.hits)
    assert RunRecord.from_json(done.to_json()) == done
    assert missing_evaluations(replace(done, outcomes={}), {"live/last": attacks}) == [("live/last", attacks[2])]


def test_confusions_are_counted_once_and_kept(copied, monkeypatch):
    store, config = copied
    pgd = Attack("pgd", 0.1, 0.025, 2)
    wanted = [("live/last", pgd), ("swa/last", pgd)]
    assert store.status(config, (), {}, wanted).reason == "trained, 1 evaluation(s) to make"
    record = measure(config, store, {}, confusions=wanted)
    (rows,) = record.confusions.values()
    assert list(record.confusions) == ["live/last:pgd2"]
    assert [sum(row) for row in rows] == list(record.measured("live", "test", config.epochs).clean.n)
    assert store.status(config, (), {}, wanted).fresh
    assert RunRecord.from_json(record.to_json()) == record
    monkeypatch.setattr(measure_module, "confusion", lambda *_: pytest.fail("counted again"))
    assert measure(config, store, {}, confusions=wanted) == record
    assert missing_confusions(record, wanted) == missing_evaluations(record, {}) == []


@pytest.mark.slow
def test_a_stronger_attack_leaves_no_more_beyond_noise(judged):
    """PGD-10, PGD-100, targeted PGD-20, AA-fast and AA on 200 images leave less and less, but for noise."""
    attacks = [Attack(kind, 0.05, 0.0125, steps) for kind, steps in (("pgd", 10), ("pgd", 100), ("targeted", 20))]
    attacks += [Attack(kind, 0.05) for kind in ("aa-fast", "aa")]
    accuracies = [attack_accuracy(*judged, attack, 10, seed=0) for attack in attacks]
    for weaker, stronger in pairwise(accuracies):
        assert stronger.n == (20,) * 10
        noise = math.sqrt(weaker.overall * (1 - weaker.overall) / 200)
        assert stronger.overall <= weaker.overall + 2 * noise
    fast, standard = accuracies[-2:]
    assert 0.2 < standard.overall < 0.9, "neither hopeless nor untouched: the comparison says something"
    # class by class, but for an image on the border, which rounding may put on either side
    assert all(a <= b + 1 for a, b in zip(standard.hits, fast.hits))
