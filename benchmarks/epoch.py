"""One epoch with its evaluation. What remains of the ratio, with data loading and evaluation?

Images: training, validation and test in CIFAR-10's proportions of 49 : 1 : 10. Evaluation: PGD-10 and clean, the
network on test and validation, EMA and FAWA on test, on every side. Ratio: seconds of the first step of a group over
seconds of this one, pair by pair; median [range].
"""

import copy
from collections.abc import Callable
from functools import partial
from statistics import median

from benchmarks.benchmark import Benchmark, seconds
from benchmarks.cases import METHODS, cases
from benchmarks.comparison import ratio_cell, timed_rows, who
from benchmarks.sides import Side
from cfa_nb.data.dataset import Split

PARTS = ("data", "steps", "evaluation")


def parts_of(side: Side, images: dict[str, Split]) -> dict[str, Callable]:
    """The parts of a side's epoch: batches made ready, steps, and four evaluations, which see two averages."""
    loaders = {part: side.loader(split, part) for part, split in images.items()}
    averages, batches = [copy.deepcopy(side.model) for _ in range(2)], []

    def data():
        batches[:] = loaders["train"]

    def evaluation():
        side.evaluate(side.model, loaders["test"])
        side.evaluate(side.model, loaders["val"])
        for average in averages:
            side.blend(average)
            side.evaluate(average, loaders["test"])

    return dict(data=data, steps=lambda: side.train(batches), evaluation=evaluation)


def _measure(setup, model=None, batch=None, images=None, pairs=None, methods=tuple(METHODS)):
    n, pairs = images or (1200 if setup.device == "cpu" else 12000), pairs or (1 if setup.quick else 3)
    sizes, rows = dict(train=49 * n // 60, val=max(10, n // 60), test=max(10, 10 * n // 60)), []
    for case in cases(setup, ["w8d1x8"], methods[:1] if setup.quick else methods, model, batch, pairs):
        drawn = {part: case.images(size, seed) for seed, (part, size) in enumerate(sizes.items())}
        splits = {part: Split((255 * x).byte(), y).to(setup.device) for part, (x, y) in drawn.items()}
        rows += timed_rows(case, partial(parts_of, images=splits))
    return dict(rows=rows, images=sizes)


def part_seconds(row: dict, parts: tuple[str, ...] = PARTS) -> list[float]:
    """Seconds of these parts of each epoch, added up."""
    return [sum(t["wall_s"] for t in epoch) for epoch in zip(*(row["timings"][part] for part in parts))]


def _line(row, result):
    columns = {part: (part,) for part in PARTS} | {"epoch": PARTS}
    cells = {k: seconds(median(part_seconds(row, v))) if row["timings"] else "not timed" for k, v in columns.items()}
    ratios = {"steps only": partial(part_seconds, parts=("steps",)), "epoch": part_seconds}
    cells |= {f"ratio, {name}": ratio_cell(row, result, seconds_of) for name, seconds_of in ratios.items()}
    return who(row) | {"equal": row["equality"]} | cells


EPOCH = Benchmark("epoch", __doc__, _measure, _line)

if __name__ == "__main__":
    EPOCH.main()
