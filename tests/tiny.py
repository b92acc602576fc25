"""Models and configs small enough to reason about, shared by the tests of the training core."""

import signal
from dataclasses import replace

import torch
import torch.nn as nn

from cfa_nb.config import Average
from cfa_nb.data.dataset import Split
from cfa_nb.runs.profiles import SMOKE

AVERAGES = (Average("ema", start=2), Average("fawa", start=2, threshold=0.15))


def config(recipe="at", seed=0, **changes):
    """A run of a second: 160 images, 8 hidden units, 4 epochs."""
    return SMOKE.config(recipe, seed, **changes)


def resnet_config(recipe="at", **changes):
    """The same on a PreActResNet of width 4, with BatchNorm."""
    return replace(config(recipe), model="preactresnet", width=4, depth=1, **changes)


def heed_ctrl_c():
    """For a child process, before it begins: a shell that starts tests in the background has SIGINT ignored."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


class TwoClass(nn.Module):
    """Logits (0, w . x): the strongest attack is known, x + eps * sign(w_other - w_y)."""

    def __init__(self, w):
        super().__init__()
        self.w = nn.Parameter(w)

    def forward(self, x):
        score = (x * self.w).flatten(1).sum(dim=1)
        return torch.stack([torch.zeros_like(score), score], dim=1)


def two_class(shape=(3, 4, 4), seed=0):
    """A `TwoClass` model whose weights are nowhere 0."""
    g = torch.Generator().manual_seed(seed)
    w = torch.randn(shape, generator=g)
    return TwoClass(w + 0.1 * w.sign())


def images(n=12, shape=(3, 4, 4), seed=1, num_classes=2):
    """(x in [0, 1], y), seeded."""
    g = torch.Generator().manual_seed(seed)
    return torch.rand(n, *shape, generator=g), torch.arange(n) % num_classes


def split(n=20, shape=(1, 8, 8), num_classes=10, seed=0):
    """A random uint8 `Split`."""
    g = torch.Generator().manual_seed(seed)
    pixels = torch.randint(256, (n, *shape), generator=g).to(torch.uint8)
    return Split(pixels, torch.arange(n) % num_classes)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)
