"""Seconds of one training step: the authors' released loop, our plain step, further candidates, interleaved.

    python -m benchmarks.step --authors CFA
    python -m benchmarks.step --model w16d2x16 --batch 64 --methods at,fat --pairs 9

Every network starts each timing from the same weights and sees the same batches. Before anything is timed, one step in
float64 must be equal; a side that computes something else is not timed.
"""

import sys
from statistics import median

from benchmarks import report, workloads
from benchmarks.options import comma_list, parse, parser
from benchmarks.race import race, reference_of
from benchmarks.tables import markdown, seconds
from benchmarks.timing import Summary, column, ratios
from benchmarks.workloads import METHODS, Workload

NAME = "step"
COMPARES = True  # the released code takes part
TITLE = "One training step"
NOTE = (
    "Ratio: seconds of the first step of each group over seconds of this one, pair by pair; median [range]. Equal: "
    "weights, buffers and hits after one step in float64; the largest difference over the largest movement."
)

#: network -> (batch, pairs), by device
DEFAULTS = {
    "cpu": {"prn18": (8, 3), "w16d2x16": (64, 5), "w8d1x8": (128, 9)},
    "cuda": {"prn18": (128, 9)},
}


def main(argv=None):
    """The command; the result comes back."""
    options = _options(argv)
    rows = []
    for workload, pairs in _chosen(options):
        rows += _compare(workload, pairs, options)
    return report.finish(sys.modules[__name__], options, rows)


def _options(argv):
    found = parser(NAME, __doc__)
    found.add_argument("--model", help="prn18, or such as w16d2x16; default: several")
    found.add_argument("--batch", type=int, help="images a batch")
    found.add_argument("--pairs", type=int, help="timings of each side")
    found.add_argument("--steps", type=int, default=1, help="batches a timing (%(default)s)")
    found.add_argument("--methods", type=comma_list(METHODS), default=METHODS, help="of at,trades,fat")
    return parse(found, argv)


def _chosen(options):
    """(Workload, pairs) of each network; quick: half the batch, two pairs."""
    defaults = DEFAULTS[options.device.split(":")[0]]
    for name in [options.model] if options.model else defaults:
        batch, pairs = defaults.get(name, (64, 5))
        if options.quick:
            batch, pairs = batch // 2, 2
        yield Workload.parse(name, options.batch or batch), options.pairs or pairs


def _compare(workload, pairs, options):
    """The rows of one network: all methods, all sides."""
    start = workloads.learnt_state(workload, options.device)
    for method in options.methods:
        print(f"{NAME}: {workload.label}, {method}", file=sys.stderr, flush=True)
        about = dict(network=workload.label, method=method, steps=options.steps)
        for lane in race(workload, method, start, pairs, options, options.steps):
            yield {**about, **lane.to_row()}


def table(found):
    """The table of a result."""
    header = ["network", "method", "step", "equal", "s a step", "ratio, wall", "ratio, CPU"]
    return markdown(header, (_cells(row, reference_of(row, found["rows"])) for row in found["rows"]))


def _cells(row, reference):
    cells = [row["network"], row["method"], row["side"], row["equality"]]
    if row["equal"] is False:
        return [*cells, "not timed", "-", "-"]
    a_step = median(column(row["timings"])) / row["steps"]
    return [*cells, seconds(a_step), *(_ratio(reference, row, clock) for clock in ("wall_s", "cpu_s"))]


def _ratio(reference, row, clock):
    if row is reference:
        return "1"
    return Summary.of(ratios(column(reference["timings"], clock), column(row["timings"], clock))).text()


if __name__ == "__main__":
    main()
