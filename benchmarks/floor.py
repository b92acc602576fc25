"""The floor of one training step. What share of this machine's matrix rate does it reach, on the operations it needs?

Needed: operations (two a multiply-add) of convolutions and linear layers, nothing computed twice or thrown away. Floor:
needed operations at the best matrix rate measured here, of square products and of the network's own convolutions
forward. Share: floor over the step's median time.
"""

from statistics import median

import torch
import torch.nn.functional as F
from torch import nn

from benchmarks.benchmark import Benchmark, seconds
from benchmarks.cases import Case, cases
from benchmarks.comparison import step_cell, step_rows, timed, times, who
from benchmarks.passes import counted
from benchmarks.sides import EAGER, Ours


def _measure(setup, model=None, batch=None, pairs=None, methods=("at",)):
    rows, rates = [], {}
    for case in cases(setup, ["prn18", "w16d2x16"][setup.quick :], methods, model, batch, pairs):
        # the released code's repeated passes move running statistics alone: a step does not need them
        side = Ours(case, EAGER, repeat_forwards=False)
        needed = sum(counted(side.train, case.batches(1)).flops.values())
        rates[case.label] = rates.get(case.label) or matrix_rates(case)
        rows += [row | dict(needed=needed) for row in step_rows(case)]
    return dict(rows=rows, rates=rates)


@torch.no_grad()
def matrix_rates(case: Case) -> dict:
    """Operations a second: of the best square product, and of the network's convolutions forward, in either layout."""
    device, sizes = case.setup.device, (512, 1024, 2048) if case.setup.device == "cpu" else (4096, 8192)
    kind = dict(device=device, dtype=torch.bfloat16 if case.setup.precision == "bf16" else torch.float32)
    network, rates = case.network().to(device), []

    def rate(function, *arguments):
        flops = sum(counted(function, *arguments).flops.values())
        return max(flops / timed(lambda: function(*arguments), device)["wall_s"] for _ in range(10))

    def rate_of_layer(layer, inputs, _):
        for layout in (torch.contiguous_format, torch.channels_last):
            x, w = (t.to(**kind, memory_format=layout) for t in (inputs[0], layer.weight))
            rates.append(dict(rate=rate(F.conv2d, x, w, None, layer.stride, layer.padding)))

    for layer in network.modules():
        if isinstance(layer, nn.Conv2d):
            layer.register_forward_hook(rate_of_layer)
    network(case.batches(1)[0][0])
    products = [rate(torch.mm, *torch.randn(2, n, n, **kind)) for n in sizes]
    return dict(product_rate=max(products), convolutions=rates)


def _line(row, result):
    rates = result["rates"][row["network"]]
    rate = max(rates["product_rate"], *(layer["rate"] for layer in rates["convolutions"]))
    floor = row["needed"] / rate
    cells = {"needed": f"{row['needed'] / 1e9:,.1f} GFLOP", "matrix rate": f"{rate / 1e9:,.0f} GFLOP/s"}
    share = f"{floor / median(times(row)):.0%}" if row["timings"] else "-"
    return who(row) | cells | {"floor": seconds(floor), "s a step": step_cell(row), "share": share}


FLOOR = Benchmark("floor", __doc__, _measure, _line)

if __name__ == "__main__":
    FLOOR.main()
