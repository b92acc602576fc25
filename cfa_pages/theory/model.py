"""The data model of Section 2.2 and the accuracies of f_w on it, in closed form.

    model = ToyModel(p_pos=0.85, p_neg=0.60, eta=0.40)
    model.clean_acc(-1, w=[0.5, 1.0, 2.0])                 # A_-1(f_w), vectorised
    model.robust_acc(+1, w=2.0, eps=0.2)                   # R_+1(f_w), x_1 untouched
    model.robust_acc(+1, w=2.0, eps=0.2, ball="all")       # the literal l_inf ball
    model.optimal_w(eps=0.2)                               # argmax_w R(f_w), Theorem 2

Notation: S = x_2 + ... + x_{d+1}, so y S ~ N(d eta, d sigma_y^2); u = w / sqrt(d); b = sqrt(d) (eta - eps).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtr  # the normal distribution function Phi

from cfa_pages.theory import domain, fairness
from cfa_pages.theory.domain import Values, check_ball, check_count, check_label, check_margin
from cfa_pages.theory.optima import Curve, mp, peak, peak_of_mean


@dataclass(frozen=True)
class ToyModel:
    """The distribution of Eq. 5: a robust feature x_1 that errs with the class, and d weak Gaussian features.

    Args:
        p_pos: P(x_1 = y) of the easy class y = +1; p_neg < p_pos < 1.
        p_neg: P(x_1 = y) of the hard class y = -1; 0.5 <= p_neg.
        eta: mean of each weak feature, > 0 (the paper adds eta < 1/2, which nothing here needs).
        d: number of weak features, >= 1.
        sigma_pos: noise of the weak features of class +1, > 0; the paper has 1.
        sigma_neg: the same of class -1.
    Raises:
        ValueError: if a value lies outside its domain, which the message names.
    """

    p_pos: float
    p_neg: float
    eta: float
    d: int = 1
    sigma_pos: float = 1.0
    sigma_neg: float = 1.0

    def __post_init__(self):
        checks = dict.fromkeys(("p_pos", "p_neg"), domain.check_probability) | {"d": check_count}
        checks |= dict.fromkeys(("eta", "sigma_pos", "sigma_neg"), domain.check_positive)
        for name, check in checks.items():
            object.__setattr__(self, name, check(name, getattr(self, name)))
        domain.check_order(self.p_neg, self.p_pos)

    def p(self, label: int) -> float:
        """P(x_1 = y) of a class."""
        return self.p_pos if check_label(label) == 1 else self.p_neg

    def sigma(self, label: int) -> float:
        """Noise of a class's weak features."""
        return self.sigma_pos if check_label(label) == 1 else self.sigma_neg

    def clean_acc(self, label: int, w: ArrayLike) -> Values:
        """A_y(f_w) = p_y Phi(a + u) + (1 - p_y) Phi(a - u), with a = sqrt(d) eta.

        Args:
            label: +1 or -1.
            w: in (0, inf], any shape; inf is sign(x_1).
        Returns:
            accuracy as a fraction, of w's shape.
        """
        return self.robust_acc(label, w, 0.0)

    def robust_acc(self, label: int, w: ArrayLike, eps: ArrayLike, ball: str = "features") -> Values:
        """R_y(f_w) = p_y Phi(b + (1 - k) u) + (1 - p_y) Phi(b - (1 + k) u), k = 0 ("features") or eps ("all"); Eq. 4.

        Args:
            label: +1 or -1.
            w: in (0, inf]; inf means the limit.
            eps: margin, >= 0; broadcasts with w.
            ball: "features": x_1 untouched; "all": the literal l_inf ball.
        Returns:
            accuracy as a fraction, of the broadcast shape.
        """
        rising, falling = self._arguments(w, eps, ball)
        p, sigma = self.p(label), self.sigma(label)
        return p * ndtr(rising / sigma) + (1 - p) * ndtr(falling / sigma)

    def overall_acc(self, w: ArrayLike, eps: ArrayLike = 0.0, ball: str = "features") -> Values:
        """R(f_w), the mean over both labels, which the paper draws uniformly; A(f_w) at eps = 0."""
        return (self.robust_acc(1, w, eps, ball) + self.robust_acc(-1, w, eps, ball)) / 2

    def gap(self, w: ArrayLike, eps: ArrayLike = 0.0, ball: str = "features") -> Values:
        """R_+1(f_w) - R_-1(f_w); with equal noise (p_+1 - p_-1) [Phi(b + u) - Phi(b - u)] > 0 (Theorem 1)."""
        if self.sigma_pos != self.sigma_neg:
            return self.robust_acc(1, w, eps, ball) - self.robust_acc(-1, w, eps, ball)
        high, low = (argument / self.sigma_pos for argument in self._arguments(w, eps, ball))
        flip = low > 0  # far right, Phi(high) - Phi(low) would cancel: use the mirror image
        return (self.p_pos - self.p_neg) * (ndtr(np.where(flip, -low, high)) - ndtr(np.where(flip, -high, low)))[()]

    def sample(self, n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
        """n labelled points of Eq. 5: x (n, d + 1) with x_1 in the first column, y (n,) of -1 and +1."""
        rng = np.random.default_rng(seed)
        y = rng.choice([-1, 1], size=check_count("n", n))
        agrees = rng.random(n) < np.where(y == 1, self.p_pos, self.p_neg)
        noise = rng.standard_normal((n, self.d)) * np.where(y == 1, self.sigma_pos, self.sigma_neg)[:, None]
        return np.column_stack([np.where(agrees, y, -y), self.eta * y[:, None] + noise]), y

    def optimal_w(self, label: int | None = None, eps: ArrayLike = 0.0, ball: str = "features") -> Values:
        """The w > 0 of the largest R_y(f_w), or of the largest R(f_w) if `label` is None (Theorems 2 and 3).

        With x_1 untouched, equal noise and p = p_y, or the mean of both p for the overall R:
        w* = log(p / (1 - p)) / (2 (eta - eps)), times sigma_y^2 for a class.

        Args:
            label: +1, -1, or None for the overall accuracy.
            eps: margin, >= 0, any shape.
            ball: "features" or "all", as in `robust_acc`.
        Returns:
            w of eps's shape. `inf` if the supremum is approached as w -> inf: x_1 untouched and eps >= eta; in the
            literal ball where R rises all the way, or where its finite top lies below p. `0.0` if approached as w -> 0:
            p = 1/2 below eta; in the literal ball also where eps > 2p - 1 and Phi(b / sigma) > p, and for eps >= 1.
            `nan` if R is constant (p = 1/2, x_1 untouched, eps = eta) or two candidates tie.
        """
        curves = (lambda e: self._curves(e, e, ball)) if label is None else (lambda e: [self._curve(label, e, ball)])
        best = np.vectorize(lambda e: self._to_w(_top(curves(e))), otypes=[float])
        return best(check_margin(eps))[()]

    def trained_w(self, eps_pos: float, eps_neg: float, ball: str = "features") -> float:
        """The w that class-wise adversarial training reaches: argmax of (R_+1(f_w; eps_+1) + R_-1(f_w; eps_-1)) / 2.

        Returns one number with the meaning of `optimal_w`; at equal margins it is `optimal_w(eps=...)`.
        """
        return self._to_w(_top(self._curves(float(check_margin(eps_pos)), float(check_margin(eps_neg)), ball)))

    def fair_w(self, eps: ArrayLike) -> Values:
        """The w > 0 whose worst class is best, argmax_w min_y R_y(f_w; eps), x_1 untouched (see `fairness.fair_w`)."""
        return fairness.fair_w(self, eps)

    def ccm_fixed_point(self, eps: float, lambda_1: float) -> fairness.CCMPoint:
        """Where the margin rule of Eq. 6 comes to rest: (w, eps_pos, eps_neg) (see `fairness.ccm_fixed_point`)."""
        return fairness.ccm_fixed_point(self, eps, lambda_1)

    def ccm_radius(self, eps: float, lambda_1: float) -> float:
        """By which factor a deviation from that point changes in a round of Eq. 6 (see `fairness.ccm_radius`)."""
        return fairness.ccm_radius(self, eps, lambda_1)

    def _arguments(self, w, eps, ball):
        """Arguments of Phi when x_1 helps and when it misleads, before division by the noise."""
        w, eps = domain.check_w(w), check_margin(eps)
        k = eps if check_ball(ball) == "all" else 0.0
        u, b = w / np.sqrt(self.d), np.sqrt(self.d) * (self.eta - eps)
        with np.errstate(invalid="ignore"):
            helped = np.where(np.equal(k, 1), b, b + (1 - k) * u)  # eps = 1 cancels x_1, also at w = inf
        return helped[()], b - (1 + k) * u

    def _curve(self, label, eps, ball):
        b = mp.sqrt(self.d) * (mp.mpf(self.eta) - mp.mpf(eps))
        return Curve(self.p(label), b, self.sigma(label), eps if check_ball(ball) == "all" else 0.0)

    def _curves(self, eps_pos, eps_neg, ball):
        """What the overall accuracy is a mean of: one curve if the classes differ in p alone (R is linear in p)."""
        pos, neg = self._curve(1, eps_pos, ball), self._curve(-1, eps_neg, ball)
        if (pos.b, pos.sigma, pos.kappa) == (neg.b, neg.sigma, neg.kappa):
            return [Curve((mp.mpf(pos.p) + mp.mpf(neg.p)) / 2, pos.b, pos.sigma, pos.kappa)]
        return [pos, neg]

    def _to_w(self, u):
        return float(np.sqrt(self.d) * u)


def _top(curves):
    return peak(curves[0]) if len(curves) == 1 else peak_of_mean(curves)


FIGURE_1 = ToyModel(p_pos=0.85, p_neg=0.60, eta=0.40)
FIGURE_1_EPS = 0.50  # above eta: the margin at which both robust curves rise for all w

#: Both classes lean on the weak features: in the literal ball w* falls with eps.
FALLING = ToyModel(p_pos=0.65, p_neg=0.55, eta=0.45)

#: The hard class is nearly as easy as the other: the fair w is reached by a margin that exists.
CLOSE = ToyModel(p_pos=0.75, p_neg=0.65, eta=0.40)

#: Unequal noise turns Theorem 1 round: the class of the better x_1 has the noisier weak features.
UNEQUAL_NOISE = ToyModel(p_pos=0.85, p_neg=0.60, eta=0.40, sigma_pos=2.0, sigma_neg=0.5)

#: The edge p_-1 = 1/2 that the paper allows: x_1 says nothing about the hard class.
COIN_FLIP = ToyModel(p_pos=0.85, p_neg=0.50, eta=0.40)
