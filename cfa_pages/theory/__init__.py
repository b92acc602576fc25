"""The toy model of Section 2: closed-form accuracies, their optima, and its extensions; numpy and scipy, no torch.

| module | its one thing |
|---|---|
| `model` | `ToyModel`: Eq. 5 and the accuracies of f_w (Fig. 1, Theorems 1-4) |
| `optima` | the exact argmax of an accuracy, all branches compared |
| `conditions` | when an accuracy rises for every w, and where the argmax jumps |
| `fairness` | the fairest w, and the fixed point of Eq. 6 |
| `bias` | `ToyModelWithBias`: the same data, a classifier with a threshold |
| `k_class` | `KClassToy`: K classes instead of two |
| `variants` | other norms, Laplace noise, the hinge loss |
| `monte_carlo` | accuracies from samples and every corner of the true ball |
| `algebra` | what a sympy proof is made of |
| `proofs`, `proofs_limits`, `proofs_beyond` | Theorems 1-4, where they end, what lies beyond |
| `examples` | the named parameter sets of the notebook |
"""

from cfa_pages.theory.bias import Estimate, ToyModelWithBias, monte_carlo_acc
from cfa_pages.theory.fairness import CCMPoint, always_rises, jump_margin
from cfa_pages.theory.k_class import KClassToy
from cfa_pages.theory.model import ToyModel
from cfa_pages.theory.variants import feature_margin, hinge_risk, laplace_clean_acc, laplace_optimal_w, norm_robust_acc

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
