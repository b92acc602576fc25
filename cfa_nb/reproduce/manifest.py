"""manifest.json of a page set: which figure or table comes from which notebook, runs, commit and machine.

    {"figures":   {"fig2": {"notebook", "files", "runs", "seconds"}},
     "runs":      {"at-s0-...": {"commit", "hardware", "device", "seconds", "finished_at", "versions"}},
     "notebooks": {"02_margin_study": {"key", "files"}}}

`key` is what the page was made from (`cache.key`), `files` what it made, with digests. The text depends on the records,
their provenance and the pages alone.
"""

import json

from cfa_nb.reproduce.pages import jobs
from cfa_nb.reproduce.place import remove
from cfa_nb.store import write
from cfa_nb.study import FIGURES


class Manifest:
    """The manifest of the page set below a folder; a damaged one counts as empty, so its pages are made again."""

    def __init__(self, folder):
        self.folder = folder
        self.path = folder / "manifest.json"
        self.notebooks = _notebooks(self.path)

    def entry(self, job):
        """What is known of a job's page: {"key", "files"}, or None."""
        return self.notebooks.get(job.name)

    def update(self, job, key, files):
        """Enters a page that was just made; files that only its former version made are removed."""
        before = self.notebooks.get(job.name, {}).get("files", {})
        self.notebooks[job.name] = {"key": key, "files": files}
        self._remove_unless_made(before)

    def forget_others(self, page_set):
        """Removes the pages of notebooks that are no longer there, with their files."""
        kept = {job.name for job in jobs(page_set)}
        gone = [self.notebooks.pop(name) for name in set(self.notebooks) - kept]
        self._remove_unless_made(file for entry in gone for file in entry["files"])

    def _remove_unless_made(self, names):
        made = {file for entry in self.notebooks.values() for file in entry["files"]}
        remove(self.folder, sorted(set(names) - made))

    def save(self, profile=None, published=None):
        """Writes the file; `profile` and `published` tell of the runs behind a profile's figures."""
        content = {"notebooks": self.notebooks}
        if profile is not None:
            content["figures"] = {name: self._figure(name, profile, published) for name in FIGURES}
            content["runs"] = {published.names[c.canonical()]: _run(published.provenance(c)) for c in profile.runs()}
        write(self.path, (json.dumps(content, indent=1, sort_keys=True) + "\n").encode())

    def _figure(self, name, profile, published):
        notebook = FIGURES[name]
        files = self.notebooks.get(notebook, {}).get("files", {})
        configs = profile.runs(name)
        provenance = [published.provenance(c) for c in configs]
        return {
            "notebook": notebook,
            "files": [f for f in files if f.split("/")[-1].startswith(name)],
            "runs": [published.names[c.canonical()] for c in configs],
            "seconds": round(sum(p.seconds_train + p.seconds_evaluate for p in provenance), 2),
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


def _notebooks(path):
    try:
        notebooks = json.loads(path.read_text())["notebooks"]
        return {name: {"key": dict(e["key"]), "files": dict(e["files"])} for name, e in notebooks.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}
