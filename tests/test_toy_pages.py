"""The theory pages: proofs hold and each can fail, verdicts and where they lead, the panel."""

import os
import re

import nbformat
import pytest
import sympy as sp

from cfa_nb.files import notebooks_dir
from cfa_pages.claims.theory import THEOREMS, judge
from cfa_pages.pages.jobs import THEORY_NOTEBOOKS
from cfa_pages.report import theory_figures
from cfa_pages.theory import algebra
from cfa_pages.theory.algebra import Phi, b, d, h, p, q
from cfa_pages.theory.model import FIGURE_1


def proofs(name):
    """{cell id: source} of a page's cells that prove something."""
    cells = nbformat.read(notebooks_dir() / f"{name}.ipynb", as_version=4).cells
    return {c.id: c.source for c in cells if c.cell_type == "code" and "checked(" in c.source}


def run(name, slips=None):
    """Runs a page's set-up and its proofs in order, with {cell id: (text, slip)} put in."""
    cells = nbformat.read(notebooks_dir() / f"{name}.ipynb", as_version=4).cells
    scope = {}
    exec(next(c.source for c in cells if c.id == "setup"), scope)
    for cell, source in proofs(name).items():
        text, slip = (slips or {}).get(cell, ("", ""))
        assert text in source, f"{cell} has no {text}"
        exec(source.replace(text, slip, 1) if text else source, scope)


SLIPS = {
    "01_toy_theory": {
        "slope": ("2 - b * u", "2 + b * u"),
        "theorem-1-proof": ("p_pos * Phi(m + u)", "p_pos * Phi(m - u)"),
        "theorem-2-proof": ("2 * (eta - eps)", "2 * (eta + eps)"),
        "theorem-3-proof": ("log(p / (1 - p))", "log((1 - p) / p)"),
        "theorem-4-proof": ("L / 2 - b * u", "L / 2 + b * u"),
    },
    "08_beyond_the_paper": {
        "repair-proof": ("- Phi(b - u)", "+ Phi(b - u)"),
        "literal-proof": ("- 2 * b * u", "+ 2 * b * u"),
        "literal-rest-proof": ("-1 / eta", "1 / eta"),
        "fair-proof": ("eta - (eta - eps)", "eta + (eta - eps)"),
        "ccm-proof": ("- u * sinh", "+ u * sinh"),
        "bias-proof": ("* (1 - p_pos) / (p_neg", "/ (1 - p_pos) / (p_neg"),
        "bias-shift-proof": ("c + d * h / w", "c - d * h / w"),
        "k-class-proof": ("eta - 2 * eps", "eta + 2 * eps"),
    },
}


@pytest.mark.parametrize("name", THEORY_NOTEBOOKS)
def test_all_proofs_hold_and_each_has_a_slip(name):
    run(name)
    assert set(SLIPS[name]) == set(proofs(name))


@pytest.mark.parametrize(("name", "cell"), [(name, cell) for name in SLIPS for cell in SLIPS[name]])
def test_a_slip_makes_it_fail(name, cell):
    with pytest.raises(ArithmeticError, match="not found true"):
        run(name, {cell: SLIPS[name][cell]})


def test_the_checks_themselves_can_fail():
    assert not algebra.vanishes(Phi(b) - Phi(-b))
    assert not algebra.positive_on_numbers(p - q * 10)
    assert not algebra.positive(b + h)  # b may be negative
    assert not algebra.positive(-d)
    assert algebra.vanishes(sp.log(p / q) - sp.log(p) + sp.log(q))
    assert "✓ true" in algebra.checked({"true": True}).data
    with pytest.raises(ArithmeticError, match="second"):
        algebra.checked({"first": True, "second": False})


def test_a_verdict_needs_its_counterexample():
    assert judge("a", "text").status == "proved"
    assert judge("a", "text", edge={"at the edge {:.0f}": -1.0}).status == "proved under conditions"
    assert judge("a", "text", inside={"inside": 0.0}).status == "refuted"
    with pytest.raises(ArithmeticError, match="inside"):
        judge("a", "text", inside={"inside": 0.1})


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
    displayed = []
    monkeypatch.setattr(os, "environ", environment)
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
