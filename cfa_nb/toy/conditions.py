"""The exact conditions behind Theorems 2 and 4: when an accuracy rises for every w, and where its argmax jumps."""

import numpy as np

from cfa_nb.toy.domain import check_ball, check_margin


def always_rises(p, eta, eps, d=1, ball="features"):
    """Whether R_y(f_w) strictly increases for all w > 0: the left half of Theorem 4's second claim, for one class.

    x_1 untouched: iff eps >= eta (p > 1/2), or eps > eta (p = 1/2).
    Literal ball: iff eps <= 2p - 1 and [eps >= eta or d (eta - eps)^2 <= 2 eps L_eps],
    with L_eps = log[p (1 - eps) / ((1 - p)(1 + eps))].

    Args:
        p: P(x_1 = y) of the class, in [1/2, 1); broadcasts with the rest.
        eta: mean of the weak features.
        eps: margin, >= 0.
        d: number of weak features.
        ball: "features" or "all".
    Returns:
        bool, of the broadcast shape.
    """
    p, eps = np.asarray(p, dtype=float), check_margin(eps)
    if check_ball(ball) == "features":
        return ((eps > eta) | ((eps == eta) & (p > 0.5)))[()]
    with np.errstate(divide="ignore", invalid="ignore"):
        log_odds = np.log1p((2 * p - 1 - eps) / ((1 - p) * (1 + eps)))  # L_eps, exact to rounding near eps = 2p - 1
    return ((eps <= 2 * p - 1) & ((eps >= eta) | (d * (eta - eps) ** 2 <= 2 * eps * log_odds)))[()]


def jump_margin(model, label=None):
    """The margin eps_c at which the argmax of the literal ball jumps from a finite w to infinity.

    The best finite R_y falls as the ball grows, while its limit p at w -> inf stays: once passed, always passed.
    Bisection in eps down to neighbouring doubles.

    Args:
        model: a `ToyModel`.
        label: +1, -1, or None for the overall accuracy.
    Returns:
        eps_c in (0, 1), or nan if the supremum is never at infinity (possible only if eta > 1).
    """
    low, high = 0.0, min(model.eta, np.nextafter(1, 0))
    if model.optimal_w(label, high, "all") != np.inf:
        return np.nan
    while low < (middle := (low + high) / 2) < high:
        low, high = (low, middle) if model.optimal_w(label, middle, "all") == np.inf else (middle, high)
    return high
