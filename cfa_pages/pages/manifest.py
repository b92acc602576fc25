"""manifest.json of a page set: which figure or table comes from which notebook, runs, commit and machine.

    {"figures":   {"fig2": {"notebook", "files", "runs", "seconds"}},
     "runs":      {"at-s0-...": {"commit", "hardware", "device", "seconds", "finished_at", "versions"}},
     "notebooks": {"02_margin_study": {"key", "files"}}}

`key` is what the page was made from (`cache.key`), `files` what it made, with digests. The text depends on the records,
their provenance and the pages alone. The theory pages have no runs, so theirs holds "notebooks" only.
"""

import json
from collections.abc import Iterable
from contextlib import suppress
from functools import cached_property
from pathlib import Path

from cfa_nb.files import StoreError, write
from cfa_nb.paths import page_set_dir, runs_dir, slug
from cfa_nb.runs.profiles import profile_named
from cfa_nb.runs.study import FIGURES
from cfa_pages.pages.cache import digest_of
from cfa_pages.pages.jobs import THEORY, Job, jobs
from cfa_pages.pages.notebooks import Execution
from cfa_pages.pages.staging import SAVED
from cfa_pages.results.published import Published


class Manifest:
    """The manifest of a page set; a damaged one counts as empty, so its pages are made again."""

    def __init__(self, page_set: str):
        self.page_set = page_set
        self.folder = page_set_dir(page_set)
        self.notebooks = _read_notebooks(self.folder / "manifest.json")

    def entry(self, job: Job) -> dict | None:
        """What is known of a job's page: {"key", "files"}, or None."""
        return self.notebooks.get(job.name)

    def enter(self, job: Job, key: dict, files: dict[str, str]) -> None:
        """Enters a page that was just made; files that only its former version made are removed."""
        before = self.notebooks.get(job.name, {}).get("files", {})
        self.notebooks[job.name] = {"key": key, "files": files}
        self._remove_unless_made(before)
        self.save()

    def finish(self) -> None:
        """Removes the pages and figures of notebooks that are no longer there, and writes the file."""
        names = {job.name for job in jobs(self.page_set)}
        gone = [self.notebooks.pop(name) for name in set(self.notebooks) - names]
        self._remove_unless_made(file for entry in gone for file in entry["files"])
        self.save()

    def _remove_unless_made(self, names):
        made = {file for entry in self.notebooks.values() for file in entry["files"]}
        remove(self.folder, sorted(set(names) - made))

    def save(self) -> None:
        """Writes the file, whole or not at all."""
        content = {"notebooks": self.notebooks}
        if self.page_set != THEORY:
            content["figures"] = {name: figure | {"files": self._files(name)} for name, figure in self._figures.items()}
            content["runs"] = {run: _run(provenance) for run, provenance in self._runs.values()}
        write(self.folder / "manifest.json", (json.dumps(content, indent=1, sort_keys=True) + "\n").encode())

    def _files(self, figure):
        made = self.notebooks.get(FIGURES[figure], {}).get("files", {})
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


def _read_notebooks(path):
    try:
        notebooks = json.loads(path.read_text())["notebooks"]
        return {name: {"key": dict(e["key"]), "files": dict(e["files"])} for name, e in notebooks.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


_OWN_FOLDERS = ("notebooks", *SAVED)


def place(execution: Execution) -> dict[str, str]:
    """Writes the page and what it saved; returns {path below the page set's folder: digest}.

    Raises:
        StoreError: if the folder cannot be written; each file is there whole or as it was before.
    """
    job = execution.job
    files = execution.staging.saved() | {job.page: execution.staging.file("page.ipynb").read_bytes()}
    for name, blob in files.items():
        write(job.folder / name, blob)
    return {name: digest_of(blob) for name, blob in sorted(files.items())}


def keep_partial(execution: Execution) -> Path | None:
    """Copies a failed notebook, as far as it came, to `runs/failed/`; returns the path, or None if there is none."""
    partial = execution.staging.file("partial.ipynb")
    if not partial.exists():
        return None
    path = runs_dir() / "failed" / slug(execution.job.page_set) / execution.job.source.name
    with suppress(StoreError):  # the notebook's own error matters more
        write(path, partial.read_bytes())
        return path
    return None


def remove(folder: Path, names: Iterable[str]) -> None:
    """Removes files that pages of an earlier version saved; names outside the pages' own folders are left alone."""
    for name in names:
        kind, _, file = name.partition("/")
        if kind in _OWN_FOLDERS and file and "/" not in file and file not in (".", ".."):
            (folder / name).unlink(missing_ok=True)
