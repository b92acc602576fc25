"""`demo`: designed 8x8 images in which the paper's mechanism can be watched on a laptop. No evidence for CIFAR-10.

An image is a grey ground, a coarse pattern, a faint detail (hard classes), a fainter non-robust pattern and noise:

    x = 1/2 + c (B_k / 4 + d_k D_k) + Q_y / 25 + noise,    c ~ U(0.2, 1.8),  noise ~ N(0, 0.12^2)

All patterns are two-dimensional Walsh functions: +-1 images, exactly orthogonal, nothing random, nothing to tune. The
six easy classes have a coarse pattern each. The hard classes 2, 3, 4, 5 share one, and differ only in a detail whose
amplitude is near the attack's margin. As in the paper's toy model (Eq. 5) the robust parts B, D point to the label
with probability p_y only, less often for hard classes (the image then shows another class's); Q_y always points to it,
but its amplitude lies far below the margin. That hard classes share their shape goes beyond Eq. 5.
"""

import numpy as np
import torch
from scipy.linalg import hadamard

from cfa_nb.config import TrainConfig
from cfa_nb.data.dataset import Dataset, Split

SIDE = 8
CLASS_NAMES = tuple(f"{'hard' if k in (2, 3, 4, 5) else 'easy'} {k}" for k in range(10))
HARD = (2, 3, 4, 5)
EASY = (0, 1, 6, 7, 8, 9)

COARSE = dict(zip(EASY, [(0, 1), (1, 0), (1, 1), (0, 2), (2, 0), (1, 2)])) | dict.fromkeys(HARD, (2, 1))
DETAIL = [(2, 2), (3, 3), (0, 3), (3, 0), (1, 3), (3, 1), (2, 3), (3, 2), (4, 4), (4, 3)]
NON_ROBUST = [(7, 7), (7, 6), (6, 7), (6, 6), (7, 5), (5, 7), (5, 5), (6, 5), (5, 6), (7, 4)]

COARSE_AMPLITUDE, NON_ROBUST_AMPLITUDE, NOISE = 0.25, 0.04, 0.12
CONTRAST = (0.2, 1.8)
DETAIL_AMPLITUDE = np.array([0, 0, 0.15, 0.13, 0.14, 0.16, 0, 0, 0, 0])
MISLEADING = np.array([0.01, 0.01, 0.04, 0.06, 0.05, 0.03, 0.01, 0.01, 0.01, 0.01])  # 1 - p_y

TEST_SEED = 2**32 - 1  # the test set is the same for every run; no run seed is this large


def load(config: TrainConfig) -> Dataset:
    """Train and validation drawn by the run's seed; the test set is fixed (500 a class unless the config says less)."""
    rng = np.random.default_rng(config.seed)
    train = draw(config.train_per_class or 400, rng)
    val = draw(config.val_per_class, rng)
    test = draw(config.test_per_class or 500, np.random.default_rng(TEST_SEED))
    return Dataset("demo", CLASS_NAMES, train, val, test)


def draw(per_class: int, rng: np.random.Generator) -> Split:
    """`per_class` images of each class, as a `Split` of (10 per_class, 1, 8, 8) pixels."""
    labels = np.repeat(np.arange(10), per_class)
    shown = _shown_class(labels, rng)
    contrast = rng.uniform(*CONTRAST, size=(len(labels), 1, 1))
    robust = COARSE_AMPLITUDE * _COARSE[shown] + DETAIL_AMPLITUDE[shown, None, None] * _DETAIL[shown]
    noise = NOISE * rng.standard_normal((len(labels), SIDE, SIDE))
    x = 0.5 + contrast * robust + NON_ROBUST_AMPLITUDE * _NON_ROBUST[labels] + noise
    pixels = np.rint(255 * x.clip(0, 1)).astype(np.uint8)[:, None]
    return Split(torch.from_numpy(pixels), torch.from_numpy(labels))


def _shown_class(labels, rng):
    """The class whose robust pattern is drawn: the label, or now and then another one (a hard one, if it is hard)."""
    misled = rng.random(len(labels)) < MISLEADING[labels]
    other_hard = np.array([[j for j in HARD if j != k] if k in HARD else [0] * 3 for k in range(10)])
    other_any = np.array([[j for j in range(10) if j != k] for k in range(10)])
    pick = rng.random(len(labels))
    from_hard = other_hard[labels, (pick * 3).astype(int)]
    from_any = other_any[labels, (pick * 9).astype(int)]
    return np.where(misled, np.where(np.isin(labels, HARD), from_hard, from_any), labels)


def walsh(i: int, j: int) -> np.ndarray:
    """The (i, j)-th two-dimensional Walsh function: an 8x8 image of +-1, rows in order of sign changes."""
    rows = hadamard(SIDE)
    rows = rows[np.argsort((np.diff(rows) != 0).sum(axis=1))]
    return np.outer(rows[i], rows[j]).astype(float)


_COARSE = np.stack([walsh(*COARSE[k]) for k in range(10)])
_DETAIL = np.stack([walsh(*DETAIL[k]) for k in range(10)])
_NON_ROBUST = np.stack([walsh(*NON_ROBUST[k]) for k in range(10)])
