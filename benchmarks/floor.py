"""The floor of one training step. What share of this machine's matrix rate does it reach, on the operations it needs?

Needed: operations (two a multiply-add) of convolutions and linear layers, nothing computed twice or thrown away. Floor:
needed operations at the best rate of a square matrix product measured here. Share: floor over the step's median time.
"""

from statistics import median

import torch

from benchmarks.benchmark import Benchmark, seconds
from benchmarks.cases import Setup, cases
from benchmarks.comparison import step_cell, step_rows, timed, times, who
from benchmarks.passes import counted
from benchmarks.sides import EAGER, Ours


def _measure(setup, model=None, batch=None, pairs=None, methods=("at",)):
    rows, rates = [], {}
    for case in cases(setup, ["prn18", "w16d2x16"][setup.quick :], methods, model, batch, pairs):
        # the released code's repeated passes move running statistics alone: a step does not need them
        side = Ours(case, EAGER, repeat_forwards=False)
        needed = sum(counted(side.train, case.batches(1)).flops.values())
        rates[case.label] = rates.get(case.label) or dict(product_rate=matrix_rate(setup))
        rows += [row | dict(needed=needed) for row in step_rows(case)]
    return dict(rows=rows, rates=rates)


def matrix_rate(setup: Setup) -> float:
    """Operations a second of the fastest square product."""
    kind = dict(device=setup.device, dtype=torch.bfloat16 if setup.precision == "bf16" else torch.float32)
    rates = []
    for n in (512,) if setup.quick else (512, 1024, 2048) if setup.device == "cpu" else (4096, 8192):
        matrices = torch.randn(2, n, n, **kind)
        rates += [2 * n**3 / timed(lambda m=matrices: torch.mm(*m), setup.device)["wall_s"] for _ in range(10)]
    return max(rates)


def _line(row, result):
    rate = result["rates"][row["network"]]["product_rate"]
    floor = row["needed"] / rate
    cells = {"needed": f"{row['needed'] / 1e9:,.1f} GFLOP", "matrix rate": f"{rate / 1e9:,.0f} GFLOP/s"}
    share = f"{floor / median(times(row)):.0%}" if row["timings"] else "-"
    return who(row) | cells | {"floor": seconds(floor), "s a step": step_cell(row), "share": share}


FLOOR = Benchmark("floor", __doc__, _measure, _line)

if __name__ == "__main__":
    FLOOR.main()
