"""`evaluate`: the card of finished weights, what it computes, what it refuses, what an interruption leaves."""

import json
import os
import re
import sys
from dataclasses import replace

import pytest
import torch
import torch.nn as nn
from click import UsageError

from cfa_nb import cli, data
from cfa_nb.card.card import checks, lines, summary, worst_bias
from cfa_nb.card.subject import attack_kinds, load_subject
from cfa_nb.config import Attack
from cfa_nb.data import embedded
from cfa_nb.method import autoattack
from cfa_nb.method.metrics import ClassAccuracy
from cfa_nb.runs.measure import measure
from cfa_pages.results.published import Published

CLEAN, PGD, SQUARE, AA = (Attack(kind, 8 / 255, steps=steps) for kind, steps in (
    ("clean", 0), ("pgd", 20), ("square", 100), ("aa", 0)))  # fmt: skip
NAMES = ("cat", "dog", "car")


def accuracies(*results, share=0.0):
    """{attack: `ClassAccuracy`} of (attack, hits) pairs, 100 images a class."""
    return {attack: ClassAccuracy(hits, (100,) * len(hits), share) for attack, hits in results}


def card(results, names=NAMES):
    return {
        "weights": {"file": "w.pth", "sha256": "ab" * 32},
        "network": {"name": "preactresnet18", "parameters": 11172170},
        "data": {"name": "cifar10", "hash": "0123", "images": 300},
        "threat": {"norm": "L-inf", "eps": 8 / 255, "seed": 0},
        "class_names": list(names),
        "results": {a.key: summary(a, accuracy, names) for a, accuracy in results.items()},
        "checks": checks(results),
        "notes": [],
    }


def test_text_and_data_say_what_was_counted():
    shown = card(accuracies((CLEAN, (90, 80, 70)), (PGD, (60, 50, 40)), (AA, (55, 45, 30))))
    assert json.loads(json.dumps(shown, allow_nan=False)) == shown
    aa = shown["results"]["aa"]
    assert (aa["hits"], aa["n"], aa["worst_class"], aa["worst"]) == ([55, 45, 30], [100] * 3, "car", 0.3)
    assert aa["gap"] == pytest.approx(130 / 300 - 0.3)
    assert (aa["worst_bias"], aa["worst_spread"]) == worst_bias(ClassAccuracy((55, 45, 30), (100,) * 3))
    rows = {line.split()[0]: line.split() for line in lines(shown) if line}
    assert rows["class"] == ["class", "clean", "PGD-20", "AA", "95", "%", "of", "AA"]
    assert rows["car"] == ["car", "70.0", "40.0", "30.0", "21.9", "-", "39.6", "######"]
    assert rows["all"][:4] == ["all", "80.0", "50.0", "43.3"]
    text = "\n".join(lines(shown))
    for words in ("worst class under AA: car, 30.0 % (95 %: 21.9 - 39.6)", "gap, all less worst class: 13.3 points",
                  "11,172,170 parameters", "eps 0.0313725 (8/255)"):  # fmt: skip
        assert words in text


def test_a_share_of_the_classes_stands_beside_the_single_worst_one():
    hits, names = tuple(range(20, 60, 2)), tuple(map(str, range(20)))
    text = "\n".join(lines(card(accuracies((CLEAN, hits), (PGD, hits), share=0.1), names)))
    assert "worst class under PGD-20: 0, 20.0 %" in text
    assert "worst 10 % of the classes, their mean: 21.0 %" in text


def test_checks_follow_the_strength_of_attacks_not_their_order():
    results = accuracies((AA, (55, 45, 30)), (SQUARE, (70, 60, 50)), (CLEAN, (90, 80, 70)), (PGD, (60, 50, 40)))
    assert [check["text"].split(":")[0] for check in checks(results)] == [
        "Square-100 leaves no more than clean",
        "PGD-20 leaves no more than Square-100",
        "AA leaves no more than PGD-20",
    ]
    assert all(check["holds"] for check in checks(results))


def test_checks_fail_on_hidden_gradients_beyond_noise_only():
    hidden, near = (accuracies((SQUARE, hits), (PGD, (60, 60, 60))) for hits in ((30, 30, 30), (58, 60, 60)))
    assert [check["holds"] for check in (*checks(hidden), *checks(near))] == [False, True]
    assert "leaves more (+0.7 points) than Square-100 within noise" in checks(near)[0]["text"]
    assert "LOOK  PGD-20 leaves more" in "\n".join(lines(card(hidden)))


def test_attack_names_are_taken_strictly_and_say_what_is_run():
    for name in ("pgd", "pgd0", "pgd020", "PGD20", "aa2", "fab", "", " aa", "square0", "aa-fast1"):
        with pytest.raises(UsageError, match="unknown attack"):
            attack_kinds(f"pgd20,{name}")
    assert attack_kinds("pgd100,square,square200") == [("pgd", 100), ("square", 5000), ("square", 200)]
    assert attack_kinds("aa-fast,aa") == [("aa-fast", 0), ("aa", 0)]


# --- from the command line, on a run that was trained here


@pytest.fixture
def ours(copied):
    """A run that was trained here: its store, config and last weights."""
    return *copied, copied[0].weights_path(copied[1], "live/last")


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A current directory of the user's, with a network in a module of its own, and weights for it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(os, "environ", os.environ | {"CFA_NB_RUNS": str(tmp_path / "runs")})
    monkeypatch.setattr(sys, "path", list(sys.path))
    (tmp_path / "their_networks.py").write_text(
        "import torch.nn as nn\n"
        "def linear(): return nn.Sequential(nn.Flatten(), nn.Linear(64, 10))\n"
        "def five(): return nn.Sequential(nn.Flatten(), nn.Linear(64, 5))\n"
        "def coloured(): return nn.Sequential(nn.Flatten(), nn.Linear(3072, 10))\n"
        "def number(): return 3\n"
    )
    for name, net in (("ten", nn.Linear(64, 10)), ("five", nn.Linear(64, 5)), ("coloured", nn.Linear(3072, 10))):
        torch.save({"net": {f"1.{k}": v for k, v in net.state_dict().items()}}, f"{name}.pt")
    yield tmp_path
    sys.modules.pop("their_networks", None)


def call(command):
    return cli.main(["evaluate", *command.split()])


def test_our_weights_need_no_other_word_and_repeat_their_record(ours, place, capsys):
    store, config, weights = ours
    assert call(f"--weights {weights} --attacks pgd5,square20 --json card.json") == 0
    content = json.loads((place / "card.json").read_text())
    attacks = Attack("pgd", config.eval_eps, config.eval_alpha, 5), Attack("square", config.eval_eps, steps=20)
    record = measure(config, store, {"live/last": attacks})
    for attack in attacks:
        assert content["results"][attack.key]["hits"] == list(record.evaluations["live/last"][attack.key].hits)
    assert content["results"]["clean"]["hits"] == list(record.measured("live", "test", config.epochs).clean.hits)
    assert content["attacks"]["square20"]["library"] == autoattack.library()
    assert content["weights"]["sha256"] == record.checkpoints["live/last"].sha256
    assert content["threat"]["eps"] == config.eval_eps
    assert content["notes"] == []
    printed = capsys.readouterr()
    assert "live/last of at, seed 0, trained on fashion" in printed.out
    assert re.search(r"Square-20: 100%.* 1/1 .*% withstood", printed.err)
    assert sorted(p.suffix for p in (place / "runs" / "evaluations").iterdir()) == [".log"]


def test_a_published_file_is_evaluated_as_the_run_s_own_and_asks_for_the_checkpoint(ours, place, capsys):
    store, config, weights = ours
    Published(place).publish(store, config, ("live/last", "live/best"))
    (file,) = (place / "weights").iterdir()
    results = []
    for command in (f"--weights {weights}", f"--weights {file} --checkpoint live/last"):
        assert call(f"{command} --attacks pgd5 --json card.json") == 0
        results.append(json.loads((place / "card.json").read_text()))
    own, published = results
    assert published["results"] == own["results"]
    assert published["weights"]["checkpoint"] == "live/last"
    assert published["notes"] == [], "its data are the run's"
    for command, message in (
        (f"--weights {file}", "say which: --checkpoint live/best, live/last"),
        (f"--weights {file} --checkpoint fawa/last", "say which: --checkpoint live/best, live/last"),
        (f"--weights {weights} --checkpoint live/last", "leave --checkpoint out"),
    ):
        assert call(command) == 1
        assert message in capsys.readouterr().err
    (place / "records" / f"{file.stem}.json").unlink()
    assert call(f"--weights {file} --checkpoint live/last") == 1
    assert "the record that belongs to it is missing" in capsys.readouterr().err


def test_warnings_of_autoattack_are_notes_and_said_once(place, monkeypatch):
    subject = load_subject("ten.pt", "their_networks:linear", "digits")

    def warn(*_):
        autoattack.LOGGER.warning("the output has zeros.")
        return ClassAccuracy((50,) * 10, (100,) * 10)

    monkeypatch.setattr("cfa_nb.card.subject.attack_accuracy", warn)
    assert subject.card(subject.attacks([("pgd", 1)]))["notes"] == ["AutoAttack warns: the output has zeros."]


def test_other_data_and_a_network_of_the_user_s_are_said(ours, place, capsys, monkeypatch):
    monkeypatch.setitem(data.LOADERS, "other", lambda config: embedded.fashion(replace(config, seed=3)))
    assert call(f"--weights {ours[2]} --dataset other --attacks pgd1 --per-class 3") == 0
    out = capsys.readouterr().out
    assert "note  these are not the data of the weights' own run" in out
    assert "30 test images" in out
    assert call(f"{TEN} --architecture their_networks:linear --attacks pgd2 --eps 16/255") == 0
    out = capsys.readouterr().out
    assert "their_networks:linear, 650 parameters" in out
    assert "(16/255)" in out


TEN = "--weights ten.pt --dataset digits"


@pytest.mark.parametrize(
    ("command", "code", "message"),
    [
        ("--weights none.pt", 1, "no file of weights at none.pt"),
        ("--weights none.pt --eps 8", 2, "must lie above 0 and up to 1"),
        ("--weights ten.pt --dataset mnist --architecture their_networks:linear", 1, "there are fashion, digits, fash"),
        (TEN, 2, "has no header that says which network it belongs to"),
        (f"{TEN} --architecture their_networks:nothing", 1, "(AttributeError: module 'their_networks' has no attr"),
        (f"{TEN} --architecture their_networks", 1, "no package.module:callable that works (TypeError: 'module' obj"),
        (f"{TEN} --architecture their_networks:number", 1, "must give an nn.Module, not int"),
        (f"{TEN} --architecture their_networks:five", 1, "ten.pt does not fit the network"),
        ("--weights five.pt --dataset digits --architecture their_networks:five", 1,
         "must give logits (2, 10) for 2 images of digits, not (2, 5)"),
        ("--weights coloured.pt --dataset digits --architecture their_networks:coloured", 1,
         "cannot take images of shape (1, 8, 8)"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_said_at_the_door(place, capsys, command, code, message):
    assert call(command) == code
    assert message in capsys.readouterr().err


def test_few_classes_get_square_and_are_refused_autoattack(place):
    subject = load_subject("ten.pt", "their_networks:linear", "digits")
    assert [attack.key for attack in subject.attacks()] == ["pgd20", "aa"]
    weaker = subject.attacks(attack_kinds("pgd5,aa-fast"), eps=0.1, per_class=3)
    assert [attack.key for attack in weaker] == ["pgd5@eps=0.1[n=3/class]", "aa-fast@eps=0.1[n=3/class]"]
    assert [attack.alpha for attack in weaker] == [pytest.approx(0.1 / 4), 0]
    parts = {part: getattr(subject.data, part) for part in ("train", "val", "test")}
    nine = {part: split.at((split.labels < 9).nonzero().flatten()) for part, split in parts.items()}
    few = replace(subject, data=replace(subject.data, class_names=tuple("abcdefghi"), **nine))
    assert [attack.key for attack in few.attacks(per_class=2)] == ["pgd20[n=2/class]", "square5000[n=2/class]"]
    with pytest.raises(ValueError, match="AA-fast needs 10 classes, this data has 9"):
        few.attacks([("aa-fast", 0)])


def test_an_interruption_leaves_a_journal_that_is_gone_on_from(ours, place, monkeypatch):
    monkeypatch.setattr("cfa_nb.method.evaluate.BATCH", 80)
    monkeypatch.setattr("cfa_nb.card.subject.BATCH", 80)
    attack_batch, calls = autoattack._attack_batch, []

    def interrupted(*arguments):
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return attack_batch(*arguments)

    monkeypatch.setattr(autoattack, "_attack_batch", interrupted)
    command = f"--weights {ours[2]} --attacks square5 --json card.json"
    assert call(command) == 130
    assert not (place / "card.json").exists()
    assert call(command) == 0
    assert len(calls) == 4  # 200 images: the first batch, the second twice, the third
    assert sum(json.loads((place / "card.json").read_text())["results"]["square5"]["n"]) == 200
