"""What readers of the toy theory see beside its figures: the panel, verdicts and where they lead."""

import re

import nbformat
import pytest

from cfa_nb.files import notebooks_dir
from cfa_pages.claims.theory import THEOREMS
from cfa_pages.report import theory_figures
from cfa_pages.theory.model import FIGURE_1


def test_the_panel_redraws_and_says_what_is_out_of_domain():
    controls, note, picture = theory_figures.build_panel(FIGURE_1, 0.2).children
    p_pos, p_neg = controls.children[:2]
    before = picture.value
    p_pos.value = 0.9
    assert picture.value != before
    after = picture.value
    p_neg.value = 0.95
    assert "p_neg < p_pos" in note.value
    assert picture.value == after
    p_neg.value = 0.7
    assert note.value == ""


@pytest.mark.parametrize(
    ("environment", "live"),
    [({}, False), ({"JPY_SESSION_NAME": "a"}, True), ({"JPY_SESSION_NAME": "a", "CFA_NB_RUNNER": "1"}, False)],
)
def test_only_a_live_front_end_gets_the_widget(monkeypatch, environment, live):
    for name in ("JPY_SESSION_NAME", "CFA_NB_RUNNER"):
        monkeypatch.delenv(name, raising=False)
        if name in environment:
            monkeypatch.setenv(name, environment[name])
    displayed = []
    monkeypatch.setattr(theory_figures, "display", lambda data, **_: displayed.append(data))
    theory_figures.show_panel(FIGURE_1, 0.2)
    if live:
        assert list(displayed[0]) == ["application/vnd.jupyter.widget-view+json"]
    else:
        assert "JupyterLab" in displayed[0].data


STATUSES = {
    "theorem_1": "proved",
    "theorem_2": "proved under conditions",
    "theorem_2_literal": "refuted",
    "theorem_3": "proved under conditions",
    "theorem_4_clean": "proved",
    "theorem_4_gain": "proved under conditions",
    "theorem_4_rise": "refuted",
    "theorems_2_and_4": "refuted",
    "strong_attacks": "proved under conditions",
}


@pytest.mark.parametrize("claim", THEOREMS, ids=lambda claim: claim.key)
def test_verdicts_and_their_links(claim):
    verdict = claim.check([], None)
    assert verdict.status == STATUSES[claim.key]
    page, anchor = re.search(r"\((\w+\.ipynb)#(.+)\)", verdict.evidence).groups()
    cells = nbformat.read(notebooks_dir() / page, as_version=4).cells
    headings = re.findall(r"^## (.+)$", "\n".join(c.source for c in cells if c.cell_type == "markdown"), re.M)
    assert anchor in {heading.replace(" ", "-") for heading in headings}  # as JupyterLab and nbconvert make them
