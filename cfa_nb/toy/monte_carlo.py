"""Accuracies from samples, with no formula behind them: every corner of the true ball is tried on every point."""

import itertools
from typing import NamedTuple

import numpy as np

from cfa_nb.toy.domain import check_ball, check_margin, check_w


class Estimate(NamedTuple):
    """A fraction of hits and its standard error."""

    value: float
    standard_error: float


def monte_carlo_acc(model, label, w, eps=0.0, ball="features", n=400_000, seed=0):
    """R_y(f_w) of Eq. 4 by sampling; f_w is linear, so a point stays right on the ball iff it does at all corners.

    Args:
        model: a `ToyModel`.
        label: +1 or -1.
        w: one finite number > 0.
        eps: margin, >= 0.
        ball: "features" keeps x_1, "all" moves it by +-eps too.
        n: points drawn over both labels; those of `label` are used.
        seed: of `model.sample`.
    Returns:
        `Estimate(value, standard_error)`.
    """
    w, eps = check_w(w), check_margin(eps)
    x, y = model.sample(n, seed)
    x = x[y == label]
    first = (-eps, eps) if check_ball(ball) == "all" else (0.0,)
    right = np.ones(len(x), dtype=bool)
    for corner in itertools.product(first, *[(-eps, eps)] * model.d):
        moved = x + np.array(corner)
        right &= label * (moved[:, 0] + moved[:, 1:].sum(axis=1) / w) > 0
    share = right.mean()
    return Estimate(float(share), float(np.sqrt(share * (1 - share) / len(x))))
