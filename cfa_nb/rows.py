"""Finds in `Runs` what a table row, a figure or a claim speaks of, and reads one number a seed from it.

    by_seed(runs, profile, "at_cfa", "best", "robust_worst")   # {0: 0.211, 1: 0.198, ...}

Tables and claims both ask here, so that they cannot mean different runs by one name.
"""

from cfa_nb.config import ROWS

#: Classes that count as hard: the paper's on CIFAR-10 (Secs. 3.1 and 5.3.1), by design on demo, and on digits the four
#: of least train robust accuracy under plain AT (`hardest_by_training` finds them; a test compares).
HARD_CLASSES = {"cifar10": (2, 3, 4, 5), "demo": (2, 3, 4, 5), "digits": (1, 3, 8, 9)}

SELECTIONS = {"best": "best on test", "best_val": "best on validation", "last": "last epoch"}
MEASURES = ("clean_avg", "clean_worst", "robust_avg", "robust_worst")


def hard_classes(profile):
    """Indices of the profile's hard classes; () for a dataset of which nothing is said."""
    return HARD_CLASSES.get(profile.common.get("dataset", "cifar10"), ())


def easy_classes(profile, num_classes):
    """The other classes."""
    return tuple(k for k in range(num_classes) if k not in hard_classes(profile))


def hardest_by_training(runs, count=4):
    """The `count` classes of least mean train robust accuracy t_k in the last epoch of these runs."""
    rows = [r.record.epochs[-1].train_robust.per_class for r in runs]
    mean = [sum(column) / len(rows) for column in zip(*rows)]
    return tuple(sorted(sorted(range(len(mean)), key=mean.__getitem__)[:count]))


def find(runs, profile, recipe, **changes):
    """{seed: run} of a recipe at the profile's settings, with `changes` such as `eps` or `lambda_1`."""
    found = ((r, profile.config(recipe, r.config.seed, **changes)) for r in runs if r.config.recipe == recipe)
    return {r.config.seed: r for r, wanted in found if r.config == wanted}


def row_runs(runs, profile, key):
    """{seed: run} of a table row ("at_cfa")."""
    return find(runs, profile, ROWS[key].recipe)


def robust_key(run, profile):
    """Key of the attack in the tables' robust column, such as "pgd20"."""
    return profile.final_attack(run.config).key


def attack_label(profile):
    """How pages head the robust column: "PGD-20" (`AA` stands for the standard AutoAttack alone)."""
    return f"PGD-{profile.final_steps}"


def accuracy(run, profile, weights, selection, kind):
    """`ClassAccuracy` of one checkpoint, `kind` "clean" or "robust" (the tables' attack); None if not evaluated."""
    if kind == "clean":
        return run.clean(weights, selection)
    return run.robust(weights, selection, robust_key(run, profile))


def by_seed(runs, profile, key, selection, measure):
    """{seed: fraction} of a table row: `measure` is one of MEASURES, `selection` one of SELECTIONS."""
    kind, which = measure.split("_")
    out = {}
    for seed, run in sorted(row_runs(runs, profile, key).items()):
        found = accuracy(run, profile, ROWS[key].weights, selection, kind)
        if found is not None:
            out[seed] = found.overall if which == "avg" else found.worst
    return out


def mean_of(values, classes):
    """Mean of the values of some classes."""
    return sum(values[k] for k in classes) / len(classes)
