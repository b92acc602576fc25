"""Models and configs small enough to reason about, shared by the tests of the training core."""

import copy
import signal
from dataclasses import replace

import numpy as np
import torch
import torch.nn as nn
from PIL import Image

from cfa_nb.config import Average
from cfa_nb.data.dataset import Split
from cfa_nb.method.calibration import Calibration
from cfa_nb.method.metrics import ClassCounts
from cfa_nb.method.model import build
from cfa_nb.method.objectives import Networks
from cfa_nb.method.step import Sgd, train_step
from cfa_nb.rng import stream
from cfa_nb.runs.profiles import SMOKE

AVERAGES = (Average("ema", start=2), Average("fawa", start=2, threshold=0.15))


def config(recipe="at", seed=0, **changes):
    """A run of a second: 160 images, 8 hidden units, 4 epochs."""
    return SMOKE.config(recipe, seed, **changes)


def resnet_config(recipe="at", **changes):
    """The same on a PreActResNet of width 4, with BatchNorm."""
    return replace(config(recipe), model="preactresnet", width=4, depth=1, **changes)


def draw_folder(root, classes, n, side, seed=0):
    """`n` PNGs of each class in a folder of its own: noise around a picture."""
    rng = np.random.default_rng(seed)
    for name in classes:
        (root / name).mkdir(parents=True)
        picture = rng.integers(40, 215, size=(side, side, 3))
        for i in range(n):
            pixels = (picture + rng.normal(0, 25, size=picture.shape)).clip(0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(root / name / f"{i}.png")


def network(store, run, key):
    """The network rebuilt from a checkpoint."""
    model = build(run, 10, (1, 14, 14)).eval()
    model.load_state_dict(store.load_weights(run, key))
    return model


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


# --- single steps in float64: in float32 the sign of a gradient near 0 would be chance, and two correct steps part ways

SHAPE = (3, 8, 8)
CLOSE = 1e-9  # of the largest movement


def step_config(recipe="at", **changes):
    """A PreActResNet with all of the step: margins, a clean pass that moves BatchNorm's statistics."""
    own = dict(precision="fp64", clean_forward="train", lr=0.05, steps=4, alpha=0.02, eps=0.06)
    return resnet_config(recipe, **own | changes)


def batch(step, n=20):
    """n learnable images: a template of the class, and as much noise."""
    y = torch.arange(n) % 10
    templates, noise = (
        torch.rand(k, *SHAPE, generator=generator(s), dtype=torch.float64) for k, s in ((10, 5), (n, 100 + step))
    )
    return 0.5 * templates[y] + 0.5 * noise, y


def class_wise(config):
    """A `Calibration` that differs from class to class in everything."""
    spread = [0.6 + 0.08 * k for k in range(10)]
    weights = tuple(s / sum(spread) for s in spread)
    return Calibration(*(tuple(v * s for s in spread) for v in (config.eps, config.beta)), weights, weights[::-1])


class Stepped:
    """A network that is stepped, on `batch` after `batch`, with what the steps need and count."""

    def __init__(self, config, model=None, networks=Networks):
        self.config, self.model = config, (model or build(config, 10, SHAPE)).double().train()
        self.networks, self.update = networks(self.model), Sgd(self.model, config)
        self.counts = ClassCounts(10), ClassCounts(10)
        self.class_values = class_wise(config).to("cpu", torch.float64)

    def step(self, number, n=20):
        x, y = batch(number, n)
        noise = stream(0, "attack", 1, number)
        return train_step(self.networks, self.update, x, y, self.class_values, self.config, noise, *self.counts)

    def results(self):
        return [counts.result() for counts in self.counts]


def warmed_up(config, model=None):
    """A network after three steps: its weights and statistics are away from their start."""
    before = Stepped(config, model)
    for number in range(3):
        before.step(1000 + number)
    return before.model


def difference(start, ours, theirs):
    """Largest difference of two states' weights and statistics, over the largest movement since `start`."""
    names = [k for k in start if start[k].is_floating_point()]
    assert all(torch.equal(ours[k], theirs[k]) for k in start if k not in names), "batch counters"
    moved = max(float((ours[k] - start[k]).abs().max()) for k in names)
    assert moved > 1e-4
    return max(float((ours[k] - theirs[k]).abs().max()) for k in names) / moved


def state_of(model):
    return copy.deepcopy(model.state_dict())
