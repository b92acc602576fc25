"""The two ways to the pages: `reproduce` trains what is missing first, `render` draws from what is published.

Both raise `StoreError`, `RecordError` or `SweepError` with a message that says what to do, and `PagesFailed` if a
notebook failed; its published page is then left as it was.
"""

import os
import subprocess
import sys
import tempfile
from contextlib import closing
from itertools import count

from cfa_nb.paths import outputs_dir, runs_dir
from cfa_nb.published import Published
from cfa_nb.reproduce import cache
from cfa_nb.reproduce.compare import closing_lines, compare_all
from cfa_nb.reproduce.manifest import Manifest
from cfa_nb.reproduce.notebooks import executed
from cfa_nb.reproduce.pages import THEORY, jobs
from cfa_nb.reproduce.place import keep_partial, place
from cfa_nb.reproduce.publish import publish
from cfa_nb.store import RunStore, StoreError, make_folder, write
from cfa_nb.study import profile_named

PAGES_AT_ONCE = 2


class PagesFailed(RuntimeError):
    """Some notebooks failed; the message names them."""


def print_line(line):
    """Prints one line at once."""
    print(line, flush=True)


def reproduce(name, *, workers=1, at_once=PAGES_AT_ONCE, force=False, say=print_line):
    """Trains the missing runs of a profile, publishes its records and draws its pages and the theory page.

    Args:
        name: of the profile.
        workers: processes that train, one thread each.
        at_once: notebooks executed at a time.
        force: execute notebooks whose page is up to date, too.
        say: takes the lines of progress.
    """
    from cfa_nb.sweep import ensure

    profile, store = profile_named(name), RunStore(runs_dir())
    folder = outputs_dir() / name
    require_writable(folder)
    before = Published(folder)
    before.names  # noqa: B018  # a published record that does not parse is told before hours of training
    ensure(profile, profile.runs(), store, workers=workers, progress=say)
    verdicts = compare_all(profile, store, before)
    for removed in publish(profile, store, folder):
        say(f"{name}: removed {removed}, which belongs to no run any more")
    render(name, at_once=at_once, force=force, say=say)
    for line in closing_lines(profile, verdicts):
        say(line)


def render(name, *, at_once=PAGES_AT_ONCE, force=False, say=print_line):
    """Draws the pages of a profile and the theory page from the published records, without training."""
    profile = profile_named(name)
    require_published(profile, Published(outputs_dir() / name))
    draw([*jobs(THEORY), *jobs(name)], at_once=at_once, force=force, say=say)


def draw(wanted, *, at_once=PAGES_AT_ONCE, force=False, say=print_line):
    """Executes those of the jobs whose page is not up to date, and moves the pages into place.

    Raises:
        PagesFailed: if any failed, after all others were executed.
    """
    books = {page_set: _book(page_set) for page_set in dict.fromkeys(job.page_set for job in wanted)}
    reasons = {job: cache.why(job, books[job.page_set].manifest.entry(job)) for job in wanted}
    todo = [job for job in wanted if force or reasons[job]]
    if same := len(wanted) - len(todo):
        say(f"{same} of {len(wanted)} pages are up to date" + (": nothing to execute" if not todo else ""))
    failed = _execute(sorted(todo, key=lambda job: job.last), books, at_once, say) if todo else []
    for book in books.values():
        book.finish()
    if failed:
        raise PagesFailed(f"{len(failed)} of {len(todo)} notebooks failed: {', '.join(job.name for job in failed)}")
