"""Removes from an executed notebook what belongs to the machine and the day, so that equal results are equal bytes.

    text = serialise(scrub(notebook, folder))

Removed: papermill's time stamps, the states of widgets, the Python version, paths and process ids of kernels, object
addresses, the random ids of pandas tables, and the machine's own folders.
"""

import re
import tempfile
from collections.abc import Callable
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from cfa_nb.files import ROOT, outputs_dir, runs_dir

KERNELSPEC = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"

_CELL_FILE = re.compile(r"[^\s\"'<>]*ipykernel_\d+[/\\]\d+\.py")
_ADDRESS = re.compile(r"\b0x[0-9a-f]{8,}\b")
_TABLE = re.compile(r"\bT_([0-9a-f]{5})(?![0-9a-zA-Z-])")


def scrub(notebook: NotebookNode, folder: Path) -> NotebookNode:
    """Scrubs a notebook that saved its files in this folder; in place, returns the notebook."""
    for name in ("papermill", "widgets"):
        notebook.metadata.pop(name, None)
    notebook.metadata.get("language_info", {}).pop("version", None)
    clean = _cleaner(machine_folders(folder))
    for cell in notebook.cells:
        for name in ("papermill", "execution"):
            cell.metadata.pop(name, None)
        if "injected-parameters" in cell.metadata.get("tags", []):
            cell["id"] = "injected-parameters"
            cell.metadata["jupyter"] = {"source_hidden": True}
        if cell.cell_type == "code":
            cell["outputs"] = [_cleaned(output, clean) for output in cell.outputs if not _only_widget(output)]
    return notebook


def _only_widget(output):
    return WIDGET_VIEW in output.get("data", {}) and not set(output.data) - {WIDGET_VIEW, "text/plain"}


def _cleaned(value, clean):
    """An output with all its texts cleaned, but for pictures, and without the widget that it may also hold."""
    if isinstance(value, dict):
        parts = {k: v if k.startswith("image/") else _cleaned(v, clean) for k, v in value.items() if k != WIDGET_VIEW}
        return NotebookNode(parts)
    if isinstance(value, list):
        return [_cleaned(v, clean) for v in value]
    return clean(value) if isinstance(value, str) else value


def _cleaner(folders: list[tuple[str, str]]) -> Callable[[str], str]:
    """A function that cleans one text; it numbers the tables of a notebook in the order in which they come."""
    tables = {}
    # a folder's path where it stands as a path, not as part of a longer name; the deepest folder first
    patterns = [(re.compile(r"(?<![\w.~-])" + re.escape(path) + r"(?![\w-])"), name) for path, name in folders]

    def clean(text):
        text = _CELL_FILE.sub("[cell]", text)
        text = _ADDRESS.sub("0x...", text)
        text = _TABLE.sub(lambda m: f"T_{tables.setdefault(m[1], len(tables)):05d}", text)
        for pattern, name in patterns:
            text = pattern.sub(name, text)
        return text

    return clean


def machine_folders(page_folder: Path) -> list[tuple[str, str]]:
    """Pairs (folder of this machine, what stands for it), as given and resolved, the longest path first."""
    names_by_folder = {
        ROOT: ".",
        outputs_dir(): "outputs",
        runs_dir(): "runs",
        Path.home(): "~",
        Path(tempfile.gettempdir()): "[tmp]",
        page_folder: "[page]",
    }
    pairs = {(str(form), name) for path, name in names_by_folder.items() for form in (path, path.resolve())}
    return sorted((pair for pair in pairs if len(Path(pair[0]).parts) > 1), key=lambda pair: (-len(pair[0]), pair))


def serialise(notebook: NotebookNode) -> bytes:
    """The notebook's text: sorted keys, one newline at the end.

    Raises:
        nbformat.ValidationError: if it is no valid notebook.
    """
    nbformat.validate(notebook)
    return (nbformat.writes(notebook).rstrip("\n") + "\n").encode()
