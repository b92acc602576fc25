"""Draws pages: executes the notebooks whose page is not up to date, and moves what they made into place."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import closing
from itertools import count
from pathlib import Path

import click

from cfa_pages.pages import cache
from cfa_pages.pages.jobs import Job
from cfa_pages.pages.manifest import Manifest, keep_partial, place
from cfa_pages.pages.notebooks import executed
from cfa_pages.results.stats import count as count_of

PAGES_AT_ONCE = 2
LEFT_OUT = '"left_out"'  # what `Page.words` leaves in a page for each sentence that it does not say


class PagesFailed(RuntimeError):
    """Some notebooks failed; the message names them."""


def draw(
    page_jobs: Sequence[Job],
    *,
    at_once: int = PAGES_AT_ONCE,
    force: bool = False,
    say: Callable[[str], None] = click.echo,
) -> None:
    """Executes those of the jobs whose page is not up to date, and moves the pages into place.

    Raises:
        PagesFailed: if any failed, after all others were executed.
    """
    manifests = {page_set: Manifest(page_set) for page_set in dict.fromkeys(job.page_set for job in page_jobs)}
    todo = [job for job in page_jobs if force or cache.reason_to_execute(job, manifests[job.page_set].entry(job))]
    todo.sort(key=lambda job: job.last)
    if current_count := len(page_jobs) - len(todo):
        say(f"{current_count} of {len(page_jobs)} pages are up to date")
    failed = _execute(todo, manifests, at_once, say) if todo else []
    for manifest in manifests.values():
        manifest.finish()
    if failed:
        names = ", ".join(sorted(job.name for job in failed))
        raise PagesFailed(f"{len(failed)} of {len(todo)} notebooks failed: {names}")


def _execute(todo, manifests, at_once, say):
    """Executes the jobs with a line of progress for each; returns those that failed."""
    keys, failed, number = {job: cache.key(job) for job in todo}, [], count(1)
    with tempfile.TemporaryDirectory(prefix="cfa-nb-fonts-") as fonts:
        list_fonts(fonts)
        with closing(executed(todo, at_once, fonts)) as executions:
            for execution in executions:
                job = execution.job
                if execution.state == "executed":
                    manifests[job.page_set].enter(job, keys[job], place(execution))
                else:
                    failed.append(job)
                say(f"[{next(number)}/{len(todo)}] {job.page_set}/{job.name}: {_outcome(execution)}")
    return failed


def _outcome(execution):
    if execution.state == "executed":
        left_out = execution.staging.file("page.ipynb").read_text(encoding="utf-8").count(LEFT_OUT)
        note = f"; {count_of(left_out, 'sentence')} left out that these records contradict" if left_out else ""
        return f"executed, {execution.seconds:.1f} s{note}"
    partial = keep_partial(execution)
    hint = f"; as far as it came: {partial}" if partial else ""
    return f"FAILED, {execution.error}; the published page stays as it was{hint}"


def list_fonts(folder: str | Path) -> None:
    """Lets matplotlib make its list of fonts once, so that no page has to say that it does."""
    command = [sys.executable, "-c", "import matplotlib.font_manager"]
    subprocess.run(command, env=os.environ | {"MPLCONFIGDIR": str(folder)}, capture_output=True, check=False)
