"""Links lead to pages that are there; numbers of the README are those of the tables; the code in docs/ runs."""

import re
import subprocess

import nbformat
import pandas as pd
import pytest

from cfa_nb.card.card import points
from cfa_nb.files import ROOT, notebooks_dir
from cfa_pages.pages.draw import LEFT_OUT
from cfa_pages.pages.jobs import THEORY_NOTEBOOKS, Job, jobs, relink

NUMBERS = re.compile(r"[+−][\d.]+ \[[+−][\d.]+, [+−][\d.]+\]")
LINK = re.compile(r"\]\(([^)\s#]+\.(?:ipynb|md|png))(?:#[^)]*)?\)")


def test_a_profile_s_page_leads_to_the_theory_and_back():
    source = notebooks_dir() / "00_start_here.ipynb"
    theory = {f"{name}.ipynb": f"../../theory/notebooks/{name}.ipynb" for name in THEORY_NOTEBOOKS}
    assert Job(source, "smoke").links == theory
    assert Job(source, "theory").links["00_start_here.ipynb"] == "../../fashion/notebooks/00_start_here.ipynb"


def test_links_in_text_and_outputs_are_changed_and_anchors_kept():
    cell = nbformat.v4.new_markdown_cell("[a](01_toy.ipynb#b) [c](02_x.ipynb) `01_toy.ipynb` [d](../docs/d.md)")
    code = nbformat.v4.new_code_cell("")
    code.outputs = [nbformat.v4.new_output("display_data", {"text/html": '<a href="01_toy.ipynb">'})]
    done = relink(nbformat.v4.new_notebook(cells=[cell, code]), {"01_toy.ipynb": "../t/01_toy.ipynb"})
    assert done.cells[0].source == "[a](../t/01_toy.ipynb#b) [c](02_x.ipynb) `01_toy.ipynb` [d](../../../docs/d.md)"
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
    changed = subprocess.run(["git", "status", "-s", "outputs/fashion"], cwd=ROOT, capture_output=True, text=True)
    if changed.stdout:
        pytest.skip("`make reproduce` put this machine's numbers into outputs/")
    readme = (ROOT / "README.md").read_text(encoding="utf-8").replace(" points [", " [")
    known = set()
    for file in (ROOT / "outputs" / "fashion" / "tables").glob("*.csv"):
        table = pd.read_csv(file)
        known |= set(NUMBERS.findall(file.read_text(encoding="utf-8").replace(" points [", " [")))
        for mean in [c for c in table.columns if c.endswith((": mean", "Estimate: value"))]:
            ends = [
                mean.replace(": mean", f": {end}").replace("Estimate: value", f"95 % interval: {end}")
                for end in ("low", "high")
            ]
            if set(ends) <= set(table.columns):
                known |= {_difference(*(v / 100 for v in row)) for row in table[[mean, *ends]].dropna().to_numpy()}
    quoted = NUMBERS.findall(readme)
    assert len(quoted) > 5
    assert [text for text in quoted if text not in known] == []


def _difference(mean, low, high):
    return f"{points(mean)} [{points(low)}, {points(high)}]"


def test_committed_pages_leave_no_sentence_out():
    command = ["git", "grep", "-l", LEFT_OUT, "HEAD", "--", "outputs"]
    found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if "not a git repository" in found.stderr:
        pytest.skip("no git checkout")
    assert found.stdout == "", "rewrite what no longer holds (CONTRIBUTING.md), then `make render`"


def test_cfa_in_your_own_training_loop(capsys):
    code = re.search(r"```python\n(.*?)```", (ROOT / "docs/own_training.md").read_text(), re.S)[1]
    names: dict = {}
    exec(code.replace("train_per_class=400", "train_per_class=200"), names)
    assert len(capsys.readouterr().out.splitlines()) == names["epochs"]
    margins, t = names["class_eps"], names["robust"].per_class
    assert margins.tolist() == pytest.approx([(0.3 + k) * 11 / 255 for k in t])
    assert names["average"].accepted > 0
