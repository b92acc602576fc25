"""Toy models drawn at random for properties, and arithmetic in 50 digits to hold them against."""

import itertools

import mpmath
import numpy as np
from hypothesis import strategies as st

from cfa_pages.theory import ToyModel

mp = mpmath.MPContext()
mp.dps = 50
balls, unit = st.sampled_from(("features", "all")), st.just(1.0)


@st.composite
def models(draw, noise=unit, lead=0.001, highest=0.99, eta=(0.01, 1.5), features=60):
    """p_pos is larger than p_neg by `lead` at least; `noise` is drawn for each class."""
    p_neg = draw(st.floats(0.5, highest - lead))
    p_pos = draw(st.floats(p_neg + lead, highest))
    return ToyModel(p_pos, p_neg, draw(st.floats(*eta)), draw(st.integers(1, features)), draw(noise), draw(noise))


def monte_carlo_acc(model, label, w, eps=0.0, ball="features", n=400_000, seed=0):
    """R_y(f_w) of Eq. 4 and its standard error, by sampling: a point is right if it is at all corners of the ball."""
    x, y = model.sample(n, seed)
    x = x[y == label]
    right = np.ones(len(x), dtype=bool)
    for corner in itertools.product((-eps, eps) if ball == "all" else (0.0,), *[(-eps, eps)] * model.d):
        moved = x + np.array(corner)
        right &= label * (moved[:, 0] + moved[:, 1:].sum(axis=1) / w) > 0
    share = right.mean()
    return share, np.sqrt(share * (1 - share) / len(x))
