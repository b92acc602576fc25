"""Passes of one training step. How many forwards, input gradients and weight gradients does it make?

In full passes: an input gradient or a weight gradient costs as many operations as a forward. Counted, not timed. The
first convolution needs no input gradient where the weights alone are trained, hence fractions. Compiled code and CUDA
graphs are not seen.
"""

from collections.abc import Callable

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from benchmarks.benchmark import Benchmark
from benchmarks.cases import METHODS, cases
from benchmarks.comparison import who
from benchmarks.sides import sides

aten = torch.ops.aten
KINDS = {"forward": "forwards", "input_grad": "input gradients", "weight_grad": "weight gradients"}


class PassCounter(TorchDispatchMode):
    """Sums up the operations, two a multiply-add, of convolutions and linear layers, by kind of pass."""

    def __init__(self):
        super().__init__()
        self.flops, self.dispatched = dict.fromkeys(KINDS, 0), 0  # dispatched: all operations, views too

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        out, packet = func(*args, **(kwargs or {})), func.overloadpacket
        self.dispatched += 1
        if packet is aten.convolution:
            self.flops["forward"] += 2 * out.numel() * args[1][0].numel()  # a value needs one kernel's weights
        elif packet is aten.convolution_backward:
            for kind, wanted in zip(("input_grad", "weight_grad"), args[10]):
                self.flops[kind] += 2 * args[0].numel() * args[2][0].numel() * wanted
        elif packet is aten.addmm:
            self.flops["forward"] += 2 * args[1].numel() * args[2].shape[1]
        elif packet is aten.mm:  # g W is an input gradient, g^T x a weight gradient
            kind = "input_grad" if args[0].is_contiguous() else "weight_grad"
            self.flops[kind] += 2 * args[0].numel() * args[1].shape[1]
        return out


def counted(work: Callable, *arguments) -> PassCounter:
    """What a call does."""
    with PassCounter() as counter:
        work(*arguments)
    return counter


def _measure(setup, model=None, batch=16, methods=tuple(METHODS)):
    rows = []
    for case in cases(setup, ["w16d2x16"], methods, model, batch, None):
        batches = case.batches(1)
        for side in sides(case):
            unit, counter = counted(side.model, batches[0][0]).flops["forward"], counted(side.train, batches)
            passes = {kind: flops / unit for kind, flops in counter.flops.items()}
            about = dict(network=case.label, method=case.method, side=side.name, forward_flops=unit)
            rows.append({**about, **passes, "dispatched": counter.dispatched})
    return dict(rows=rows)


def _line(row, _):
    passes = {heading: row[kind] for kind, heading in KINDS.items()}
    passes |= {"total": sum(passes.values())}
    cells = {heading: f"{number:.2f}" if row["forward"] else "not seen" for heading, number in passes.items()}
    return who(row) | cells | {"operations": f"{row['dispatched']:,}"}


PASSES = Benchmark("passes", __doc__, _measure, _line)

if __name__ == "__main__":
    PASSES.main()
