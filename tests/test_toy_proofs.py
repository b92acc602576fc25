"""The proofs on the theory pages hold, and each can fail: a wrong formula in, an error out."""

import nbformat
import pytest
import sympy as sp

from cfa_nb.files import notebooks_dir
from cfa_pages.claims.theory import judge
from cfa_pages.pages.jobs import THEORY_NOTEBOOKS
from cfa_pages.theory import algebra
from cfa_pages.theory.algebra import Phi, b, d, h, p, q


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
