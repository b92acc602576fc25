"""Counts the passes of a piece of work: forwards, input gradients and weight gradients, in units of one full forward.

    with PassCounter(model) as counter:
        train_step(...)
    counter.passes(forward_flops)        # Passes(forward=12.0, input_grad=11.0, weight_grad=1.0)

Convolutions and linear layers are counted, by their multiply-adds. What runs inside a CUDA graph or in compiled code is
not dispatched and not seen.
"""

from dataclasses import dataclass

import torch
from torch.utils._python_dispatch import TorchDispatchMode

aten = torch.ops.aten


@dataclass(frozen=True)
class Passes:
    """Full passes of each kind; an input or weight gradient costs as many operations as a forward."""

    forward: float
    input_grad: float
    weight_grad: float

    @property
    def total(self):
        """In forwards."""
        return self.forward + self.input_grad + self.weight_grad


class PassCounter(TorchDispatchMode):
    """Sums up floating-point operations by kind.

    Args:
        model: its parameters tell the two gradients of a linear layer apart.
    """

    def __init__(self, model):
        super().__init__()
        self.weights = {p.data_ptr() for p in model.parameters()}
        self.flops = {"forward": 0, "input_grad": 0, "weight_grad": 0}
        self.dispatched = 0  # all operations, views too

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        out = func(*args, **(kwargs or {}))
        self.dispatched += 1
        packet = func.overloadpacket
        if packet is aten.convolution:
            self._add("forward", _conv_flops(out, args[1]))
        elif packet is aten.convolution_backward:
            self._add_conv_gradients(*args[:3], mask=args[10])
        elif packet is aten.addmm:
            self._add("forward", _product_flops(*args[1:3]))
        elif packet is aten.mm:
            self._add(self._kind_of(*args), _product_flops(*args))
        return out

    def passes(self, forward_flops):
        """`Passes`, given what one forward of the same batch costs."""
        return Passes(**{kind: flops / forward_flops for kind, flops in self.flops.items()})

    def _add(self, kind, flops):
        self.flops[kind] += flops

    def _add_conv_gradients(self, grad_out, x, weight, mask):
        flops = _conv_flops(grad_out, weight)
        self._add("input_grad", flops * mask[0])
        self._add("weight_grad", flops * mask[1])

    def _kind_of(self, a, b):
        """A product with a parameter is x W^T (forward) or g W (input gradient); one of g^T x is a weight gradient."""
        if b.data_ptr() in self.weights:
            return "input_grad" if b.is_contiguous() else "forward"
        return "weight_grad"


def forward_flops(model, x):
    """Floating-point operations of one forward of a batch; the model is left as it was."""
    before = model.training
    model.eval()
    with torch.no_grad(), PassCounter(model) as counter:
        model(x)
    model.train(before)
    return counter.flops["forward"]


def _conv_flops(out, weight):
    """Two operations a multiply-add: each output value needs one weight of its kernel per input channel and place."""
    return 2 * out.numel() * weight[0].numel()


def _product_flops(a, b):
    return 2 * a.shape[0] * a.shape[1] * b.shape[1]
