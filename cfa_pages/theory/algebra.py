"""What the proofs on the pages are written with: symbols, the normal law as sympy functions, and `checked`.

    checked({"d/du Φ(b + u) = φ(b + u)": vanishes(diff(Phi(b + u), u) - phi(b + u))})

An inequality is settled twice: by a sign that sympy decides, and on numbers drawn from the domain, since an equality
alone would let a slip of sign pass.
"""

import numpy as np
import sympy as sp
from IPython.display import Markdown
from scipy.special import ndtr

# One letter, one meaning, on both pages: q is 1 - p; L the log-odds log(p / q); a = sqrt(d) eta and
# b = sqrt(d) (eta - eps) the centres of a clean and of a robust accuracy, m any centre; u = w / sqrt(d); c a threshold;
# h is any positive number, so that "eta = eps + h" says eps < eta.
p, q, u, h, a, eta, eps, w, d, L = sp.symbols("p q u h a eta epsilon w d L", positive=True)
p_pos, p_neg = sp.symbols("p_{+1} p_{-1}", positive=True)
b, m, c = sp.symbols("b m c", real=True)

RANGES = {p: (0.51, 0.99), u: (0.05, 3), h: (0.05, 1), eta: (0.05, 0.5), eps: (0.05, 0.5), w: (0.05, 5), d: (1, 30)}
RANGES |= {q: (0.05, 0.5), a: (0.1, 2), L: (0.05, 4), b: (-2, 2), m: (-2, 2), c: (-1, 1)}
RANGES |= {p_pos: (0.51, 0.99), p_neg: (0.51, 0.99)}


class phi(sp.Function):
    """The standard normal density."""

    def fdiff(self, argindex: int = 1) -> sp.Expr:
        return -self.args[0] * phi(self.args[0])

    def _eval_is_positive(self):
        return self.args[0].is_extended_real


class Phi(sp.Function):
    """The standard normal distribution function."""

    @classmethod
    def eval(cls, z: sp.Expr) -> sp.Expr | None:
        return {sp.oo: sp.Integer(1), -sp.oo: sp.Integer(0), sp.Integer(0): sp.Rational(1, 2)}.get(z)

    def fdiff(self, argindex: int = 1) -> sp.Expr:
        return phi(self.args[0])


def vanishes(expression: sp.Expr) -> bool:
    """Whether sympy simplifies the expression to 0, with Phi written as erf and phi as exp."""
    plain = sp.sympify(expression).replace(Phi, lambda z: (1 + sp.erf(z / sp.sqrt(2))) / 2)
    plain = plain.replace(phi, lambda z: sp.exp(-(z**2) / 2) / sp.sqrt(2 * sp.pi)).rewrite(sp.exp)
    return sp.simplify(sp.expand(sp.expand_log(plain, force=True))) == 0


def positive(expression: sp.Expr) -> bool:
    """Whether sympy finds the expression > 0 from the signs of its symbols, and numbers agree."""
    return sp.factor(expression).is_positive is True and positive_on_numbers(expression)


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


def checked(steps: dict[str, bool]) -> Markdown:
    """The steps of a proof as a list of ticks.

    Raises:
        ArithmeticError: if a step was not found true; its page is then not published.
    """
    if broken := [words for words, holds in steps.items() if not holds]:
        raise ArithmeticError(f"not found true: {'; '.join(broken)}")
    return Markdown("\n".join(f"- ✓ {words}" for words in steps))
