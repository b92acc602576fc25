"""What is timed: a network by name, the class-wise config, seeded batches, and weights that have learnt a little.

workload = Workload.parse("w16d2x16", batch=64)   # width 16, two blocks a stage, 16x16 images
"""

import re
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F

from cfa_nb.config import RECIPES
from cfa_nb.data.batches import DTYPES
from cfa_nb.method.calibration import Calibration
from cfa_nb.method.model import build

METHODS = ("at", "trades", "fat")
CLASS_WISE = {"at": "at_ccm", "trades": "trades_ccm_ccr", "fat": "fat_ccm"}
CLASSES = 10
PRN18 = "w64d2x32"


@dataclass(frozen=True)
class Workload:
    """A PreActResNet and the batches it sees: colour images of `side` x `side` pixels."""

    width: int
    depth: int
    side: int
    batch: int

    @classmethod
    def parse(cls, name, batch):
        """From "prn18" or "w<width>d<blocks a stage>x<side>"; raises `ValueError` on anything else."""
        match = re.fullmatch(r"w(\d+)d(\d+)x(\d+)", PRN18 if name == "prn18" else name)
        if not match:
            raise ValueError(
                f"no network {name!r}; say prn18, or w16d2x16 for width 16, 2 blocks a stage, 16x16 images"
            )
        return cls(*map(int, match.groups()), batch)

    def with_batch(self, batch):
        """The same network on batches of another size."""
        return replace(self, batch=batch)

    @property
    def is_prn18(self):
        """True for the paper's own network and image size."""
        return (self.width, self.depth, self.side) == (64, 2, 32)

    @property
    def label(self):
        """Such as "width 16, 2 blocks, 16x16, batch 64": blocks are counted a stage."""
        blocks = f"{self.depth} block{'s' * (self.depth > 1)}"
        network = "PreActResNet-18" if self.is_prn18 else f"width {self.width}, {blocks}"
        return f"{network}, {self.side}x{self.side}, batch {self.batch}"

    @property
    def shape(self):
        """(C, H, W) of an image."""
        return 3, self.side, self.side

    def config(self, method, **changes):
        """The method with class-wise margins and the released code's passes: both sides compute the same."""
        size = dict(width=self.width, depth=self.depth, batch_size=self.batch)
        same = dict(clean_forward="train", repeat_forwards=method != "at")
        return replace(RECIPES[CLASS_WISE[method]], **{**size, **same, **changes})


def dtype_of(config):
    """What images, weights and losses are held in; a reduced precision is the business of the step."""
    return DTYPES.get(config.precision, torch.float32)


def class_wise(config):
    """Margins and betas that differ from class to class, as in the middle of a run: 0.6 to 1.4 times the nominal."""
    spread = [0.6 + 0.8 * k / (CLASSES - 1) for k in range(CLASSES)]
    eps, beta = (config.eps * s for s in spread), (config.beta * s for s in reversed(spread))
    return Calibration(tuple(eps), tuple(beta), (1 / CLASSES,) * CLASSES, (1 / CLASSES,) * CLASSES)


def images(n, shape, seed=1):
    """n learnable images in [0, 1] and their labels: a template of the class, and as much noise."""
    templates = torch.rand(CLASSES, *shape, generator=torch.Generator().manual_seed(0))
    generator = torch.Generator().manual_seed(seed)
    y = torch.arange(n) % CLASSES
    return 0.5 * templates[y] + 0.5 * torch.rand(n, *shape, generator=generator), y


def batches(workload, n, device="cpu", dtype=torch.float32):
    """n batches (x, y) on the device."""
    x, y = images(n * workload.batch, workload.shape)
    return list(zip(x.to(device, dtype).split(workload.batch), y.to(device).split(workload.batch)))


def learnt_state(workload, device="cpu", steps=10):
    """The tensors of a network after some clean SGD steps, in order.

    A network that fails on every image makes the released FAT stop early, which no network in training does.
    """
    model = build(workload.config("at"), CLASSES, workload.shape).to(device).train()
    optimiser = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    for x, y in batches(workload, steps, device):
        optimiser.zero_grad()
        F.cross_entropy(model(x), y).backward()
        optimiser.step()
    return [value.detach().clone() for value in model.state_dict().values()]
