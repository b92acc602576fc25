"""What a page depends on, and why it would be executed again.

A page depends on its notebook's cells, the package's source, the parameters, the versions of the libraries, and the
published records, provenance and weights of its page set (of all of them, since any page may look at any run) and of
studies that have no pages of their own.
"""

import hashlib
import json
import os
import platform
import re
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from cfa_nb.paths import ROOT, outputs_dir
from cfa_nb.runs.profiles import PROFILES
from cfa_nb.runs.variants import SEEDS
from cfa_pages.pages.jobs import Job
from cfa_pages.pages.staging import READ_FROM_PUBLISHED

#: Libraries whose versions can change what a page shows.
LIBRARIES = (
    "numpy", "scipy", "pandas", "matplotlib", "seaborn", "sympy", "scikit-learn", "pillow", "torch", "torchvision",
    "ipython", "ipykernel", "ipywidgets", "nbclient", "nbformat", "papermill",
)  # fmt: skip


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


def reason_to_execute(job: Job, entry: dict | None) -> str:
    """Why the page would be executed again, or "" if it would not be.

    Args:
        job: the `Job`.
        entry: what the manifest holds of it: {"key": ..., "files": {path: digest}}, or None.
    """
    if not entry:
        return "never executed"
    reasons = [_REASONS[part] for part, now in key(job).items() if part != "versions" and entry["key"].get(part) != now]
    reasons += _changed_versions(entry["key"].get("versions", {}))
    changed_files = [name for name, digest in entry["files"].items() if _digest(job.folder / name) != digest]
    return "; ".join(reasons + [f"{name} is missing or changed" for name in changed_files])


_REASONS = {
    "source": "its notebook changed",
    "package": "the package's source changed",
    "parameters": "its parameters changed",
    "records": "the published records changed",
    "seeds": "another number of seeds is asked for",
    "beside": "the published records of another data set changed",
}


def _changed_versions(before):
    now = versions()
    names = [n for n in sorted(set(now) | set(before)) if now.get(n) != before.get(n)]
    return [f"{n} {before.get(n, 'absent')} -> {now.get(n, 'absent')}" for n in names]


def source_hash(source: str | Path) -> str:
    """Digest of a notebook's cells: outputs that JupyterLab saved with them do not count."""
    cells = json.loads(Path(source).read_text(encoding="utf-8"))["cells"]
    parts = [(c.get("id"), c["cell_type"], "".join(c["source"]), c.get("metadata", {}).get("tags")) for c in cells]
    return digest_of(json.dumps(parts).encode())


def folders_beside() -> list[Path]:
    """Published studies without pages of their own: any page may show them in a section."""
    names = {name for name, profile in PROFILES.items() if not profile.has_pages}
    return sorted(f for f in outputs_dir().glob("*/") if re.split("[@+]", f.name)[0] in names)


@cache
def package_hash() -> str:
    """Digest of all Python files of both packages, with their names."""
    return _files_hash(ROOT, sorted(f for package in ("cfa_nb", "cfa_pages") for f in (ROOT / package).rglob("*.py")))


def records_hash(folder: str | Path) -> str:
    """Digest of the published records, provenance and weights below a folder, with their names."""
    files = (f for kind in READ_FROM_PUBLISHED for f in (Path(folder) / kind).glob("*") if not f.name.startswith("."))
    return _files_hash(folder, sorted(files))


@cache
def versions() -> dict[str, str]:
    """{"python": ..., "numpy": ...}: without a build's suffix, such as +cpu."""
    return {"python": platform.python_version()} | {name: _version(name) for name in LIBRARIES}


def _version(name):
    try:
        return version(name).split("+")[0]
    except PackageNotFoundError:
        return "absent"


def _files_hash(folder, files):
    digest = hashlib.sha256()
    for file in files:
        digest.update(f"{file.relative_to(folder).as_posix()}\0{_digest(file)}\n".encode())
    return digest.hexdigest()[:16]


def _digest(file):
    try:
        return digest_of(Path(file).read_bytes())
    except OSError:
        return None


def digest_of(blob: bytes) -> str:
    """16 hex digits of the bytes' SHA-256."""
    return hashlib.sha256(blob).hexdigest()[:16]
