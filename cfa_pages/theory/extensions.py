"""Two extensions of the toy model: a classifier with a threshold, and K classes instead of two."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtr

from cfa_pages.theory.domain import (
    Values,
    check_count,
    check_label,
    check_margin,
    check_order,
    check_positive,
    check_probability,
    check_w,
)


class Rule(NamedTuple):
    """A linear rule sign(x_1 + S / w + c)."""

    w: float
    c: float


class ToyModelWithBias:
    """Eq. 5 with a classifier that may move its threshold, f(x) = sign(x_1 + S / w + c); x_1 untouched.

    The paper leaves the bias c out.

    Args and Raises: as `ToyModel`, with unit noise.
    """

    def __init__(self, p_pos: float, p_neg: float, eta: float, d: int = 1):
        self.p_pos = check_probability("p_pos", p_pos)
        self.p_neg = check_probability("p_neg", p_neg)
        check_order(self.p_neg, self.p_pos)
        self.eta = check_positive("eta", eta)
        self.d = check_count("d", d)

    def robust_acc(self, label: int, w: ArrayLike, c: ArrayLike, eps: ArrayLike) -> Values:
        """R_y = p_y Phi(b + u (1 + y c)) + (1 - p_y) Phi(b - u (1 - y c)); w in (0, inf), broadcasts with c and eps."""
        p = self.p_pos if check_label(label) == 1 else self.p_neg
        u = check_w(w) / np.sqrt(self.d)
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


class KClassToy:
    """One class of the toy model with K classes, exact up to one integral; its accuracy depends on its own p alone.

    x_1 votes for the true class y with probability p, else for one of the others, each equally likely. Every class k
    has d weak features, N(eta, 1) if k = y and N(0, 1) if not, with sum S_k. The classifier is
    argmax_k (w 1[x_1 = k] + S_k). The attack lowers every feature of the true class by eps and raises all others by
    eps: c = sqrt(d) (eta - 2 eps).

    Args:
        num_classes: K, >= 2.
        p: P(x_1 votes for the true class), in [1/K, 1).
        eta: mean of a true class's weak features, > 0.
        d: weak features per class, >= 1.
    Raises:
        ValueError: if a value lies outside its domain, which the message names.
    """

    def __init__(self, num_classes: int, p: float, eta: float, d: int = 1):
        self.num_classes = check_count("num_classes", num_classes, low=2)
        self.p = check_probability("p", p, low=1 / self.num_classes)
        self.eta = check_positive("eta", eta)
        self.d = check_count("d", d)

    def robust_acc(self, w: ArrayLike, eps: ArrayLike) -> Values:
        """R = Int phi(z) [p Phi(z+c+u)^(K-1) + (1-p) Phi(z+c)^(K-2) Phi(z+c-u)] dz, with u = w / sqrt(d).

        The trapezoid rule on [-10, 10] with a step of at most 0.5 / sqrt(K) is exact to rounding: the integrand is
        entire and dies off, so the rule's error falls like exp(-2 pi^2 / (K step^2)).

        Args:
            w: in (0, inf], any shape.
            eps: margin, >= 0; broadcasts with w.
        Returns:
            accuracy as a fraction.
        """
        w, eps, k = check_w(w), check_margin(eps), self.num_classes
        z = np.linspace(-10, 10, 1 + int(np.ceil(40 * np.sqrt(k))))
        c = np.sqrt(self.d) * (self.eta - 2 * eps)
        others = z + np.asarray(c)[..., None]
        u = np.asarray(w / np.sqrt(self.d))[..., None]
        right = self.p * ndtr(others + u) ** (k - 1) + (1 - self.p) * ndtr(others) ** (k - 2) * ndtr(others - u)
        weight = np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi) * (z[1] - z[0])
        return (right @ weight)[()]

    def optimal_w(self, eps: ArrayLike = 0.0) -> Values:
        """argmax_w R = log((K-1) p / (1-p)) / (eta - 2 eps): the theorems' story with eta / 2 in the place of eta.

        Args:
            eps: margin, >= 0, any shape.
        Returns:
            w of eps's shape; `inf` from eps = eta / 2 on, where R rises all the way; `0.0` if p = 1/K and
            eps < eta / 2; `nan` if p = 1/K and eps = eta / 2, where R is constant.
        """
        excess = max(self.num_classes * self.p - 1, 0.0)
        reach = self.eta - 2 * check_margin(eps)
        with np.errstate(divide="ignore", invalid="ignore"):
            best = np.log1p(excess / (1 - self.p)) / reach
        return np.where(reach < 0, np.inf, best)[()]
