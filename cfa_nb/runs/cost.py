"""What a study will cost, before anything is run: arithmetic and disk, counted from its runs.

    bill = cost(profile, profile.runs())
    bill.flop, bill.hours, bill.disk_bytes

The unit is a forward pass of the network over one image; an input gradient costs one more, a weight gradient one more.
A count, not a measurement: what a machine makes of it depends on how well it is used.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import torch
from torch.utils.flop_counter import FlopCounterMode

from cfa_nb.config import TrainConfig
from cfa_nb.method.model import build
from cfa_nb.runs.study import Profile

#: FLOP a second that the hours on a page assume: a data-centre GPU that sustains a tenth of its bf16 peak.
SUSTAINED = 1e14

#: (training, validation, test images a class; classes; (C, H, W)) of the datasets that need not be at hand.
SHAPES = {
    "cifar10": (5000, 1000, 10, (3, 32, 32)),
    "cifar100": (500, 100, 100, (3, 32, 32)),
    "tiny-imagenet": (500, 50, 200, (3, 64, 64)),
    "demo": (400, 500, 10, (1, 8, 8)),
    "digits": (110, 60, 10, (1, 8, 8)),
}

#: Passes an image under standard AutoAttack, for a network that keeps half of its images: APGD-CE 101 on all that are
#: right, targeted APGD and FAB 9 x 100 on what is left, Square 5,000 forwards on what is left then.
AUTOATTACK = {"aa": 5000, "aa-fast": 1130}


@dataclass(frozen=True)
class Cost:
    """FLOP of training and of all evaluations; bytes of the weights that are kept."""

    flop: float
    disk_bytes: int

    @property
    def hours(self) -> float:
        """Hours at `SUSTAINED`."""
        return self.flop / SUSTAINED / 3600


def cost(profile: Profile, configs: Sequence[TrainConfig]) -> Cost:
    """The cost of these runs, as if none of them had begun."""
    costs = [_cost_of(profile, c) for c in configs]
    return Cost(sum(c.flop for c in costs), sum(c.disk_bytes for c in costs))


def _cost_of(profile, config):
    train, test, classes, (channels, height, _) = SHAPES.get(config.dataset, SHAPES["cifar10"])
    train, test = config.train_per_class or train - config.val_per_class, config.test_per_class or test
    side = config.image_size or height
    flop, parameters = network_size(config.model, config.width, config.depth, classes, (channels, side, side))
    # after an epoch the live weights are evaluated, and each average from its start on
    evaluated = config.epochs + sum(max(0, config.epochs - a.start + 1) for a in profile.averages_of(config))
    images = evaluated * (test + config.val_per_class) * (2 * config.eval_steps + 2)
    images += config.epochs * train * training_passes(config)
    images += sum(_passes(a, test) for attacks in profile.evaluations(config).values() for a in attacks)
    return Cost(flop * classes * images, 4 * parameters * len(profile.reported(config)))


def training_passes(config: TrainConfig) -> int:
    """Passes an image and training step: 24 for AT and FAT with ten steps, 28 for TRADES and FRL."""
    two_outputs = config.objective in ("trades", "frl")
    update = 3 * (2 if two_outputs else 1)  # forward, input and weight gradient of each output
    return 2 * config.steps + update + two_outputs + (config.clean_forward != "off")


def _passes(attack, test):
    images = min(attack.per_class or test, test)
    return images * (2 * attack.steps + 1 if attack.kind == "pgd" else AUTOATTACK.get(attack.kind, attack.steps))


@cache
def network_size(model: str, width: int, depth: int, classes: int, shape: tuple[int, int, int]) -> tuple[int, int]:
    """(FLOP of one forward pass of one image, number of parameters)."""
    config = TrainConfig(dataset="folder", model=model, width=width, depth=depth)
    network = build(config, classes, shape).eval().to("meta")
    counter = FlopCounterMode(display=False)
    with counter, torch.no_grad():
        network(torch.zeros(1, *shape, device="meta"))
    return counter.get_total_flops(), sum(p.numel() for p in network.parameters())
