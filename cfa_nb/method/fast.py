"""One training step, fast: attack on a frozen view, one update, counters; nothing waits for the device."""

from dataclasses import replace

import torch
from torch.func import functional_call
from torch.nn.modules.batchnorm import _BatchNorm

from cfa_nb.method.model import in_mode
from cfa_nb.method.objectives import OBJECTIVES, Row

REPEATING = ("trades", "fat")  # the objectives that the released code gives one pass twice


class FastStep:
    """Computes what `cfa_nb.method.step.train_step` computes, up to rounding.

    Args:
        model: in train mode; its weights are laid out channels-last where that is faster.
        optimiser: from `cfa_nb.method.step.sgd`; its momentum is shared.
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
        """One step on one batch; arguments and result as in `cfa_nb.method.step.train_step`."""
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


class DeviceSgd:
    """Updates the parameters of a `torch.optim.SGD`, whose momentum buffers it shares, so that checkpoints stay alike.

    Args:
        optimiser: from `cfa_nb.method.step.sgd`.
    """

    def __init__(self, optimiser):
        (group,) = optimiser.param_groups
        self.group, self.parameters = group, group["params"]
        self.lr = torch.tensor(float(group["lr"]), dtype=self.parameters[0].dtype, device=self.parameters[0].device)
        self.momentum = [self._buffer(optimiser.state[p], p) for p in self.parameters]

    @staticmethod
    def _buffer(state, parameter):
        """The momentum, begun at zero: its first update then is the gradient itself, as in torch."""
        if state.get("momentum_buffer") is None:
            state["momentum_buffer"] = torch.zeros_like(parameter, memory_format=torch.preserve_format)
        return state["momentum_buffer"]

    def set_lr(self, lr):
        """The rate of the coming steps."""
        self.lr.fill_(lr)

    @torch.no_grad()
    def step(self, gradients):
        """v <- momentum v + (gradient + weight_decay w),  w <- w - lr v; `gradients` are used up."""
        torch._foreach_add_(gradients, self.parameters, alpha=self.group["weight_decay"])
        torch._foreach_mul_(self.momentum, self.group["momentum"])
        torch._foreach_add_(self.momentum, gradients)
        torch._foreach_sub_(self.parameters, torch._foreach_mul(self.momentum, self.lr))


class View:
    """A network called with a given state; `training` and `train` are the network's own.

    Args:
        model: the network.
        bf16: convolutions in bf16; weights, statistics, images and losses stay fp32.
        compiled: through torch.compile, without its CUDA graphs: the whole step becomes one graph of its own.
    """

    def __init__(self, model, bf16=False, compiled=False):
        self.model, self.bf16 = model, bf16
        self.names = [name for name, _ in model.named_parameters()]
        self._call = torch.compile(self._functional, dynamic=False) if compiled else self._functional

    @property
    def training(self):
        return self.model.training

    def train(self, mode=True):
        self.model.train(mode)

    def __call__(self, x):
        return self._call(x, self.state())

    def _functional(self, x, state):
        return functional_call(self.model, dict(zip(self.names, state)), (x,))

    def _cast(self, parameters):
        """Convolution kernels in bf16, the rest as it is."""
        return [p.to(torch.bfloat16) if self.bf16 and p.ndim == 4 else p for p in parameters]


class Trained(View):
    """Gradients flow into the network's parameters."""

    def state(self):
        return self._cast(self.model.parameters())


class Frozen(View):
    """Gradients flow into the input alone. `refresh` after the weights changed: the cast is made once a step."""

    def __init__(self, model, bf16=False, compiled=False):
        super().__init__(model, bf16, compiled)
        self.refresh()

    def refresh(self):
        """Takes the weights as they are now; without bf16 they are the same storage."""
        self._state = self._cast([p.detach() for p in self.model.parameters()])

    def state(self):
        return self._state


class RepeatedPass:
    """Remembers what a pass did, to do it again.

    Args:
        model: a network whose BatchNorm layers have one momentum; without any, nothing is done.
    """

    def __init__(self, model):
        layers = [m for m in model.modules() if isinstance(m, _BatchNorm)]
        self.buffers = [b for m in layers for b in (m.running_mean, m.running_var)]
        self.counters = [m.num_batches_tracked for m in layers]
        self.keep = 1 - layers[0].momentum if layers else 1.0

    @torch.no_grad()
    def before(self):
        """Call before the pass."""
        self.moved = [self.keep * b for b in self.buffers]

    @torch.no_grad()
    def after(self):
        """Call after the pass: keeps m s of each statistic."""
        self.moved = [b - m for b, m in zip(self.buffers, self.moved)]

    @torch.no_grad()
    def again(self):
        """The statistics as if the pass were made once more; after the backward pass, which still needs them."""
        for buffer, moved in zip(self.buffers, self.moved):
            buffer.mul_(self.keep).add_(moved)
        for counter in self.counters:
            counter.add_(1)
