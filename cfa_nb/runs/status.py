"""Which runs of a profile are finished, which are missing and why, and what is left in time and disk.

Time and disk are those of the runs that were timed, here or where they were published.
"""

import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict
from statistics import mean

from cfa_nb import data
from cfa_nb.config import TrainConfig
from cfa_nb.files import StoreError, runs_dir
from cfa_nb.runs.profiles import profile_named
from cfa_nb.runs.provenance import Provenance
from cfa_nb.runs.store import RunStore, Status
from cfa_nb.runs.study import Profile
from cfa_nb.runs.sweep import work_of

NO_DATA = Status("missing", "its data is not on this machine yet (a folder of images: name it with --data-dir)")
STATES = ("fresh", "partial", "stale", "missing")


def status(name: str, published: Callable[[TrainConfig], Provenance] | None = None) -> dict:
    """The status of a profile as plain values, ready for JSON: its runs and what they cost.

    Args:
        name: of the profile.
        published: a run's provenance from elsewhere, for runs that are not finished here; raises where there is none.
    """
    store, folder = RunStore(runs_dir()), runs_dir().absolute()
    states = states_of(profile_named(name), store)
    runs = [_run(c, s, store) for c, s in states.items()]
    timed = [_seconds(c, store.provenance if s.fresh else published) for c, s in states.items()]
    seconds = [s for s in timed if s is not None]
    sizes = {c: _size(store.path(c)) for c, s in states.items() if s is not NO_DATA}
    finished = [sizes[c] for c, s in states.items() if s.fresh]
    left = sum(1 - run["epochs_done"] / run["epochs"] for run in runs if run["state"] != "fresh")
    return {
        "profile": name,
        "runs": runs,
        "totals": {state: Counter(run["state"] for run in runs)[state] for state in STATES},
        "seconds_left": round(mean(seconds) * left, 1) if seconds else None,
        "disk_bytes": sum(sizes.values()),
        "disk_bytes_left": round(mean(finished) * left) if finished else None,
        "disk_bytes_free": shutil.disk_usage(next(f for f in (folder, *folder.parents) if f.exists())).free,
    }


def states_of(profile: Profile, store: RunStore) -> dict[TrainConfig, Status]:
    """{config: `Status`}; nothing is downloaded to tell it."""
    configs = profile.runs()
    if not data.at_hand(configs[0]):
        return dict.fromkeys(configs, NO_DATA)
    return {c: store.status(c, **work_of(profile, c)) for c in configs}


def _run(config, state, store):
    name = f"{config.recipe}-s{config.seed}" if state is NO_DATA else store.path(config).name
    return {"run": name, **asdict(state), "epochs": config.epochs}


def _seconds(config, provenance):
    """Seconds of one core that a run took, here or as published; None if nobody knows."""
    try:
        timed = provenance(config) if provenance else None
    except (StoreError, OSError, ValueError):
        return None
    return timed and timed.seconds_train + timed.seconds_evaluate


def _size(folder):
    return sum(f.stat().st_size for f in folder.rglob("*") if f.is_file())


def lines(state: dict) -> Iterator[str]:
    """The status as lines of text: totals, cost, each run that is not fresh; where all say the same, one for all."""
    totals = ", ".join(f"{n} {kind}" for kind, n in state["totals"].items() if n)
    yield f"{state['profile']}: {len(state['runs'])} runs: {totals}"
    seconds, size = state["seconds_left"], state["disk_bytes_left"]
    time = "unknown, no run of this profile has been timed" if seconds is None else f"{seconds:.0f} s of computing"
    time = f"{seconds / 3600:.1f} h of computing" if seconds and seconds >= 7200 else time
    yield f"  left: {time}" + ("" if size is None else f", {_megabytes(size)}")
    yield f"  disk: {_megabytes(state['disk_bytes'])} used by these runs, {_megabytes(state['disk_bytes_free'])} free"
    unfinished = [r for r in state["runs"] if r["state"] != "fresh"]
    if len(unfinished) == len(state["runs"]) > 1 and len({(r["state"], r["reason"]) for r in unfinished}) == 1:
        yield f"  {unfinished[0]['state']:<8} all of them: {unfinished[0]['reason']}"
    else:
        yield from (f"  {r['state']:<8} {r['run']}: {r['reason']}" for r in unfinished)


def _megabytes(size):
    return f"{size / 1e6:,.1f} MB"
