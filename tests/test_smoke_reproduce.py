"""The whole way through the real command line, at the size of seconds: train, publish, execute every notebook."""

import json
import os
import signal
import subprocess
import sys

import pytest

from cfa_nb.files import ROOT, notebooks_dir
from cfa_nb.runs.profiles import SMOKE
from cfa_pages.pages.jobs import THEORY_NOTEBOOKS
from tests import tiny

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

AGAIN = ("05_cfa_step_by_step", "07_ablations", "00_start_here")


def command(folder, name, *options):
    """The command line that puts everything below a folder."""
    places = ("--profile", "smoke", "--outputs", str(folder / "outputs"), "--runs", str(folder / "runs"))
    return [sys.executable, "-m", "cfa_pages", name, *places, *options]


def call(folder, name, *options):
    return subprocess.run(command(folder, name, *options), capture_output=True, text=True, cwd=ROOT)


def contents(folder):
    return {f.relative_to(folder).as_posix(): f.read_bytes() for f in sorted(folder.rglob("*")) if f.is_file()}


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """A folder where `reproduce` was interrupted in its training and then called again: (folder, first, second)."""
    folder = tmp_path_factory.mktemp("smoke")
    first = interrupted_after(command(folder, "reproduce"), "[2/")
    second = call(folder, "reproduce")
    assert second.returncode == 0, second.stdout + second.stderr
    return folder, first, second


def interrupted_after(arguments, sign):
    """Starts a command, interrupts it as Ctrl-C does when a line has this sign, and returns how it ended."""
    options = dict(stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT, start_new_session=True)
    options["preexec_fn"] = tiny.heed_ctrl_c
    with subprocess.Popen(arguments, **options) as process:
        lines = []
        for line in process.stdout:
            lines.append(line)
            if sign in line:
                os.killpg(process.pid, signal.SIGINT)
                break
        rest, errors = process.communicate(timeout=60)
        return process.returncode, "".join(lines) + rest, errors


def test_an_interrupted_call_says_so_and_the_next_one_goes_on(done):
    _, (code, _, errors), second = done
    assert code == 130
    assert errors == "\ncfa_nb: interrupted; nothing is lost: the same command goes on where it stopped\n"
    trained = int(second.stdout.split(" runs trained")[0].split()[-1])
    assert 0 < trained <= len(SMOKE.runs()) - 2


def test_every_notebook_was_executed(done):
    folder, _, second = done
    pages = {p.stem: p.parts[-3] for p in (folder / "outputs").glob("*/notebooks/*.ipynb")}
    sources = {p.stem for p in notebooks_dir().glob("[0-9][0-9]_*.ipynb")}
    assert pages == {name: "theory" if name in THEORY_NOTEBOOKS else "smoke" for name in sources}
    executed = [line for line in second.stdout.splitlines() if ": executed" in line]
    assert len(executed) == len(sources)
    assert "not published before" in second.stdout


def test_all_is_in_the_manifest(done):
    pages = done[0] / "outputs" / "smoke"
    manifest = json.loads((pages / "manifest.json").read_text())
    assert len(manifest["runs"]) == len(SMOKE.runs())
    files = {f for entry in manifest["notebooks"].values() for f in entry["files"]}
    assert {name for name in contents(pages) if name.split("/")[0] in ("figures", "tables")} <= files
    for figure in manifest["figures"].values():
        assert figure["notebook"] in manifest["notebooks"]
        assert set(figure["runs"]) <= set(manifest["runs"])
        assert set(figure["files"]) <= files
    origin = manifest["runs"][manifest["figures"]["fig2"]["runs"][0]]
    assert origin.keys() == {"commit", "hardware", "device", "seconds", "finished_at", "versions"}


def test_the_second_call_executes_nothing(done):
    folder, _, _ = done
    before = contents(folder / "outputs")
    again = call(folder, "reproduce")
    assert again.returncode == 0, again.stderr
    assert ": executed" not in again.stdout
    assert "0 runs trained" in again.stdout
    assert f"{len(SMOKE.runs())} identical" in again.stdout
    assert contents(folder / "outputs") == before


def test_pages_executed_again_have_the_same_bytes(done):
    """The two with most in them, and the first page; `render --force` does the same to all."""
    folder, _, _ = done
    before = contents(folder / "outputs")
    manifest = folder / "outputs" / "smoke" / "manifest.json"
    known = json.loads(manifest.read_text())
    for name in AGAIN:
        del known["notebooks"][name]
    manifest.write_text(json.dumps(known))
    drawn = call(folder, "render")
    assert drawn.returncode == 0, drawn.stdout + drawn.stderr
    assert drawn.stdout.count(": executed") == len(AGAIN)
    after = contents(folder / "outputs")
    assert [name for name in before if before[name] != after.get(name)] == []
    assert after.keys() == before.keys()
