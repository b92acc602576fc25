"""What a worst class of K noisy ones is worth: Wilson intervals, and the bias of the minimum."""

import numpy as np
import pandas as pd

from cfa_nb.config import ROWS
from cfa_nb.report.lines import shown
from cfa_nb.rows import accuracies, attack_label, worst_label
from cfa_nb.stats import count, percent, points, worst_bias


def class_interval_table(runs, profile, key="at", selection="last"):
    """Robust accuracy of each class in the first seed's run, with its 95 % Wilson interval."""
    seed, found = min(accuracies(runs, profile, key, selection).items())
    classes, intervals = shown(profile, runs), found.wilson()
    head = f"{ROWS[key].label}, seed {seed}, {attack_label(profile)}"
    return pd.DataFrame(
        {
            classes.head: classes.names[k],
            "kind": classes.kind(k),
            head: percent(found.per_class[k]),
            "95 % interval": " to ".join(percent(v) for v in intervals[k]),
            "test images": str(found.n[k]),
        }
        for k in classes.classes
    )


def worst_bias_text(runs, profile, keys=("at", "at_cfa"), selection="last"):
    """How much the worst class of each row reads low, by a bootstrap of the minimum, mean over seeds."""
    told = []
    for key in keys:
        found = list(accuracies(runs, profile, key, selection).values())
        bias, noise = np.mean([worst_bias(a) for a in found], axis=0)
        told.append(f"{ROWS[key].label}: {points(bias)} points (its sampling noise alone: ± {percent(noise)})")
    n, many = found[0].n[0], found[0].worst_share > 0
    least = f"the mean of the {worst_label(profile)}, {len(found[0].n)} in all," if many else (
        f"the least of {len(found[0].n)} class accuracies,"
    )  # fmt: skip
    return (
        f"By how much does {least} with {count(n, 'test image')} each, miss the true "
        f"least one? A bootstrap of the minimum says: {'; '.join(told)}. The less the worst class stands out from the "
        f"others, the lower it reads, which works against methods that even the classes out."
    )
