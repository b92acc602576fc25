"""One training step, fast: attack on a frozen view, one update, counters; nothing waits for the device."""

from dataclasses import replace

import torch

from cfa_nb.fast.sgd import DeviceSgd
from cfa_nb.fast.statistics import RepeatedPass
from cfa_nb.fast.views import Frozen, Trained
from cfa_nb.model import in_mode
from cfa_nb.objectives import OBJECTIVES, Row

REPEATING = ("trades", "fat")  # the objectives that the released code gives one pass twice


class FastStep:
    """Computes what `cfa_nb.step.train_step` computes, up to rounding.

    Args:
        model: in train mode; its weights are laid out channels-last where that is faster.
        optimiser: from `cfa_nb.step.sgd`; its momentum is shared.
        config: the run's `TrainConfig`; precision "bf16" puts the convolutions into bf16.
        compiled: through torch.compile; pays on a GPU, and on a CPU for long runs only.
    """

    def __init__(self, model, optimiser, config, compiled=False):
        self.model, self.layout = model, layout_of(model)
        model.to(memory_format=self.layout)
        self.config = replace(config, repeat_forwards=False)
        self.sgd = DeviceSgd(optimiser)
        repeats = config.repeat_forwards and config.objective in REPEATING
        self.repeated = RepeatedPass(model) if repeats else None
        bf16 = config.precision == "bf16"
        through_views = bf16 or compiled
        self.attacked = Frozen(model, bf16, compiled) if through_views else model
        self.trained = Trained(model, bf16, compiled) if through_views else model
        self.through_views = through_views

    def __call__(self, x, y, table, generator, robust_counts, clean_counts):
        """One step on one batch; arguments and result as in `cfa_nb.step.train_step`."""
        if self.through_views:
            self.attacked.refresh()
        x = x.contiguous(memory_format=self.layout)
        objective = OBJECTIVES[self.config.objective]
        first = _FirstPass(self.trained, self.repeated)
        loss, adv_logits = objective(first, x, y, Row(table, y), self.config, generator, attacked=self.attacked)
        self.sgd.step(list(torch.autograd.grad(loss, self.sgd.parameters)))
        if self.repeated:
            self.repeated.again()
        robust_counts.add(adv_logits, y)
        if self.config.clean_forward != "off":
            with torch.no_grad(), in_mode(self.model, self.config.clean_forward == "train"):
                clean_counts.add(self.trained(x), y)
        return loss.detach()


def layout_of(model):
    """Channels-last for convolutions on colour images; one channel has no such layout."""
    kernels = [p for p in model.parameters() if p.ndim == 4]
    return torch.channels_last if kernels and kernels[0].shape[1] > 1 else torch.contiguous_format


class _FirstPass:
    """The network of the update; what its first pass does to BatchNorm's statistics is remembered, if asked for."""

    def __init__(self, network, repeated):
        self.network, self.repeated, self.first = network, repeated, True

    def __call__(self, x):
        if self.repeated is None or not self.first:
            return self.network(x)
        self.first = False
        self.repeated.before()
        logits = self.network(x)
        self.repeated.after()
        return logits
