"""The house has floors: imports point down, and training and reporting never meet."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parent.parent / "cfa_nb"

FORBIDDEN = {
    # floor: what it must not import, directly or through others
    "attacks": ("train", "store", "record", "study", "report", "page", "reproduce"),
    "objectives": ("train", "store", "record", "study", "report", "page", "reproduce"),
    "calibration": ("train", "store", "record", "study", "report", "page", "reproduce"),
    "averaging": ("train", "store", "record", "study", "report", "page", "reproduce"),
    "metrics": ("train", "store", "record", "study", "report", "page", "reproduce", "model"),
    "store": ("train", "study", "report", "page", "reproduce", "sweep"),
    "train": ("paper", "toy", "study", "report", "claims", "page", "reproduce", "sweep"),
    "report": ("train", "step", "sweep", "page", "reproduce", "store"),
    "claims": ("train", "step", "sweep", "page", "reproduce", "store"),
    "toy": ("train", "config", "record", "report", "page", "model"),
    "study": ("train", "store", "report", "page", "reproduce", "sweep"),
    "config": ("metrics", "record", "study", "store", "train"),
}


def modules():
    """{top-level name: set of top-level names of cfa_nb that it imports}."""
    graph = {}
    for file in PACKAGE.rglob("*.py"):
        name = file.relative_to(PACKAGE).parts[0].removesuffix(".py")
        graph.setdefault(name, set()).update(_imports(file))
    return graph


def _imports(file):
    for node in ast.walk(ast.parse(file.read_text())):
        names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [f"{node.module}.{a.name}" if node.module == "cfa_nb" else node.module for a in node.names]
        yield from (n.split(".")[1] for n in names if n.startswith("cfa_nb."))


def reachable(name, graph):
    seen, todo = set(), [name]
    while todo:
        for other in graph.get(todo.pop(), ()):
            if other not in seen:
                seen.add(other)
                todo.append(other)
    return seen - {name}


@pytest.mark.parametrize("name", FORBIDDEN)
def test_imports_point_down(name):
    assert not reachable(name, modules()) & set(FORBIDDEN[name])


def test_the_toy_model_needs_no_torch():
    for file in (PACKAGE / "toy").rglob("*.py"):
        assert "torch" not in file.read_text().split(), file
