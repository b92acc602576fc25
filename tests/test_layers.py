"""Imports point down: the core never imports the pages, and within each package the floors keep their order."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

#: Floor: what its modules may import of the two packages, beside itself.
CORE = {"cfa_nb", "cfa_nb.processor", "cfa_nb.files", "cfa_nb.rng"}
ALLOWED = {
    "cfa_nb.config": set(),
    "cfa_nb.recipes": {"cfa_nb.config"},
    "cfa_nb.data": CORE | {"cfa_nb.config"},
    "cfa_nb.method": CORE | {"cfa_nb.config", "cfa_nb.data"},
    "cfa_nb.runs": CORE | {"cfa_nb.config", "cfa_nb.recipes", "cfa_nb.data", "cfa_nb.method"},
    "cfa_nb.card": CORE | {"cfa_nb.config", "cfa_nb.data", "cfa_nb.method", "cfa_nb.runs"},
    "cfa_pages.theory": set(),
}
#: Algorithm 1 writes records; nothing else of the method knows that there are any.
EXCEPTIONS = {"cfa_nb.method.train": {"cfa_nb.runs"}}


def modules(package):
    """{module: set of modules and names that it imports from the two packages}."""
    for file in sorted((ROOT / package.replace(".", "/")).rglob("*.py")):
        name = ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        yield name, set(_imports(file))


def _imports(file):
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (a.name for a in node.names if a.name.startswith("cfa_"))
        elif isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("cfa_"):
            top = node.module.count(".") == 0
            yield from (f"{node.module}.{a.name}" for a in node.names) if top else (node.module,)


def floor(module):
    return ".".join(module.split(".")[:2])


def test_the_core_never_imports_the_pages():
    assert not [(name, i) for name, found in modules("cfa_nb") for i in found if i.startswith("cfa_pages")]


@pytest.mark.parametrize("package", ALLOWED)
def test_imports_point_down(package):
    path = ROOT / f"{package.replace('.', '/')}.py"
    found = [(package, set(_imports(path)))] if path.exists() else list(modules(package))
    assert found
    for name, imported in found:
        allowed = ALLOWED[package] | {package} | EXCEPTIONS.get(name, set())
        assert {floor(i) for i in imported} <= allowed, name


def test_pages_draw_from_records_and_never_train():
    """Tables, figures and claims meet training through the records on disk only."""
    for package in ("cfa_pages.results", "cfa_pages.claims", "cfa_pages.report"):
        for name, imported in modules(package):
            assert not imported & {"cfa_nb.method.train", "cfa_nb.method.step", "cfa_nb.runs.sweep"}, name


def test_the_theory_needs_no_torch():
    for file in (ROOT / "cfa_pages/theory").rglob("*.py"):
        assert "torch" not in file.read_text().split(), file


PAGES_ONLY = ("matplotlib", "seaborn", "pandas", "sympy", "IPython", "ipykernel", "jupyterlab", "papermill",
              "cfa_pages")  # fmt: skip
TRAINS = f"""
import sys
for name in {PAGES_ONLY}:
    sys.modules[name] = None  # an import of it raises ImportError
from cfa_nb.cli import main
sys.exit(main(["train", "at", "--profile", "smoke", "--runs", sys.argv[1]]))
"""


def test_the_core_trains_without_the_libraries_of_the_pages(tmp_path):
    command = [sys.executable, "-c", TRAINS, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    assert "robust test accuracy after epoch 4" in done.stdout
    assert list(tmp_path.glob("fashion/*/record.json"))
