"""Which notebooks make the pages of a profile: `Job` is one notebook and the page set it is executed for.

A page depends on its notebook's cells, both packages' source, the parameters, the versions of the libraries, and the
published records, provenance and weights of its page set (of all of them, since any page may look at any run) and of
studies that have no pages of their own: `key`. `reason_to_execute` says which of these has changed.
"""

import hashlib
import json
import os
import platform
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from nbformat import NotebookNode

from cfa_nb.files import ROOT, notebooks_dir, outputs_dir, page_set_dir, slug
from cfa_nb.runs.profiles import DEFAULT, PROFILES, profile_named
from cfa_nb.runs.variants import SEEDS

#: The page set that needs no profile, and its notebooks.
THEORY = "theory"
THEORY_NOTEBOOKS = ("01_toy_theory", "08_beyond_the_paper")

#: Libraries whose versions can change what a page shows.
LIBRARIES = (
    "numpy", "scipy", "pandas", "matplotlib", "seaborn", "sympy", "scikit-learn", "pillow", "torch", "torchvision",
    "ipython", "ipykernel", "ipywidgets", "nbclient", "nbformat", "papermill",
)  # fmt: skip


@dataclass(frozen=True)
class Job:
    """A notebook to execute for a page set: a profile's name, or "theory".

    strict: a sentence of the page that its records contradict is an error; else it is left out with a note.
    """

    source: Path
    page_set: str
    strict: bool = True

    @property
    def name(self) -> str:
        """The notebook's file name without suffix: "02_margin_study"."""
        return self.source.stem

    @property
    def parameters(self) -> dict[str, str]:
        """What the notebook is told; a theory notebook keeps its own values."""
        return {} if self.page_set == THEORY else {"profile": self.page_set}

    @property
    def links(self) -> dict[str, str]:
        """{notebook file: relative path of its page}, where that page lies in another page set."""
        rest = DEFAULT if self.page_set == THEORY else self.page_set  # the theory belongs to all profiles
        homes = {f.name: THEORY if f.stem in THEORY_NOTEBOOKS else rest for f in notebooks_dir().glob("*.ipynb")}
        return {f: f"../../{slug(home)}/notebooks/{f}" for f, home in homes.items() if home != self.page_set}

    @property
    def folder(self) -> Path:
        """Where the page set is published."""
        return page_set_dir(self.page_set)

    @property
    def page(self) -> str:
        """The executed notebook, relative to `folder`."""
        return f"notebooks/{self.source.name}"


def jobs(page_set: str) -> list[Job]:
    """The jobs of a page set, in order of their names; none for a study without pages.

    Raises:
        FileNotFoundError: if there is no notebook for it.
    """
    if page_set != THEORY and not profile_named(page_set).has_pages:
        return []
    sources = [s for s in sorted(notebooks_dir().glob("[0-9][0-9]_*.ipynb")) if _belongs(s.stem, page_set)]
    if not sources:
        raise FileNotFoundError(f"no notebook for {page_set!r} in {notebooks_dir()}; run from a complete checkout")
    return [Job(source, page_set) for source in sources]


def _belongs(name, page_set):
    return (name in THEORY_NOTEBOOKS) == (page_set == THEORY)


_LINK = re.compile(r'(\]\(|href=")([0-9][0-9]_\w+\.ipynb)')


def relink(notebook: NotebookNode, links: dict[str, str]) -> NotebookNode:
    """Points links at the pages, in text cells and in outputs, and those to docs/ there; in place, returns it."""

    def relinked(text):
        return _LINK.sub(lambda m: m[1] + links.get(m[2], m[2]), text).replace("](../docs/", "](../../../docs/")

    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell["source"] = relinked(cell.source)
        for output in cell.get("outputs", []):
            shown = output.get("data", {})
            shown |= {kind: relinked(shown[kind]) for kind in ("text/markdown", "text/html") if kind in shown}
    return notebook


def key(job: Job) -> dict:
    """What the page of a `Job` depends on, now: equal keys make equal pages."""
    return {
        "source": source_hash(job.source),
        "package": package_hash(),
        "parameters": job.parameters,
        "records": records_hash(job.folder),
        "seeds": os.environ.get(SEEDS, ""),
        "beside": [records_hash(folder) for folder in folders_beside()],
        "versions": versions(),
    }


_REASONS = {
    "source": "its notebook changed",
    "package": "the package's source changed",
    "parameters": "its parameters changed",
    "records": "the published records changed",
    "seeds": "another number of seeds is asked for",
    "beside": "the published records of another data set changed",
}


def reason_to_execute(job: Job, entry: dict | None) -> str:
    """Why the page would be executed again, or "" if it would not be.

    Args:
        job: the `Job`.
        entry: what the manifest holds of it: {"key": ..., "files": {path: digest}}, or None.
    """
    if not entry:
        return "never executed"
    before, now = entry["key"], key(job)
    reasons = [reason for part, reason in _REASONS.items() if before.get(part) != now[part]]
    old, new = before.get("versions", {}), now["versions"]
    reasons += [f"{n} {old.get(n, 'absent')} -> {new[n]}" for n in sorted(new) if old.get(n) != new[n]]
    changed = [name for name, digest in entry["files"].items() if _file_digest(job.folder / name) != digest]
    return "; ".join(reasons + [f"{name} is missing or changed" for name in changed])


def source_hash(source: Path) -> str:
    """Digest of a notebook's cells: outputs that JupyterLab saved with them do not count."""
    cells = json.loads(source.read_text(encoding="utf-8"))["cells"]
    parts = [(c.get("id"), c["cell_type"], "".join(c["source"]), c.get("metadata", {}).get("tags")) for c in cells]
    return digest(json.dumps(parts).encode())


def folders_beside() -> list[Path]:
    """Published studies without pages of their own: any page may show them in a section."""
    names = {name for name, profile in PROFILES.items() if not profile.has_pages}
    return sorted(f for f in outputs_dir().glob("*/") if re.split("[@+]", f.name)[0] in names)


@cache
def package_hash() -> str:
    """Digest of all Python files of both packages, with their names."""
    return _files_digest(ROOT, (f for package in ("cfa_nb", "cfa_pages") for f in (ROOT / package).rglob("*.py")))


def records_hash(folder: Path) -> str:
    """Digest of the published records, provenance and weights below a folder, with their names."""
    files = (f for kind in ("records", "weights") for f in (folder / kind).glob("*") if not f.name.startswith("."))
    return _files_digest(folder, files)


@cache
def versions() -> dict[str, str]:
    """{"python": ..., "numpy": ...}: without a build's suffix, such as +cpu."""
    return {"python": platform.python_version()} | {name: _version(name) for name in LIBRARIES}


def _version(name):
    try:
        return version(name).split("+")[0]
    except PackageNotFoundError:
        return "absent"


def _files_digest(folder: Path, files: Iterable[Path]):
    names = (f"{file.relative_to(folder).as_posix()}\0{_file_digest(file)}\n" for file in sorted(files))
    return digest("".join(names).encode())


def _file_digest(file):
    try:
        return digest(file.read_bytes())
    except OSError:
        return None


def digest(blob: bytes) -> str:
    """16 hex digits of the bytes' SHA-256."""
    return hashlib.sha256(blob).hexdigest()[:16]
