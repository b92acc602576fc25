"""What the proofs are written with: symbols, the normal law as sympy functions, and `Proof`, a claim with its steps.

A step is settled twice over where it states an inequality: symbolically (a sign that sympy can decide), and on numbers
drawn from the parameter domain, since an equality alone would let a slip of sign pass.
"""

from dataclasses import dataclass

import numpy as np
import sympy as sp
from scipy.special import ndtr

# q is 1 - p, L the log-odds log(p / q), b = sqrt(d) (eta - eps), u = w / sqrt(d), as in the paper's model at Eq. 5
# a = sqrt(d) eta, and x is any positive number: writing eta = eps + x says eps < eta
p, q, u, x, a, eta, eps, w, d, L = sp.symbols("p q u x a eta epsilon w d L", positive=True)
p_pos, p_neg = sp.symbols("p_{+1} p_{-1}", positive=True)
b, m = sp.symbols("b m", real=True)

RANGES = {p: (0.51, 0.99), u: (0.05, 3), x: (0.05, 1), eta: (0.05, 0.5), eps: (0.05, 0.5), w: (0.05, 5), d: (1, 30)}
RANGES |= {q: (0.05, 0.5), a: (0.1, 2), L: (0.05, 4), b: (-2, 2), m: (-2, 2), p_pos: (0.51, 0.99), p_neg: (0.51, 0.99)}


class phi(sp.Function):
    """The standard normal density."""

    def fdiff(self, argindex: int = 1) -> sp.Expr:
        return -self.args[0] * phi(self.args[0])

    def _eval_is_positive(self):
        return self.args[0].is_extended_real

    def _latex(self, printer, exp=None):
        return rf"\varphi\left({printer.doprint(self.args[0])}\right)"


class Phi(sp.Function):
    """The standard normal distribution function."""

    @classmethod
    def eval(cls, z: sp.Expr) -> sp.Expr | None:
        return {sp.oo: sp.Integer(1), -sp.oo: sp.Integer(0), sp.Integer(0): sp.Rational(1, 2)}.get(z)

    def fdiff(self, argindex: int = 1) -> sp.Expr:
        return phi(self.args[0])

    def _latex(self, printer, exp=None):
        return rf"\Phi\left({printer.doprint(self.args[0])}\right)"


def spelt_out(expression: sp.Expr) -> sp.Expr:
    """The expression with phi and Phi as exp and erf."""
    erf_form = expression.replace(Phi, lambda z: (1 + sp.erf(z / sp.sqrt(2))) / 2)
    return erf_form.replace(phi, lambda z: sp.exp(-(z**2) / 2) / sp.sqrt(2 * sp.pi))


def vanishes(expression: sp.Expr) -> bool:
    """Whether sympy reduces the expression to 0."""
    plain = spelt_out(sp.sympify(expression)).rewrite(sp.erf).rewrite(sp.exp)
    return sp.simplify(sp.expand(sp.expand_log(plain, force=True))) == 0


def positive_on_numbers(expression: sp.Expr, points: int = 300) -> bool:
    """Whether the expression is > 0 at every one of `points` draws from the domain (p_+1 > p_-1, fixed seed)."""
    symbols = sorted(expression.free_symbols, key=str)
    rng = np.random.default_rng(0)
    draws = {s: rng.uniform(*RANGES[s], points) for s in symbols}
    if p_pos in draws and p_neg in draws:
        draws[p_neg], draws[p_pos] = np.sort([draws[p_neg], draws[p_pos]], axis=0)
    density = {"phi": lambda z: np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi), "Phi": ndtr}
    values = sp.lambdify(symbols, expression, modules=[density, "numpy"])(*draws.values())
    return bool(np.all(np.asarray(values) > 0))


@dataclass(frozen=True)
class Step:
    """One line of a proof: what is said, in a formula, and whether it was found true."""

    text: str
    formula: str
    ok: bool


@dataclass(frozen=True)
class Proof:
    """A claim with its steps; it holds if all of them do."""

    name: str
    claim: str
    steps: tuple[Step, ...]

    @property
    def holds(self) -> bool:
        """Whether every step was found true."""
        return all(step.ok for step in self.steps)

    def _repr_markdown_(self):
        lines = [f"{i}. {s.text}: ${s.formula}$ {'✓' if s.ok else '✗ **fails**'}" for i, s in enumerate(self.steps, 1)]
        end = "All steps hold." if self.holds else "**Not proved.**"
        return "\n".join([f"**{self.name}.** {self.claim}", "", *lines, "", end])


def equal(text: str, left: sp.Expr, right: sp.Expr | int, latex: str | None = None) -> Step:
    """A step that states left = right; `latex` writes it where sympy has already collapsed one side."""
    left, right = sp.sympify(left), sp.sympify(right)
    return Step(text, latex or sp.latex(sp.Eq(left, right, evaluate=False)), vanishes(left - right))


def positive(text: str, expression: sp.Expr, latex: str | None = None) -> Step:
    """A step that states expression > 0, decided by sympy from its symbols' signs and checked on numbers."""
    settled = expression.is_positive is True and positive_on_numbers(expression)
    return Step(text, latex or f"{sp.latex(expression)} > 0", settled)


def positive_numbers(text: str, expression: sp.Expr, latex: str | None = None) -> Step:
    """A step that states expression > 0 on numbers only: the direction of an inequality proved by the steps before."""
    return Step(text, latex or f"{sp.latex(expression)} > 0", positive_on_numbers(expression))
