"""A Jupyter-first, reproducible companion of CFA: Class-wise Calibrated Fair Adversarial Training (CVPR 2023)."""

from cfa_nb.processor import fix_level

__version__ = "0.1.0"

fix_level()  # before torch computes for the first time
