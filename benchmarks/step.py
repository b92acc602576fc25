"""One training step. How many times faster is it, at equal results?

Ratio: seconds of the first step of each group over seconds of this one, pair by pair; median [range]. Equal: weights,
buffers and hits after one step in float64; the largest difference over the largest movement.
"""

from functools import partial

from benchmarks.benchmark import Benchmark
from benchmarks.cases import METHODS, SIZES, cases
from benchmarks.comparison import ratio_cell, step_cell, step_rows, times, who


def _measure(setup, model=None, batch=None, pairs=None, steps=1, methods=tuple(METHODS)):
    chosen = cases(setup, SIZES, methods, model, batch, pairs)
    return dict(rows=[row for case in chosen for row in step_rows(case, steps)])


def _line(row, result):
    cpu = ratio_cell(row, result, partial(times, clock="cpu_s"))
    cells = {"equal": row["equality"], "s a step": step_cell(row)}
    return who(row) | cells | {"ratio, wall": ratio_cell(row, result), "ratio, CPU": cpu}


STEP = Benchmark("step", __doc__, _measure, _line)

if __name__ == "__main__":
    STEP.main()
