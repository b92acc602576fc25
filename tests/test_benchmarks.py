"""The benchmarks' own arithmetic: what is counted, paired, compared and written. No time is judged."""

import hashlib
import json
import sys
from types import SimpleNamespace

import pytest
import torch
import torch.nn as nn
from torch.utils.flop_counter import FlopCounterMode

from benchmarks import all as everything
from benchmarks import authors, equality, options, readme, results, workloads
from benchmarks.candidates import candidates
from benchmarks.counting import PassCounter, forward_flops
from benchmarks.equality import Equality, GivenNoise, compare
from benchmarks.race import fit, race
from benchmarks.sides import Ours, Theirs, names
from benchmarks.tables import markdown, seconds
from benchmarks.timing import Summary, column, interleaved, ratios, timed
from benchmarks.workloads import Workload
from cfa_nb.method.step import train_step

SMALL = Workload(width=4, depth=1, side=8, batch=10)


@pytest.fixture(scope="module")
def start():
    return workloads.learnt_state(SMALL, steps=4)


# --- counting


def test_the_counter_agrees_with_pytorchs_own_on_a_known_network():
    model = nn.Sequential(nn.Conv2d(3, 5, 3, stride=2, padding=1), nn.Flatten(), nn.Linear(5 * 4 * 4, 7))
    x = torch.rand(2, 3, 8, 8)
    forward = 2 * 2 * (5 * 4 * 4 * 3 * 3 * 3 + 80 * 7)  # two operations, two images
    assert forward_flops(model, x) == forward
    with PassCounter(model) as counter:
        model(x.requires_grad_()).sum().backward()
    assert counter.flops == {"forward": forward, "input_grad": forward, "weight_grad": forward}
    with FlopCounterMode(display=False) as reference:
        model(x).sum().backward()
    assert reference.get_total_flops() == 3 * forward


def test_the_counter_leaves_out_the_gradients_that_are_not_computed():
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.Linear(4 * 6 * 6, 2)).requires_grad_(False)
    x = torch.rand(2, 3, 8, 8, requires_grad=True)
    with PassCounter(model) as counter:
        torch.autograd.grad(model(x).sum(), x)
    passes = counter.passes(forward_flops(model, x))
    assert (passes.forward, passes.input_grad, passes.weight_grad, passes.total) == (1, 1, 0, 2)


@pytest.mark.parametrize("name", ["plain", "fast"])
@pytest.mark.parametrize(("clean_forward", "forwards"), [("train", 12), ("off", 11)])
def test_an_at_step_makes_the_passes_it_needs(start, name, clean_forward, forwards):
    side = Ours(name, SMALL, SMALL.config("at", clean_forward=clean_forward), start)
    (batch,) = workloads.batches(SMALL, 1)
    unit = forward_flops(side.model, batch[0])
    with PassCounter(side.model) as counter:
        side.train([batch])
    passes = counter.passes(unit)
    assert passes.forward == pytest.approx(forwards)
    stem = 2 * 10 * (4 * 8 * 8) * (3 * 3 * 3)  # the update needs no input gradient of the first convolution
    assert passes.input_grad == pytest.approx(11 - stem / unit)
    assert round(passes.input_grad) == 11
    assert passes.weight_grad == pytest.approx(1)


# --- timing


def test_ratios_are_taken_pair_by_pair():
    theirs = [{"wall_s": 3.0}, {"wall_s": 8.0}, {"wall_s": 10.0}]
    ours = [{"wall_s": 1.0}, {"wall_s": 4.0}, {"wall_s": 1.0}]
    summary = Summary.of(ratios(column(theirs), column(ours)))
    assert (summary.median, summary.low, summary.high) == (3.0, 2.0, 10.0)  # the ratio of the medians would be 8
    assert summary.text(1) == "3.0 [2.0-10.0]"


def test_lists_of_different_lengths_are_no_pairs():
    with pytest.raises(ValueError, match="pairs are needed, got 2 and 1"):
        ratios([1.0, 2.0], [1.0])


def test_sides_take_turns_and_the_first_round_is_not_counted():
    calls = []
    sides = {n: (lambda n=n: calls.append(f"{n} ready"), lambda n=n: calls.append(n)) for n in "ab"}
    timings = interleaved(sides, rounds=2)
    assert calls == [c for n in "abbaab" for c in (f"{n} ready", n)]
    assert {n: len(t) for n, t in timings.items()} == {"a": 2, "b": 2}


def test_both_clocks_run():
    timing = timed(lambda: sum(range(200_000)))
    assert timing["wall_s"] > 0
    assert timing["cpu_s"] > 0


# --- equality


def test_equality_sees_a_difference_that_a_large_statistic_would_hide():
    kinds, start = ["weight", "statistic", "counter"], [torch.zeros(2), torch.zeros(2), torch.tensor(0)]
    ours = [torch.tensor([1e-3, 0.0]), torch.tensor([1e6, 0.0]), torch.tensor(3)]
    theirs = [torch.tensor([1e-3, 1e-9]), *ours[1:]]
    hits = ((1, 2), (3, 4))
    assert compare(kinds, start, (hits, ours), (hits, ours)) == Equality(0.0, True)
    found = compare(kinds, start, (hits, ours), (hits, theirs))
    assert found.difference == pytest.approx(1e-6)
    assert not found.equal
    assert str(found) == "NO (1.0e-06)"


@pytest.mark.parametrize("change", ["hits", "counter"])
def test_equality_wants_the_same_counts(change):
    kinds, start = ["weight", "statistic", "counter"], [torch.zeros(1), torch.zeros(1), torch.tensor(0)]
    ours = [torch.ones(1), torch.ones(1), torch.tensor(3)]
    theirs = [*ours[:2], torch.tensor(4)] if change == "counter" else ours
    found = compare(kinds, start, ((1,), ours), ((2,) if change == "hits" else (1,), theirs))
    assert not found.equal
    assert "other counts" in str(found)


def test_a_side_that_does_not_move_is_not_equal():
    still = [torch.zeros(1), torch.zeros(1)]
    assert not compare(["weight", "statistic"], still, ((), still), ((), still)).equal


def test_a_candidate_that_does_less_is_not_timed(start, monkeypatch):
    def lazy(model, optimiser, config):
        config = SMALL.config("at", steps=9)
        return lambda x, y, table, noise, r, c: train_step(model, optimiser, x, y, table, config, noise, r, c)

    plain = candidates()["plain"]
    registered = {"plain": plain, "lazy": lazy, "twin": plain}
    monkeypatch.setattr("benchmarks.sides.candidates", lambda: registered)
    plain, less, twin = race(SMALL, "at", start, 1, SimpleNamespace(device="cpu", precision="fp32", code=None))
    assert (plain.same, len(plain.timings)) == (None, 1)
    assert (less.same.equal, less.timings) == (False, [])
    assert (twin.same.equal, len(twin.timings)) == (True, 1)
    assert fit({"plain": None, "lazy": less.same, "twin": twin.same}) == ["plain", "twin"]


def test_a_reset_side_does_the_same_again(start):
    side = Ours("plain", SMALL, SMALL.config("trades"), start)
    batches = workloads.batches(SMALL, 2)
    first = side.train(batches), side.state()
    side.reset()
    second = side.train(batches), side.state()
    assert first[0] == second[0]
    assert all(torch.equal(a, b) for a, b in zip(first[1], second[1]))


# --- the authors' code

UTILS = """
import torch
def normalize_cifar(x):
    mean, std = torch.tensor([0.4914, 0.4822, 0.4465]), torch.tensor([0.2471, 0.2435, 0.2616])
    return (x - mean.view(3, 1, 1)) / std.view(3, 1, 1)
"""
ATTACK = """
import torch
import torch.nn.functional as F
from utils import normalize_cifar
def cw_pgd_loss(model, x, y, cw_eps, beta, alpha, n_iters):
    eps = cw_eps[y].view(-1, 1, 1, 1)
    delta = torch.clamp((torch.rand_like(x) - 0.5) * 2 * eps, 0 - x, 1 - x)
    for _ in range(n_iters):
        delta = delta.detach().requires_grad_()
        F.cross_entropy(model(normalize_cifar(x + delta)), y).backward()
        d = torch.min(torch.max(delta.detach() + alpha * delta.grad.sign(), -eps), eps)
        delta = torch.clamp(d, 0 - x, 1 - x)
    output = model(normalize_cifar(x + delta))
    return F.cross_entropy(output, y), output.detach()
"""
TRAIN = """
from attack import cw_pgd_loss
from utils import normalize_cifar
from model import NAME
import torch
def train_epoch(model, loader, opt, device, attack, eps, beta, alpha, n_iters):
    model.train()
    robust, clean, n = torch.zeros(10).to(globals()["device"]), torch.zeros(10), 0
    for x, y in loader:
        loss, output = attack(model, x, y, eps, beta, alpha, n_iters)
        opt.zero_grad()
        loss.backward()
        opt.step()
        clean_output = model(normalize_cifar(x)).detach()
        for i, c in enumerate(y):
            robust[c] += output[i].argmax() == c
            clean[c] += clean_output[i].argmax() == c
        n += len(y)
        if args.debug:
            break
    return clean.sum() / n, robust.sum() / n, 10 * clean / n, 10 * robust / n
"""


@pytest.fixture
def checkout(tmp_path):
    """A stand-in for the released files, with their names and their way of importing one another."""
    for name, text in dict(utils=UTILS, attack=ATTACK, model="NAME = 'PRN'", train=TRAIN).items():
        (tmp_path / f"{name}.py").write_text(text)
    return tmp_path


def test_the_released_modules_load_without_taking_names(checkout, monkeypatch):
    mine = SimpleNamespace(mine=True)
    monkeypatch.setitem(sys.modules, "utils", mine)
    code = authors.load(checkout, "cpu")
    assert code.attack.normalize_cifar is code.utils.normalize_cifar
    assert code.train.NAME == "PRN"
    assert sys.modules["utils"] is mine
    assert not {"attack", "train"} & set(sys.modules)
    assert sorted(p.name for p in checkout.iterdir()) == ["attack.py", "model.py", "train.py", "utils.py"]
    assert "but for utils.py, attack.py, model.py, train.py" in code.version


def test_a_folder_without_the_release_says_how_to_get_it(tmp_path):
    (tmp_path / "utils.py").write_text("")
    with pytest.raises(FileNotFoundError, match=r"has no attack.py, model.py, train.py; git clone https://github.com/"):
        authors.load(tmp_path, "cpu")


def test_an_unmodified_release_is_recognised(checkout, monkeypatch):
    digests = {n: hashlib.sha256((checkout / f"{n}.py").read_bytes()).hexdigest()[:16] for n in authors.FILES}
    monkeypatch.setattr(authors, "RELEASED", digests)
    assert authors.version(checkout).endswith("unmodified")
    (checkout / "train.py").write_text(TRAIN + "\n")
    assert authors.version(checkout).endswith("but for train.py")


def test_their_step_equals_ours_on_the_same_noise(checkout, start):
    code = authors.load(checkout, "cpu")
    assert names(code)[:2] == ["authors", "plain"]
    found = equality.check("authors", ["plain"], code, SMALL, "at", start)["plain"]
    assert found.equal, str(found)


def test_a_wrong_released_step_is_found(checkout, start):
    (checkout / "attack.py").write_text(ATTACK.replace("alpha * delta", "1.001 * alpha * delta"))
    found = equality.check("authors", ["plain"], authors.load(checkout, "cpu"), SMALL, "at", start)["plain"]
    assert not found.equal


def test_their_hits_are_whole_numbers(checkout, start):
    side = Theirs(authors.load(checkout, "cpu"), SMALL, SMALL.config("at"), start)
    robust, clean = side.train(workloads.batches(SMALL, 2), seed=0)
    assert all(isinstance(h, int) and 0 <= h <= 2 for h in robust + clean)
    assert sum(clean) > 0


def test_given_noise_replaces_what_the_global_generator_draws():
    x = torch.zeros(2, 3)
    with GivenNoise([x + 1, x + 2]):
        assert torch.equal(torch.rand_like(x), x + 1)
        assert torch.equal(torch.randn(x.shape), x + 2)
        assert not torch.zeros(2).any()


def test_another_networks_tensors_are_refused(start):
    with pytest.raises(ValueError, match="do not have the same tensors"):
        Ours("plain", Workload(8, 1, 8, 10), Workload(8, 1, 8, 10).config("at"), start)


# --- names, options, pages


def test_networks_have_names():
    assert Workload.parse("prn18", 8).is_prn18
    assert Workload.parse("prn18", 8).label == "PreActResNet-18, 32x32, batch 8"
    assert Workload.parse("w16d1x8", 4) == Workload(16, 1, 8, 4)
    with pytest.raises(ValueError, match="no network 'resnet'; say prn18"):
        Workload.parse("resnet", 8)


def test_the_command_shows_no_folder_of_this_machine():
    argv = [
        "--authors",
        "/somewhere/CFA-main",
        "--quick",
        "--out",
        "/elsewhere",
        "--threads",
        "2",
        "--authors=/a",
        "--out=/b",
    ]
    assert options.command("python -m benchmarks.step", argv) == (
        "python -m benchmarks.step --authors CFA --quick --threads 2 --authors=CFA"
    )


def test_options_refuse_what_cannot_be(capsys, tmp_path):
    for argv, message in ((["--threads", "0"], "at least 1"), (["--authors", str(tmp_path)], "git clone")):
        with pytest.raises(SystemExit):
            options.parse(options.parser("step", ""), argv)
        assert message in capsys.readouterr().err


def test_a_quick_run_does_not_touch_the_published_results():
    quick = options.parse(options.parser("step", ""), ["--quick"])
    full = options.parse(options.parser("step", ""), [])
    assert full.out == str(results.RESULTS)
    assert quick.out == str(results.RESULTS / "quick")
    assert "quick/" in (results.RESULTS / ".gitignore").read_text().split()


def test_only_what_is_between_the_markers_is_replaced():
    page = f"# Title\n\n{readme.BEGIN}\n\nold\n\n{readme.END}\n\nthe end\n"
    assert readme.replaced(page, "new") == f"# Title\n\n{readme.BEGIN}\n\nnew\n\n{readme.END}\n\nthe end\n"
    assert readme.replaced(readme.replaced(page, "x"), "old") == page


@pytest.mark.parametrize(
    "page", ["no markers", readme.BEGIN, f"{readme.END} {readme.BEGIN}", f"{readme.BEGIN}{readme.END}" * 2]
)
def test_a_page_without_its_markers_is_refused(page):
    with pytest.raises(ValueError, match="once each"):
        readme.replaced(page, "new")


def test_the_readme_holds_what_the_results_say():
    text = readme.README.read_text(encoding="utf-8")
    assert readme.replaced(text, readme.section(results.RESULTS)) == text, "run python -m benchmarks.readme"


def test_a_result_comes_back_with_where_it_was_measured(tmp_path):
    about = SimpleNamespace(command="python -m benchmarks.step", quick=True, device="cpu")
    path = results.save(results.result("step", about, [{"timings": []}], authors=None), tmp_path)
    found = results.read(path)
    assert path.name == "step-cpu.json"
    assert {"hardware", "cores", "threads", "python", "torch", "commit", "date"} <= set(found["environment"])
    assert (found["command"], found["quick"], found["rows"]) == (about.command, True, [{"timings": []}])


@pytest.mark.parametrize("text", ["{", json.dumps({"rows": []})])
def test_a_foreign_file_is_no_result(tmp_path, text):
    (tmp_path / "step-cpu.json").write_text(text)
    with pytest.raises(ValueError, match="measure again"):
        results.read(tmp_path / "step-cpu.json")


def test_tables_are_markdown_and_seconds_have_units():
    assert markdown(["step", "s"], [["plain", "1.5"]]) == "| step  |   s |\n| ----- | --: |\n| plain | 1.5 |"
    with pytest.raises(ValueError, match="1 cells under 2 columns"):
        markdown(["a", "b"], [["x"]])
    assert [seconds(s) for s in (12.345, 0.5, 3.2e-5, 1e-8)] == ["12.3 s", "500 ms", "32 us", "0.01 us"]


# --- the commands

TINY = ["--model", "w4d1x8", "--batch", "10", "--quick"]
COMMANDS = {
    "step": [*TINY, "--methods", "at,fat", "--pairs", "1"],
    "passes": [*TINY, "--methods", "trades"],
    "floor": TINY,
    "epoch": [*TINY, "--images", "60"],
    "target": ["--model", "w4d1x8", "--quick", "--accuracy", "0", "--epochs", "1"],
    "scaling": [*TINY, "--repeats", "1", "--axes", "steps,runs"],
    "autoattack": ["--quick", "--kinds", "aa-fast", "--batch", "10", "--epochs", "1"],
}


@pytest.mark.slow
@pytest.mark.parametrize("module", readme.BENCHMARKS, ids=lambda m: m.NAME)
def test_each_command_leaves_a_result_and_a_table(module, tmp_path, capsys):
    found = module.main([*COMMANDS[module.NAME], "--out", str(tmp_path)])
    assert results.read(tmp_path / f"{module.NAME}-cpu.json") == json.loads(json.dumps(found))
    printed = capsys.readouterr().out
    assert module.table(found) in printed
    assert ("left out" in printed) == module.COMPARES
    section = readme.section(tmp_path)
    assert section.startswith(f"### {module.TITLE}")
    assert module.table(found) in section
    assert "--quick" in section


@pytest.mark.slow
def test_at_is_compared_with_the_released_code_in_a_command(checkout, tmp_path):
    found = readme.step.main([*TINY, "--methods", "at", "--authors", str(checkout), "--out", str(tmp_path)])
    theirs, ours = found["rows"][:2]
    assert (theirs["side"], ours["side"], ours["equal"]) == ("authors", "plain", True)
    assert len(theirs["timings"]) == len(ours["timings"]) == 2
    assert str(tmp_path) not in json.dumps(found)


def test_the_whole_suite_hands_its_options_on():
    given = options.parse(options.parser("all", ""), ["--quick", "--threads", "1"])
    given.authors = "CFA"
    assert everything.arguments(given, readme.step)[-3:] == ["--quick", "--authors", "CFA"]
    assert "--authors" not in everything.arguments(given, readme.scaling)
