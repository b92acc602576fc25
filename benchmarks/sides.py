"""The two sides of a comparison behind one interface: `Ours`, a candidate step, and `Theirs`, the released loop.

side.reset(); side.train(batches); side.state()
"""

import io
import warnings
from contextlib import redirect_stderr

import torch
import torch.nn as nn

from benchmarks.candidates import candidates
from benchmarks.workloads import CLASSES, class_wise, dtype_of
from cfa_nb.method.metrics import ClassCounts
from cfa_nb.method.model import build
from cfa_nb.method.step import sgd
from cfa_nb.rng import stream

AUTHORS = "authors"
LOSSES = {"at": "cw_pgd_loss", "trades": "cw_trades_loss", "fat": "cw_fat_loss"}


class Side:
    """A network and its optimiser that can be put back to where they started.

    Args:
        model, optimiser: changed in place only.
        start: the tensors of the state to start from, in the order of the model's.
    """

    def __init__(self, model, optimiser, start):
        self.model, self.optimiser, self.start = model, optimiser, start
        self.reset()

    @torch.no_grad()
    def reset(self):
        """Weights, buffers and momentum as at the start."""
        _copy(self.start, self.model)
        for state in self.optimiser.state.values():
            state["momentum_buffer"].zero_()  # a buffer of zeros steps like no buffer

    def kinds(self):
        """What each tensor of the state is: "weight", "statistic" or "counter"."""
        weights = {name for name, _ in self.model.named_parameters()}
        tensors = self.model.state_dict().items()
        return ["weight" if n in weights else "statistic" if v.is_floating_point() else "counter" for n, v in tensors]

    def state(self):
        """Copies of all weights and buffers, in order."""
        return [value.detach().clone() for value in self.model.state_dict().values()]


class Ours(Side):
    """A registered candidate, by name."""

    def __init__(self, name, workload, config, start, device="cpu"):
        self.name, self.config, self.device = name, config, device
        model = build(config, CLASSES, workload.shape).to(device, dtype_of(config)).train()
        optimiser = sgd(model, config)
        self.step = candidates()[name](model, optimiser, config)
        super().__init__(model, optimiser, start)
        self.table = class_wise(config).to(device, dtype_of(config))

    def train(self, batches, seed=0):
        """One pass over (x, y) batches; robust and clean hits per class come back, (K,) each."""
        self.model.train()
        robust, clean = (ClassCounts(CLASSES, self.device) for _ in range(2))
        for i, (x, y) in enumerate(batches):
            noise = stream(seed, "attack", 1, i, self.device)
            self.step(x, y, self.table, noise, robust, clean)
        return robust.result().hits, clean.result().hits


class Theirs(Side):
    """The released `train_epoch`, on its own network for PreActResNet-18, otherwise on ours without its first layer.

    The released network has a fixed width. For another one its step runs on our network, whose normalisation is taken
    out since the step normalises: then steps are compared, not networks.
    """

    name = AUTHORS

    def __init__(self, code, workload, config, start, device="cpu"):
        self.code, self.config, self.device = code, config, device
        if workload.is_prn18:
            model = code.model.PreActResNet18(CLASSES)
        else:
            model = build(config, CLASSES, workload.shape)
            model.normalise = nn.Identity()
        model = model.to(device, dtype_of(config)).train()
        super().__init__(model, sgd(model, config), start)
        self.eps, beta, _, _ = class_wise(config).to(device, dtype_of(config))
        self.beta = config.fat_tau if config.objective == "fat" else beta / (1 + beta)

    def train(self, batches, seed=None):
        """One pass of the released loop; hits per class as `Ours` gives them. A seed is for the global generator."""
        if seed is not None:
            torch.manual_seed(seed)
        attack = getattr(self.code.attack, LOSSES[self.config.objective])
        numbers = (self.eps, self.beta, self.config.alpha, self.config.steps)
        with quiet():
            result = self.code.train.train_epoch(self.model, batches, self.optimiser, self.device, attack, *numbers)
        return _hits(result[3], batches), _hits(result[2], batches)


def sides(names, code, workload, config, start, device="cpu"):
    """The sides of these names, in this order; `code` is needed for "authors" alone."""
    make = {AUTHORS: lambda: Theirs(code, workload, config, start, device)}
    return [make[n]() if n in make else Ours(n, workload, config, start, device) for n in names]


def names(code):
    """All sides there are, the reference of every ratio first: the authors', or our plain step without their code."""
    return [AUTHORS] * (code is not None) + list(candidates())


def quiet():
    """Swallows progress bars and the warning about an argument that torch has renamed since."""
    warnings.filterwarnings("ignore", message="size_average and reduce args will be deprecated")
    return redirect_stderr(io.StringIO())


def _copy(start, model):
    """Fills the model's state, tensor by tensor in order; raises `ValueError` if it is another network's."""
    targets = list(model.state_dict().values())
    if [t.shape for t in targets] != [s.shape for s in start]:
        raise ValueError("the two networks do not have the same tensors in the same order")
    for target, value in zip(targets, start):
        target.copy_(value)


def _hits(class_accuracy, batches):
    """The released loop reports K * hits / N a class; the whole number behind it."""
    n = sum(len(y) for _, y in batches)
    return tuple(round(float(a) * n / CLASSES) for a in class_accuracy)
