"""Trains the runs that are missing: `ensure(profile, configs, store)`, in worker processes of one thread each.

The list is only scheduled here; each run stands for itself in the store, so that any other engine may share the work.
A run that starts from another (FRL from AT) waits for it. What is finished is never trained again, whoever asks. A
worker that is killed takes its own run with it and no other; the run goes on from its last epoch when asked for again.
"""

import multiprocessing
import os
import signal
import threading
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from multiprocessing import resource_tracker
from multiprocessing.connection import wait
from pathlib import Path

from cfa_nb.config import TrainConfig
from cfa_nb.method.train import train  # here, so that a mistake in a method is said before workers die of it
from cfa_nb.runs.provenance import usable_cores
from cfa_nb.runs.store import RunStore
from cfa_nb.runs.study import Profile

LONG_S = 60.0  # a run that is longer than this says at which epoch it is, at most once in that time
DIED = "its worker process died (out of memory?); run the same command again, it goes on from the last epoch"


class SweepError(RuntimeError):
    """Some runs failed; the others are finished and kept. The message lists each with its reason."""


@dataclass(frozen=True)
class Progress:
    """What happened to one run: an epoch ended, or the run did (`finished`)."""

    config: TrainConfig
    epoch: int
    finished: bool
    seconds: float  # since the run's work began
    runs_done: int
    runs_total: int


def default_device(profile: Profile) -> str:
    """ "cuda" where there is a GPU and the profile's network gains by it; 8x8 images train faster on a CPU."""
    import torch

    return "cuda" if profile.common.get("model") != "mlp" and torch.cuda.is_available() else "cpu"


def missing(profile: Profile, configs: Sequence[TrainConfig], store: RunStore) -> list[TrainConfig]:
    """The configs among these, and their parents, that are not finished; parents first."""
    everything = dict.fromkeys(c for config in configs for c in (config.parent, config) if c is not None)
    return [c for c in everything if not store.status(c, **work_of(profile, c)).fresh]


def work_of(profile: Profile, config: TrainConfig) -> dict:
    """What a run of a profile is trained and measured with, beside its config: keywords of `train`."""
    return {
        "averages": profile.averages_of(config),
        "evaluations": profile.evaluations(config),
        "confusions": profile.confusions(config),
        "looks": profile.looks(config),
    }


def ensure(
    profile: Profile,
    configs: Sequence[TrainConfig],
    store: RunStore,
    *,
    workers: int | None = None,
    device: str | None = None,
    progress: Callable[[Progress], None] | None = None,
    keep_weights: str = "reported",
) -> list[TrainConfig]:
    """Trains what is missing of these configs.

    Args:
        profile: says which averages and evaluations a run carries.
        configs: what is wanted.
        store: where it lies.
        workers: processes (default: usable cores on a CPU, one on a GPU).
        device: "cpu" or "cuda" (default: a GPU for natural images where there is one, else the CPU).
        progress: called for each epoch and each finished run (default: lines of text).
        keep_weights: "reported": the checkpoints that tables show; "all": those of every run, with tens of megabytes
            each on the paper's network.
    Returns:
        The configs that were trained.
    Raises:
        SweepError: if runs failed, after all others are finished.
    """
    todo = missing(profile, configs, store)
    if not todo:
        return []
    progress, device = progress or run_lines(profile, partial(print, flush=True)), device or default_device(profile)
    weights = {c: None if keep_weights == "all" else profile.reported(c) for c in todo}
    jobs = {c: (c, work_of(profile, c) | {"keep": weights[c]}, store.root, device) for c in todo}
    failures = _train_all(jobs, workers or (usable_cores() if device == "cpu" else 1), progress)
    if failures:
        reasons = "\n".join(f"  {c.recipe}, seed {c.seed}: {reason}" for c, reason in failures.items())
        raise SweepError(f"{len(failures)} of {len(todo)} runs failed; what is finished is kept:\n{reasons}")
    return todo


def _train_all(jobs, limit, progress):
    """Hands each run to a worker once its parent is finished, until none is left; {config: why it failed}."""
    waiting, workers, idle, busy, failures, done = dict(jobs), [], [], {}, {}, 0
    try:
        while waiting or busy:
            running = {worker.config for worker in busy.values()}
            for config in [c for c in waiting if c.parent not in waiting and c.parent not in running]:
                if config.parent in failures:
                    failures[config] = "the run that it starts from failed"
                    del waiting[config]
                elif len(busy) < limit:
                    if not idle:
                        workers.append(_Worker())
                        idle.append(workers[-1])
                    worker = idle.pop()
                    busy[worker.connection] = worker.start(config, waiting.pop(config))
            for connection in wait(list(busy)):
                worker = busy[connection]
                config, (kind, value) = worker.config, worker.message()
                if kind == "epoch":
                    progress(Progress(config, value, False, worker.seconds, done, len(jobs)))
                    continue
                del busy[connection]
                idle += [worker] if kind != "died" else []
                if kind == "finished":
                    done += 1
                    progress(Progress(config, config.epochs, True, worker.seconds, done, len(jobs)))
                else:
                    failures[config] = value
        return failures
    finally:
        for worker in workers:  # also one that an interruption found on its way from idle to busy
            worker.end()


class _Worker:
    """A process that trains one run after the other, and says so through a pipe."""

    def __init__(self):
        context = multiprocessing.get_context("spawn")
        self.connection, remote = context.Pipe()
        self.process = context.Process(target=_serve, args=(remote,))
        resource_tracker.ensure_running()  # else started with the first worker, and lifts the block below
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # inherited: a Ctrl-C is for this process alone
        try:
            self.process.start()
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
        remote.close()

    def start(self, config, job):
        """Hands it a run; returns itself."""
        self.config, self.started = config, time.perf_counter()
        self.connection.send(job)
        return self

    @property
    def seconds(self):
        return time.perf_counter() - self.started

    def message(self):
        """("epoch", number), ("finished", None), ("failed", why) or ("died", why)."""
        try:
            return self.connection.recv()
        except (EOFError, ConnectionResetError):
            return "died", DIED

    def end(self):
        self.process.terminate()
        self.process.join()


def _serve(connection):
    """Trains what comes through the pipe, in a process of its own."""
    threading.Thread(target=_die_with_parent, daemon=True).start()
    import torch
    from tqdm.std import tqdm

    torch.set_num_threads(1)
    tqdm.set_lock(threading.RLock())  # its own is a semaphore, which a worker that is ended would leave behind
    report = lambda epoch, _: connection.send(("epoch", epoch))  # noqa: E731
    while True:
        try:
            config, work, root, device = connection.recv()
            connection.send(_outcome(config, store=RunStore(root), device=device, on_epoch=report, **work))
        except (EOFError, OSError):  # nobody is there to send a run, or to hear of it
            return


def _outcome(config, **options):
    try:
        train(config, **options)
        return "finished", None
    except Exception as error:  # one run must not take the others with it
        frames = traceback.extract_tb(error.__traceback__)
        place = [frame for frame in frames if "site-packages" not in frame.filename][-1]  # not a line within torch
        return "failed", f"{type(error).__name__}: {error} ({Path(place.filename).name}, line {place.lineno})"


def _die_with_parent():
    """Ends this worker when its parent is gone, killed perhaps: nobody would read what it does, and the run resumes."""
    multiprocessing.parent_process().join()
    os._exit(1)


def run_lines(profile: Profile, say: Callable[[str], None]) -> Callable[[Progress], None]:
    """A progress callback that hands lines of text to `say`: one a finished run, now and then one for a long run."""
    last_said = {}

    def show(event):
        config = event.config
        run = f"{config.recipe} seed {config.seed}{_studied(profile, config)}"
        if event.finished:
            say(f"[{event.runs_done}/{event.runs_total}] {run}: trained, {event.seconds:.1f} s")
        elif event.seconds - last_said.get(config, 0.0) >= LONG_S:
            last_said[config] = event.seconds
            say(f"  {run}: epoch {event.epoch}/{config.epochs}, {event.seconds:.0f} s")

    return show


def _studied(profile, config):
    """What tells the runs of a study apart from the recipe at the profile's own values: " eps=0.075"."""
    base, names = profile.config(config.recipe, config.seed), ("eps", "beta", "lambda_1", "lambda_2")
    return "".join(f" {n}={getattr(config, n):g}" for n in names if getattr(config, n) != getattr(base, n))
