"""The class-wise robustness card of any file of weights: `python -m cfa_nb evaluate`."""
