"""Nothing of the machine that it was made on stands in a file of the project."""

import json
import os
import re
import subprocess
import tempfile
from pathlib import Path

import pytest

from cfa_nb.files import ROOT

HOMES = re.compile(r"/(?:home|Users)/[A-Za-z]\w*/|[A-Z]:\\\\Users\\\\")
KERNEL_FILES = re.compile(r"ipykernel_\d+/\d+")
OWN = [str(ROOT), *(p + os.sep for p in (str(Path.home()), tempfile.gettempdir()) if len(Path(p).parts) > 1)]
LOCAL = {".venv", "runs", ".git", ".hypothesis", ".pytest_cache", ".ruff_cache", "__pycache__", "cfa_nb.egg-info"}
SKIPPED = (".png", ".safetensors", ".gz", ".npz")


def files():
    """The project's files: those that git tracks or would track, or all of them in an unpacked archive."""
    command = ["git", "-C", str(ROOT), "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    listed = subprocess.run(command, capture_output=True, text=True)
    if listed.returncode == 0:
        found = [ROOT / name for name in listed.stdout.split("\0") if name]
    else:
        found = [f for f in ROOT.rglob("*") if not LOCAL & set(f.relative_to(ROOT).parts)]
    return [f for f in found if f.is_file() and f.suffix not in SKIPPED]


def leaks(text):
    """What in a text belongs to a machine."""
    return [own for own in OWN if own in text] + HOMES.findall(text) + KERNEL_FILES.findall(text)


def test_no_file_names_a_folder_of_this_machine():
    found = {str(f.relative_to(ROOT)): leaks(f.read_text(encoding="utf-8", errors="replace")) for f in files()}
    assert not {name: what for name, what in found.items() if what}


@pytest.mark.parametrize("page", sorted((ROOT / "outputs").glob("*/notebooks/*.ipynb")), ids=lambda p: p.stem)
def test_pages_are_scrubbed_and_without_errors(page):
    notebook = json.loads(page.read_text())
    assert set(notebook["metadata"]) == {"kernelspec", "language_info"}
    assert "version" not in notebook["metadata"]["language_info"]
    for cell in notebook["cells"]:
        assert "execution" not in cell["metadata"]
        assert "error" not in [output["output_type"] for output in cell.get("outputs", [])]
