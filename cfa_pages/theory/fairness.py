"""The fairest single w, and the margin rule of Eq. 6 (CCM), on a `ToyModel`; x_1 is untouched throughout."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from cfa_pages.theory.domain import Values, check_ball, check_margin, check_positive

if TYPE_CHECKING:
    from cfa_pages.theory.model import ToyModel


class CCMPoint(NamedTuple):
    """A state that Eq. 6 leaves as it is: the trained w and the margin of each class."""

    w: float
    eps_pos: float
    eps_neg: float


def fair_w(model: ToyModel, eps: ArrayLike) -> Values:
    """The w of argmax_w min_y R_y(f_w; eps).

    Each R_y rises to its own top and then falls. Between the two tops one class falls while the other rises, so the
    worst class is best at one of the tops, or where the two curves cross between them. With equal noise class -1 is
    always the worst (Theorem 1), and the answer is its own top, log(p_-1 / (1 - p_-1)) / (2 (eta - eps)).

    Returns:
        w of eps's shape; `inf`, `0.0` and `nan` as in `ToyModel.optimal_w`.
    """
    return np.vectorize(lambda e: _fair_w(model, e), otypes=[float])(check_margin(eps))[()]


def _fair_w(model, eps):
    tops = {label: model.optimal_w(label, eps) for label in (1, -1)}
    if np.isnan(tops[-1]) or tops[1] == tops[-1]:
        return tops[-1]
    first, last = sorted(tops, key=tops.get)  # between the tops: `first` falls, `last` rises
    lead = [_lead(model, first, tops[label], eps) for label in (first, last)]
    if lead[0] <= 0:
        return tops[first]  # the falling class is the worst already at its top
    return tops[last] if lead[1] >= 0 else _crossing(model, first, tops[first], tops[last], eps)


def _lead(model, label, w, eps):
    """R of `label` minus R of the other class; at w = 0 the limit from above, where x_1 does not count."""
    w = w or np.finfo(float).tiny
    return model.robust_acc(label, w, eps) - model.robust_acc(-label, w, eps)


def _crossing(model, first, low, high, eps):
    """Where the lead of `first` ends; bisected in w / (1 + w), so that either end may be 0 or inf."""
    low, high = (1.0 if w == np.inf else w / (1 + w) for w in (low, high))
    share, _ = _bisected(lambda share: _lead(model, first, share / (1 - share), eps) > 0, low, high)
    return share / (1 - share)


def _bisected(holds, low, high):
    """Two neighbouring doubles: at the first the predicate still holds, as it does at `low`, at the second no more."""
    while low < (middle := (low + high) / 2) < high:
        low, high = (middle, high) if holds(middle) else (low, middle)
    return low, high


def ccm_fixed_point(model: ToyModel, eps: float, lambda_1: float, share: float = 1.0, rounds: int = 2000) -> CCMPoint:
    """Alternates training and Eq. 6 until nothing moves: eps_k <- (lambda_1 + t_k) eps, from eps_k = eps.

    t_k is the train robust accuracy of class k at its own margin, R_k(f_w; eps_k), as the rule measures it.

    Args:
        model: a `ToyModel`.
        eps: the original margin, > 0.
        lambda_1: the base perturbation budget of Eq. 6, > 0.
        share: how far a round goes towards what Eq. 6 says; less than 1 finds the point where the rule itself swings.
        rounds: the most rounds tried.
    Returns:
        `CCMPoint(w, eps_pos, eps_neg)`; w is inf where the margins have grown past the means.
    Raises:
        ValueError: if eps or lambda_1 is not positive.
        ArithmeticError: if the rule has not come to rest after `rounds` rounds.
    """
    eps, lambda_1 = check_positive("eps", eps), check_positive("lambda_1", lambda_1)
    margins = np.array([eps, eps])
    for _ in range(rounds):
        before = margins
        margins = before + share * (_eq_6(model, eps, lambda_1, before) - before)
        if np.allclose(margins, before, rtol=1e-15, atol=0):
            return CCMPoint(model.trained_w(*before), *map(float, margins))
    raise ArithmeticError(f"Eq. 6 has not come to rest after {rounds} rounds at eps = {eps}, lambda_1 = {lambda_1}")


def ccm_rounds(model: ToyModel, eps: float, lambda_1: float, rounds: int) -> list[np.ndarray]:
    """The margins (eps_+1, eps_-1) before the first round of Eq. 6, and after each."""
    margins = [np.array([eps, eps])]
    for _ in range(rounds):
        margins.append(_eq_6(model, eps, lambda_1, margins[-1]))
    return margins


def _eq_6(model, eps, lambda_1, margins):
    """One round: the margins that follow from training at these."""
    w = model.trained_w(*margins)
    return (lambda_1 + np.array([_accuracy(model, label, w, m) for label, m in zip((1, -1), margins)])) * eps


def ccm_radius(model: ToyModel, eps: float, lambda_1: float, step: float = 1e-4) -> float:
    """By which factor a small deviation from the fixed point of Eq. 6 changes in a round: below 1 it dies out.

    The spectral radius of the round's derivative, by central differences of `step` times eps. Raises as
    `ccm_fixed_point`.
    """
    at = np.array(ccm_fixed_point(model, eps, lambda_1, share=0.5)[1:])
    shifts = step * eps * np.eye(2)
    columns = [_eq_6(model, eps, lambda_1, at + s) - _eq_6(model, eps, lambda_1, at - s) for s in shifts]
    return float(np.abs(np.linalg.eigvals(np.column_stack(columns) / (2 * step * eps))).max())


def _accuracy(model, label, w, eps):
    return model.robust_acc(label, w or np.finfo(float).tiny, eps)


def always_rises(
    p: ArrayLike, eta: ArrayLike, eps: ArrayLike, d: int = 1, ball: str = "features"
) -> np.bool | np.ndarray:
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


def jump_margin(model: ToyModel, label: int | None = None) -> float:
    """The margin eps_c at which the argmax of the literal ball jumps from a finite w to infinity.

    The best finite R_y falls as the ball grows, while its limit p at w -> inf stays: once passed, always passed.

    Args:
        model: a `ToyModel`.
        label: +1, -1, or None for the overall accuracy.
    Returns:
        eps_c in (0, 1), or nan if the supremum is never at infinity (possible only if eta > 1).
    """
    low, high = 0.0, min(model.eta, np.nextafter(1, 0))
    if model.optimal_w(label, high, "all") != np.inf:
        return np.nan
    return _bisected(lambda eps: model.optimal_w(label, eps, "all") != np.inf, low, high)[1]
