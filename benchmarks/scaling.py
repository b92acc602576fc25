"""How the cost of an AT step grows.

How does cost grow with width, batch, attack steps, threads and runs at once?

    python -m benchmarks.scaling

One thing is changed at a time; steps are the attack's. Cost: seconds a step (median) over those of the base. Runs: as
many processes at once, seconds a step of one of them; images a second are those of all together.
"""

import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from statistics import median

import click
import torch

from benchmarks.benchmark import Benchmark, field, seconds
from benchmarks.cases import Case, cases
from benchmarks.comparison import timed, times
from benchmarks.sides import Ours, our_names
from cfa_nb.runs.sweep import usable_cores


def _measure(setup, model=None, batch=None, repeats=3, axes="width,batch,steps,threads,runs"):
    (case,) = cases(setup, ["w16d1x16"], ["at"], model, batch, repeats)
    base = dict(width=case.width, batch=case.batch, steps=10, threads=torch.get_num_threads(), runs=1)
    doublings = [2**k for k in range(1, (usable_cores() if setup.device == "cpu" else 4).bit_length())]
    values = dict(width=(case.width // 2, 2 * case.width), batch=(case.batch // 4, case.batch // 2, 2 * case.batch))
    values |= dict(steps=(0, 1, 5, 20), threads=doublings if setup.device == "cpu" else (), runs=doublings)
    points = [("base", case.label)] + [(axis, value) for axis in axes for value in values[axis]]
    rows = []
    for side in our_names(setup):
        for axis, value in points:
            click.echo(f"{side}, {axis} {value}", err=True)
            point = base | ({axis: value} if axis in base else {})
            rows.append(dict(side=side, axis=axis, value=value, **point, timings=timings_at(case, side, **point)))
    return dict(rows=rows)


def timings_at(case: Case, side: str, width: int, batch: int, steps: int, threads: int, runs: int) -> list[dict]:
    """Timings of a side's step, of as many processes as there are runs, in one list; a single one runs here."""
    arguments = replace(case, width=width, batch=batch), side, steps, threads
    if runs == 1:
        return step_timings(*arguments)
    context = multiprocessing.get_context("spawn")
    with context.Manager() as manager, ProcessPoolExecutor(runs, context) as pool:
        wait = manager.Barrier(runs, timeout=600).wait
        futures = [pool.submit(step_timings, *arguments, wait) for _ in range(runs)]
        return [timing for future in futures for timing in future.result()]


def step_timings(case: Case, name: str, steps: int, threads: int, wait=lambda: None) -> list[dict]:
    """Timings of a side's step; `wait` is called once everything is warm."""
    threads_before = torch.get_num_threads()
    torch.set_num_threads(threads)
    side, batches, timings = Ours(case, case.config(steps=steps), name), case.batches(1), []
    for number in range(case.pairs + 2):  # two are not counted: one before `wait`, one after it
        side.reset()
        timing = timed(lambda: side.train(batches), case.setup.device)
        timings += [timing] * (number > 1)
        if number == 0:
            wait()
    torch.set_num_threads(threads_before)
    return timings


def _cost(row, result):
    base = next(r for r in result["rows"] if r["side"] == row["side"] and r["axis"] == "base")
    return f"{median(times(row)) / median(times(base)):.2f}"


COLUMNS = {
    "step": field("side"),
    "changed": field("axis"),
    "value": field("value"),
    "s a step": lambda row, _: seconds(median(times(row))),
    "images/s": lambda row, _: f"{row['runs'] * row['batch'] / median(times(row)):,.0f}",
    "cost": _cost,
}
SCALING = Benchmark("scaling", __doc__, _measure, COLUMNS, compares=False)

if __name__ == "__main__":
    SCALING.main()
