"""One training step.

How many times faster is a step, at equal results?

    python -m benchmarks.step --authors CFA

Ratio: seconds of the first step of each group over seconds of this one, pair by pair; median [range]. Equal: weights,
buffers and hits after one step in float64; the largest difference over the largest movement.
"""

from functools import partial

from benchmarks.benchmark import WHO, Benchmark, field
from benchmarks.cases import SIZES, cases
from benchmarks.comparison import ratio_cell, step_cell, step_rows, times


def _measure(setup, model=None, batch=None, pairs=None, steps=1, methods="at,trades,fat"):
    chosen = cases(setup, SIZES, methods, model, batch, pairs)
    return dict(rows=[row for case in chosen for row in step_rows(case, steps)])


ratios = {"ratio, wall": ratio_cell, "ratio, CPU": partial(ratio_cell, of=partial(times, clock="cpu_s"))}
STEP = Benchmark("step", __doc__, _measure, WHO | {"equal": field("equality"), "s a step": step_cell} | ratios)

if __name__ == "__main__":
    STEP.main()
