"""Section 2 under other assumptions: other norms of the ball, Laplace noise, the hinge loss."""

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtr

from cfa_pages.theory.domain import Values, check_label, check_margin, check_positive, check_probability, check_w
from cfa_pages.theory.model import ToyModel


def feature_margin(eps: ArrayLike, d: int, norm: float = np.inf) -> Values:
    """The l_inf margin that costs f_w as much as an l_r margin eps on the d weak features: eps d^(-1/r).

    So "eps < eta" of Theorem 2 reads eps < eta d^(1/r) in that norm; norm is r in [1, inf].
    """
    return check_margin(eps) * float(d) ** (-1 / _norm(norm))


def norm_robust_acc(model: ToyModel, label: int, w: ArrayLike, eps: ArrayLike, norm: float = np.inf) -> Values:
    """R_y(f_w) if an l_r ball holds all d + 1 coordinates; norm = inf is `ToyModel.robust_acc(..., ball="all")`.

    The ball can lower y (w x_1 + S) by eps times the dual norm of (w, 1, ..., 1) (Hoelder); w is finite.
    """
    r = _norm(norm)
    dual = np.inf if r == 1 else 1.0 if r == np.inf else r / (r - 1)
    w, d = check_w(w), model.d
    lost = check_margin(eps) * (np.maximum(w, 1.0) if dual == np.inf else (w**dual + d) ** (1 / dual))
    p, scale = model.p(check_label(label)), np.sqrt(d) * model.sigma(label)
    return p * ndtr((d * model.eta + w - lost) / scale) + (1 - p) * ndtr((d * model.eta - w - lost) / scale)


def laplace_clean_acc(p: float, eta: float, w: ArrayLike) -> Values:
    """A_y(f_w) for d = 1 and noise of density exp(-|z|) / 2: p F(eta + w) + (1 - p) F(eta - w)."""
    p, eta, w = check_probability("p", p), check_positive("eta", eta), check_w(w)
    return p * _laplace(eta + w) + (1 - p) * _laplace(eta - w)


def laplace_optimal_w(p: float, eta: float) -> float:
    """argmax_w of `laplace_clean_acc`: L / 2 if L = log(p / (1 - p)) < 2 eta, `inf` if L > 2 eta, `nan` if equal."""
    log_odds = np.log(check_probability("p", p) / (1 - p))
    eta = check_positive("eta", eta)
    return np.nan if log_odds == 2 * eta else float(log_odds / 2) if log_odds < 2 * eta else np.inf


def hinge_risk(model: ToyModel, w_1: ArrayLike, w_2: ArrayLike, eps: ArrayLike = 0.0) -> Values:
    """Mean adversarial hinge loss E max(0, 1 - y (w_1 x_1 + w_2 S)), S at its worst; x_1 untouched, w_2 >= 0.

    Args:
        model: a `ToyModel` with equal unit noise.
        w_1: weight of x_1, any shape.
        w_2: weight of each weak feature, >= 0, broadcasts with w_1.
        eps: margin, >= 0.
    Returns:
        the loss, of the broadcast shape.
    """
    mean, spread = w_2 * model.d * (model.eta - check_margin(eps)), np.maximum(w_2 * np.sqrt(model.d), 1e-12)
    p, risk = (model.p_pos + model.p_neg) / 2, 0.0
    for share, vote in ((p, w_1), (1 - p, -w_1)):
        shortfall = 1 - vote - mean  # the mean of 1 - margin
        density = np.exp(-((shortfall / spread) ** 2) / 2) / np.sqrt(2 * np.pi)
        risk = risk + share * (shortfall * ndtr(shortfall / spread) + spread * density)
    return risk


def _laplace(x):
    tail = np.exp(-np.abs(x)) / 2
    return np.where(x < 0, tail, 1 - tail)[()]


def _norm(norm):
    if not norm >= 1:
        raise ValueError(f"norm must lie in [1, inf], got {norm!r}")
    return norm
