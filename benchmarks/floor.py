"""The floor of one training step.

What share of this machine's matrix rate does a step reach, on the operations it needs?

    python -m benchmarks.floor --authors CFA

Needed: operations (two a multiply-add) of convolutions and linear layers, nothing computed twice or thrown away. Floor:
needed operations at the best matrix rate measured here, of square products and of the network's own convolutions
forward. Share: floor over the step's median time.
"""

from statistics import median

import torch
import torch.nn.functional as F
from torch import nn

from benchmarks.benchmark import WHO, Benchmark, seconds
from benchmarks.cases import Case, cases
from benchmarks.comparison import step_cell, step_rows, timed, times
from benchmarks.passes import conv_flops, counted_step
from benchmarks.sides import EAGER, Ours


def _measure(setup, model=None, batch=None, pairs=None, methods="at"):
    rows, rates = [], {}
    for case in cases(setup, ["prn18", "w16d2x16"][setup.quick :], methods, model, batch, pairs):
        # the released code's repeated passes move running statistics alone: a step does not need them
        counter = counted_step(Ours(case, case.config(repeat_forwards=False), EAGER))
        rates.setdefault(case.label, matrix_rates(case))
        rows += [dict(row, needed=sum(counter.flops.values())) for row in step_rows(case)]
    return dict(rows=rows, rates=rates)


@torch.no_grad()
def matrix_rates(case: Case) -> dict:
    """Operations a second: of the best square product, and of the network's convolutions forward, in either layout."""
    device, sizes = case.setup.device, (512, 1024, 2048) if case.setup.device == "cpu" else (4096, 8192)
    kind = dict(device=device, dtype=torch.bfloat16 if case.setup.precision == "bf16" else torch.float32)
    network, rates = case.network().to(device), []

    def measure_layer(layer, inputs, output):
        for layout in (torch.contiguous_format, torch.channels_last):
            x, w = (t.to(**kind, memory_format=layout) for t in (inputs[0], layer.weight))
            flops = conv_flops(output, layer.weight)
            rates.append(dict(rate=_rate(flops, device, F.conv2d, x, w, None, layer.stride, layer.padding)))

    for layer in network.modules():
        if isinstance(layer, nn.Conv2d):
            layer.register_forward_hook(measure_layer)
    network(case.batches(1)[0][0])
    products = [_rate(2 * n**3, device, torch.mm, *torch.randn(2, n, n, **kind)) for n in sizes]
    return dict(product_rate=max(products), convolutions=rates)


def _rate(flops, device, function, *arguments):
    """Operations a second, the best of five times three calls."""
    return max(3 * flops / timed(lambda: [function(*arguments) for _ in range(3)], device)["wall_s"] for _ in range(5))


def rate(row: dict, result: dict) -> float:
    """The rate that the floor is computed from."""
    rates = result["rates"][row["network"]]
    return max(rates["product_rate"], *(layer["rate"] for layer in rates["convolutions"]))


def _share(row, result):
    return f"{row['needed'] / rate(row, result) / median(times(row)):.0%}" if row["timings"] else "-"


COLUMNS = WHO | {
    "needed": lambda row, _: f"{row['needed'] / 1e9:,.1f} GFLOP",
    "matrix rate": lambda row, result: f"{rate(row, result) / 1e9:,.0f} GFLOP/s",
    "floor": lambda row, result: seconds(row["needed"] / rate(row, result)),
    "s a step": step_cell,
    "share": _share,
}
FLOOR = Benchmark("floor", __doc__, _measure, COLUMNS)

if __name__ == "__main__":
    FLOOR.main()
