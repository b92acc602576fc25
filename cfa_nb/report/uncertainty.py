"""What a worst class of K noisy ones is worth: Wilson intervals, and the bias of the minimum."""

import numpy as np
import pandas as pd

from cfa_nb.config import ROWS
from cfa_nb.rows import accuracy, attack_label, hard_classes, row_runs
from cfa_nb.stats import percent, points, worst_bias


def class_interval_table(runs, profile, key="at", selection="last"):
    """Robust accuracy of each class in the first seed's run, with its 95 % Wilson interval."""
    seed, run = min(row_runs(runs, profile, key).items())
    found, hard = accuracy(run, profile, ROWS[key].weights, selection, "robust"), hard_classes(profile)
    head = f"{ROWS[key].label}, seed {seed}, {attack_label(profile)}"
    return pd.DataFrame(
        {
            "Class": str(name),
            "kind": "hard" if k in hard else "easy",
            head: percent(found.per_class[k]),
            "95 % interval": f"{percent(low)} to {percent(high)}",
            "test images": str(found.n[k]),
        }
        for k, (name, (low, high)) in enumerate(zip(run.record.class_names, found.wilson()))
    )


def worst_bias_text(runs, profile, keys=("at", "at_cfa"), selection="last"):
    """How much the worst class of each row reads low, by a bootstrap of the minimum, mean over seeds."""
    told = []
    for key in keys:
        found = [
            accuracy(r, profile, ROWS[key].weights, selection, "robust") for r in row_runs(runs, profile, key).values()
        ]
        biases = [worst_bias(a) for a in found if a is not None]
        bias, noise = np.mean(biases, axis=0)
        told.append(f"{ROWS[key].label}: {points(bias)} points (its sampling noise alone: ± {percent(noise)})")
    n = found[0].n[0]
    return (
        f"By how much does the least of {len(found[0].n)} class accuracies, with {n} test images each, miss the true "
        f"least one? A bootstrap of the minimum says: {'; '.join(told)}. The less the worst class stands out from the "
        f"others, the lower it reads, which works against methods that even the classes out."
    )
