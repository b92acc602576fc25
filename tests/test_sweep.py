"""The sweep: parents first, failures told apart, two askers, worker processes, nothing done twice."""

import multiprocessing
import os
import signal
import subprocess
import sys
import time

import pytest

from cfa_nb.runs import sweep
from cfa_nb.runs.profiles import SMOKE
from cfa_nb.runs.store import RunStore
from cfa_nb.runs.sweep import SweepError, ensure, missing
from tests import tiny


def test_parents_come_first_and_are_added(tmp_path):
    wanted = [tiny.config(recipe) for recipe in ("frl", "at_mean_margin")]
    names = [c.recipe for c in missing(SMOKE, wanted, RunStore(tmp_path))]
    assert names == ["at", "frl", "at_ccm", "at_mean_margin"]


@pytest.mark.slow
def test_one_worker_and_two_leave_the_same_records(tmp_path):
    configs = [tiny.config(r) for r in ("frl", "trades", "at")]
    here, there = RunStore(tmp_path / "here"), RunStore(tmp_path / "there")
    events = []
    assert len(ensure(SMOKE, configs, here, workers=1, progress=events.append)) == 3
    ensure(SMOKE, configs, there, workers=2, progress=lambda e: None)
    for c in configs:
        assert here.record(c).to_json() == there.record(c).to_json()
    assert [e.runs_done for e in events if e.finished] == [1, 2, 3]
    assert sum(not e.finished for e in events) == sum(c.epochs for c in configs)
    assert ensure(SMOKE, configs, here) == []


def test_a_failed_run_is_named_and_the_others_are_kept(tmp_path):
    good, bad = tiny.config("at"), tiny.config("trades", lr=1e30)
    store = RunStore(tmp_path)
    with pytest.raises(SweepError, match=r"1 of 2 runs failed.*\n  trades, seed 0: FloatingPointError"):
        ensure(SMOKE, [bad, good], store, workers=1, progress=lambda e: None)
    assert store.status(good, SMOKE.averages_of(good)).fresh


@pytest.mark.slow
def test_a_killed_worker_takes_no_other_run_with_it_and_its_own_goes_on_later(tmp_path):
    victim, other = tiny.config("at", epochs=400, milestones=(1, 2)), tiny.config("at", seed=1)
    store = RunStore(tmp_path)

    def kill(event):
        if event.config == victim and event.epoch == 2:
            (worker,) = (p for p in multiprocessing.active_children() if p.pid == _owner(store, victim))
            os.kill(worker.pid, signal.SIGKILL)

    with pytest.raises(SweepError, match=r"1 of 2 runs failed.*\n  at, seed 0: its worker process died"):
        ensure(SMOKE, [victim, other], store, workers=2, progress=kill)
    assert store.status(other, SMOKE.averages_of(other)).fresh
    assert 2 <= store.epochs_saved(victim) < 400


def _owner(store, config):
    """The process that holds a run's lock."""
    lock = (store.path(config) / ".lock").stat().st_ino
    with open("/proc/locks") as locks:
        return next(int(line.split()[4]) for line in locks if line.split()[5].endswith(f":{lock}"))


def _ask(root):
    sweep.ensure(SMOKE, [tiny.config("at")], RunStore(root), workers=1, progress=lambda e: None)


@pytest.mark.slow
def test_two_processes_asking_for_one_run_leave_one_record(tmp_path):
    context = multiprocessing.get_context("spawn")
    askers = [context.Process(target=_ask, args=(tmp_path,)) for _ in range(2)]
    for p in askers:
        p.start()
    for p in askers:
        p.join(120)
        assert p.exitcode == 0
    folder = RunStore(tmp_path).path(tiny.config("at"))
    assert (folder / "record.json").exists()
    assert not list(folder.glob("*set-aside*"))


_LONG = """
from cfa_nb.runs.store import RunStore
from cfa_nb.runs.profiles import SMOKE
from cfa_nb.runs.sweep import ensure
from tests import tiny
if __name__ == "__main__":
    configs = [tiny.config("at", epochs=10_000, milestones=(1, 2), seed=s) for s in (0, 1)]
    ensure(SMOKE, configs, RunStore({root!r}), workers=2, progress=lambda e: print(e.config.seed, flush=True))
"""


@pytest.mark.slow
@pytest.mark.parametrize("kill", [signal.SIGKILL, signal.SIGINT])
def test_workers_end_with_a_killed_parent_and_leave_a_checkpoint(tmp_path, kill):
    script = tmp_path / "long.py"
    script.write_text(_LONG.format(root=str(tmp_path / "runs")))
    environment = {**os.environ, "PYTHONPATH": os.getcwd()}
    streams = dict(stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    with subprocess.Popen([sys.executable, script], **streams, env=environment, preexec_fn=tiny.heed_ctrl_c) as p:
        assert any(line.strip() == b"0" for line in p.stdout)  # an epoch of seed 0 has ended
        p.send_signal(kill)
        p.wait(30)
    store, config = RunStore(tmp_path / "runs"), tiny.config("at", epochs=10_000, milestones=(1, 2))
    with store.lock(config, timeout=20):  # free as soon as its owner is gone
        epochs = store.epochs_saved(config)
        time.sleep(0.5)
        assert store.epochs_saved(config) == epochs > 0
