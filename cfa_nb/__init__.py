"""A Jupyter-first, reproducible companion of CFA: Class-wise Calibrated Fair Adversarial Training (CVPR 2023)."""

__version__ = "0.1.0"
