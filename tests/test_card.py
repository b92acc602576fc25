"""`evaluate`: the card of finished weights, what it computes, what it refuses, what an interruption leaves."""

import json
import os
import sys
from dataclasses import replace

import pytest
import torch
import torch.nn as nn

from cfa_nb import cli
from cfa_nb.card.bench import UsageError, attack_named, check_attack_names
from cfa_nb.card.card import Card, Result
from cfa_nb.card.prepare import prepare
from cfa_nb.config import Attack
from cfa_nb.method import autoattack
from cfa_nb.method.metrics import ClassAccuracy
from cfa_nb.method.train import train
from cfa_nb.runs.measure import measure
from cfa_nb.runs.store import RunStore
from cfa_pages.results.stats import worst_bias
from tests import tiny

PGD, SQUARE, AA = (
    Attack("pgd", 8 / 255, 2 / 255, 20),
    Attack("square", 8 / 255, steps=100),
    Attack("aa", 8 / 255),
)


def accuracy(*hits, n=100):
    return ClassAccuracy(hits, (n,) * len(hits))


def card(clean=(90, 80, 70), results=((PGD, (60, 50, 40)), (AA, (55, 45, 30))), **changes):
    made = tuple(Result(a, accuracy(*hits), {"kind": a.kind}) for a, hits in results)
    base = Card(
        weights={"file": "w.pth", "sha256": "ab" * 32},
        network={"name": "preactresnet18", "parameters": 11172170},
        data={"name": "cifar10", "hash": "0123", "images": 300},
        threat={"norm": "L-inf", "eps": 8 / 255, "seed": 0},
        class_names=("cat", "dog", "car"),
        clean=accuracy(*clean),
        results=made,
    )
    return replace(base, **changes)


def test_the_table_reads_as_it_was_counted():
    lines = list(card().lines())
    (row,) = (line for line in lines if line.startswith("car "))
    assert row.split() == ["car", "70.0", "40.0", "30.0", "21.9", "-", "39.6", "######"]
    (total,) = (line for line in lines if line.startswith("all "))
    assert total.split()[:4] == ["all", "80.0", "50.0", "43.3"]
    (head,) = (line for line in lines if line.startswith("class "))
    assert head.split() == ["class", "clean", "PGD-20", "AA", "95", "%", "of", "AA"]
    text = "\n".join(lines)
    assert "worst class under AA: car, 30.0 % (95 %: 21.9 - 39.6)" in text
    assert "gap, all less worst class: 13.3 points" in text
    assert "11,172,170 parameters" in text
    assert "eps 0.0313725 (8/255)" in text


def test_the_data_hold_what_the_text_says():
    made = card().to_dict()
    assert json.loads(json.dumps(made, allow_nan=False)) == made
    aa = made["results"]["aa"]
    assert (aa["hits"], aa["n"]) == ([55, 45, 30], [100] * 3)
    assert (aa["worst_class"], aa["worst"]) == ("car", 0.3)
    assert aa["gap"] == pytest.approx(130 / 300 - 0.3)
    assert (aa["worst_bias"], aa["worst_spread"]) == worst_bias(accuracy(55, 45, 30))
    assert list(made["results"]) == ["clean", "pgd20", "aa"]


def test_a_share_of_the_classes_stands_beside_the_single_worst_one():
    many = tuple(range(20, 60, 2))
    base = card(clean=many, results=((PGD, many),), class_names=tuple(map(str, range(20))))
    shared = replace(base, results=tuple(replace(r, accuracy=r.accuracy.with_share(0.1)) for r in base.results))
    text = "\n".join(shared.lines())
    assert "worst class under PGD-20: 0, 20.0 %" in text
    assert "worst 10 % of the classes, their mean: 21.0 %" in text


def held(made):
    return [c.holds for c in made.checks()]


def test_checks_follow_the_strength_of_attacks_not_their_order():
    order = ((AA, (55, 45, 30)), (SQUARE, (70, 60, 50)), (PGD, (60, 50, 40)))
    texts = [c.text for c in card(results=order).checks()]
    assert [t.split(":")[0] for t in texts] == [
        "Square-100 leaves no more than no attack",
        "PGD-20 leaves no more than Square-100",
        "AA leaves no more than PGD-20",
        "the classes' images add up to 300",
    ]
    assert all(held(card(results=order)))


def test_checks_fail_on_hidden_gradients_beyond_noise_only():
    assert held(card(results=((SQUARE, (30, 30, 30)), (PGD, (60, 60, 60))))) == [True, False, True]
    near = card(results=((SQUARE, (58, 60, 60)), (PGD, (60, 60, 60))))
    assert held(near) == [True, True, True]
    assert "leaves more (+0.7 points) than Square-100 within noise" in [c.text for c in near.checks()][1]
    assert "LOOK  PGD-20 leaves more" in "\n".join(card(results=((SQUARE, (0, 0, 0)), (PGD, (60, 60, 60)))).lines())
    assert held(card(data={"name": "d", "hash": "", "images": 299}))[-1] is False


@pytest.mark.parametrize("name", ["pgd", "pgd0", "pgd020", "PGD20", "aa2", "fab", "", " aa", "square0", "aa-fast1"])
def test_attack_names_are_taken_strictly(name):
    with pytest.raises(UsageError, match="unknown attack"):
        check_attack_names(["pgd20", name])


def test_attack_names_say_what_is_run():
    assert attack_named("pgd100", 0.1, 0.02, 5) == Attack("pgd", 0.1, 0.02, 100, 5)
    assert attack_named("square", 0.1, 0.02) == Attack("square", 0.1, 0.0, 5000)
    assert attack_named("square200", 0.1, 0.02).steps == 200
    assert attack_named("aa-fast", 0.1, 0.02, nominal_eps=0.2).key == "aa-fast@eps=0.1"
    with pytest.raises(UsageError, match="named twice: square5000"):
        check_attack_names(["square", "square5000"])


# --- from the command line, on a run that was trained here


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    store = RunStore(tmp_path_factory.mktemp("runs"))
    config = tiny.config("at", epochs=8, milestones=(6, 7), train_per_class=60, width=32)
    train(config, (), store)
    return store, config


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
        "def broken(): raise KeyError('x')\n"
        "three = 3\n"
    )
    for name, net in (("ten", nn.Linear(64, 10)), ("five", nn.Linear(64, 5)), ("coloured", nn.Linear(3072, 10))):
        torch.save({"net": {f"1.{k}": v for k, v in net.state_dict().items()}}, f"{name}.pt")
    yield tmp_path
    sys.modules.pop("their_networks", None)


def call(*arguments):
    try:
        return cli.main(["evaluate", *map(str, arguments)])
    except SystemExit as stop:
        return stop.code


def test_our_weights_need_no_other_word_and_repeat_their_record(trained, place, capsys):
    store, config = trained
    weights = store.weights_path(config, "live/last")
    assert call("--weights", weights, "--attacks", "pgd5,square20", "--json", "card.json") == 0
    made = json.loads((place / "card.json").read_text())
    attacks = Attack("pgd", 0.15, 0.15 / 4, 5), Attack("square", 0.15, steps=20)
    record = measure(config, store, {"live/last": attacks})
    for attack in attacks:
        ours = record.evaluations["live/last"][attack.key]
        assert made["results"][attack.key]["hits"] == list(ours.hits)
    assert made["results"]["clean"]["hits"] == list(record.measured("live", "test", 8).clean.hits)
    assert made["attacks"]["square20"]["library"] == autoattack.library()
    assert made["weights"]["sha256"] == record.checkpoints["live/last"].sha256
    assert made["threat"]["eps"] == 0.15
    assert made["notes"] == []
    told = capsys.readouterr()
    assert "live/last of at, seed 0, trained on demo" in told.out
    assert "Square-20: batch 1 of 1" in told.err
    assert sorted(p.suffix for p in (place / "runs" / "evaluations").iterdir()) == [".log"]


def test_other_data_are_said_and_must_fit(trained, place, capsys):
    weights = trained[0].weights_path(trained[1], "live/last")
    assert call("--weights", weights, "--dataset", "digits", "--attacks", "pgd1", "--per-class", 3) == 0
    out = capsys.readouterr().out
    assert "note  these are not the data of the weights' own run" in out
    assert "30 test images" in out


def test_a_network_of_the_user_s(place, capsys):
    weights = ("--weights", "ten.pt", "--dataset", "digits")
    assert call(*weights, "--architecture", "their_networks:linear", "--attacks", "pgd2", "--eps", "16/255") == 0
    out = capsys.readouterr().out
    assert "their_networks:linear, 650 parameters" in out
    assert "(16/255)" in out


@pytest.mark.parametrize(
    ("file", "architecture", "code", "message"),
    [
        ("ten.pt", "their_networks:nothing", 2, "cannot be imported (module 'their_networks' has no attribute"),
        ("ten.pt", "no_such_module:net", 2, "cannot be imported (No module named 'no_such_module'"),
        ("ten.pt", "their_networks", 2, "must be preactresnet18 or package.module:callable"),
        ("ten.pt", "their_networks:three", 2, "is no callable, but int"),
        ("ten.pt", "their_networks:number", 2, "must give an nn.Module, not int"),
        ("ten.pt", "their_networks:broken", 1, "their_networks:broken() failed: KeyError: 'x'"),
        ("ten.pt", "their_networks:five", 1, "ten.pt does not fit the network: 2 of another shape"),
        ("five.pt", "their_networks:five", 1, "must give logits (2, 10) for 2 images of digits, not (2, 5)"),
        ("coloured.pt", "their_networks:coloured", 1, "cannot take images of shape (1, 8, 8)"),
        ("ten.pt", "preactresnet18", 1, "does not fit the network: 90 missing"),
    ],
)
def test_a_network_that_cannot_be(place, capsys, file, architecture, code, message):
    assert call("--weights", file, "--dataset", "digits", "--architecture", architecture) == code
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        ((), 2, "Missing option '--weights'"),
        (("--weights", "none.pt"), 1, "no file of weights at none.pt"),
        (("--weights", "ten.pt", "--dataset", "digits"), 2, "has no header that says which network it belongs to"),
        (("--weights", "ten.pt", "--attacks", "pgd20,fab"), 2, "unknown attack 'fab'"),
        (("--weights", "ten.pt", "--eps", "8"), 2, "must lie above 0 and up to 1"),
        (("--weights", "ten.pt", "--eps", "1/0"), 2, "must lie above 0 and up to 1"),
        (("--weights", "ten.pt", "--dataset", "mnist"), 2, "unknown dataset 'mnist'; there are cifar10"),
        (("--weights", "ten.pt", "--per-class", "0"), 2, "0 is not in the range x>=1"),
    ],
)
def test_wrong_usage_is_said_at_the_door(place, capsys, arguments, code, message):
    assert call(*arguments) == code
    assert message in capsys.readouterr().err


def test_few_classes_get_square_and_are_refused_autoattack(place):
    bench = prepare("ten.pt", architecture="their_networks:linear", dataset="digits")
    assert [a.key for a in bench.attacks()] == ["pgd20", "aa"]
    few = replace(bench, data=replace(bench.data, class_names=tuple("abcdefghi"), **_nine(bench.data)))
    assert [a.key for a in few.attacks(per_class=2)] == ["pgd20[n=2/class]", "square5000[n=2/class]"]
    with pytest.raises(UsageError, match="AA-fast needs 10 classes, this data has 9"):
        few.attacks(["aa-fast"])


def _nine(dataset):
    parts = {part: getattr(dataset, part) for part in ("train", "val", "test")}
    return {part: split.at((split.labels < 9).nonzero().flatten()) for part, split in parts.items()}


def test_an_interruption_leaves_a_journal_that_is_gone_on_from(trained, place, monkeypatch):
    weights = trained[0].weights_path(trained[1], "live/last")
    monkeypatch.setattr("cfa_nb.method.evaluate.BATCH", 30)
    monkeypatch.setattr("cfa_nb.card.bench.BATCH", 30)
    real, calls = autoattack._attack_batch, []

    def interrupted(*a):
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return real(*a)

    monkeypatch.setattr(autoattack, "_attack_batch", interrupted)
    command = ("--weights", weights, "--attacks", "square5", "--json", "card.json")
    assert call(*command) == 130
    assert not (place / "card.json").exists()
    assert call(*command) == 0
    assert len(calls) == 4  # 80 images: the first batch, the second twice, the third
    assert sum(json.loads((place / "card.json").read_text())["results"]["square5"]["n"]) == 80
