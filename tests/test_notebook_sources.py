"""The notebooks' sources keep the house's rules: a title, one parameter cell, no outputs, nothing that wants a test."""

import ast
import re

import nbformat
import pytest

from cfa_nb.files import notebooks_dir
from cfa_nb.runs.profiles import DEFAULT, profile_named
from cfa_nb.runs.study import FIGURES
from cfa_pages.pages.jobs import THEORY_NOTEBOOKS

SOURCES = sorted(notebooks_dir().glob("[0-9][0-9]_*.ipynb"))
PROFILED = [p for p in SOURCES if p.stem not in THEORY_NOTEBOOKS]
FORBIDDEN = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


@pytest.fixture(params=SOURCES, ids=lambda p: p.stem)
def notebook(request):
    return nbformat.read(request.param, as_version=4)


def code(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def test_all_notebooks_are_here():
    assert [p.stem[:2] for p in SOURCES] == [f"{i:02d}" for i in range(11)]
    assert set(FIGURES.values()) <= {p.stem for p in SOURCES}


def test_it_is_valid_and_names_the_common_kernel(notebook):
    nbformat.validate(notebook)
    assert notebook.metadata.kernelspec.name == "python3"
    assert notebook.metadata.kernelspec.language == "python"
    assert (notebook.nbformat, notebook.nbformat_minor) >= (4, 5)


def test_title_then_the_set_up_then_the_answer_and_the_way_on_at_the_end(notebook):
    title, *cells = notebook.cells
    assert title.cell_type == "markdown"
    assert title.source.startswith("# ")
    assert "Section" in title.source or "whole paper" in title.source
    if cells[0].id == "parameters":
        assert cells.pop(0).metadata.tags == ["parameters"]
    assert cells[0].id == "setup"
    assert "make lab" in cells[0].source, "the error of another environment's kernel shows it"
    assert cells[1].source.startswith("## The answer") or "looking things up" in title.source
    assert cells[-1].id == "nav"
    assert "_start_here.ipynb)" in cells[-1].source or 'Page("00_start_here"' in cells[0].source


@pytest.mark.parametrize("path", PROFILED, ids=lambda p: p.stem)
def test_parameters_are_plain_values_with_a_word_on_each(path):
    parameters = nbformat.read(path, as_version=4).cells[1]
    for node in ast.parse(parameters.source).body:
        assert isinstance(node, ast.Assign)
        ast.literal_eval(node.value)
    assert all("#" in line for line in parameters.source.splitlines())


def test_plumbing_is_collapsed_in_jupyterlab_and_in_html_alike(notebook):
    for cell in code(notebook):
        tags = cell.metadata.get("tags", [])
        hidden = cell.metadata.get("jupyter", {}).get("source_hidden", False)
        assert hidden == bool({"hide-input", "parameters"} & set(tags)), cell.id


def test_no_outputs_and_stable_cell_ids(notebook):
    ids = [cell.id for cell in notebook.cells]
    assert len(set(ids)) == len(ids)
    cure = "did JupyterLab save what you ran? `git restore notebooks` brings the sources back"
    assert all(re.fullmatch(r"[a-z][a-z0-9_-]*", i) and not re.fullmatch(r"[0-9a-f]{8}", i) for i in ids), cure
    assert all(not c.outputs and c.execution_count is None for c in code(notebook)), cure


def test_short_cells_without_functions_classes_installs_or_paths(notebook):
    for cell in code(notebook):
        plumbing = "hide-input" in cell.metadata.get("tags", [])
        assert len(cell.source.splitlines()) <= (60 if plumbing else 14), cell.id
        assert not [n for n in ast.walk(ast.parse(cell.source)) if isinstance(n, FORBIDDEN)], cell.id
        for word in ("!pip", "%pip", "sys.path", "torch.load"):
            assert word not in cell.source, cell.id


def test_markdown_is_no_dialect_and_has_one_heading_of_the_first_level(notebook):
    cells = [c for c in notebook.cells if c.cell_type == "markdown"]
    for cell in cells:
        assert not re.search(r"^:::|\{eq\}|\{ref\}|^```\{", cell.source, re.MULTILINE), cell.id
        assert cell.source.count("$$") % 2 == 0, cell.id
    assert len(re.findall(r"^# ", "\n".join(c.source for c in cells), re.MULTILINE)) == 1


@pytest.mark.parametrize("path", PROFILED, ids=lambda p: p.stem)
def test_a_profiled_page_names_itself_and_its_figures_and_tables_and_gives_figures_an_alt_text(path):
    notebook = nbformat.read(path, as_version=4)
    default, known = re.search(r'profile = "(\w+)"  # (.+), \.\.\.: ', notebook.cells[1].source).groups()
    assert default == DEFAULT
    assert all(profile_named(name).has_pages for name in known.split(", "))
    assert f'Page("{path.stem}", profile)' in notebook.cells[2].source
    assert "page.provenance()" in notebook.cells[-2].source
    text = "\n".join(c.source for c in code(notebook))
    calls = [n for n in ast.walk(ast.parse(text)) if isinstance(n, ast.Call) and isinstance(n.func, ast.Attribute)]
    page_calls = [n for n in calls if n.func.attr in ("figure", "table") and getattr(n.func.value, "id", "") == "page"]
    names = [(n.func.attr, n.args[1].value) for n in page_calls]
    assert len(set(names)) == len(names)
    assert names
    assert all(any(k.arg == "alt" for k in n.keywords) for n in page_calls if n.func.attr == "figure")
