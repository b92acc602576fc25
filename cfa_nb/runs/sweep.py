"""Trains the runs that are missing: `ensure(profile, configs, store)`, in worker processes of one thread each.

The list is only scheduled here; each run stands for itself in the store, so that any other engine may share the work.
A run that starts from another (FRL from AT) waits for it. What is finished is never trained again, whoever asks.
"""

import multiprocessing
import os
import queue
import sys
import threading
import time
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, fields
from types import UnionType
from typing import get_args, get_origin, get_type_hints

from cfa_nb.config import LIVE, TrainConfig
from cfa_nb.paths import runs_dir
from cfa_nb.runs.store import RunStore


class SweepError(RuntimeError):
    """Some runs failed; the others are finished and kept. The message lists each with its reason."""


@dataclass(frozen=True)
class Progress:
    """What happened to one run: an epoch ended, or the run did (`finished`)."""

    config: TrainConfig
    epoch: int
    finished: bool
    seconds: float  # since the run's work began
    runs_done: int = 0
    runs_total: int = 0


def usable_cores():
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def default_device(profile):
    """ "cuda" where there is a GPU and the profile's network gains by it; 8x8 images train faster on a CPU."""
    import torch

    return "cuda" if profile.common.get("model") != "mlp" and torch.cuda.is_available() else "cpu"


def missing(profile, configs, store):
    """The configs among these, and their parents, that are not finished; parents first."""
    everything = dict.fromkeys(c for config in configs for c in (config.parent, config) if c is not None)
    return [c for c in everything if not store.status(c, **work_of(profile, c)).fresh]


def work_of(profile, config):
    """What a run of a profile is trained and measured with, beside its config: keywords of `train`."""
    return {
        "averages": profile.averages_of(config),
        "evaluations": profile.evaluations(config),
        "confusions": profile.confusions(config),
    }


def ensure(profile, configs, store, *, workers=None, device=None, progress=None, keep_weights="reported"):
    """Trains what is missing of these configs.

    Args:
        profile: the `Profile` that says which averages and evaluations a run carries.
        configs: what is wanted.
        store: a `RunStore`.
        workers: processes (default: usable cores on a CPU, one on a GPU); 0 trains here, one after the other.
        device: "cpu" or "cuda" (default: a GPU for natural images where there is one, else the CPU).
        keep_weights: "reported": the checkpoints that tables show; "all": those of every run, with tens of megabytes
            each on the paper's network.
        progress: called with a `Progress` for each epoch and each finished run; by default a text bar shows them.
    Returns:
        The configs that were trained.
    Raises:
        SweepError: if runs failed, after all others are finished.
    """
    todo = missing(profile, configs, store)
    if not todo:
        return []
    progress, device = progress or text_bar(len(todo)), device or default_device(profile)
    kept = {c: None if keep_weights == "all" else profile.reported(c) for c in todo}
    jobs = {c: (c, work_of(profile, c) | {"keep": kept[c]}, store.root, device) for c in todo}
    if workers == 0:
        failed = _serial(jobs, progress)
    else:
        failed = _pooled(jobs, workers or (usable_cores() if device == "cpu" else 1), progress)
    if failed:
        reasons = "\n".join(f"  {c.recipe}, seed {c.seed}: {reason}" for c, reason in failed.items())
        raise SweepError(f"{len(failed)} of {len(todo)} runs failed, the others are kept:\n{reasons}")
    return todo


def _serial(jobs, progress):
    failed = {}
    for done, (config, job) in enumerate(jobs.items(), 1):
        started = time.perf_counter()
        try:
            _run(*job, lambda epoch, c, t=started: progress(Progress(c, epoch, False, time.perf_counter() - t)))
            progress(Progress(config, config.epochs, True, time.perf_counter() - started, done, len(jobs)))
        except Exception as error:  # one run must not take the others with it
            failed[config] = f"{type(error).__name__}: {error}"
    return failed


def _pooled(jobs, workers, progress):
    context = multiprocessing.get_context("spawn")
    events = context.Queue()
    pool = ProcessPoolExecutor(min(workers, len(jobs)), context, initializer=_start_worker, initargs=(events,))
    try:
        return _schedule(jobs, pool, events, progress)
    except BaseException:
        for process in list((pool._processes or {}).values()):
            process.terminate()
        raise
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _schedule(jobs, pool, events, progress):
    """Hands out what can start, passes on what workers say, until nothing is left; returns the failures."""
    waiting, running, failed, done = dict(jobs), {}, {}, 0
    while waiting or running:
        for config in [c for c in waiting if c.parent not in waiting and c.parent not in running.values()]:
            job = waiting.pop(config)
            if config.parent in failed:
                failed[config] = "the run that it starts from failed"
            else:
                running[pool.submit(_work, job)] = config
        finished, _ = wait(running, timeout=0.2, return_when=FIRST_COMPLETED)
        for config, epoch, seconds in _drain(events):
            progress(Progress(config, epoch, False, seconds))
        for future in finished:
            config = running.pop(future)
            if (reason := _failure(future)) is not None:
                failed[config] = reason
                continue
            done += 1
            progress(Progress(config, config.epochs, True, future.result(), done, len(jobs)))
    return failed


def _failure(future):
    error = future.exception()
    if isinstance(error, BrokenProcessPool):
        return "its worker process died (out of memory?); run the same command again, it goes on from the last epoch"
    return None if error is None else f"{type(error).__name__}: {error}"


def _drain(events):
    while True:
        try:
            yield events.get_nowait()
        except queue.Empty:
            return


_events = None


def _start_worker(events):
    global _events
    import torch

    torch.set_num_threads(1)
    _events = events
    threading.Thread(target=_die_with_parent, daemon=True).start()


def _die_with_parent():
    """Ends this worker when its parent is gone, killed perhaps: nobody would read what it does, and the run resumes."""
    multiprocessing.parent_process().join()
    os._exit(1)


def _work(job):
    started = time.perf_counter()
    _run(*job, lambda epoch, config: _events.put((config, epoch, time.perf_counter() - started)))
    return time.perf_counter() - started


def _run(config, work, root, device, on_epoch):
    from cfa_nb.method.train import train
    from cfa_nb.runs.store import RunStore

    train(config, store=RunStore(root), device=device, on_epoch=on_epoch, **work)


def text_bar(total):
    """A progress callback that draws a text bar in a terminal or in JupyterLab, on stderr."""
    from tqdm.std import tqdm

    bar = tqdm(total=total, desc="training", unit="run", file=sys.stderr)

    def show(event):
        config = event.config
        bar.set_postfix_str(f"{config.recipe} seed {config.seed}, epoch {event.epoch}/{config.epochs}")
        if event.finished:
            bar.update()
            if event.runs_done == total:
                bar.close()

    return show


#: A run that is longer than this says at which epoch it is, at most once in that time.
LONG_S = 60.0


SHOWN = ("eps", "beta", "lambda_1", "lambda_2")


def print_line(line):
    """Prints one line at once."""
    print(line, flush=True)


def run_lines(profile, say):
    """A progress callback for `cfa_nb.runs.sweep.ensure` that hands lines of text to `say`."""
    said = {}

    def show(event):
        config = event.config
        run = f"{config.recipe} seed {config.seed}{_studied(profile, config)}"
        if event.finished:
            say(f"[{event.runs_done}/{event.runs_total}] {run}: trained, {event.seconds:.1f} s")
        elif event.seconds - said.get(config, 0.0) >= LONG_S:
            said[config] = event.seconds
            say(f"  {run}: epoch {event.epoch}/{config.epochs}, {event.seconds:.0f} s")

    return show


def _studied(profile, config):
    """What tells the runs of a study apart from the recipe at the profile's own values: " eps=0.075"."""
    base = profile.config(config.recipe, config.seed)
    return "".join(f" {n}={getattr(config, n):g}" for n in SHOWN if getattr(config, n) != getattr(base, n))


NOT_SETTABLE = {"seed": "use --seed", "parent": "an FRL run takes the AT run of its seed"}
_TRUTH = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


def train_one(profile, config, say=print_line):
    """Trains a run of a profile, and its parent, unless they are finished; says how it did and where it lies.

    All its checkpoints are kept: a run that is asked for by name is wanted.
    """
    store = RunStore(runs_dir())
    trained = ensure(profile, [config], store, workers=1, progress=run_lines(profile, say), keep_weights="all")
    record = store.record(config)
    robust = record.measured(LIVE, "test", config.epochs).robust
    say(f"{store.path(config).name}: {'trained' if config in trained else 'was finished already'}")
    say(f"  robust test accuracy after epoch {config.epochs} (PGD-{config.eval_steps}): {100 * robust.overall:.1f} %")
    say(f"  worst class {record.class_names[robust.worst_class]}: {100 * robust.worst:.1f} %")
    say(f"  {store.path(config)}")


def changes_from(pairs):
    """{field: value} from texts such as "eps=8/255".

    Raises:
        ValueError: on a text that is no pair, an unknown field (all are listed), or a value of the wrong kind.
    """
    return dict(_change(pair) for pair in pairs)


def _change(pair):
    name, equals, text = pair.partition("=")
    if not equals:
        raise ValueError(f"--set takes FIELD=VALUE, not {pair!r}")
    if name in NOT_SETTABLE:
        raise ValueError(f"--set {name}: {NOT_SETTABLE[name]}")
    settable = [f.name for f in fields(TrainConfig) if f.name not in NOT_SETTABLE]
    if name not in settable:
        raise ValueError(f"--set: unknown field {name!r}; there are {', '.join(settable)}")
    kind = get_type_hints(TrainConfig)[name]
    try:
        return name, _value(kind, text)
    except (ValueError, KeyError, ZeroDivisionError) as error:
        raise ValueError(f"--set {name}: {text!r} is no {_kind_name(kind)}") from error


def _value(kind, text):
    if isinstance(kind, UnionType):  # such as int | None
        return None if text.lower() == "none" else _value(get_args(kind)[0], text)
    if get_origin(kind) is tuple:
        return tuple(int(part) for part in text.split(",") if part)
    if kind is bool:
        return _TRUTH[text.lower()]
    return _number(text) if kind is float else kind(text)


def _number(text):
    """A number, or a fraction such as 8/255."""
    above, slash, below = text.partition("/")
    return float(above) / float(below) if slash else float(text)


def _kind_name(kind):
    if get_origin(kind) is tuple:
        return "list of whole numbers such as 10,15"
    names = {bool: "truth value (true or false)", int: "whole number", float: "number or fraction such as 8/255"}
    return names.get(kind, str(kind))
