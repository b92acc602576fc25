"""Full passes through the network in one training step, counted operation by operation.

python -m benchmarks.passes --authors CFA
"""

import sys

from benchmarks import report, workloads
from benchmarks.counting import PassCounter, forward_flops
from benchmarks.options import comma_list, parse, parser
from benchmarks.sides import names, sides
from benchmarks.tables import markdown
from benchmarks.workloads import METHODS, Workload

NAME = "passes"
COMPARES = True  # the released code takes part
TITLE = "Passes of one training step"
NOTE = (
    "In full passes: an input gradient or a weight gradient costs as many operations as a forward. Counted, not timed. "
    "The first convolution needs no input gradient where the weights alone are trained, hence fractions. Compiled code "
    "and CUDA graphs are not seen."
)


def main(argv=None):
    """The command; the result comes back."""
    options = _options(argv)
    workload = Workload.parse(options.model, options.batch)
    start = workloads.learnt_state(workload, options.device)
    rows = [row for method in options.methods for row in count(workload, method, start, options)]
    return report.finish(sys.modules[__name__], options, rows)


def _options(argv):
    found = parser(NAME, __doc__)
    found.add_argument("--model", default="w16d2x16", help="prn18, or such as w16d2x16 (%(default)s)")
    found.add_argument("--batch", type=int, default=16, help="images a batch (%(default)s)")
    found.add_argument("--methods", type=comma_list(METHODS), default=METHODS, help="of at,trades,fat")
    return parse(found, argv)


def count(workload, method, start, options):
    """The rows of one method: every side steps once, in float32."""
    config = workload.config(method)
    batches = workloads.batches(workload, 1, options.device)
    counted = sides(names(options.code), options.code, workload, config, start, options.device)
    return [_row(workload, method, side, batches) for side in counted]


def _row(workload, method, side, batches):
    unit = forward_flops(side.model, batches[0][0])
    with PassCounter(side.model) as counter:
        side.train(batches)
    about = dict(network=workload.label, method=method, side=side.name)
    return {**about, **vars(counter.passes(unit)), "dispatched": counter.dispatched, "forward_flops": unit}


def table(found):
    """The table of a result."""
    header = ["network", "method", "step", "forwards", "input gradients", "weight gradients", "total", "operations"]
    return markdown(header, map(_cells, found["rows"]))


def _cells(row):
    kinds = [row[kind] for kind in ("forward", "input_grad", "weight_grad")]
    numbers = [f"{n:.2f}" for n in (*kinds, sum(kinds))] if row["forward"] else ["not seen"] * 4
    return [row["network"], row["method"], row["side"], *numbers, f"{row['dispatched']:,}"]


if __name__ == "__main__":
    main()
