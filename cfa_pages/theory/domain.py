"""Checks at the door of the toy model: every parameter outside its domain is a ValueError that names the domain."""

import numpy as np
from numpy.typing import ArrayLike

LABELS = (1, -1)  # +1 is the paper's easy class, -1 its hard class
BALLS = ("features", "all")  # x_1 untouched, or the literal l_inf ball over all d + 1 coordinates
Values = float | np.ndarray  # what a formula gives: one number, or an array of the shape of its arguments


def check_probability(name: str, value: float, low: float = 0.5) -> float:
    """`value` as a float in [low, 1)."""
    return _checked(name, value, float, f"[{low:g}, 1)", lambda v: low <= v < 1)


def check_positive(name: str, value: float) -> float:
    """`value` as a finite float above 0."""
    return _checked(name, value, float, "(0, inf)", lambda v: 0 < v < np.inf)


def check_count(name: str, value: int, low: int = 1) -> int:
    """`value` as an integer of at least `low`."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < low:
        raise ValueError(f"{name} must be an integer >= {low}, got {value!r}")
    return int(value)


def check_order(p_neg: float, p_pos: float) -> None:
    """Refuses an easy class that is not the more reliable one."""
    if p_neg >= p_pos:
        raise ValueError(f"the model needs 0.5 <= p_neg < p_pos < 1, got p_neg = {p_neg} and p_pos = {p_pos}")


def check_margin(eps: ArrayLike, name: str = "eps") -> Values:
    """`eps` as float array (or scalar) of finite margins >= 0."""
    return _checked(name, eps, _floats, "[0, inf)", lambda v: (v >= 0) & (v < np.inf))


def check_w(w: ArrayLike) -> Values:
    """`w` as float array (or scalar) in (0, inf]; w = inf is the classifier sign(x_1)."""
    return _checked("w", w, _floats, "(0, inf]", lambda v: v > 0)


def check_label(label: int) -> int:
    """`label`, if it is +1 or -1."""
    if label not in LABELS:
        raise ValueError(f"label must be +1 (easy) or -1 (hard), got {label!r}")
    return label


def check_ball(ball: str) -> str:
    """`ball`, if it is one of the two readings of B(x, eps)."""
    if ball not in BALLS:
        raise ValueError(f'ball must be "features" (x_1 untouched) or "all" (the whole l_inf ball), got {ball!r}')
    return ball


def _floats(value):
    return np.asarray(value, dtype=float)[()]  # [()]: a 0-d array becomes a scalar


def _checked(name, value, convert, domain, inside):
    try:
        converted = convert(value)
    except (TypeError, ValueError):
        raise ValueError(f"{name} must be a number in {domain}, got {value!r}") from None
    if not np.all(inside(converted)):
        raise ValueError(f"{name} must lie in {domain}, got {value!r}")
    return converted
