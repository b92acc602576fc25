"""The sides of a comparison behind one interface: `Ours`, our training step, and `Theirs`, the released loop.

side.reset(); side.train(batches); side.numbers()
"""

import io
import warnings
from contextlib import redirect_stderr

import torch
from torch import Tensor, nn

from benchmarks.cases import CLASSES, Case, Setup
from cfa_nb.config import TrainConfig
from cfa_nb.data.batches import DTYPES
from cfa_nb.method.calibration import Calibration
from cfa_nb.method.fast import fast_networks
from cfa_nb.method.metrics import ClassCounts
from cfa_nb.method.model import layout_of
from cfa_nb.method.step import Sgd, train_step
from cfa_nb.rng import stream

OURS, EAGER = "ours", "ours eager"
LOSSES = {"at": "cw_pgd_loss", "trades": "cw_trades_loss", "fat": "cw_fat_loss"}


class Side:
    """A network in training that can be put back to where it started: it is changed in place only."""

    def __init__(self, name: str, case: Case, config: TrainConfig, model: nn.Module):
        self.name, self.case, self.config, self.device = name, case, config, case.setup.device
        self.model = model.to(self.device, DTYPES[config.precision]).train()
        self.class_values = class_wise(config).to(self.device, DTYPES[config.precision])
        self.start, self.momentum = case.start, []
        self.reset()

    @torch.no_grad()
    def reset(self) -> None:
        """Weights, buffers and momentum as at the start; momentum of zeros steps like none."""
        for target, value in zip(self.model.state_dict().values(), self.start, strict=True):
            target.copy_(value)
        for momentum in self.momentum:
            momentum.zero_()

    def numbers(self) -> dict[str, Tensor]:
        """The state as three vectors: "weight", "statistic" and "counter"."""
        weights, kinds = {name for name, _ in self.model.named_parameters()}, {}
        for name, value in self.model.state_dict().items():
            kind = "weight" if name in weights else "statistic" if value.is_floating_point() else "counter"
            kinds.setdefault(kind, []).append(value.flatten())
        return {kind: torch.cat(values) for kind, values in kinds.items()}


class Ours(Side):
    """`train_step` as it trains: eager on a CPU, on compiled views of the network on a GPU; there "ours eager", too."""

    def __init__(self, case: Case, config: TrainConfig, name: str = OURS):
        super().__init__(name, case, config, case.network())
        self.layout = layout_of(self.model.to(memory_format=layout_of(self.model)))
        compiled = case.setup.device != "cpu" and name == OURS
        self.networks = fast_networks(self.model, bf16=config.precision == "bf16", compiled=compiled)
        self.update = Sgd(self.model, config)
        self.momentum = self.update.momentum

    def train(self, batches: list, seed: int = 0) -> tuple:
        """One pass over (x, y) batches; robust and clean hits of each class come back."""
        self.model.train()
        counts = [ClassCounts(CLASSES, self.device) for _ in range(2)]
        for i, (x, y) in enumerate(batches):
            x, noise = x.contiguous(memory_format=self.layout), stream(seed, "attack", 1, i, self.device)
            train_step(self.networks, self.update, x, y, self.class_values, self.config, noise, *counts)
        return tuple(c.result().hits for c in counts)


class Theirs(Side):
    """The released `train_epoch`, on its own network for PreActResNet-18, otherwise on ours without its first layer.

    The released network has a fixed width. For another one its step runs on our network, whose normalisation is taken
    out since the step normalises: then steps are compared, not networks.
    """

    def __init__(self, case: Case, config: TrainConfig):
        self.code = case.setup.code
        model = self.code.model.PreActResNet18(CLASSES) if case.is_prn18 else case.network()
        if not case.is_prn18:
            model.normalise = nn.Identity()
        super().__init__("authors", case, config, model)
        self.eps, beta, _, _ = self.class_values
        self.beta = config.fat_tau if config.objective == "fat" else beta / (1 + beta)
        numbers = dict(lr=config.lr, momentum=config.momentum, weight_decay=config.weight_decay)
        self.optimiser = torch.optim.SGD(self.model.parameters(), **numbers)

    def train(self, batches: list, seed: int = 0) -> tuple:
        """As of `Ours`; the seed is for the global generator, from which the released loop draws."""
        torch.manual_seed(seed)
        attack, train_epoch = getattr(self.code.attack, LOSSES[self.config.objective]), self.code.train.train_epoch
        numbers = (self.eps, self.beta, self.config.alpha, self.config.steps)
        with quiet():
            result = train_epoch(self.model, batches, self.optimiser, self.device, attack, *numbers)
        self.momentum = [state["momentum_buffer"] for state in self.optimiser.state.values()]
        images = sum(len(y) for _, y in batches)  # the loop reports K * hits / N of each class, clean before robust
        return tuple(tuple(round(float(a) * images / CLASSES) for a in result[i]) for i in (3, 2))


def sides(case: Case, **changes) -> list[Side]:
    """All sides there are, the reference of every ratio first: the authors', or our eager step, or the only one."""
    config = case.config(**changes)
    theirs = [Theirs(case, config)] if case.setup.code else []
    return theirs + [Ours(case, config, name) for name in our_names(case.setup)]


def our_names(setup: Setup) -> list[str]:
    """The names of our sides."""
    return [OURS] if setup.device == "cpu" else [EAGER, OURS]


def class_wise(config: TrainConfig) -> Calibration:
    """Margins and betas that differ from class to class, as in the middle of a run: 0.6 to 1.4 times the nominal."""
    spread, equal = [0.6 + 0.8 * k / (CLASSES - 1) for k in range(CLASSES)], (1 / CLASSES,) * CLASSES
    eps, beta = (config.eps * s for s in spread), (config.beta * s for s in reversed(spread))
    return Calibration(tuple(eps), tuple(beta), equal, equal)


def quiet() -> redirect_stderr:
    """Swallows progress bars and the warning about an argument that torch has renamed since."""
    warnings.filterwarnings("ignore", message="size_average and reduce args will be deprecated")
    return redirect_stderr(io.StringIO())
