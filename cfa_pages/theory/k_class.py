"""The toy model with K classes, exact up to one integral.

x_1 votes for the true class y with probability p, else for one of the others, each equally likely. Every class k has
d weak features, N(eta, 1) if k = y and N(0, 1) if not, with sum S_k. The classifier is argmax_k (w 1[x_1 = k] + S_k).
The attack lowers every feature of the true class by eps and raises all others by eps: c = sqrt(d) (eta - 2 eps).
"""

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtr

from cfa_pages.theory.domain import Values, check_count, check_margin, check_positive, check_probability, check_w


class KClassToy:
    """One class of the K-class toy model; the accuracy of a class depends on its own p alone.

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
