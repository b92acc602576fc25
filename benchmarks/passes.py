"""Passes of one training step.

How many forwards, input gradients and weight gradients does a step make?

    python -m benchmarks.passes --authors CFA

In full passes: an input gradient or a weight gradient costs as many operations as a forward. Counted, not timed. The
first convolution needs no input gradient where the weights alone are trained, hence fractions. Compiled code and CUDA
graphs are not seen.
"""

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from benchmarks.benchmark import WHO, Benchmark
from benchmarks.cases import cases
from benchmarks.sides import Side, sides
from cfa_nb.method.model import in_mode

aten = torch.ops.aten


class PassCounter(TorchDispatchMode):
    """Sums up the operations, two a multiply-add, of convolutions and linear layers, by kind of pass."""

    def __init__(self):
        super().__init__()
        self.flops = {"forward": 0, "input_grad": 0, "weight_grad": 0}
        self.dispatched = 0  # all operations, views too

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        out, packet = func(*args, **(kwargs or {})), func.overloadpacket
        self.dispatched += 1
        if packet is aten.convolution:
            self.flops["forward"] += conv_flops(out, args[1])
        elif packet is aten.convolution_backward:
            for kind, wanted in zip(("input_grad", "weight_grad"), args[10]):
                self.flops[kind] += conv_flops(args[0], args[2]) * wanted
        elif packet is aten.addmm:
            self.flops["forward"] += 2 * args[1].numel() * args[2].shape[1]
        elif packet is aten.mm:  # g W is an input gradient, g^T x a weight gradient
            kind = "input_grad" if args[0].is_contiguous() else "weight_grad"
            self.flops[kind] += 2 * args[0].numel() * args[1].shape[1]
        return out


def conv_flops(out: Tensor, weight: Tensor) -> int:
    """Each output value needs one weight of its kernel per input channel and place."""
    return 2 * out.numel() * weight[0].numel()


def counted_step(side: Side) -> PassCounter:
    """What one step of a side makes."""
    batches = side.case.batches(1)
    with PassCounter() as counter:
        side.train(batches)
    return counter


def forward_flops(model: nn.Module, x: Tensor) -> int:
    """Operations of one forward of a batch; the model is left as it was."""
    with in_mode(model, "eval"), torch.no_grad(), PassCounter() as counter:
        model(x)
    return counter.flops["forward"]


def _row(side):
    unit, counter = forward_flops(side.model, side.case.batches(1)[0][0]), counted_step(side)
    passes = {kind: flops / unit for kind, flops in counter.flops.items()}
    about = dict(network=side.case.label, method=side.case.method, side=side.name, forward_flops=unit)
    return {**about, **passes, "dispatched": counter.dispatched}


def _measure(setup, model=None, batch=16, methods="at,trades,fat"):
    chosen = cases(setup, ["w16d2x16"], methods, model, batch, None)
    return dict(rows=[_row(side) for case in chosen for side in sides(case)])


def _passes(*kinds):
    return lambda row, _: f"{sum(row[kind] for kind in kinds):.2f}" if row["forward"] else "not seen"


COLUMNS = WHO | {
    "forwards": _passes("forward"),
    "input gradients": _passes("input_grad"),
    "weight gradients": _passes("weight_grad"),
    "total": _passes("forward", "input_grad", "weight_grad"),
    "operations": lambda row, _: f"{row['dispatched']:,}",
}
PASSES = Benchmark("passes", __doc__, _measure, COLUMNS)

if __name__ == "__main__":
    PASSES.main()
