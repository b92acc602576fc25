"""How the cost of an AT step grows. With width, batch, attack steps, threads and runs at once?

One thing is changed at a time; steps are the attack's. Cost: seconds a step (median) over those of the base. Runs: as
many processes at once, seconds a step of one of them; images a second are those of all together.
"""

from collections.abc import Callable
from concurrent.futures import Executor, ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context
from statistics import median

import click
import torch

from benchmarks.benchmark import Benchmark, seconds
from benchmarks.cases import Case, cases
from benchmarks.comparison import step_rows, times
from cfa_nb.runs.sweep import usable_cores

AXES = ("width", "batch", "steps", "threads", "runs")  # along which cost is measured to grow


def _measure(setup, model=None, batch=None, pairs=3, axes=AXES):
    (case,) = cases(setup, ["w16d1x16"], ["at"], model, batch, pairs)
    base = dict(width=case.width, batch=case.batch, steps=10, threads=torch.get_num_threads(), runs=1)
    doublings = [2**k for k in range(1, (usable_cores() if setup.device == "cpu" else 4).bit_length())]
    values = dict(width=(case.width // 2, 2 * case.width), batch=(case.batch // 4, case.batch // 2, 2 * case.batch))
    values |= dict(steps=(0, 1, 5, 20), threads=doublings if setup.device == "cpu" else (), runs=doublings)
    points = [("base", case.label)] + [(axis, value) for axis in axes for value in values[axis]]
    rows, context = [], get_context("spawn")
    with context.Manager() as manager, ProcessPoolExecutor(max(doublings, default=1), context) as pool:
        for axis, value in points:
            click.echo(f"{axis} {value}", err=True)
            point = base | ({axis: value} if axis in base else {})
            wait = manager.Barrier(point["runs"], timeout=600).wait
            rows += [dict(axis=axis, value=value, **point, **row) for row in rows_at(point, case, pool, wait)]
    return dict(rows=rows)


def rows_at(point: dict, case: Case, pool: Executor, wait: Callable) -> list[dict]:
    """The row of every side, timed in as many processes as there are runs, all at once."""
    case = replace(case, width=point["width"], batch=point["batch"], changes=dict(steps=point["steps"]))
    runs = [pool.submit(step_rows_together, case, point["threads"], wait) for _ in range(point["runs"])]
    rows = zip(*(run.result() for run in runs))
    return [dict(side=r[0]["side"], timings=[t for row in r for t in row["timings"]]) for r in rows]


def step_rows_together(case: Case, threads: int, wait: Callable) -> list[dict]:
    """`step_rows`, once all processes are there."""
    torch.set_num_threads(threads)
    wait()
    return step_rows(case)


def _line(row, result):
    base = next(r for r in result["rows"] if r["side"] == row["side"] and r["axis"] == "base")
    if not row["timings"] or not base["timings"]:
        return None
    a_step = median(times(row))
    cells = {"step": row["side"], "changed": row["axis"], "value": str(row["value"]), "s a step": seconds(a_step)}
    cells |= {"images/s": f"{row['runs'] * row['batch'] / a_step:,.0f}"}
    return cells | {"cost": f"{a_step / median(times(base)):.2f}"}


SCALING = Benchmark("scaling", __doc__, _measure, _line, compares=False)

if __name__ == "__main__":
    SCALING.main()
