"""The command line: choices are listed, exit codes say what happened, nothing ends in a traceback."""

import itertools
import json
import os
import subprocess
import sys
from dataclasses import replace

import pytest

from cfa_nb import cli as core
from cfa_nb.config import TrainConfig
from cfa_nb.runs import sweep
from cfa_nb.runs.profiles import FASHION, PROFILES, SMOKE
from cfa_nb.runs.store import RunStore, StoreError
from cfa_nb.runs.sweep import SweepError
from cfa_nb.runs.variants import with_seeds
from cfa_pages import cli as pages
from cfa_pages.pages import pipeline
from cfa_pages.pages.draw import PagesFailed
from tests.factories import finish

INTERRUPTED = "\ncfa_nb: interrupted; nothing is lost: the same command goes on where it stopped\n"


def call(*arguments, cli=pages):
    """Exit code of a command line in this process."""
    return cli.main(list(arguments))


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch):
    monkeypatch.setattr(os, "environ", os.environ.copy())


@pytest.mark.parametrize("group", [pages.pages, core.core], ids=["pages", "core"])
def test_help(group, capsys):
    cli = pages if group is pages.pages else core
    for command in ((), *((name,) for name in group.commands)):
        assert call(*command, "--help", cli=cli) == 0
        assert f"Usage: python -m {cli.__name__.removesuffix('.cli')}" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("cli", "arguments", "message"),
    [
        (pages, ("paint",), "No such command 'paint'"),
        (pages, ("reproduce", "--profile", "nope"), f"unknown profile 'nope'; there are {', '.join(PROFILES)}"),
        (pages, ("reproduce", "--workers", "0"), "0 is not in the range x>=1"),
        (core, ("sweep", "--profile", "nope"), f"unknown profile 'nope'; there are {', '.join(PROFILES)}"),
        (core, ("train", "nope"), "unknown method 'nope'; there are at, at_ccm,"),
        (core, ("train", "at", "--seed", "-1"), "-1 is not in the range x>=0"),
        (core, ("train", "at", "--image-size", "32"), "give --data-dir DIR, too"),
        (core, ("train", "at", "--set", "epsilon=1"), "there is no field 'epsilon'; there are dataset,"),
        (core, ("train", "at", "--set", "epochs=1.5"), "epochs takes a value such as 200, not '1.5'"),
        (core, ("train", "at", "--set", "epochs=0"), "epochs must be at least 1, not 0"),
        (core, ("sweep", "--seeds", "21"), "from 1 to 20, or which, such as 50-59, not '21'"),
        (pages, ("reproduce", "--data-dir", "images"), "say what to do with the images"),
    ],
)
def test_wrong_usage_exits_with_2_and_says_what_there_is(cli, arguments, message, capsys, folders):
    assert call(*arguments, cli=cli) == 2
    assert message in capsys.readouterr().err
    assert not folders[1].exists()


def test_folders_of_the_command_line(monkeypatch, tmp_path):
    seen = {}
    monkeypatch.setattr(pipeline, "render", lambda name, **_: seen.update(os.environ, name=name))
    monkeypatch.chdir(tmp_path)
    assert call("render", "--profile", "smoke", "--outputs", "o", "--runs", "r") == 0
    expected = {"name": "smoke", "CFA_NB_OUTPUTS": str(tmp_path / "o"), "CFA_NB_RUNS": str(tmp_path / "r")}
    assert seen.items() >= expected.items()


@pytest.mark.parametrize(
    ("error", "code", "text"),
    [(e("disk full"), 1, "cfa_nb: disk full\n") for e in (StoreError, SweepError, OSError, PagesFailed)]
    + [(KeyboardInterrupt(), 130, INTERRUPTED)],
)
def test_a_failure_or_an_interruption_is_a_line_and_a_code(error, code, text, monkeypatch, capsys):
    def fail(*_, **__):
        raise error

    monkeypatch.setattr(pipeline, "reproduce", fail)
    assert call("reproduce", "--profile", "smoke") == code
    assert capsys.readouterr().err == text


@pytest.mark.parametrize(
    ("option", "profile"),
    [((), FASHION), (("--aa-seeds", "3"), replace(FASHION, aa_seeds=3)), (("--seeds", "7"), with_seeds(FASHION, "7"))],
)
def test_a_sweep_may_have_more_seeds(option, profile, monkeypatch, folders):
    seen = []
    monkeypatch.setattr(sweep, "ensure", lambda profile, configs, *_, **__: seen.append(profile) or [])
    assert call("sweep", "--profile", "fashion", *option, cli=core) == 0
    assert seen == [profile]


def test_status_of_finished_published_and_damaged_runs(folders, capsys):
    store, count = finish(RunStore(folders[1]), SMOKE), len(SMOKE.runs())
    assert call("status", "--profile", "smoke") == 0
    shown = capsys.readouterr().out
    assert f"smoke: {count} runs: {count} fresh" in shown
    assert f"{count} finished runs are not published yet" in shown
    pipeline.publish(SMOKE, store, folders[0] / "smoke")
    assert call("status", "--profile", "smoke") == 0
    assert "not published yet" not in capsys.readouterr().out
    lost, damaged = (store.path(config) for config in SMOKE.runs()[:2])
    (lost / "record.json").unlink()
    (damaged / "record.json").write_text("{")
    assert call("status", "--profile", "smoke", "--json") == 0
    state = json.loads(capsys.readouterr().out)
    assert state["totals"] == {"fresh": count - 2, "partial": 0, "stale": 1, "missing": 1}
    reasons = {run["run"]: run["reason"] for run in state["runs"]}
    assert reasons[lost.name] == "not trained yet"
    assert "is damaged" in reasons[damaged.name]
    assert state["seconds_left"] == 6.0, "two runs of three seconds each"
    assert all(page["execute"] for page in state["pages"])


@pytest.mark.slow
def test_train_one_run(folders, capsys):
    changes = [("--set", text) for text in ("eps=8/255", "milestones=1,2", "epochs=3", "flip=true")]
    command = ("train", "at", "--profile", "smoke", "--seed", "3", *itertools.chain(*changes))
    assert call(*command, cli=core) == 0
    first = capsys.readouterr().out
    assert ": trained" in first
    assert "worst class" in first
    (file,) = folders[1].glob("fashion/*/record.json")
    config = TrainConfig.from_dict(json.loads(file.read_text())["config"])
    assert (config.eps, config.milestones, config.epochs, config.flip) == (8 / 255, (1, 2), 3, True)
    assert call(*command, cli=core) == 0
    assert "was finished already" in capsys.readouterr().out
    assert call(*command, "--again", cli=core) == 0
    assert ": trained" in capsys.readouterr().out
    assert next(file.parent.glob("record.set-aside-*.json")).read_text() == file.read_text()


def test_the_module_imports_no_torch_for_its_help():
    code = "import sys, cfa_nb.cli, cfa_pages.cli; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
