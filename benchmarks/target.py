"""Time to a robust accuracy. How long until a network reaches a given one?

AT with class-wise margins on images of Fashion-MNIST, in three channels; PGD accuracy on validation after each epoch.
Seconds are those of training alone: validation is the same for all. Float32 paths part after a few steps, so epochs may
differ by one; several seeds, median [range].
"""

from statistics import median

import click

from benchmarks.benchmark import Benchmark, seconds
from benchmarks.cases import CLASSES, Case
from benchmarks.comparison import checked_rows, median_range, timed, times
from benchmarks.sides import Side, sides
from cfa_nb import data
from cfa_nb.config import TrainConfig
from cfa_nb.data.batches import Batches
from cfa_nb.data.dataset import Split
from cfa_nb.method.evaluate import EpochEvaluation

SIDE, EPS = 14, 11 / 255
RUN = dict(eps=EPS, alpha=EPS / 2, steps=5, eval_eps=EPS, eval_alpha=EPS / 4, crop_padding=0, flip=False, lr=0.05)


def _measure(setup, model="w8d1x14", batch=100, accuracy=0.6, epochs=30, seeds=3):
    case = Case.parse(setup, model, batch)
    if case.side != SIDE:
        raise click.BadParameter(f"the task has {SIDE}x{SIDE} images; say w8d1x14, or such", param_hint="--model")
    checked, rows = checked_rows(case), []
    for seed in range(1 if setup.quick else seeds):
        click.echo(f"{case.label}, seed {seed}", err=True)
        run = Case.parse(setup, model, batch, warm_up=0, changes=RUN | dict(seed=seed))
        rows += [train_until(accuracy, epochs, side) for side, row in zip(sides(run), checked) if row["equal"]]
    return dict(rows=rows, network=case.label, accuracy=accuracy)


def train_until(accuracy: float, epochs: int, side: Side) -> dict:
    """The row of one run, with one timing an epoch."""
    seed, network = side.config.seed, side.case.network().to(side.device)
    train, val = task(seed, side.device)
    evaluation = EpochEvaluation(network, val, side.config, CLASSES, "evaluate-val")  # every side's, on our network
    accuracies, timings = [], []
    while len(accuracies) < epochs and max(accuracies, default=-1) < accuracy:
        epoch = len(accuracies) + 1
        batches = list(Batches(train, side.config, epoch))
        timings.append(timed(lambda b=batches, s=1000 * seed + epoch: side.train(b, s), side.device))
        network.load_state_dict(dict(zip(network.state_dict(), side.model.state_dict().values())))
        accuracies.append(evaluation(epoch).robust.overall)
    about = dict(side=side.name, seed=seed, epochs=len(accuracies), reached=accuracies[-1] >= accuracy)
    return about | dict(accuracies=accuracies, timings=timings)


def task(seed: int, device: str) -> tuple[Split, Split]:
    """Training and validation images, in three equal channels: the released normalisation is for colour images."""
    clothes = data.load(TrainConfig(dataset="fashion", seed=seed, train_per_class=100, val_per_class=50))
    return tuple(Split(s.images.repeat(1, 3, 1, 1), s.labels).to(device) for s in (clothes.train, clothes.val))


def _line(row, result):
    """The line of all runs of a side stands at the first of them."""
    runs = [r for r in result["rows"] if r["side"] == row["side"]]
    reached = [r for r in runs if r["reached"]]
    epochs, spent = [r["epochs"] for r in reached], [sum(times(r)) for r in reached]
    cells = {"step": row["side"], "runs": str(len(runs)), "reached": str(len(reached))}
    cells |= {"epochs": median_range(epochs, 0), "seconds": median_range(spent, 1)}
    return cells | {"s an epoch": seconds(median(s for r in runs for s in times(r)))} if row is runs[0] else None


TARGET = Benchmark("target", __doc__, _measure, _line, caption="PGD accuracy {accuracy:.0%}, {network}\n\n")

if __name__ == "__main__":
    TARGET.main()
