"""The toy model of Section 2: closed-form accuracies, their optima, and its extensions; numpy and scipy, no torch.

| module | what it holds |
|---|---|
| `model` | `ToyModel`: Eq. 5 and the accuracies of f_w (Fig. 1, Theorems 1-4); the notebook's parameter sets |
| `optima` | the exact argmax of an accuracy, all branches compared |
| `fairness` | the fairest w, the fixed point of Eq. 6; when an accuracy rises for every w, where the argmax jumps |
| `bias` | `ToyModelWithBias`: the same data, a classifier with a threshold; accuracies from samples |
| `k_class` | `KClassToy`: K classes instead of two |
| `other_assumptions` | other norms, Laplace noise, the hinge loss |
| `domain` | refuses arguments outside their domain |
| `algebra` | what a sympy proof is made of |
| `proofs`, `proofs_limits`, `proofs_beyond` | Theorems 1-4, where they end, what lies beyond |
"""

from cfa_pages.theory.bias import Estimate, ToyModelWithBias, monte_carlo_acc
from cfa_pages.theory.fairness import CCMPoint, always_rises, jump_margin
from cfa_pages.theory.k_class import KClassToy
from cfa_pages.theory.model import ToyModel
from cfa_pages.theory.other_assumptions import (
    feature_margin,
    hinge_risk,
    laplace_clean_acc,
    laplace_optimal_w,
    norm_robust_acc,
)

__all__ = [
    "CCMPoint",
    "Estimate",
    "KClassToy",
    "ToyModel",
    "ToyModelWithBias",
    "always_rises",
    "feature_margin",
    "hinge_risk",
    "jump_margin",
    "laplace_clean_acc",
    "laplace_optimal_w",
    "monte_carlo_acc",
    "norm_robust_acc",
]
