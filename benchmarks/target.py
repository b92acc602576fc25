"""Seconds and epochs of training until validation PGD accuracy first reaches a value: speed must also learn.

python -m benchmarks.target --authors CFA --accuracy 0.4
"""

import sys
from functools import partial
from statistics import median

import numpy as np

from benchmarks import report, workloads
from benchmarks.options import parse, parser
from benchmarks.race import admit, fit
from benchmarks.sides import sides
from benchmarks.tables import markdown, seconds
from benchmarks.timing import Summary, column, timed
from benchmarks.workloads import CLASSES, Workload
from cfa_nb.data.batches import Batches
from cfa_nb.data.dataset import Split
from cfa_nb.data.demo import draw
from cfa_nb.method.evaluate import epoch_measure
from cfa_nb.method.model import build

NAME = "target"
COMPARES = True  # the released code takes part
TITLE = "Time to a robust accuracy"
NOTE = (
    "AT with class-wise margins on images drawn like the demo's, in three channels; PGD accuracy on validation after "
    "each epoch. Seconds are those of training alone: validation is the same for all. Float32 paths part after a few "
    "steps, so epochs may differ by one; several seeds, median [range]."
)


def main(argv=None):
    """The command; the result comes back."""
    options = _options(argv)
    workload = Workload.parse(options.model, options.batch)
    start = workloads.learnt_state(workload, options.device)
    admitted = fit(admit(workload, "at", start, options))
    rows = []
    for seed in range(1 if options.quick else options.seeds):
        for name in admitted:
            print(f"{NAME}: {name}, seed {seed}", file=sys.stderr, flush=True)
            rows.append(train_until(name, workload, seed, options))
    about = dict(network=workload.label, accuracy=options.accuracy)
    return report.finish(sys.modules[__name__], options, rows, **about)


def _options(argv):
    found = parser(NAME, __doc__)
    found.add_argument("--model", default="w8d1x8", help="width and blocks for 8x8 images (%(default)s)")
    found.add_argument("--batch", type=int, default=100, help="images a batch (%(default)s)")
    found.add_argument("--accuracy", type=float, default=0.4, help="PGD accuracy to reach (%(default)s)")
    found.add_argument("--epochs", type=int, default=30, help="when to give up (%(default)s)")
    found.add_argument("--seeds", type=int, default=3, help="runs of each side (%(default)s)")
    options = parse(found, argv)
    if not options.model.endswith("x8"):
        found.error(f"--model {options.model}: the task has 8x8 images; say w8d1x8 or another that ends in x8")
    return options


def task(per_class, seed, device):
    """Images like the demo's, in three equal channels: the released normalisation is for colour images."""
    split = draw(per_class, np.random.default_rng(seed))
    return Split(split.images.repeat(1, 3, 1, 1), split.labels).to(device)


def train_until(name, workload, seed, options):
    """The row of one run: {"epochs", "reached", "accuracies", "timings"}, one timing an epoch."""
    attack = dict(eps=0.15, alpha=0.0375, steps=5, eval_eps=0.15, eval_alpha=0.0375)
    plain = dict(crop_padding=0, flip=False, lr=0.05, seed=seed, precision=options.precision)
    config = workload.config("at", **attack, **plain)
    train, val = task(100, seed, options.device), task(50, 10**6 + seed, options.device)
    initial = build(config, CLASSES, workload.shape).state_dict().values()
    (side,) = sides([name], options.code, workload, config, list(initial), options.device)
    accuracies, timings = [], []
    while len(accuracies) < options.epochs and max(accuracies, default=-1) < options.accuracy:
        epoch = len(accuracies) + 1
        batches = list(Batches(train, config, epoch))
        timings.append(timed(partial(side.train, batches, seed=1000 * seed + epoch), options.device))
        accuracies.append(_robust_accuracy(side, val, workload, config, epoch))
    reached = accuracies[-1] >= options.accuracy
    return dict(side=name, seed=seed, epochs=len(accuracies), reached=reached, accuracies=accuracies, timings=timings)


def _robust_accuracy(side, val, workload, config, epoch):
    """PGD accuracy on validation, judged by our evaluation on our network for every side."""
    judged = build(config, CLASSES, workload.shape).to(side.device)
    for target, value in zip(judged.state_dict().values(), side.state()):
        target.copy_(value)
    return epoch_measure(judged, val, config, CLASSES, epoch, "evaluate-val").robust.overall


def table(found):
    """The table of a result."""
    header = ["step", "runs", "reached", "epochs", "seconds", "s an epoch"]
    names = dict.fromkeys(row["side"] for row in found["rows"])
    lines = [_cells(name, [r for r in found["rows"] if r["side"] == name]) for name in names]
    return f"PGD accuracy {found['accuracy']:.0%}, {found['network']}\n\n" + markdown(header, lines)


def _cells(name, rows):
    there = [r for r in rows if r["reached"]]
    epoch = median(t for r in rows for t in column(r["timings"]))
    cells = [name, str(len(rows)), str(len(there))]
    if not there:
        return [*cells, "-", "-", seconds(epoch)]
    taken = Summary.of([sum(column(r["timings"])) for r in there])
    return [*cells, Summary.of([r["epochs"] for r in there]).text(0), taken.text(1), seconds(epoch)]


if __name__ == "__main__":
    main()
