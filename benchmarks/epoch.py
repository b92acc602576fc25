"""Seconds of one epoch with its evaluation, on a small set with CIFAR-10's proportions, and what its parts cost.

python -m benchmarks.epoch --authors CFA
"""

import sys
from statistics import median

import torch

from benchmarks import report, workloads
from benchmarks.epochs import PARTS, OurEpoch, TheirEpoch
from benchmarks.options import comma_list, parse, parser
from benchmarks.race import admit, fit, reference_of
from benchmarks.sides import AUTHORS
from benchmarks.tables import markdown, seconds
from benchmarks.timing import Summary, column, ratios, timed
from benchmarks.workloads import METHODS, Workload
from cfa_nb.data.dataset import Split

NAME = "epoch"
COMPARES = True  # the released code takes part
TITLE = "One epoch with its evaluation"
NOTE = (
    "Images: training, validation and test in CIFAR-10's proportions of 49 : 1 : 10. Evaluation: PGD-10 and clean, the "
    "network on test and validation, EMA and FAWA on test, on every side. Ratio: seconds of the first step of a group "
    "over seconds of this one, pair by pair; median [range]."
)
CPU, GPU = dict(model="w8d1x8", batch=128, images=1200), dict(model="prn18", batch=128, images=12000)


def main(argv=None):
    """The command; the result comes back."""
    options = _options(argv)
    default = CPU if options.device == "cpu" else GPU
    workload = Workload.parse(options.model or default["model"], options.batch or default["batch"])
    images = splits(options.images or default["images"] // (1 + options.quick), workload, options.device)
    start = workloads.learnt_state(workload, options.device)
    methods = ("at",) if options.quick else options.methods
    rows = [row for method in methods for row in _compare(workload, method, start, images, options)]
    return report.finish(sys.modules[__name__], options, rows, images={k: len(v) for k, v in images.items()})


def _options(argv):
    found = parser(NAME, __doc__)
    found.add_argument("--model", help="prn18, or such as w16d2x16")
    found.add_argument("--batch", type=int, help="images a batch")
    found.add_argument("--images", type=int, help="images in all")
    found.add_argument("--pairs", type=int, help="timings of each side")
    found.add_argument("--methods", type=comma_list(METHODS), default=METHODS, help="of at,trades,fat")
    return parse(found, argv)


def splits(n, workload, device):
    """{"train", "val", "test"} of n synthetic images in all, as 49 : 1 : 10; at least one of each class."""
    sizes = {"train": 49 * n // 60, "val": max(10, n // 60), "test": max(10, 10 * n // 60)}
    found = {}
    for seed, (part, size) in enumerate(sizes.items()):
        x, y = workloads.images(size, workload.shape, seed)
        found[part] = Split((255 * x).round().to(torch.uint8), y).to(device)
    return found


def _compare(workload, method, start, images, options):
    """The rows of one method, all sides."""
    print(f"{NAME}: {workload.label}, {method}", file=sys.stderr, flush=True)
    same = admit(workload, method, start, options)
    timings = _time(fit(same), workload, method, start, images, options)
    for name, equal in same.items():
        known = dict(equality=str(equal or "reference"), timings=timings.get(name, {}))
        yield dict(network=workload.label, method=method, side=name, **known)


def _time(names, workload, method, start, images, options):
    """{name: {part: timings}}: whole epochs in turn, their parts timed one by one; the first of each is not counted."""
    config = workload.config(method, precision=options.precision)
    raced = {name: _epoch_of(name, workload, config, start, images, options) for name in names}
    found = {name: {part: [] for part in PARTS} for name in names}
    pairs = options.pairs or (1 if options.quick else 3)
    for round_ in range(pairs + 1):
        for name, side in raced.items():
            side.reset()
            for part in PARTS:
                timing = timed(getattr(side, part), options.device)
                if round_:
                    found[name][part].append(timing)
    return found


def _epoch_of(name, workload, config, start, images, options):
    if name == AUTHORS:
        return TheirEpoch(options.code, workload, config, start, images, options.device)
    return OurEpoch(name, workload, config, start, images, options.device)


def table(found):
    """The table of a result."""
    header = ["network", "method", "step", "equal", *PARTS, "epoch", "ratio, steps only", "ratio, epoch"]
    return markdown(header, (_cells(row, reference_of(row, found["rows"])) for row in found["rows"]))


def whole(row):
    """Seconds of each epoch: its parts, added up."""
    return [sum(parts) for parts in zip(*(column(row["timings"][part]) for part in PARTS))]


def _cells(row, reference):
    cells = [row["network"], row["method"], row["side"], row["equality"]]
    if not row["timings"]:
        return [*cells, *["not timed"] * 4, "-", "-"]
    cells += [seconds(median(column(row["timings"][part]))) for part in PARTS] + [seconds(median(whole(row)))]
    if row is reference:
        return [*cells, "1", "1"]
    steps = ratios(*(column(r["timings"]["steps"]) for r in (reference, row)))
    return [*cells, Summary.of(steps).text(), Summary.of(ratios(whole(reference), whole(row))).text()]


if __name__ == "__main__":
    main()
