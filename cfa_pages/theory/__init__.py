"""The toy model of Section 2: closed-form accuracies, their optima, and its extensions; numpy and scipy, no torch.

| module | what it holds |
|---|---|
| `model` | `ToyModel`: Eq. 5 and the accuracies of f_w (Fig. 1, Theorems 1-4); the notebooks' parameter sets |
| `optima` | the exact argmax of an accuracy, all branches compared |
| `fairness` | the fairest w, the rounds of Eq. 6 and where they end; when an accuracy rises for every w |
| `extensions` | `ToyModelWithBias`: a classifier with a threshold; `KClassToy`: K classes instead of two |
| `domain` | refuses arguments outside their domain |
| `algebra` | what the proofs on the pages are written with |
"""

from cfa_pages.theory.extensions import KClassToy, ToyModelWithBias
from cfa_pages.theory.fairness import CCMPoint, always_rises, ccm_rounds, jump_margin
from cfa_pages.theory.model import ToyModel

__all__ = ["CCMPoint", "KClassToy", "ToyModel", "ToyModelWithBias", "always_rises", "ccm_rounds", "jump_margin"]
