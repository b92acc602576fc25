"""The command line: choices are listed, exit codes say what happened, nothing ends in a traceback."""

import json
import os
import sys

import pytest
from made_up import finish

from cfa_nb import cli as core
from cfa_nb.runs.profiles import PROFILES
from cfa_nb.runs.store import RunStore, StoreError
from cfa_nb.runs.sweep import SweepError
from cfa_pages import cli as pages
from cfa_pages.pages import pipeline
from cfa_pages.pages.draw import PagesFailed
from cfa_pages.pages.pipeline import publish

SMOKE = PROFILES["smoke"]


def call(*arguments, cli=pages):
    """Exit code of a command line in this process."""
    return cli.main(list(arguments))


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch):
    monkeypatch.setattr(os, "environ", os.environ.copy())


@pytest.fixture
def filled(folders):
    """(outputs, runs) with made-up finished runs of the smoke profile."""
    store = RunStore(folders[1])
    for config in SMOKE.runs():
        finish(store, SMOKE, config)
    return folders


@pytest.mark.parametrize(
    ("cli", "command"),
    [(pages, ()), (pages, ("reproduce",)), (pages, ("render",)), (pages, ("status",)), (core, ()), (core, ("train",)),
     (core, ("sweep",)), (core, ("status",)), (core, ("evaluate",))],
)  # fmt: skip
def test_help(cli, command, capsys):
    assert call(*command, "--help", cli=cli) == 0
    assert f"Usage: python -m cfa_{'nb' if cli is core else 'pages'}" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("cli", "command"), [(pages, "reproduce"), (pages, "render"), (pages, "status"), (core, "status"), (core, "sweep")]
)
def test_an_unknown_profile_is_named_and_the_choices_listed(cli, command, capsys):
    assert call(command, "--profile", "nope", cli=cli) == 2
    assert "unknown profile 'nope'; there are demo, digits, fashion, smoke" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("cli", "arguments", "message"),
    [
        (pages, (), "Commands:"),
        (pages, ("paint",), "No such command 'paint'"),
        (pages, ("reproduce", "--workers", "0"), "0 is not in the range x>=1"),
        (core, (), "Commands:"),
        (core, ("reproduce", "--profile", "demo"), "python -m cfa_pages reproduce --profile demo"),
        (core, ("train", "nope"), "unknown method 'nope'; there are at, at_ccm,"),
        (core, ("train", "at", "--set", "epz=1"), "unknown field 'epz'; there are dataset,"),
        (core, ("train", "at", "--set", "eps"), "--set takes FIELD=VALUE, not 'eps'"),
        (core, ("train", "at", "--set", "eps=much"), "'much' is no number or fraction such as 8/255"),
        (core, ("train", "at", "--set", "epochs=1.5"), "'1.5' is no whole number"),
        (core, ("train", "at", "--set", "flip=maybe"), "'maybe' is no truth value"),
        (core, ("train", "at", "--set", "eps=-1"), "eps must not be negative"),
        (core, ("train", "at", "--set", "seed=1"), "use --seed"),
        (core, ("train", "at", "--seed", "-1"), "seed must not be negative"),
        (core, ("train", "at", "--image-size", "32"), "give --data-dir DIR, too"),
        (pages, ("reproduce", "--data-dir", "images"), "say what to do with the images"),
    ],
)
def test_wrong_usage_exits_with_2_and_says_what_there_is(cli, arguments, message, capsys, folders):
    assert call(*arguments, cli=cli) == 2
    assert message in capsys.readouterr().err
    assert not folders[1].exists()


def test_values_of_fields():
    changes = core.changes_from(["eps=8/255", "flip=false", "milestones=2,3", "train_per_class=none", "lr=1e-2"])
    assert changes == {"eps": 8 / 255, "flip": False, "milestones": (2, 3), "train_per_class": None, "lr": 0.01}


def test_folders_of_the_command_line(monkeypatch, tmp_path, capsys):
    seen = {}
    monkeypatch.setattr(pipeline, "render", lambda name, **_: seen.update(os.environ, name=name))
    monkeypatch.chdir(tmp_path)
    assert call("render", "--profile", "smoke", "--outputs", "o", "--runs", "r") == 0
    assert seen["CFA_NB_OUTPUTS"] == str(tmp_path / "o")
    assert seen["CFA_NB_RUNS"] == str(tmp_path / "r")


def test_the_profiles_that_are_done_by_default(monkeypatch):
    done = []
    monkeypatch.setattr(pipeline, "reproduce", lambda name, **options: done.append((name, options)))
    assert call("reproduce", "--workers", "3", "--force") == 0
    options = {"workers": 3, "at_once": 2, "force": True, "device": None, "keep_weights": "reported"}
    assert done == [(name, options) for name in ("demo", "digits")]


def test_a_failed_page_does_not_keep_the_next_profile_from_being_made(monkeypatch, capsys):
    done = []

    def fail(name, **_):
        done.append(name)
        raise PagesFailed("1 of 8 notebooks failed: 02_margin_study")

    monkeypatch.setattr(pipeline, "render", fail)
    assert call("render") == 1
    assert done == ["demo", "digits"]
    assert "cfa_nb: demo: 1 of 8 notebooks failed: 02_margin_study" in capsys.readouterr().err


def test_no_train_is_render(monkeypatch):
    done = []
    monkeypatch.setattr(pipeline, "render", lambda name, **options: done.append(name))
    assert call("reproduce", "--no-train", "--profile", "smoke") == 0
    assert done == ["smoke"]


@pytest.mark.parametrize("error", [StoreError("disk full"), SweepError("disk full"), OSError("disk full")])
def test_a_failure_exits_with_1_and_no_traceback(error, monkeypatch, capsys):
    def fail(*_, **__):
        raise error

    monkeypatch.setattr(pipeline, "reproduce", fail)
    assert call("reproduce", "--profile", "smoke") == 1
    assert capsys.readouterr().err == "cfa_nb: disk full\n"


def test_an_interruption_exits_with_130_and_says_that_nothing_is_lost(monkeypatch, capsys):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(pipeline, "reproduce", interrupted)
    assert call("reproduce", "--profile", "smoke") == 130
    assert "nothing is lost" in capsys.readouterr().err


def test_render_without_records_is_a_clear_error(folders, capsys):
    assert call("render", "--profile", "smoke") == 1
    assert "records of profile smoke are missing" in capsys.readouterr().err


def test_status_as_json(filled, capsys):
    runs = filled[1]
    lost, damaged = SMOKE.runs()[0], SMOKE.runs()[1]
    store = RunStore(runs)
    (store.path(lost) / "record.json").unlink()
    (store.path(damaged) / "record.json").write_text("{")
    assert call("status", "--profile", "smoke", "--json") == 0
    (state,) = json.loads(capsys.readouterr().out)
    assert state["profile"] == "smoke"
    assert state["totals"] == {"fresh": len(SMOKE.runs()) - 2, "partial": 0, "stale": 1, "missing": 1}
    by_name = {run["run"]: run for run in state["runs"]}
    assert by_name[store.path(lost).name]["reason"] == "not trained yet"
    assert "is damaged" in by_name[store.path(damaged).name]["reason"]
    assert state["seconds_left"] == 4.0, "two runs of two seconds each"
    assert state["disk_bytes_left"] > 0
    assert all(page["execute"] for page in state["pages"])


def test_status_in_words(filled, capsys):
    assert call("status", "--profile", "smoke") == 0
    shown = capsys.readouterr().out
    assert f"smoke: {len(SMOKE.runs())} runs: {len(SMOKE.runs())} fresh" in shown
    assert "execute: never executed" in shown
    assert f"{len(SMOKE.runs())} finished runs are not published yet" in shown


def test_status_of_published_runs(filled, capsys):
    publish(SMOKE, RunStore(filled[1]), filled[0] / "smoke")
    assert call("status", "--profile", "smoke") == 0
    assert "not published yet" not in capsys.readouterr().out


def test_status_of_nothing(folders, capsys):
    assert call("status", "--profile", "smoke") == 0
    shown = capsys.readouterr().out
    assert f"{len(SMOKE.runs())} missing" in shown
    assert "no run of this profile has been timed" in shown


@pytest.mark.slow
def test_train_one_run(folders, capsys):
    assert (
        call("train", "at", "--profile", "smoke", "--seed", "3", "--set", "epochs=2", "--set", "milestones=1", cli=core)
        == 0
    )
    first = capsys.readouterr().out
    assert ": trained" in first
    assert "worst class" in first
    assert (
        call("train", "at", "--profile", "smoke", "--seed", "3", "--set", "epochs=2", "--set", "milestones=1", cli=core)
        == 0
    )
    assert "was finished already" in capsys.readouterr().out


def test_the_module_imports_no_torch_for_its_help():
    import subprocess

    code = "import sys, cfa_nb.cli, cfa_pages.cli; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
