"""Finds in `Results` what a table row, a figure or a claim speaks of, and reads one number a seed from it.

    by_seed(results, "at_cfa", "best", "robust_worst")   # {0: 0.211, 1: 0.198, ...}

Tables and claims both ask here, so that they cannot mean different runs, classes or attacks by one name.
"""

import math
from collections.abc import Collection, Sequence
from dataclasses import replace

import numpy as np

from cfa_nb.config import LIVE
from cfa_nb.method.evaluate import stages
from cfa_nb.method.metrics import ClassAccuracy
from cfa_nb.recipes import RECIPES, ROWS
from cfa_nb.runs.study import Profile
from cfa_pages.results.paper import TABLE_1, TABLE_2, TABLE_3
from cfa_pages.results.runs import Results, Run
from cfa_pages.results.stats import (
    Paired,
    Statistic,
    count,
    first_of_each_class,
    image_error,
    image_interval,
    paired,
    statistic_of,
)

#: Classes that count as hard: the paper's on CIFAR-10 (Secs. 3.1 and 5.3.1); on other data, as there, those on which a
#: plainly trained network (the recipe "plain") has the lowest clean accuracy.
HARD_NAMES = ("bird", "cat", "deer", "dog")
CIFAR10_NAMES = ("airplane", "automobile", *HARD_NAMES, "frog", "horse", "ship", "truck")
HARD_SHARE = 0.4  # of the classes, where nobody named the hard ones: as many as the paper's four of ten
CLASS_LIMIT = 20  # classes that a figure can name; of more, the hardest and the easiest half of this are shown

SELECTIONS = {"best": "best on test", "best_val": "best on validation", "last": "last epoch"}


def class_names(runs: Sequence[Run]) -> tuple[str, ...]:
    """Names of the K classes; () without a run."""
    return tuple(map(str, runs[0].record.class_names)) if runs else ()


def hard_classes(results: Results) -> tuple[int, ...]:
    """Indices of the hard classes: the paper's where the classes are CIFAR-10's, else the `HARD_SHARE` of all that a
    plainly trained network finds hardest; () without such a run.
    """  # fmt: skip
    names = class_names(results)
    if sorted(names) == list(CIFAR10_NAMES):
        return tuple(k for k, name in enumerate(names) if name in HARD_NAMES)
    number = min(max(1, round(HARD_SHARE * len(names))), len(names) - 1)
    return tuple(sorted(hardest_first(results)[:number]))


def hardest_first(results: Results) -> list[int]:
    """All classes, that of the lowest clean accuracy under plain training (mean over runs) first; [] without a run."""
    rows = [r.clean(LIVE, "last").per_class for r in find(results, "plain").values()]
    mean = [sum(column) / len(rows) for column in zip(*rows)]
    return sorted(range(len(mean)), key=mean.__getitem__)


def class_groups(results: Results) -> dict[str, tuple[int, ...]]:
    """{"hard", "easy", "all": indices of classes}; the first two are empty where nobody says which are hard."""
    every = tuple(range(len(class_names(results))))
    hard = hard_classes(results) if every else ()
    return {"hard": hard, "easy": tuple(k for k in every if k not in hard) if hard else (), "all": every}


def hardness_text(results: Results) -> str:
    """One sentence: which classes count as hard on this page, and who says so."""
    names, hard = class_names(results), hard_classes(results) if results else ()
    if not hard:
        return "Without a run no class is called hard."
    reason = "named by the paper (Secs. 3.1 and 5.3.1)"
    if sorted(names) != list(CIFAR10_NAMES):
        n = count(len(find(results, "plain")), "run")
        reason = f"those on which a plainly trained network has the lowest clean accuracy (mean of {n})"
    class_text = ", ".join(names[k] for k in hard) if len(hard) <= 10 else f"{len(hard)} of {len(names)}"
    return f"Hard classes: {class_text}; {reason}."


def find(results: Results, recipe: str, **changes) -> dict[int, Run]:
    """{seed: run} of a recipe at the profile's settings, with `changes` such as `eps` or `lambda_1`."""
    candidates = (
        (r, results.profile.config(recipe, r.config.seed, **changes)) for r in results if r.config.recipe == recipe
    )
    return {r.config.seed: r for r, config in candidates if r.config == config}


def study_runs(results: Results, recipe: str, field: str, values: Sequence[float]) -> dict[float, list[Run]]:
    """{value: the runs of a recipe with this value of a field, in the study's seeds}, such as the margins of Fig. 2."""
    seeds = results.profile.study_seeds
    return {v: [r for s, r in sorted(find(results, recipe, **{field: v}).items()) if s in seeds] for v in values}


def row_runs(results: Results, key: str) -> dict[int, Run]:
    """{seed: run} of a table row ("at_cfa")."""
    return find(results, ROWS[key].recipe)


def added_rows() -> tuple[str, ...]:
    """Keys of the rows that stand in the paper's tables and are not the paper's."""
    tables = {1: TABLE_1, 2: TABLE_2, 3: TABLE_3}
    return tuple(k for k, r in ROWS.items() if set(r.tables) & set(tables) and not any(k in t for t in tables.values()))


def base_row(key: str) -> str:
    """The plain row that a row is compared with: AT, TRADES or FAT where that is its objective, else AT."""
    objective = RECIPES[ROWS[key].recipe].objective
    return objective if objective in ("trades", "fat") else "at"


def versus(row: str, base: str) -> str:
    """ "AT + CFA − (AT + EMA)": the difference of two rows in words; the second one in brackets if it is a sum."""
    minuend, subtrahend = ROWS[row].label, ROWS[base].label
    return f"{minuend} − ({subtrahend})" if "+" in subtrahend else f"{minuend} − {subtrahend}"


def eps_text(eps: float) -> str:
    """A margin in the paper's unit: "8/255", "2.75/255", "38.25/255"."""
    return f"{round(255 * eps, 2):g}/255"


def calibrated_text(margin: float) -> str:
    """A calibrated margin in the same unit: "7.2/255"."""
    return f"{margin * 255:.1f}/255"


def attack_label(profile: Profile) -> str:
    """How pages head the robust column: "PGD-20", "AA", "AA, 100 images a class"."""
    return profile.final_attack(profile.config("at", profile.seeds[0])).label


def worst_label(profile: Profile) -> str:
    """What `worst` means under this profile: "worst class", or "worst 10 % of classes"."""
    share = profile.common.get("worst_share", 0.0)
    return f"worst {100 * share:g} % of classes" if share else "worst class"


def accuracy(run: Run, profile: Profile, weights: str, selection: str, metric: str) -> ClassAccuracy | None:
    """`ClassAccuracy` of one checkpoint, or None: "clean", "robust" (the tables' attack), "pgd" (the white-box one)."""
    if profile.final_per_class and profile.final == "targeted" and metric != "robust":  # never two sizes in one table
        clean, pgd, _ = stages(profile.final_attack(run.config))
        return run.robust(weights, selection, clean if metric == "clean" else pgd)
    if metric == "clean":
        return run.clean(weights, selection)
    attack = profile.white_box(run.config) if metric == "pgd" else profile.final_attack(run.config)
    return run.robust(weights, selection, attack.key)


def accuracies(results: Results, key: str, selection: str, metric: str = "robust") -> dict[int, ClassAccuracy]:
    """{seed: `ClassAccuracy`} of a table row, where it was measured; `metric` as in `accuracy`."""
    weights = ROWS[key].weights
    runs_by_seed = sorted(row_runs(results, key).items())
    accuracies_by_seed = {s: accuracy(r, results.profile, weights, selection, metric) for s, r in runs_by_seed}
    return {s: a for s, a in accuracies_by_seed.items() if a is not None}


def by_seed(results: Results, key: str, selection: str, quantity: str) -> dict[int, float]:
    """{seed: fraction} of a table row: `quantity` is a metric of `accuracy` with "_avg" or "_worst"."""
    metric, statistic = _split(quantity)
    return {s: getattr(a, statistic) for s, a in accuracies(results, key, selection, metric).items()}


def _split(quantity):
    metric, statistic = quantity.split("_")
    return metric, {"avg": "overall", "worst": "worst"}[statistic]


def row_difference(results: Results, row: str, base: str, selection: str, quantity: str) -> Paired:
    """A table row minus another one, paired by seed, in a quantity of `by_seed` (`statistic_difference`)."""
    metric, statistic = _split(quantity)
    return statistic_difference(results, row, base, selection, statistic, metric)


def statistic_difference(
    results: Results, row: str, base: str, selection: str, statistic: Statistic, metric: str = "robust"
) -> Paired:
    """A table row minus another one in any `Statistic` of the classes, paired by seed.

    The interval covers the choice of the test images where the outcome of each is known; of one seed it covers that
    alone, as far as counts tell it.
    """
    ours, theirs = (accuracies(results, key, selection, metric) for key in (row, base))
    seeds = sorted(set(ours) & set(theirs))
    if not seeds:
        return paired({}, {})
    value = statistic_of(statistic, ours[seeds[0]])
    comparison = paired(*({s: float(value(np.array(a[s].per_class))) for s in seeds} for a in (ours, theirs)))
    if len(seeds) == 1 and statistic in ("overall", "worst"):
        return replace(comparison, images=image_interval(ours[seeds[0]], theirs[seeds[0]], statistic))
    known = [_outcomes(results, key, selection, seeds) for key in (row, base)] if metric == "robust" else [()]
    if not all(all(texts) and texts for texts in known):
        return comparison
    return replace(comparison, image_error=image_error(*known, statistic, ours[seeds[0]]))


def _outcomes(results, key, selection, seeds):
    runs_by_seed = row_runs(results, key)
    attack = results.profile.final_attack(runs_by_seed[seeds[0]].config)
    return tuple(runs_by_seed[s].outcomes(ROWS[key].weights, selection, attack) for s in seeds)


def aa_accuracies(results: Results, key: str) -> dict[int, tuple[ClassAccuracy, ClassAccuracy]]:
    """{seed: (standard AutoAttack, the profile's own attack on the same images)} of a row, last epoch, where known."""
    found = {}
    for seed, run in sorted(row_runs(results, key).items()) if results.profile.aa_per_class else ():
        aa, *same_images = results.profile.aa_attacks(run.config)
        accuracy = run.robust(ROWS[key].weights, "last", aa.key)
        if accuracy is not None and not run.record.never_accepted(ROWS[key].weights):
            found[seed] = accuracy, _same_images(run, results.profile, key, same_images)
    return found


def _same_images(run, profile, key, attacks):
    if attacks:
        return run.robust(ROWS[key].weights, "last", attacks[0].key)
    attack = profile.final_attack(run.config)
    n = run.robust(ROWS[key].weights, "last", attack.key).n
    text, share = run.outcomes(ROWS[key].weights, "last", attack), run.config.worst_share
    return first_of_each_class(text, n, profile.aa_per_class, share)


def aa_difference(results: Results, row: str, base: str, quantity: str) -> Paired:
    """A row minus another one under standard AutoAttack at the last epoch, paired by seed; over seeds alone."""
    _, statistic = _split(quantity)
    both = (aa_accuracies(results, key) for key in (row, base))
    return paired(*({s: getattr(aa, statistic) for s, (aa, _) in found.items()} for found in both))


def mean_of(values: Sequence[float], classes: Collection[int]) -> float:
    """Mean of the values of some classes; nan of none."""
    return sum(values[k] for k in classes) / len(classes) if classes else math.nan
