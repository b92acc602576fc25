"""What is there of a profile, what is missing and why, and what it would cost: data first, then lines of text."""

import shutil
from collections import Counter

from cfa_nb.files import StoreError
from cfa_nb.paths import outputs_dir, runs_dir
from cfa_nb.profiles import profile_named
from cfa_nb.published import Published
from cfa_nb.reproduce import cache
from cfa_nb.reproduce.manifest import Manifest
from cfa_nb.reproduce.pages import THEORY, jobs
from cfa_nb.store import RunStore

STATES = ("fresh", "partial", "stale", "missing")


def status(name):
    """The status of a profile as plain values, ready for JSON: its runs, what they cost, its pages."""
    profile, store = profile_named(name), RunStore(runs_dir())
    published = Published(outputs_dir() / name)
    states = {c: store.status(c, profile.averages_of(c), profile.evaluations(c)) for c in profile.runs()}
    runs = [_run(c, s, store) for c, s in states.items()]
    seconds, size = _mean_seconds(states, store, published), _mean_bytes(states, store)
    left = sum(1 - run["epochs_done"] / run["epochs"] for run in runs if run["state"] != "fresh")
    return {
        "profile": name,
        "runs": runs,
        "totals": {state: Counter(run["state"] for run in runs)[state] for state in STATES},
        "seconds_left": None if seconds is None else round(seconds * left, 1),
        "disk_bytes": sum(_size(store.path(c)) for c in states),
        "disk_bytes_left": None if size is None else round(size * left),
        "disk_bytes_free": _free(runs_dir()),
        "pages": _pages(THEORY, "") + _pages(name, _unpublished(states, store, published)),
    }


def _run(config, state, store):
    return {
        "run": store.path(config).name,
        "state": state.state,
        "reason": state.reason,
        "epochs_done": state.epochs_done if state.state in ("fresh", "partial") else 0,
        "epochs": config.epochs,
    }


def _mean_seconds(states, store, published):
    """Mean seconds of one core that a run of this profile took, here or as published; None if nobody knows."""
    known = [p for c, s in states.items() if (p := _provenance(c, s, store, published))]
    return sum(p.seconds_train + p.seconds_evaluate for p in known) / len(known) if known else None


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


def _unpublished(states, store, published):
    """Why all pages of a profile will be drawn again by `reproduce`, or ""."""
    finished = [c for c, s in states.items() if s.fresh]
    waiting = sum(not _is_published(c, store, published) for c in finished)
    reasons = [f"{len(states) - len(finished)} runs are not finished"] * (len(finished) < len(states))
    return "; ".join(reasons + [f"{waiting} finished runs are not published yet"] * (waiting > 0))


def _is_published(config, store, published):
    if not published.status(config).fresh:
        return False
    same_record = store.record(config).to_json() == published.record(config).to_json()
    return same_record and _provenance_text(store, config) == _provenance_text(published, config)


def _provenance_text(source, config):
    try:
        return source.provenance(config).to_json()
    except (StoreError, OSError):
        return None


def _pages(page_set, waiting):
    manifest = Manifest(page_set)
    reasons = {job: "; ".join(filter(None, (cache.why(job, manifest.entry(job)), waiting))) for job in jobs(page_set)}
    return [{"page": f"{page_set}/{job.name}", "execute": bool(why), "reason": why} for job, why in reasons.items()]


def lines(state):
    """The status as lines of text: totals, cost, each run that is not fresh, each page."""
    totals = ", ".join(f"{n} {kind}" for kind, n in state["totals"].items() if n)
    yield f"{state['profile']}: {len(state['runs'])} runs: {totals}"
    yield f"  left: {_seconds(state['seconds_left'])}, {_bytes(state['disk_bytes_left'])}"
    yield f"  disk: {_bytes(state['disk_bytes'])} used by these runs, {_bytes(state['disk_bytes_free'])} free"
    yield from (f"  {r['state']:<8} {r['run']}: {r['reason']}" for r in state["runs"] if r["state"] != "fresh")
    yield from (f"  {p['page']}: {'execute: ' + p['reason'] if p['execute'] else 'up to date'}" for p in state["pages"])


def _seconds(seconds):
    return "unknown time (no run of this profile has been timed)" if seconds is None else f"{seconds:.0f} s of one core"


def _bytes(size):
    return "unknown disk" if size is None else f"{size / 1e6:,.1f} MB"
