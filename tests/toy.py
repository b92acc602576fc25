"""Toy models drawn at random for properties, and arithmetic in 50 digits to hold them against."""

import mpmath
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
