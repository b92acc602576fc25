"""The same data, and a classifier that may also move its threshold: f(x) = sign(x_1 + S / w + c), x_1 untouched."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtr

from cfa_pages.theory import domain
from cfa_pages.theory.domain import Values, check_label, check_margin


class Rule(NamedTuple):
    """A linear rule sign(x_1 + S / w + c)."""

    w: float
    c: float


class ToyModelWithBias:
    """Eq. 5 with the hypothesis space widened by a threshold c (the paper leaves the bias out).

    Args and Raises: as `ToyModel`, with unit noise.
    """

    def __init__(self, p_pos: float, p_neg: float, eta: float, d: int = 1):
        self.p_pos = domain.check_probability("p_pos", p_pos)
        self.p_neg = domain.check_probability("p_neg", p_neg)
        domain.check_order(self.p_neg, self.p_pos)
        self.eta = domain.check_positive("eta", eta)
        self.d = domain.check_count("d", d)

    def robust_acc(self, label: int, w: ArrayLike, c: ArrayLike, eps: ArrayLike) -> Values:
        """R_y = p_y Phi(b + u (1 + y c)) + (1 - p_y) Phi(b - u (1 - y c)); w in (0, inf), broadcasts with c and eps."""
        p = self.p_pos if check_label(label) == 1 else self.p_neg
        u = domain.check_w(w) / np.sqrt(self.d)
        b = np.sqrt(self.d) * (self.eta - check_margin(eps))
        with np.errstate(invalid="ignore"):
            return p * ndtr(b + u * (1 + label * c)) + (1 - p) * ndtr(b - u * (1 - label * c))

    def optimal(self, eps_pos: float, eps_neg: float | None = None) -> Rule:
        """The rule of the largest mean of R_+1 and R_-1 when the classes are trained at their own margins.

        With eps = (eps_+1 + eps_-1) / 2, delta = (eps_+1 - eps_-1) / 2 and L_y = log(p_y / (1 - p_y)) this is the
        Bayes rule of the shifted features, w = (L_+1 + L_-1) / (4 (eta - eps)) and c = c_0 + d delta / w, where
        c_0 = log[p_+1 (1 - p_+1) / (p_-1 (1 - p_-1))] / (L_+1 + L_-1) < 0 serves the hard class.

        Args:
            eps_pos: margin of class +1, >= 0.
            eps_neg: margin of class -1; equal to eps_pos if left out.
        Returns:
            `Rule(w, c)`; `Rule(inf, nan)` at a mean margin >= eta, where every |c| < 1 approaches the supremum.
        """
        eps_pos = float(check_margin(eps_pos, "eps_pos"))
        eps_neg = eps_pos if eps_neg is None else float(check_margin(eps_neg, "eps_neg"))
        slope = (self.eta - eps_pos) + (self.eta - eps_neg)  # 2 (eta - eps)
        if slope <= 0:
            return Rule(np.inf, np.nan)
        log_odds = _log_odds(self.p_pos) + _log_odds(self.p_neg)
        spread = np.log(self.p_pos / self.p_neg) + np.log((1 - self.p_pos) / (1 - self.p_neg))
        w = log_odds / (2 * slope)
        return Rule(float(w), float(spread / log_odds + self.d * (eps_pos - eps_neg) / 2 / w))


def _log_odds(p):
    return np.log1p((2 * p - 1) / (1 - p))
