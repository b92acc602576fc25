"""Links between notebooks lead to pages that are there, in the sources and in the published pages."""

import re

import nbformat
import pandas as pd
import pytest

from cfa_nb.paths import ROOT, notebooks_dir
from cfa_pages.pages.jobs import THEORY_NOTEBOOKS, Job, jobs, relink

NUMBERS = re.compile(r"[+−][\d.]+ \[[+−][\d.]+, [+−][\d.]+\]")
LINK = re.compile(r"\]\(([^)\s#]+\.(?:ipynb|md|png))(?:#[^)]*)?\)")


def test_a_profile_s_page_leads_to_the_theory_and_back():
    source = notebooks_dir() / "00_start_here.ipynb"
    theory = {f"{name}.ipynb": f"../../theory/notebooks/{name}.ipynb" for name in THEORY_NOTEBOOKS}
    assert Job(source, "smoke").links == theory
    assert Job(source, "theory").links["00_start_here.ipynb"] == "../../fashion/notebooks/00_start_here.ipynb"


def test_links_in_text_and_outputs_are_changed_and_anchors_kept():
    cell = nbformat.v4.new_markdown_cell("[a](01_toy.ipynb#b) [c](02_x.ipynb) `01_toy.ipynb`")
    code = nbformat.v4.new_code_cell("")
    code.outputs = [nbformat.v4.new_output("display_data", {"text/html": '<a href="01_toy.ipynb">'})]
    done = relink(nbformat.v4.new_notebook(cells=[cell, code]), {"01_toy.ipynb": "../t/01_toy.ipynb"})
    assert done.cells[0].source == "[a](../t/01_toy.ipynb#b) [c](02_x.ipynb) `01_toy.ipynb`"
    assert done.cells[1].outputs[0].data["text/html"] == '<a href="../t/01_toy.ipynb">'


@pytest.mark.parametrize("page_set", ["fashion", "theory"])
def test_every_link_of_a_source_has_a_target(page_set):
    for job in jobs(page_set):
        for cell in nbformat.read(job.source, 4).cells:
            for target in LINK.findall(cell.source if cell.cell_type == "markdown" else ""):
                assert (job.source.parent / target).exists(), f"{job.name} leads to {target}"


def test_links_of_the_documents_have_targets():
    for document in (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))):
        for target in LINK.findall(document.read_text()):
            if not target.startswith("http"):
                assert (document.parent / target).exists(), f"{document.name} leads to {target}"


def test_the_numbers_of_the_readme_stand_in_the_published_tables():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    tables = ROOT / "outputs" / "fashion" / "tables"
    ledger = pd.read_csv(tables / "claims.csv").dropna(subset=["95 % interval"])
    published = "".join(p.read_text(encoding="utf-8") for p in tables.glob("*.csv")).replace(" points [", " [")
    known = set(NUMBERS.findall(published))
    known |= {
        f"{estimate.split()[0]} [{interval.replace(' to ', ', ')}]"
        for estimate, interval in zip(ledger["Estimate"], ledger["95 % interval"])
    }
    quoted = [text.replace(" points [", " [") for text in NUMBERS.findall(readme.replace(" points [", " ["))]
    assert len(quoted) > 5
    assert [text for text in quoted if text not in known] == []
