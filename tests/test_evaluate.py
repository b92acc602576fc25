"""Evaluation: clean, PGD, targeted PGD and Square; each image's outcome; networks are given back as they were."""

from dataclasses import replace

import pytest
import torch

from cfa_nb.config import Attack
from cfa_nb.method import evaluate
from cfa_nb.method.evaluate import EpochEvaluation, attack_accuracy, outcomes, stages, targeted_pgd
from cfa_nb.method.metrics import ClassAccuracy
from cfa_nb.method.model import build
from tests import tiny

CLEAN = Attack("clean", 0.0)


@pytest.mark.parametrize(
    "attack", [Attack("pgd", 0.1, 0.025, 10), Attack("square", 0.1, steps=20, per_class=2)], ids=lambda a: a.key
)
def test_seeded_attacks_repeat_and_stay_below_clean(judged, attack):
    model, test = judged
    one, again = (attack_accuracy(model, test, attack, 10, seed=5) for _ in range(2))
    assert one == again
    assert one.overall <= attack_accuracy(model, test, replace(CLEAN, per_class=attack.per_class), 10, seed=5).overall
    assert sum(one.n) == len(test.first_per_class(attack.per_class))


def test_a_larger_margin_leaves_less(judged):
    model, test = judged
    none, some, huge = (
        attack_accuracy(model, test, Attack("pgd", e, e / 4, 20), 10, 0).overall for e in (0.0, 0.1, 0.9)
    )
    assert attack_accuracy(model, test, CLEAN, 10, 0).overall == none > some > huge
    assert huge < 0.1


@pytest.mark.parametrize("per_class", [None, 3])
def test_outcomes_are_those_of_no_attack_pgd_and_targeted_pgd(judged, per_class, monkeypatch):
    monkeypatch.setattr(evaluate, "BATCH", 17)
    model, test = judged
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


def test_evaluation_is_in_eval_mode_and_gives_the_mode_back(judged):
    config = tiny.resnet_config()
    model = build(config, 10, (1, 14, 14)).train()
    before = {k: v.clone() for k, v in model.state_dict().items()}
    measured = EpochEvaluation(model, judged[1], config, 10, "evaluate-test")(1)
    assert model.training
    assert all(torch.equal(v, before[k]) for k, v in model.state_dict().items())
    assert measured.score == measured.robust.overall + measured.robust.worst


def test_evaluation_uses_the_original_margin(learnt):
    _, config, model, test = learnt
    wide = EpochEvaluation(model, test, tiny.config("at", eps=0.3), 10, "p")(1)
    assert wide == EpochEvaluation(model, test, config, 10, "p")(1)


def test_targeted_pgd_finds_what_there_is_to_find_and_keeps_what_was_found():
    """On a linear model the strongest attack is known; from a start that does nothing it must be reached."""
    model, (x, y), eps = tiny.two_class(), tiny.images(n=40), 0.03
    best = (x + eps * (1 - 2 * y).view(-1, 1, 1, 1) * model.w.detach().sign()).clamp(0, 1)
    vulnerable = model(best).argmax(dim=1) != y
    broken = model(x).argmax(dim=1) != y
    assert 0 < int(broken.sum()) < int(vulnerable.sum()) < len(x)
    x_adv = targeted_pgd(model, x, y, x, eps=eps, steps=8)
    assert torch.equal(model(x_adv).argmax(dim=1) != y, vulnerable)
    assert torch.equal(x_adv[broken], x[broken]), "what misled the network stays"
    assert torch.equal(x_adv[~vulnerable], x[~vulnerable])
    assert (x_adv - x).abs().max() <= eps + 1e-6
    assert all(p.grad is None for p in model.parameters())


def test_targeted_pgd_tries_the_nearest_classes_in_turn():
    """Only the third nearest class can be reached: with two rivals the image is safe, with three it is not."""
    logits = torch.tensor([[5.0, 4.0, 3.0, 2.0]])
    pixels = torch.tensor([[0.0, 0.0, 0.0, 100.0]])  # the last logit alone grows with the one pixel

    def model(x):
        return logits + x.flatten(1) * pixels

    x, y = torch.zeros(1, 1, 1, 1), torch.tensor([0])
    for rivals, safe in ((2, True), (3, False)):
        x_adv = targeted_pgd(model, x, y, x, eps=0.1, steps=4, rivals=rivals)
        assert (model(x_adv).argmax() == y).item() is safe
