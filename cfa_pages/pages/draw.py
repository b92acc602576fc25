"""Draws pages: executes the notebooks whose page is not up to date, and moves what they made into place.

Which figure or table comes from which notebook, runs, commit and machine stands in the manifest.json of a page set:

    {"figures":   {"fig2": {"notebook", "files", "runs", "seconds"}},
     "runs":      {"at-s0-...": {"commit", "hardware", "device", "seconds", "finished_at", "versions"}},
     "notebooks": {"02_margin_study": {"key", "files"}}}

`key` is what the page was made from (`jobs.key`), `files` what it made, with digests. The text depends on the records,
their provenance and the pages alone. The theory pages have no runs, so theirs holds "notebooks" only.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import suppress
from functools import cached_property
from itertools import count

import click

from cfa_nb.files import StoreError, page_set_dir, runs_dir, slug, write
from cfa_nb.runs.profiles import profile_named
from cfa_nb.runs.study import FIGURES
from cfa_pages.pages.execute import SAVED, Execution, end_kernels, execute, start_forking
from cfa_pages.pages.jobs import THEORY, Job, digest, jobs, key, reason_to_execute
from cfa_pages.pages.scrub import serialise
from cfa_pages.results.published import Published

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
    todo = [job for job in page_jobs if force or reason_to_execute(job, manifests[job.page_set].entry(job))]
    if current_count := len(page_jobs) - len(todo):
        say(f"{current_count} of {len(page_jobs)} pages are up to date")
    keys, failed, number = {job: key(job) for job in todo}, [], count(1)
    for execution in _executions(todo, at_once):
        job = execution.job
        if execution.error:
            failed.append(job.name)
        else:
            manifests[job.page_set].enter(job, keys[job], _place(execution))
        say(f"[{next(number)}/{len(todo)}] {job.page_set}/{job.name}: {_outcome(execution)}")
    for manifest in manifests.values():
        manifest.finish()
    if failed:
        raise PagesFailed(f"{len(failed)} of {len(todo)} notebooks failed: {', '.join(sorted(failed))}")


def _executions(todo, at_once) -> Iterator[Execution]:
    """Executes the jobs, `at_once` at a time; yields each as it ends."""
    if todo:
        start_forking()
    with ThreadPoolExecutor(at_once) as pool:
        try:
            futures = [pool.submit(execute, job) for job in todo]
            yield from (future.result() for future in as_completed(futures))
        finally:  # where the caller stops, interrupted perhaps
            pool.shutdown(wait=False, cancel_futures=True)
            end_kernels()


def _outcome(execution):
    """What the line of progress says; a failed notebook is kept as far as it came, below `runs/failed/`."""
    if not execution.error:
        left_out = serialise(execution.notebook).decode().count(LEFT_OUT)
        sentences = "1 sentence" if left_out == 1 else f"{left_out} sentences"
        note = f"; {sentences} left out that these records contradict" if left_out else ""
        return f"executed, {execution.seconds:.1f} s{note}"
    job, hint = execution.job, ""
    path = runs_dir() / "failed" / slug(job.page_set) / job.source.name
    with suppress(StoreError):  # the notebook's own error matters more
        if execution.notebook:
            write(path, serialise(execution.notebook))
            hint = f"; as far as it came: {path}"
    return f"FAILED, {execution.error}; the published page stays as it was{hint}"


def _place(execution):
    """Writes the page and what it saved; returns {path below the page set's folder: digest}.

    Each file is there whole or as it was before; `StoreError` where the folder cannot be written.
    """
    job = execution.job
    files = execution.files | {job.page: serialise(execution.notebook)}
    for name, blob in files.items():
        write(job.folder / name, blob)
    return {name: digest(blob) for name, blob in sorted(files.items())}


class Manifest:
    """The manifest of a page set; a damaged one counts as empty, so its pages are made again."""

    def __init__(self, page_set: str):
        self.page_set = page_set
        self.folder = page_set_dir(page_set)
        try:
            self.notebooks = json.loads((self.folder / "manifest.json").read_text())["notebooks"]
        except (OSError, ValueError, KeyError):
            self.notebooks = {}

    def entry(self, job: Job) -> dict | None:
        """What is known of a job's page: {"key", "files"}, or None."""
        return self.notebooks.get(job.name)

    def enter(self, job: Job, key: dict, files: dict[str, str]) -> None:
        """Enters a page that was just made; files that only its former version made are removed."""
        before = self.notebooks.get(job.name, {"files": {}})
        self.notebooks[job.name] = {"key": key, "files": files}
        self._save_without([before])

    def finish(self) -> None:
        """Removes the pages and figures of notebooks that are no longer there, and writes the file."""
        names = {job.name for job in jobs(self.page_set)}
        self._save_without([self.notebooks.pop(name) for name in set(self.notebooks) - names])

    def _save_without(self, entries):
        """Writes the file, whole or not at all, and removes what these entries made and no page makes any more."""
        made = {file for entry in self.notebooks.values() for file in entry["files"]}
        for name in {file for entry in entries for file in entry["files"]} - made:
            folder, *file = name.split("/")
            if folder in ("notebooks", *SAVED) and len(file) == 1:  # never anything else, whatever the file says
                (self.folder / name).unlink(missing_ok=True)
        content = {"notebooks": self.notebooks}
        if self.page_set != THEORY:
            content["figures"] = {name: figure | {"files": self._files(name)} for name, figure in self._figures.items()}
            content["runs"] = {run: _run(provenance) for run, provenance in self._runs.values()}
        write(self.folder / "manifest.json", (json.dumps(content, indent=1, sort_keys=True) + "\n").encode())

    def _files(self, figure):
        made = self.notebooks.get(FIGURES[figure], {"files": {}})["files"]
        return [file for file in made if file.split("/")[-1].startswith(figure)]

    @cached_property
    def _runs(self):
        """{config: (run's name, its provenance)} of the published runs."""
        published = Published(self.folder)
        configs = profile_named(self.page_set).runs()
        return {c: (published.names[c.canonical()], published.provenance(c)) for c in configs}

    @cached_property
    def _figures(self):
        profile = profile_named(self.page_set)
        return {name: self._figure(name, profile.runs(name)) for name in profile.figures}

    def _figure(self, name, configs):
        runs = [self._runs[c] for c in configs]
        return {
            "notebook": FIGURES[name],
            "runs": [run for run, _ in runs],
            "seconds": round(sum(p.seconds_train + p.seconds_evaluate for _, p in runs), 2),
        }


def _run(provenance):
    return {
        "commit": provenance.commit,
        "hardware": provenance.hardware,
        "device": provenance.device,
        "seconds": round(provenance.seconds_train + provenance.seconds_evaluate, 2),
        "finished_at": provenance.finished_at,
        "versions": {"python": provenance.python, "torch": provenance.torch, "numpy": provenance.numpy},
    }
