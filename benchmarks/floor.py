"""How near a step comes to the machine: the operations it needs over the matrix rate measured here, over its time.

python -m benchmarks.floor --authors CFA
"""

import sys
from statistics import median

import torch

from benchmarks import report, workloads
from benchmarks.counting import PassCounter
from benchmarks.options import comma_list, parse, parser
from benchmarks.race import race
from benchmarks.rates import convolution_rates, product_rate
from benchmarks.sides import Ours
from benchmarks.tables import markdown, seconds
from benchmarks.timing import column
from benchmarks.workloads import METHODS, Workload, dtype_of

NAME = "floor"
COMPARES = True  # the released code takes part
TITLE = "The floor of one training step"
NOTE = (
    "Needed: operations (two a multiply-add) of convolutions and linear layers, nothing computed twice or thrown "
    "away. Floor: needed operations at the best matrix rate measured here, of square products and of the network's own "
    "convolutions forward. Share: floor over the step's median time."
)
DEFAULTS = {"cpu": (("prn18", 8), ("w16d2x16", 64)), "cuda": (("prn18", 128),)}


def main(argv=None):
    """The command; the result comes back."""
    options = _options(argv)
    rows, rates = [], {}
    for workload in _chosen(options):
        start = workloads.learnt_state(workload, options.device)
        rates[workload.label] = _rates(workload, start, options)
        rows += _measure(workload, start, options)
    return report.finish(sys.modules[__name__], options, rows, rates=rates)


def _options(argv):
    found = parser(NAME, __doc__)
    found.add_argument("--model", help="prn18, or such as w16d2x16; default: several")
    found.add_argument("--batch", type=int, help="images a batch")
    found.add_argument("--pairs", type=int, help="timings of each side")
    found.add_argument("--methods", type=comma_list(METHODS), default=("at",), help="of at,trades,fat (at)")
    return parse(found, argv)


def _chosen(options):
    """Quick: only the last of the networks."""
    default = DEFAULTS[options.device.split(":")[0]]
    if options.model:
        default = ((options.model, dict(default).get(options.model, 64)),)
    for name, batch in default[-1:] if options.quick else default:
        yield Workload.parse(name, options.batch or batch)


def _measure(workload, start, options):
    """The rows of one network."""
    for method in options.methods:
        print(f"{NAME}: {workload.label}, {method}", file=sys.stderr, flush=True)
        about = dict(
            network=workload.label, method=method, needed=needed_flops(workload, method, start, options.device)
        )
        for lane in race(workload, method, start, options.pairs or (1 if options.quick else 3), options):
            yield {**about, **lane.to_row()}


def _rates(workload, start, options):
    """Operations a second: of matrix products, and of each convolution of the network."""
    config = workload.config("at", precision=options.precision)
    dtype = torch.bfloat16 if options.precision == "bf16" else dtype_of(config)
    model = Ours("plain", workload, workload.config("at"), start, options.device).model
    x = workloads.batches(workload, 1, options.device)[0][0]
    layers = [dict(layer=n, flops=f, rate=r) for n, f, r in convolution_rates(model, x, dtype)]
    return dict(product_rate=product_rate(options.device, dtype), convolutions=layers)


def needed_flops(workload, method, start, device="cpu"):
    """Operations of one plain step without the released code's repeated passes.

    A repeated pass moves running statistics alone, which arithmetic on them can do. PyTorch's own counter agrees where
    it can follow (tests), but not through `autograd.grad` to an input.
    """
    config = workload.config(method, repeat_forwards=False)
    side = Ours("plain", workload, config, start, device)
    with PassCounter(side.model) as counter:
        side.train(workloads.batches(workload, 1, device))
    return sum(counter.flops.values())


def table(found):
    """The table of a result."""
    header = ["network", "method", "step", "needed", "matrix rate", "floor", "s a step", "share"]
    return markdown(header, (_cells(row, best(found["rates"][row["network"]])) for row in found["rows"]))


def best(rates):
    """The rate that the floor is computed from."""
    return max(rates["product_rate"], *(layer["rate"] for layer in rates["convolutions"]))


def _cells(row, rate):
    floor = row["needed"] / rate
    cells = [row["network"], row["method"], row["side"], f"{row['needed'] / 1e9:,.1f} GFLOP"]
    cells += [f"{rate / 1e9:,.0f} GFLOP/s", seconds(floor)]
    if not row["timings"]:
        return [*cells, "not equal", "-"]
    taken = median(column(row["timings"]))
    return [*cells, seconds(taken), f"{floor / taken:.0%}"]


if __name__ == "__main__":
    main()
