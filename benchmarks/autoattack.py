"""AutoAttack.

How many images a second does AutoAttack attack?

    python -m benchmarks.autoattack

The demo's network (8x8 images) after some epochs of AT, on the demo's first test images of each class. The cost depends
on how many images survive the earlier attacks: robust accuracy is part of the result.
"""

import click

from benchmarks.benchmark import Benchmark, field, seconds
from benchmarks.comparison import timed
from cfa_nb import data
from cfa_nb.config import Attack
from cfa_nb.method.calibration import uniform
from cfa_nb.method.evaluate import attack_accuracy
from cfa_nb.method.model import build
from cfa_nb.method.step import Epoch
from cfa_nb.runs.profiles import DEMO


def _measure(setup, kinds="aa-fast,aa", batch=None, epochs=5):
    config = DEMO.config("at", 0)
    dataset = data.load(config).to(setup.device)
    model = build(config, dataset.num_classes, dataset.image_shape).to(setup.device).train()
    training = Epoch(model, config, dataset.train, dataset.num_classes)
    for epoch in range(1, epochs + 1):
        training.run(epoch, uniform(config, dataset.num_classes))
    sizes = [batch] if batch else [250, 1000] if setup.device != "cpu" else [50, 200]
    return dict(rows=[_row(setup, config, model, dataset.test, k, n) for k in kinds for n in sizes], epochs=epochs)


def _row(setup, config, model, test, kind, batch):
    """One batch is enough for a rate."""
    click.echo(f"{kind}, batch {batch}", err=True)
    split, accuracies = test.first_per_class(-(-batch // 10)), []
    attack = Attack(kind, config.eval_eps, config.eval_alpha, steps=1000 if kind == "square" else 20)
    timing = timed(lambda: accuracies.append(attack_accuracy(model, split, attack, 10, seed=0)), setup.device)
    return dict(attack=attack.label, batch=len(split), robust_acc=accuracies[0].overall, timings=[timing])


COLUMNS = {
    "attack": field("attack"),
    "batch": field("batch"),
    "robust accuracy": lambda row, _: f"{row['robust_acc']:.1%}",
    "seconds": lambda row, _: seconds(row["timings"][0]["wall_s"]),
    "images/s": lambda row, _: f"{row['batch'] / row['timings'][0]['wall_s']:.3g}",
}
AUTOATTACK = Benchmark("autoattack", __doc__, _measure, COLUMNS, compares=False)

if __name__ == "__main__":
    AUTOATTACK.main()
