"""How an AT step's cost grows: with width, batch, attack steps and threads, and with how many runs share the machine.

python -m benchmarks.scaling
"""

import sys
from dataclasses import replace
from statistics import median

import torch

from benchmarks import report, workloads
from benchmarks.candidates import candidates
from benchmarks.environment import cores
from benchmarks.options import comma_list, parse, parser
from benchmarks.parallel import together
from benchmarks.sides import Ours
from benchmarks.tables import markdown, seconds
from benchmarks.timing import column, interleaved
from benchmarks.workloads import Workload

NAME = "scaling"
COMPARES = False
AXES = ("width", "batch", "steps", "threads", "runs")
TITLE = "How the cost of an AT step grows"
NOTE = (
    "One thing is changed at a time; steps are the attack's. Cost: seconds a step (median) over those of the base. "
    "Runs: as many processes at once, seconds a step of one of them; images a second are those of all together."
)


def main(argv=None):
    """The command; the result comes back."""
    found = parser(NAME, __doc__, COMPARES)
    found.add_argument("--model", help="the base: prn18, or such as w16d1x16")
    found.add_argument("--batch", type=int, help="images a batch of the base")
    found.add_argument("--repeats", type=int, default=3, help="timings of each point (%(default)s)")
    found.add_argument("--axes", type=comma_list(AXES), default=AXES, help="of " + ",".join(AXES))
    options = parse(found, argv)
    chosen = [p for p in points(_base(options), options) if p["axis"] in ("base", *options.axes)]
    rows = [_measure(name, point, options) for name in candidates() for point in chosen]
    return report.finish(sys.modules[__name__], options, rows)


def _base(options):
    if options.device != "cpu":
        name, batch = "prn18", 128
    else:
        name, batch = ("w8d1x8", 64) if options.quick else ("w16d1x16", 64)
    return Workload.parse(options.model or name, options.batch or batch)


def points(base, options):
    """What is measured: dictionaries of axis, value, workload, attack steps, threads and runs at once."""
    plain = dict(workload=base, steps=10, threads=options.threads, runs=1)
    yield dict(plain, axis="base", value=base.label)
    for width in (base.width // 2, 2 * base.width):
        yield dict(plain, axis="width", value=width, workload=replace(base, width=width))
    for batch in (base.batch // 4, base.batch // 2, 2 * base.batch):
        yield dict(plain, axis="batch", value=batch, workload=base.with_batch(batch))
    for steps in (0, 1, 5, 20):
        yield dict(plain, axis="steps", value=steps, steps=steps)
    if options.device == "cpu":
        for threads in doublings(cores()):
            yield dict(plain, axis="threads", value=threads, threads=threads)
    for runs in doublings(cores() if options.device == "cpu" else 4):
        yield dict(plain, axis="runs", value=runs, runs=runs)


def doublings(limit):
    """2, 4, 8 ... up to `limit`."""
    return [2**k for k in range(1, limit.bit_length()) if 2**k <= limit]


def _measure(name, point, options):
    """The row of one point."""
    print(f"{NAME}: {name}, {point['axis']} {point['value']}", file=sys.stderr, flush=True)
    about = {k: v for k, v in point.items() if k != "workload"}
    job = dict(point, name=name, device=options.device, repeats=options.repeats)
    timings = together(step_timings, job, point["runs"])
    return dict(side=name, **about, batch=point["workload"].batch, timings=timings)


def step_timings(job, ready=lambda: None):
    """Timings of one candidate's steps at one point; `ready` is called once everything is warm."""
    threads = torch.get_num_threads()
    torch.set_num_threads(job["threads"])
    workload, device = job["workload"], job["device"]
    config = workload.config("at", steps=job["steps"])
    start = workloads.learnt_state(workload, device, steps=0)
    side, batches = Ours(job["name"], workload, config, start, device), workloads.batches(workload, 1, device)
    side.train(batches)
    ready()
    timings = interleaved({"it": (side.reset, lambda: side.train(batches))}, job["repeats"], device)["it"]
    torch.set_num_threads(threads)
    return timings


def table(found):
    """The table of a result."""
    header = ["step", "changed", "value", "s a step", "images/s", "cost"]
    return markdown(header, (_cells(row, _base_of(row, found["rows"])) for row in found["rows"]))


def _base_of(row, rows):
    return next(r for r in rows if r["side"] == row["side"] and r["axis"] == "base")


def _seconds(row):
    return median(column(row["timings"]))


def _cells(row, base):
    a_step = _seconds(row)
    rate, cost = row["runs"] * row["batch"] / a_step, a_step / _seconds(base)
    return [row["side"], row["axis"], str(row["value"]), seconds(a_step), f"{rate:,.0f}", f"{cost:.2f}"]


if __name__ == "__main__":
    main()
