"""AutoAttack. How many images a second does it attack?

The network of the profile `fashion` (14x14 images) after some epochs of AT, on the first test images of each class. The
cost depends on how many images survive the earlier attacks: robust accuracy is part of the result.
"""

import click

from benchmarks.benchmark import Benchmark, seconds
from benchmarks.comparison import timed
from cfa_nb import data
from cfa_nb.config import Attack
from cfa_nb.method.calibration import uniform
from cfa_nb.method.evaluate import attack_accuracy
from cfa_nb.method.model import build
from cfa_nb.method.step import Epoch
from cfa_nb.runs.profiles import FASHION

STEPS = {"pgd": 20, "targeted": 20, "square": 1000}  # AutoAttack has its own


def _measure(setup, kinds=("aa-fast", "aa"), batch=None, epochs=5):
    config, rows, accuracies = FASHION.config("at", 0), [], []
    dataset = data.load(config).to(setup.device)
    model = build(config, dataset.num_classes, dataset.image_shape).to(setup.device).train()
    training = Epoch(model, config, dataset.train, dataset.num_classes)
    for epoch in range(1, epochs + 1):
        training.run(epoch, uniform(config, dataset.num_classes))
    sizes = [batch] if batch else [50, 200][: 2 - setup.quick] if setup.device == "cpu" else [250, 1000]
    for kind, size in ((kind, size) for kind in kinds for size in sizes):
        click.echo(f"{kind}, batch {size}", err=True)
        split = dataset.test.first_per_class(-(-size // 10))
        attack = Attack(kind, config.eval_eps, config.eval_alpha, steps=STEPS.get(kind, 0))
        work = lambda a=attack, s=split: accuracies.append(attack_accuracy(model, s, a, 10, seed=0))  # noqa: E731
        timings = [timed(work, setup.device)]  # one batch is enough for a rate
        rows.append(dict(attack=attack.label, batch=len(split), robust_acc=accuracies[-1].overall, timings=timings))
    return dict(rows=rows, epochs=epochs)


def _line(row, _):
    wall_s = row["timings"][0]["wall_s"]
    cells = {"attack": row["attack"], "batch": str(row["batch"]), "robust accuracy": f"{row['robust_acc']:.1%}"}
    return cells | {"seconds": seconds(wall_s), "images/s": f"{row['batch'] / wall_s:.3g}"}


AUTOATTACK = Benchmark("autoattack", __doc__, _measure, _line, compares=False)

if __name__ == "__main__":
    AUTOATTACK.main()
