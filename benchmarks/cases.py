"""What is timed: a method on a network by name, with its class-wise config, its batches and the weights it starts from.

case = Case.parse(Setup(), "w16d2x16", batch=64)     # width 16, two blocks a stage, 16x16 images
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from types import SimpleNamespace

import click
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cfa_nb.config import TrainConfig
from cfa_nb.method.model import build
from cfa_nb.recipes import RECIPES

METHODS = {"at": "at_ccm", "trades": "trades_ccm_ccr", "fat": "fat_ccm"}
CLASSES = 10
SIZES = {"prn18": (8, 3), "w16d2x16": (64, 5), "w8d1x8": (128, 9)}  # on a CPU: (batch, pairs)


@dataclass(frozen=True)
class Setup:
    """What holds for a whole benchmark; `precision` is that of our side, `code` the released one, if it takes part."""

    device: str = "cpu"
    precision: str = "fp32"
    quick: bool = False
    code: SimpleNamespace | None = None


@dataclass(frozen=True)
class Case:
    """A method on a PreActResNet that sees batches of colour images of `side` x `side` pixels, timed in `pairs`.

    warm_up: clean SGD steps before the start. changes: of the config.
    """

    setup: Setup
    width: int
    depth: int
    side: int
    batch: int
    method: str = "at"
    pairs: int = 1
    warm_up: int = 10
    changes: dict = field(default_factory=dict)

    @classmethod
    def parse(cls, setup: Setup, name: str, batch: int, **values) -> "Case":
        """From "prn18" or "w<width>d<blocks a stage>x<side>"; raises `click.BadParameter` on anything else."""
        match = re.fullmatch(r"w(\d+)d(\d+)x(\d+)", "w64d2x32" if name == "prn18" else name)
        if not match:
            text = f"no network {name!r}; say prn18, or w16d2x16 for width 16, 2 blocks a stage, 16x16 images"
            raise click.BadParameter(text, param_hint="--model")
        return cls(setup, *map(int, match.groups()), batch, **values)

    @property
    def is_prn18(self) -> bool:
        """True for the paper's own network and image size."""
        return (self.width, self.depth, self.side) == (64, 2, 32)

    @property
    def label(self) -> str:
        """Such as "width 16, 2 blocks, 16x16, batch 64": blocks are counted a stage."""
        network = f"width {self.width}, {self.depth} block{'s' * (self.depth > 1)}"
        return f"{'PreActResNet-18' if self.is_prn18 else network}, {self.side}x{self.side}, batch {self.batch}"

    def config(self, **changes) -> TrainConfig:
        """The method with class-wise margins and the released code's passes: both sides compute the same."""
        values = dict(width=self.width, depth=self.depth, batch_size=self.batch, precision=self.setup.precision)
        values |= dict(clean_forward="train", repeat_forwards=self.method != "at")
        return replace(RECIPES[METHODS[self.method]], **values | self.changes | changes)

    def network(self) -> nn.Module:
        """A fresh network on the CPU."""
        return build(self.config(), CLASSES, (3, self.side, self.side))

    def images(self, n: int, seed: int = 1) -> tuple[Tensor, Tensor]:
        """n learnable images in [0, 1] and their labels: a template of the class, and as much noise."""
        fixed, seeded = (torch.Generator().manual_seed(s) for s in (0, seed))
        y, templates = torch.arange(n) % CLASSES, torch.rand(CLASSES, 3, self.side, self.side, generator=fixed)
        return 0.5 * templates[y] + 0.5 * torch.rand(n, 3, self.side, self.side, generator=seeded), y

    def batches(self, n: int, dtype: torch.dtype = torch.float32) -> list[tuple[Tensor, Tensor]]:
        """n batches (x, y) on the device."""
        x, y = (t.to(self.setup.device) for t in self.images(n * self.batch))
        return list(zip(x.to(dtype).split(self.batch), y.split(self.batch)))

    @cached_property
    def start(self) -> list[Tensor]:
        """The tensors of a network after `warm_up` clean SGD steps, in order: all sides start from them.

        A network that fails on every image makes the released FAT stop early, which no network in training does.
        """
        model = self.network().to(self.setup.device).train()
        optimiser = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
        for x, y in self.batches(self.warm_up):
            optimiser.zero_grad()
            F.cross_entropy(model(x), y).backward()
            optimiser.step()
        return [value.detach().clone() for value in model.state_dict().values()]


def cases(
    setup: Setup, names: Iterable[str], methods: Iterable[str], model: str | None, batch: int | None, pairs: int | None
) -> Iterator[Case]:
    """All methods on the network that was asked for; else on these on a CPU, on PreActResNet-18 on a GPU.

    A quick run has half the batch, and two pairs.
    """
    for name in [model] if model else names if setup.device == "cpu" else ["prn18"]:
        sizes = SIZES.get(name, (64, 5)) if setup.device == "cpu" else (128, 9)
        default_batch, default_pairs = (sizes[0] // 2, 2) if setup.quick else sizes
        for method in methods:
            case = Case.parse(setup, name, batch or default_batch, method=method, pairs=pairs or default_pairs)
            click.echo(f"{case.label}, {method}", err=True)
            yield case
