"""The benchmarks' own arithmetic: what is counted, paired, compared and written. No time is asserted."""

import hashlib
import json
import sys
from dataclasses import replace
from functools import partial
from types import SimpleNamespace

import click
import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from benchmarks import all as everything
from benchmarks import comparison
from benchmarks import sides as sides_module
from benchmarks.benchmark import RESULTS, Benchmark, options
from benchmarks.cases import Case, Setup
from benchmarks.comparison import equality, median_range, ratio_cell, timed_rows
from benchmarks.passes import counted
from benchmarks.sides import EAGER, Ours, released_code

CASE = Case(Setup(), width=4, depth=1, side=8, batch=10, warm_up=4)

# --- the authors' code: a stand-in with the released files' names, signatures and way of importing one another

FILES = {
    "model": "",
    "utils": """
import torch
def normalize_cifar(x):
    mean, std = torch.tensor([0.4914, 0.4822, 0.4465]), torch.tensor([0.2471, 0.2435, 0.2616])
    return (x - mean.view(3, 1, 1)) / std.view(3, 1, 1)
def weight_average(average, model, decay):
    new = model.state_dict()
    average.load_state_dict({k: decay * v + (1 - decay) * new[k] for k, v in average.state_dict().items()})
""",
    "attack": """
import torch
from torch.nn.functional import cross_entropy
from utils import normalize_cifar
def cw_pgd_loss(model, x, y, cw_eps, beta, alpha, n_iters):
    eps = cw_eps[y].view(-1, 1, 1, 1)
    delta = torch.clamp((torch.rand_like(x) - 0.5) * 2 * eps, 0 - x, 1 - x)
    for _ in range(n_iters):
        delta = delta.detach().requires_grad_()
        cross_entropy(model(normalize_cifar(x + delta)), y).backward()
        d = torch.min(torch.max(delta.detach() + alpha * delta.grad.sign(), -eps), eps)
        delta = torch.clamp(d, 0 - x, 1 - x)
    output = model(normalize_cifar(x + delta))
    return cross_entropy(output, y), output.detach()
def pgd_loss(model, x, y, eps, *numbers):
    return cw_pgd_loss(model, x, y, torch.full((10,), eps), *numbers)
""",
    "train": """
import torch
import attack, model
from utils import normalize_cifar
def train_epoch(model, loader, opt, _, loss_of, *numbers):
    model.train()
    counts, n = torch.zeros(2, 10).to(device), 0
    for x, y in loader:
        loss, output = loss_of(model, x, y, *numbers)
        opt.zero_grad()
        loss.backward()
        opt.step()
        for hits, logits in zip(counts, (model(normalize_cifar(x)), output)):
            hits += torch.bincount(y[logits.argmax(dim=1) == y], minlength=10)
        n += len(y)
        if args.debug:
            break
    return 0, 0, 10 * counts[0] / n, 10 * counts[1] / n
def eval_epoch(model, loader, device, loss_of, *numbers):
    model.eval()
    return [loss_of(model, x, y, *numbers) for x, y in loader]
""",
}


@pytest.fixture
def checkout(tmp_path):
    folder = tmp_path / "released"
    folder.mkdir()
    for name, text in FILES.items():
        (folder / f"{name}.py").write_text(text)
    return folder


def with_authors(checkout):
    return replace(CASE, setup=Setup(code=released_code(checkout, "cpu")))


def test_the_released_modules_load_without_taking_names_and_say_whether_they_are_unmodified(checkout, monkeypatch):
    code = released_code(checkout, "cpu")
    assert code.attack.normalize_cifar is code.utils.normalize_cifar
    assert code.train.attack is code.attack
    assert not set(FILES) & set(sys.modules)
    assert sorted(p.stem for p in checkout.iterdir()) == sorted(FILES)  # no bytecode
    assert code.version.endswith("but for utils.py, attack.py, model.py, train.py")
    digests = {n: hashlib.sha256((checkout / f"{n}.py").read_bytes()).hexdigest()[:12] for n in FILES}
    monkeypatch.setattr(sides_module, "FILES", digests)
    assert released_code(checkout, "cpu").version.endswith(f"{sides_module.RELEASE}, unmodified")
    (checkout / "train.py").unlink()
    with pytest.raises(click.BadParameter, match=r"has no train.py; git clone https://github.com/PKU-ML/CFA"):
        released_code(checkout, "cpu")


# --- equality


@pytest.mark.parametrize("wrong", [False, True])
def test_our_step_equals_theirs_or_is_not_timed(checkout, wrong):
    if wrong:
        (checkout / "attack.py").write_text(FILES["attack"].replace("alpha * delta", "1.001 * alpha * delta"))
    theirs, ours = timed_rows(with_authors(checkout), lambda side: {"steps": lambda: side.train(CASE.batches(1))})
    assert (theirs["side"], theirs["equality"], ours["side"]) == ("authors", "reference", "ours")
    assert ours["equality"].startswith("NO (" if wrong else "yes (")
    assert (bool(theirs["timings"]), bool(ours["timings"])) == (True, not wrong)


@pytest.mark.parametrize(
    ("hits", "state", "text"),
    [
        (1, (1e-3, 1e6, 3), "yes (0.0e+00)"),
        (1, (1e-3 + 1e-9, 1e6, 3), "NO (1.0e-06)"),  # however much another tensor moves
        (1, (1e-3, 1e6, 4), "NO (3.3e-01)"),
        (2, (1e-3, 1e6, 3), "NO (0.0e+00, other hits)"),
        (1, (0, 1e6, 3), "NO (1.0e+00)"),
    ],
)
def test_every_tensor_and_the_hits_must_agree(hits, state, text):
    start, reference, other = (
        [torch.tensor(v, dtype=torch.float64) for v in values] for values in ((0, 0, 0), (1e-3, 1e6, 3), state)
    )
    assert equality(start, ((1,), reference), ((hits,), other)) == dict(equal=text[0] == "y", equality=text)
    assert not equality(start, ((), start), ((), start))["equal"], "nothing moved"


# --- counting


def test_the_counter_agrees_with_pytorchs_own_on_a_known_network():
    model = nn.Sequential(nn.Conv2d(3, 5, 3, stride=2, padding=1), nn.Flatten(), nn.Linear(5 * 4 * 4, 7))
    x = torch.rand(2, 3, 8, 8, requires_grad=True)
    forward = 2 * 2 * (5 * 4 * 4 * 3 * 3 * 3 + 80 * 7)  # two operations, two images
    counter = counted(lambda: model(x).square().sum().backward())
    assert counter.flops == {"forward": forward, "input_grad": forward, "weight_grad": forward}
    with FlopCounterMode(display=False) as reference:
        model(x).square().sum().backward()
    assert reference.get_total_flops() == 3 * forward


@pytest.mark.parametrize(("clean_forward", "forwards"), [("train", 12), ("off", 11)])
def test_an_at_step_makes_the_passes_it_needs(clean_forward, forwards):
    side, batches = Ours(CASE, EAGER, clean_forward=clean_forward), CASE.batches(1)
    unit = counted(side.model, batches[0][0]).flops["forward"]
    passes = {kind: flops / unit for kind, flops in counted(side.train, batches).flops.items()}
    stem = 2 * 10 * (4 * 8 * 8) * (3 * 3 * 3)  # the update needs no input gradient of the first convolution
    assert passes == pytest.approx({"forward": forwards, "input_grad": 11 - stem / unit, "weight_grad": 1})


# --- timing


def test_sides_take_turns_and_the_first_round_is_not_counted(monkeypatch):
    calls, rows = [], [dict(side=name, equal=True) for name in "ab"]
    stand_ins = [SimpleNamespace(name=name, reset=partial(calls.append, f"{name} ready")) for name in "ab"]
    monkeypatch.setattr(comparison, "checked_rows", lambda case: rows)
    monkeypatch.setattr(comparison, "sides", lambda case: stand_ins)
    timed = timed_rows(replace(CASE, pairs=2), lambda side: {"part": partial(calls.append, side.name)})
    assert calls == [call for name in "abbaab" for call in (f"{name} ready", name)]
    assert [len(row["timings"]["part"]) for row in timed] == [2, 2]


def test_ratios_are_taken_pair_by_pair():
    def row(*wall):
        return dict(network="n", method="at", timings=[{"wall_s": s} for s in wall])

    theirs, ours, untimed, half = rows = row(3.0, 8.0, 10.0), row(1.0, 4.0, 1.0), row(), row(1.0)
    cells = [ratio_cell(r, dict(rows=rows)) for r in (theirs, ours, untimed)]
    assert cells == ["1", "3.00 [2.00-10.00]", "-"]  # the ratio of the medians would be 8
    with pytest.raises(ValueError, match="shorter"):
        ratio_cell(half, dict(rows=rows))
    assert median_range([]) == "-"


# --- the frame


def test_the_command_shows_no_folder_and_no_default():
    values = dict(authors="CFA", device="cpu", threads=2, quick=True, methods=("at", "fat"), pairs=None)
    assert everything.step.STEP.command_line(values) == (
        "python -m benchmarks.step --authors CFA --threads 2 --quick --methods at --methods fat"
    )


@pytest.mark.parametrize("argv", ["--threads 0", "--methods nat", "--model resnet", "--authors nowhere"])
def test_options_refuse_what_cannot_be(argv):
    with pytest.raises(click.BadParameter):
        everything.step.STEP.main(argv.split(), standalone_mode=False)


def test_the_readme_holds_what_the_results_say():
    text = everything.README.read_text(encoding="utf-8")
    assert everything.replaced(text, everything.section(RESULTS)) == text, "run python -m benchmarks.all --readme"


TINY = dict(model="w4d1x8", batch=10)
SMALL = {
    "step": TINY | dict(methods=("at",), pairs=1),
    "passes": TINY | dict(methods=("at",)),
    "floor": TINY | dict(pairs=1),
    "epoch": TINY | dict(images=60),
    "target": dict(model="w4d1x14", accuracy=0, epochs=1),
    "scaling": TINY | dict(pairs=1, axes=()),
    "autoattack": dict(kinds=("square",), batch=10, epochs=1),
}


@pytest.mark.slow
@pytest.mark.parametrize("benchmark", everything.BENCHMARKS, ids=lambda b: b.name)
def test_each_leaves_a_result_and_a_page(benchmark, checkout, tmp_path, capsys):
    authors = str(checkout) if benchmark.compares else None
    result = benchmark.run(authors, quick=True, out=str(tmp_path), **SMALL[benchmark.name])
    assert json.loads((tmp_path / f"{benchmark.name}-cpu.json").read_text()) == json.loads(json.dumps(result))
    assert str(tmp_path) not in json.dumps(result)
    assert everything.section(tmp_path) == benchmark.page(result)
    assert benchmark.page(result) in capsys.readouterr().out
    names = {row.get("side") for row in result["rows"]}
    assert names == ({"authors", "ours"} if benchmark.compares else {"ours"} if benchmark.name == "scaling" else {None})


def test_all_hands_its_options_on_and_publishes_only_a_full_run(monkeypatch, tmp_path):
    calls, readme = [], tmp_path / "README.md"
    readme.write_text(everything.BEGIN + everything.END)
    shared = {option.name: option.default for option in options(Benchmark.run)} | dict(authors="CFA")
    monkeypatch.setattr(everything, "README", readme)
    monkeypatch.setattr(Benchmark, "run", lambda self, authors, **own: calls.append((self.name, authors, own["quick"])))
    everything.run(**shared | dict(quick=True))
    assert calls == [(b.name, "CFA" if b.compares else None, True) for b in everything.BENCHMARKS]
    assert "One training step" not in readme.read_text()
    everything.run(**shared)
    assert "One training step" in readme.read_text()
