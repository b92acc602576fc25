"""What `status` says of a profile's runs (`cfa_nb.runs.status`), and which of its pages would be executed again."""

from collections.abc import Iterator

from cfa_nb.paths import page_set_dir, runs_dir
from cfa_nb.runs import status as of_runs
from cfa_nb.runs.profiles import profile_named
from cfa_nb.runs.store import RunStore
from cfa_pages.pages import cache
from cfa_pages.pages.jobs import THEORY, jobs
from cfa_pages.pages.manifest import Manifest
from cfa_pages.results.published import Published


def status(name: str) -> dict:
    """The status of a profile as plain values, ready for JSON: its runs, what they cost, its pages."""
    store, published = RunStore(runs_dir()), Published(page_set_dir(name))
    states = of_runs.states_of(profile_named(name), store)
    waiting = _unpublished(states, store, published)
    return of_runs.status(name, published.provenance) | {"pages": _pages(THEORY, "") + _pages(name, waiting)}


def _unpublished(states, store, published):
    """Why all pages of a profile will be drawn again by `reproduce`, or ""."""
    finished = [c for c, s in states.items() if s.fresh]
    waiting = sum(not published.holds(store.record(c)) for c in finished)
    reasons = []
    if len(finished) < len(states):
        reasons.append(f"{len(states) - len(finished)} runs are not finished")
    if waiting:
        reasons.append(f"{waiting} finished runs are not published yet")
    return "; ".join(reasons)


def _pages(page_set, waiting):
    manifest = Manifest(page_set)
    pages = []
    for job in jobs(page_set):
        reason = "; ".join(filter(None, (cache.reason_to_execute(job, manifest.entry(job)), waiting)))
        pages.append({"page": f"{page_set}/{job.name}", "execute": bool(reason), "reason": reason})
    return pages


def lines(state: dict) -> Iterator[str]:
    """The status as lines of text: those of the runs, then one a page."""
    yield from of_runs.lines(state)
    yield from (f"  {p['page']}: {'execute: ' + p['reason'] if p['execute'] else 'up to date'}" for p in state["pages"])
