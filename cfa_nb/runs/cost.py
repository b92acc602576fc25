"""What a study will cost, before anything is run: arithmetic and disk, counted from its runs.

    bill = cost(profile, profile.runs())
    bill.training, bill.evaluation, bill.disk_bytes     # FLOP, FLOP, bytes

The unit is a forward pass of the network over one image; an input gradient costs one more, a weight gradient one more.
A count, not a measurement: what a machine makes of it depends on how well it is used.
"""

from dataclasses import dataclass
from functools import cache

import torch
from torch.utils.flop_counter import FlopCounterMode

from cfa_nb.config import TrainConfig
from cfa_nb.method.model import build

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
    """FLOP of training and of the evaluation of finished weights; bytes of the weights that are kept."""

    training: float
    evaluation: float
    disk_bytes: int

    def __add__(self, other):
        return Cost(*(a + b for a, b in zip(vars(self).values(), vars(other).values())))

    @property
    def hours(self):
        """Hours at `SUSTAINED`."""
        return (self.training + self.evaluation) / SUSTAINED / 3600


def cost(profile, configs):
    """`Cost` of these runs, as if none of them had begun."""
    return sum((_cost_of(profile, c) for c in configs), Cost(0.0, 0.0, 0))


def _cost_of(profile, config):
    train, test, classes, shape = _shape(config)
    flop, parameters = network_size(config.model, config.width, config.depth, classes, shape)
    epoch = train * training_passes(config) + (test + config.val_per_class) * _measured(profile, config)
    final = sum(_final_passes(a, test) for attacks in profile.evaluations(config).values() for a in attacks)
    kept = len(profile.reported(config))
    return Cost(flop * classes * config.epochs * epoch, flop * classes * final, 4 * parameters * kept)


def _shape(config):
    train, test, classes, shape = SHAPES.get(config.dataset, SHAPES["cifar10"])
    side = config.image_size or shape[1]
    return (
        config.train_per_class or train - config.val_per_class,
        config.test_per_class or test,
        classes,
        (shape[0], side, side),
    )


def training_passes(config):
    """Passes an image and training step: 24 for AT and FAT with ten steps, 28 for TRADES and FRL."""
    two_outputs = config.objective in ("trades", "frl")
    update = 3 * (2 if two_outputs else 1)  # forward, input and weight gradient of each output
    return 2 * config.steps + update + two_outputs + (config.clean_forward != "off")


def _measured(profile, config):
    """Passes an image after each epoch: clean and PGD, for the live weights and for averages once they have begun."""
    alive = sum(max(0, config.epochs - a.start + 1) for a in profile.averages_of(config)) / config.epochs
    return (1 + alive) * (2 * config.eval_steps + 2)


def _final_passes(attack, test):
    images = min(attack.per_class or test, test)
    if attack.kind == "pgd":
        return images * (2 * attack.steps + 1)
    return images * AUTOATTACK.get(attack.kind, attack.steps)


@cache
def network_size(model, width, depth, classes, shape):
    """(FLOP of one forward pass of one image, number of parameters)."""
    network = (
        build(TrainConfig(dataset="folder", model=model, width=width, depth=depth), classes, shape).eval().to("meta")
    )
    counter = FlopCounterMode(display=False)
    with counter, torch.no_grad():
        network(torch.zeros(1, *shape, device="meta"))
    return counter.get_total_flops(), sum(p.numel() for p in network.parameters())
