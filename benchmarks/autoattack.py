"""Images a second of AutoAttack, standard and its first two attacks, by batch size, on a small network.

python -m benchmarks.autoattack
"""

import sys

from benchmarks import report
from benchmarks.options import comma_list, parse, parser
from benchmarks.tables import markdown, seconds
from benchmarks.timing import timed
from cfa_nb import data
from cfa_nb.config import KINDS, Attack
from cfa_nb.data.batches import Batches
from cfa_nb.data.dataset import Split
from cfa_nb.method.calibration import uniform
from cfa_nb.method.evaluate import attack_accuracy
from cfa_nb.method.metrics import ClassCounts
from cfa_nb.method.model import build
from cfa_nb.method.step import sgd, train_step
from cfa_nb.rng import stream
from cfa_nb.runs.profiles import DEMO

NAME = "autoattack"
COMPARES = False
TITLE = "AutoAttack"
NOTE = (
    "The demo's network (8x8 images) after some epochs of AT, on the demo's first test images of each class. The cost "
    "depends on how many images survive the earlier attacks: robust accuracy is part of the result."
)


def main(argv=None):
    """The command; the result comes back."""
    options = _options(argv)
    model, test = robust_network(options.epochs, options.device)
    rows = [_measure(kind, batch, model, test, options) for kind in options.kinds for batch in _batches(options)]
    return report.finish(sys.modules[__name__], options, rows, epochs=options.epochs)


def _options(argv):
    found = parser(NAME, __doc__, COMPARES)
    found.add_argument("--kinds", type=comma_list(KINDS), default=("aa-fast", "aa"), help="of " + ", ".join(KINDS))
    found.add_argument("--batch", type=int, help="images a batch; default: several")
    found.add_argument("--epochs", type=int, default=5, help="of training before (%(default)s)")
    return parse(found, argv)


def _batches(options):
    if options.batch:
        return [options.batch]
    sizes = [50, 200] if options.device == "cpu" else [250, 1000]
    return sizes[:1] if options.quick else sizes


def robust_network(epochs, device="cpu"):
    """The demo's network after some epochs of AT, and the demo's test images."""
    config = DEMO.config("at", 0)
    dataset = data.load(config).to(device)
    model = build(config, dataset.num_classes, dataset.image_shape).to(device).train()
    optimiser, table = sgd(model, config), uniform(config, dataset.num_classes).to(device)
    for epoch in range(1, epochs + 1):
        counts = ClassCounts(dataset.num_classes, device), ClassCounts(dataset.num_classes, device)
        for step, (x, y) in enumerate(Batches(dataset.train, config, epoch)):
            train_step(model, optimiser, x, y, table, config, stream(0, "attack", epoch, step, device), *counts)
    return model, dataset.test


def _measure(kind, batch, model, test, options):
    """The row of one attack: one batch is enough for a rate, and its images are as many of each class as can be."""
    print(f"{NAME}: {kind}, batch {batch}", file=sys.stderr, flush=True)
    split = first_images(test, batch)
    attack = Attack(kind, DEMO.common["eps"], DEMO.common["eval_alpha"], steps=1000 if kind == "square" else 20)
    found = []
    timing = timed(lambda: found.append(attack_accuracy(model, split, attack, 10, seed=0)), options.device)
    return dict(attack=attack.label, batch=len(split), robust_acc=found[0].overall, timings=[timing])


def first_images(split, n):
    """n images, as many of each class as can be."""
    some = split.first_per_class(-(-n // 10))
    order = some.labels.argsort(stable=True).view(10, -1).T.flatten()[:n]  # class by class in turn
    return Split(some.images[order], some.labels[order])


def table(found):
    """The table of a result."""
    return markdown(["attack", "batch", "robust accuracy", "seconds", "images/s"], map(_cells, found["rows"]))


def _cells(row):
    taken = row["timings"][0]["wall_s"]
    robust = f"{row['robust_acc']:.1%}"
    return [row["attack"], str(row["batch"]), robust, seconds(taken), f"{row['batch'] / taken:.3g}"]


if __name__ == "__main__":
    main()
