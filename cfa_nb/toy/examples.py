"""The parameter sets that the notebook, the figures and the claims speak of.

The paper's own values stand in its Appendix A; these are ours, chosen so that Fig. 1 looks as Section 2.3 describes it.
"""

from cfa_nb.toy.model import ToyModel

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
