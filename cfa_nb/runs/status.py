"""Which runs of a profile are finished, which are missing and why, and what they would cost: data, then text."""

import shutil
from collections import Counter
from collections.abc import Iterator

from cfa_nb import data
from cfa_nb.config import TrainConfig
from cfa_nb.files import StoreError
from cfa_nb.paths import page_set_dir, runs_dir
from cfa_nb.runs.cost import SUSTAINED, cost
from cfa_nb.runs.profiles import profile_named
from cfa_nb.runs.published import Published
from cfa_nb.runs.store import RunStore, Status
from cfa_nb.runs.study import Profile
from cfa_nb.runs.sweep import work_of

NO_DATA = Status("missing", "its data is not on this machine yet (a folder of images: name it with --data-dir)")
STATES = ("fresh", "partial", "stale", "missing")


def status(name: str) -> dict:
    """The status of a profile as plain values, ready for JSON: its runs and what they cost."""
    profile, store = profile_named(name), RunStore(runs_dir())
    published = Published(page_set_dir(name))
    states = states_of(profile, store)
    runs = [_run(c, s, store) for c, s in states.items()]
    seconds, size = _mean_seconds(states, store, published), _mean_bytes(states, store)
    left = sum(1 - run["epochs_done"] / run["epochs"] for run in runs if run["state"] != "fresh")
    bill = cost(profile, [c for c, s in states.items() if not s.fresh])
    return {
        "profile": name,
        "runs": runs,
        "totals": {state: Counter(run["state"] for run in runs)[state] for state in STATES},
        "seconds_left": None if seconds is None else round(seconds * left, 1),
        "flop_left": bill.flop,
        "gpu_hours_left": round(bill.hours, 2),
        "disk_bytes": sum(_size(store.path(c)) for c, s in states.items() if s is not NO_DATA),
        "disk_bytes_left": bill.disk_bytes if size is None else round(size * left),
        "disk_bytes_free": _free(runs_dir()),
    }


def states_of(profile: Profile, store: RunStore) -> dict[TrainConfig, Status]:
    """{config: `Status`}; nothing is downloaded to tell it."""
    configs = profile.runs()
    if not data.at_hand(configs[0]):
        return dict.fromkeys(configs, NO_DATA)
    return {c: store.status(c, **work_of(profile, c)) for c in configs}


def _run(config, state, store):
    return {
        "run": f"{config.recipe}-s{config.seed}" if state is NO_DATA else store.path(config).name,
        "state": state.state,
        "reason": state.reason,
        "epochs_done": state.epochs_done if state.state in ("fresh", "partial") else 0,
        "epochs": config.epochs,
    }


def _mean_seconds(states, store, published):
    """Mean seconds of one core that a run of this profile took, here or as published; None if nobody knows."""
    timed = [p for c, s in states.items() if (p := _provenance(c, s, store, published))]
    return sum(p.seconds_train + p.seconds_evaluate for p in timed) / len(timed) if timed else None


def _provenance(config, state, store, published):
    try:
        return store.provenance(config) if state.fresh else published.provenance(config)
    except (StoreError, OSError, ValueError):
        return None


def _mean_bytes(states, store):
    sizes = [_size(store.path(c)) for c, s in states.items() if s.fresh]
    return sum(sizes) / len(sizes) if sizes else None


def _size(folder):
    return sum(f.stat().st_size for f in folder.rglob("*") if f.is_file())


def _free(folder):
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return shutil.disk_usage(folder).free


def lines(state: dict) -> Iterator[str]:
    """The status as lines of text: totals, cost, each run that is not fresh."""
    totals = ", ".join(f"{n} {kind}" for kind, n in state["totals"].items() if n)
    yield f"{state['profile']}: {len(state['runs'])} runs: {totals}"
    yield f"  left: {_time(state)}, {_bytes(state['disk_bytes_left'])}"
    yield f"  disk: {_bytes(state['disk_bytes'])} used by these runs, {_bytes(state['disk_bytes_free'])} free"
    yield from _unfinished(state["runs"])


def _unfinished(runs):
    """A line for each run that is not fresh; where they all say the same, one for all."""
    left = [r for r in runs if r["state"] != "fresh"]
    if len(left) == len(runs) > 1 and len({(r["state"], r["reason"]) for r in left}) == 1:
        yield f"  {left[0]['state']:<8} all of them: {left[0]['reason']}"
    else:
        yield from (f"  {r['state']:<8} {r['run']}: {r['reason']}" for r in left)


def _time(state):
    """Time left: from runs that were timed, else from a count of the arithmetic."""
    if state["seconds_left"] is not None:
        return _duration(state["seconds_left"])
    return (
        f"{max(state['gpu_hours_left'], 0.01):,.2g} hours of a GPU that sustains {SUSTAINED / 1e12:.0f} TFLOP/s "
        f"({state['flop_left'] / 1e15:,.0f} PFLOP, counted; no run of this profile has been timed)"
    )


def _duration(seconds):
    return f"{seconds:.0f} s of computing" if seconds < 7200 else f"{seconds / 3600:.1f} h of computing"


def _bytes(size):
    return f"{size / 1e6:,.1f} MB"
