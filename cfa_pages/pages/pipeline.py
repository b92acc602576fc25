"""The two ways to the pages: `reproduce` trains what is missing first, `render` draws from what is published.

Both raise `StoreError`, `RecordError` or `SweepError` with a message that says what to do, and `PagesFailed` if a
notebook failed; its published page is then left as it was.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace

import click

from cfa_nb.files import page_set_dir, runs_dir
from cfa_nb.runs import status as of_runs
from cfa_nb.runs.profiles import DEFAULT, profile_named
from cfa_nb.runs.store import RunStore
from cfa_nb.runs.sweep import ensure, run_lines
from cfa_pages.pages.draw import LEFT_OUT, PAGES_AT_ONCE, Manifest, draw
from cfa_pages.pages.jobs import THEORY, Job, jobs, key, reason_to_execute
from cfa_pages.pages.publish import closing_lines, compare_all, publish, require_published, require_writable
from cfa_pages.results.published import Published


def reproduce(
    name: str,
    *,
    at_once: int = PAGES_AT_ONCE,
    force: bool = False,
    say: Callable[[str], None] = click.echo,
    **training,
) -> None:
    """Trains the missing runs of a profile, publishes its records and draws its pages and the theory pages.

    On other records than those it was published with a page leaves out the sentences that they contradict.

    Args:
        name: of the profile.
        at_once: notebooks executed at a time.
        force: execute notebooks whose page is up to date, too.
        say: takes the lines of progress.
        training: `workers`, `device`, `keep_weights`, as `cfa_nb.runs.sweep.ensure` takes them.
    """
    profile, store = profile_named(name), RunStore(runs_dir())
    folder, page_jobs = page_set_dir(name), [*jobs(THEORY), *jobs(name)]
    require_writable(folder)
    before = Published(folder)
    before.names  # noqa: B018  # a published record that does not parse is told before the training, not after
    trained = ensure(profile, profile.runs(), store, progress=run_lines(profile, say), **training)
    say(f"{name}: {len(trained)} runs trained, all {len(profile.runs())} are there")
    agreements = compare_all(profile, store, before)
    for removed in publish(profile, store, folder):
        say(f"{name}: removed {removed}, which belongs to no run any more")
    if not profile.has_pages:
        say(f"{name}: has no pages of its own; `make render` shows it on those of {DEFAULT}")
    page_jobs = [replace(job, strict=said_all_of_these_records(job)) for job in page_jobs]
    try:
        draw(page_jobs, at_once=at_once, force=force, say=say)
    finally:  # the records that were compared with are replaced by now
        for line in closing_lines(profile, agreements):
            say(line)


def said_all_of_these_records(job: Job) -> bool:
    """Whether the published page was drawn from the records that are there now, and left out no sentence."""
    entry, page = Manifest(job.page_set).entry(job), job.folder / job.page
    if not entry or not page.is_file() or LEFT_OUT in page.read_text(encoding="utf-8"):
        return False
    now = key(job)
    return all(entry["key"].get(part) == now[part] for part in ("records", "beside"))


def render(
    name: str, *, at_once: int = PAGES_AT_ONCE, force: bool = False, say: Callable[[str], None] = click.echo
) -> None:
    """Draws the pages of a profile and the theory page from the published records, without training."""
    profile, folder = profile_named(name), page_set_dir(name)
    if not profile.has_pages:
        raise ValueError(f"{name} has no pages of its own; it is shown on those of {DEFAULT}")
    require_published(profile, folder)
    require_writable(folder)
    draw([*jobs(THEORY), *jobs(name)], at_once=at_once, force=force, say=say)


def status(name: str) -> dict:
    """The status of a profile as plain values, ready for JSON: its runs, what they cost, its pages.

    It is what `cfa_nb.runs.status.status` says, and `pages`: [{"page", "execute", "reason"}].
    """
    store, published = RunStore(runs_dir()), Published(page_set_dir(name))
    states = of_runs.states_of(profile_named(name), store)
    finished = [c for c, s in states.items() if s.fresh]
    reasons = []  # why `reproduce` will draw all pages of the profile again
    if unfinished := len(states) - len(finished):
        reasons.append(f"{unfinished} runs are not finished")
    if waiting := sum(not published.holds(store.record(c)) for c in finished):
        reasons.append(f"{waiting} finished runs are not published yet")
    pages = [*_page_states(THEORY, []), *_page_states(name, reasons)]
    return of_runs.status(name, published.provenance) | {"pages": pages}


def _page_states(page_set, reasons):
    manifest = Manifest(page_set)
    for job in jobs(page_set):
        reason = "; ".join(filter(None, (reason_to_execute(job, manifest.entry(job)), *reasons)))
        yield {"page": f"{page_set}/{job.name}", "execute": bool(reason), "reason": reason}


def status_lines(state: dict) -> Iterator[str]:
    """The status as lines of text: those of the runs, then one a page."""
    yield from of_runs.lines(state)
    yield from (f"  {p['page']}: {'execute: ' + p['reason'] if p['execute'] else 'up to date'}" for p in state["pages"])
