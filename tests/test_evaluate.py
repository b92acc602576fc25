"""Evaluation: PGD, Square and AutoAttack on kept networks; fences around what they disturb."""

import sys
from dataclasses import replace

import pytest
import torch

from cfa_nb import data
from cfa_nb.config import Attack
from cfa_nb.method import evaluate
from cfa_nb.method.evaluate import EpochEvaluation, attack_accuracy, clean_accuracy, outcomes, stages
from cfa_nb.method.metrics import ClassAccuracy
from cfa_nb.method.model import build
from cfa_nb.method.train import train
from cfa_nb.runs.store import RunStore
from tests import tiny


@pytest.fixture(scope="module")
def subject(tmp_path_factory):
    """A network that has learnt something, and its test images."""
    store = RunStore(tmp_path_factory.mktemp("runs"))
    config = tiny.config("at", epochs=12, milestones=(9, 11), train_per_class=60, width=32)
    train(config, (), store)
    model = build(config, 10, (1, 14, 14)).eval()
    model.load_state_dict(store.load_weights(config, "live/last"))
    return model, data.load(config).test, config


@pytest.mark.parametrize(
    "attack", [Attack("pgd", 0.1, 0.025, 10), Attack("square", 0.1, steps=20, per_class=2)], ids=lambda a: a.key
)
def test_seeded_attacks_repeat_and_stay_below_clean(subject, attack):
    model, test, _ = subject
    one, again = (attack_accuracy(model, test, attack, 10, seed=5) for _ in range(2))
    assert one == again
    assert one.overall <= clean_accuracy(model, test.first_per_class(attack.per_class), 10).overall
    assert sum(one.n) == len(test.first_per_class(attack.per_class))


@pytest.mark.slow
def test_autoattack_is_no_weaker_than_pgd_and_leaves_no_trace(subject):
    model, test, _ = subject
    before = torch.random.get_rng_state()
    tracer = sys.gettrace()
    standard = attack_accuracy(model, test, Attack("aa", 0.1, per_class=2), 10, 0)
    pgd = attack_accuracy(model, test, Attack("pgd", 0.1, 0.025, 20, per_class=2), 10, 0)
    assert standard.overall <= pgd.overall
    assert torch.equal(before, torch.random.get_rng_state())
    assert sys.gettrace() is tracer
    assert all(p.requires_grad and p.grad is None for p in model.parameters())


@pytest.mark.parametrize("per_class", [None, 3])
def test_outcomes_are_those_of_no_attack_pgd_and_targeted_pgd(subject, per_class, monkeypatch):
    monkeypatch.setattr(evaluate, "BATCH", 17)
    model, test, _ = subject
    targeted, split = Attack("targeted", 0.04, 0.01, 10, per_class), test.first_per_class(per_class)
    attacks = Attack("clean", 0.0, per_class=per_class), replace(targeted, kind="pgd"), targeted
    found = outcomes(model, split, targeted, seed=5)
    assert tuple(found) == stages(targeted) == tuple(a.key for a in attacks)
    for attack in attacks:
        counted = ClassAccuracy.of(found[attack.key], split.labels, 10)
        assert counted == attack_accuracy(model, test, attack, 10, seed=5)
    clean, pgd, last = found.values()
    assert clean.sum() > pgd.sum() >= last.sum() > 0
    assert not (last & ~pgd).any(), "what PGD alone turned stays turned"


def test_evaluation_is_in_eval_mode_and_gives_the_mode_back(subject):
    config = tiny.resnet_config()
    model = build(config, 10, (1, 14, 14)).train()
    before = {k: v.clone() for k, v in model.state_dict().items()}
    measured = EpochEvaluation(model, subject[1], config, 10, "evaluate-test")(1)
    assert model.training
    assert all(torch.equal(v, before[k]) for k, v in model.state_dict().items())
    assert measured.score == measured.robust.overall + measured.robust.worst


def test_evaluation_uses_the_original_margin(subject):
    model, test, config = subject
    wide = EpochEvaluation(model, test, tiny.config("at", eps=0.3), 10, "p")(1)
    assert wide == EpochEvaluation(model, test, config, 10, "p")(1)
