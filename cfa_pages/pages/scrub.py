"""Removes from an executed notebook what belongs to the machine and the day, so that equal results are equal bytes.

    scrub(notebook, source_ids, replacements)   # in place
    text = serialise(notebook)

Removed: papermill's and the kernel's time stamps, widget states, the Python version, random cell ids, paths and process
ids of kernels, object addresses, the random ids of pandas tables, and the machine's own folders.
"""

import re
from collections.abc import Iterable
from pathlib import Path

import nbformat
from nbformat import NotebookNode

KERNELSPEC = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
ERROR_TAG = "papermill-error-cell-tag"
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"

_CELL_FILE = re.compile(r"[^\s\"'<>]*ipykernel_\d+[/\\]\d+\.py")
_ADDRESS = re.compile(r"\b0x[0-9a-f]{8,}\b")
_TABLE = re.compile(r"\bT_([0-9a-f]{5})(?![0-9a-zA-Z-])")


class PageError(RuntimeError):
    """A notebook that must not be published; the message names it and the cell."""


def scrub(
    notebook: NotebookNode, source_ids: Iterable[str] = (), replacements: Iterable[tuple[str, str]] = ()
) -> NotebookNode:
    """Scrubs a notebook in place and returns it.

    Args:
        notebook: the executed notebook.
        source_ids: cell ids of its source; cells that have another one (injected by papermill) are given a fixed id.
        replacements: pairs (folder of this machine, what stands for it).
    """
    notebook.metadata.pop("papermill", None)
    notebook.metadata.pop("widgets", None)
    notebook.metadata.get("language_info", {}).pop("version", None)
    notebook.metadata["kernelspec"] = dict(KERNELSPEC)
    clean = _cleaner(replacements)
    for number, cell in enumerate(notebook.cells, 1):
        _scrub_cell(cell, number, set(source_ids))
        if cell.cell_type == "code":
            cell["outputs"] = [_scrub_output(o, clean) for o in _merged(cell.outputs) if not _only_widget(o)]
    return notebook


def _scrub_cell(cell, number, source_ids):
    for name in ("papermill", "execution"):
        cell.metadata.pop(name, None)
    if "injected-parameters" in cell.metadata.get("tags", []):
        cell["id"] = "injected-parameters"
        cell.metadata["jupyter"] = {"source_hidden": True}
    elif cell.get("id") not in source_ids:
        cell["id"] = f"cell-{number}"


def _merged(outputs):
    """Consecutive pieces of one stream as one: where a kernel cuts its output is a matter of chance."""
    merged = []
    for output in outputs:
        if merged and output.output_type == "stream" == merged[-1].output_type and output.name == merged[-1].name:
            merged[-1]["text"] += output.text
        else:
            merged.append(output)
    return merged


def _only_widget(output):
    return WIDGET_VIEW in output.get("data", {}) and not set(output.data) - {WIDGET_VIEW, "text/plain"}


def _scrub_output(output, clean):
    if "text" in output:
        output["text"] = clean(output.text)
    for field in ("ename", "evalue"):
        if field in output:
            output[field] = clean(output[field])
    if "traceback" in output:
        output["traceback"] = [clean(line) for line in output.traceback]
    for kind, value in output.get("data", {}).items():
        if isinstance(value, str) and not kind.startswith("image/"):
            output["data"][kind] = clean(value)
    output.get("data", {}).pop(WIDGET_VIEW, None)
    return output


def _cleaner(replacements):
    """A function that cleans one text; it numbers the tables of a notebook in the order in which they come."""
    tables = {}
    folders = [(_folder(path), name) for path, name in sorted(replacements, key=lambda p: -len(str(p[0])))]

    def clean(text):
        text = _CELL_FILE.sub("[cell]", text)
        text = _ADDRESS.sub("0x...", text)
        text = _TABLE.sub(lambda m: f"T_{tables.setdefault(m[1], len(tables)):05d}", text)
        for folder, name in folders:
            text = folder.sub(lambda _, name=name: name, text)
        return text

    return clean


def _folder(path):
    """Matches a folder's absolute path where it stands as a path, not as part of a longer name."""
    return re.compile(r"(?<![\w.~-])" + re.escape(str(path)) + r"(?![\w-])")


def machine_folders(
    root: str | Path, outputs: str | Path, runs: str | Path, home: str | Path, temporary: str | Path
) -> list[tuple[str, str]]:
    """Pairs (folder, what stands for it), as given and resolved, without a folder that is the file system's root."""
    names_by_folder = {root: ".", outputs: "outputs", runs: "runs", home: "~", temporary: "[tmp]"}
    pairs = {(str(form), name) for path, name in names_by_folder.items() for form in (Path(path), Path(path).resolve())}
    return sorted((path, name) for path, name in pairs if len(Path(path).parts) > 1)


def serialise(notebook: NotebookNode) -> str:
    """The notebook's text: sorted keys, one newline at the end.

    Raises:
        nbformat.ValidationError: if it is no valid notebook.
    """
    nbformat.validate(notebook)
    return nbformat.writes(notebook).rstrip("\n") + "\n"


def refuse_errors(notebook: NotebookNode, name: str) -> None:
    """Raises `PageError` if a cell failed, unless its tag `raises-exception` says that it should."""
    for number, cell in enumerate(notebook.cells, 1):
        tags = cell.metadata.get("tags", [])
        failed = any(o.output_type == "error" for o in cell.get("outputs", []))
        if ERROR_TAG in tags or (failed and "raises-exception" not in tags):
            raise PageError(f"{name}: cell {number} holds an error; a page with an error is not published")
