"""Finds in `Runs` what a table row, a figure or a claim speaks of, and reads one number a seed from it.

    by_seed(runs, profile, "at_cfa", "best", "robust_worst")   # {0: 0.211, 1: 0.198, ...}

Tables and claims both ask here, so that they cannot mean different runs, classes or attacks by one name.
"""

import math
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace

from cfa_nb.config import LIVE, RECIPES, ROWS, Average
from cfa_nb.method.metrics import ClassAccuracy
from cfa_nb.runs.study import Profile
from cfa_pages.results.paper import TABLE_1, TABLE_2, TABLE_3
from cfa_pages.results.runs import Run, Runs
from cfa_pages.results.stats import Paired, count, image_interval, paired

#: Classes that count as hard: the paper's on CIFAR-10 (Secs. 3.1 and 5.3.1), by design on demo, and on digits the four
#: of least train robust accuracy under plain AT (`hardest_by_training` finds them; a test compares).
HARD_CLASSES = {"cifar10": (2, 3, 4, 5), "demo": (2, 3, 4, 5), "digits": (1, 3, 8, 9)}
HARD_REASON = {
    "cifar10": "named by the paper (Secs. 3.1 and 5.3.1)",
    "demo": "hard by design",
    "digits": "of least train robust accuracy under plain AT",
}
CIFAR10_NAMES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
HARD_SHARE = 0.4  # of the classes, where nobody named the hard ones: as many as the paper's four of ten
CLASS_LIMIT = 20  # classes that a figure can name; of more, the hardest and the easiest half of this are shown

SELECTIONS = {"best": "best on test", "best_val": "best on validation", "last": "last epoch"}
QUANTITIES = ("clean_avg", "clean_worst", "robust_avg", "robust_worst")


def hard_classes(profile: Profile, runs: Sequence[Run] = ()) -> tuple[int, ...]:
    """Indices of the hard classes: named for the profile's data, else the `HARD_SHARE` that training finds hardest.

    Args:
        runs: finished runs, for data of which nobody named the hard classes; () is the answer only without any.
    """
    named_indices = HARD_CLASSES.get(_dataset(profile))
    if named_indices is not None or not runs:
        return named_indices or ()
    names = runs[0].record.class_names
    if sorted(map(str, names)) == list(CIFAR10_NAMES):
        return tuple(k for k, name in enumerate(names) if CIFAR10_NAMES.index(name) in HARD_CLASSES["cifar10"])
    number = min(max(1, round(HARD_SHARE * len(names))), len(names) - 1)
    return hardest_by_training(_reference_runs(runs, profile)[1], number)


def class_groups(profile: Profile, runs: Sequence[Run]) -> dict[str, tuple[int, ...]]:
    """{"hard", "easy", "all": indices of classes}; all are empty without a run."""
    every = tuple(range(class_count(runs)))
    hard = hard_classes(profile, runs) if every else ()
    return {"hard": hard, "easy": tuple(k for k in every if k not in hard), "all": every}


def class_count(runs: Sequence[Run]) -> int:
    """K, the number of classes; 0 without a run."""
    return len(runs[0].record.class_names) if runs else 0


def hardness_text(profile: Profile, runs: Sequence[Run]) -> str:
    """One sentence: which classes count as hard on this page, and who says so."""
    hard = hard_classes(profile, runs)
    if not hard or not runs:
        return "Without a run no class is called hard."
    names = runs[0].record.class_names
    class_text = ", ".join(str(names[k]) for k in hard) if len(hard) <= 10 else f"{len(hard)} of {len(names)}"
    return f"Hard classes: {class_text}; {_hard_reason(profile, runs)}."


def _hard_reason(profile, runs):
    if _dataset(profile) in HARD_REASON:
        return HARD_REASON[_dataset(profile)]
    names = runs[0].record.class_names
    if sorted(map(str, names)) == list(CIFAR10_NAMES):
        return f"{HARD_REASON['cifar10']}, as these are CIFAR-10's classes"
    recipe, reference_runs = _reference_runs(runs, profile)
    return (
        f"those {100 * HARD_SHARE:.0f} % of the classes that have the least train robust accuracy in the last epoch "
        f"of {ROWS[recipe].label} (mean of {count(len(reference_runs), 'run')})"
    )


def _dataset(profile):
    return profile.common.get("dataset", "cifar10")


def _reference_runs(runs, profile):
    """(recipe, its runs) that decide which classes are hard: plain AT in the study's seeds, which most pages load.

    Where a page loads no plain AT the first recipe that it has stands in, at the profile's settings or else any run.
    """
    for recipe in ("at", "trades", "fat", *dict.fromkeys(r.config.recipe for r in runs)):
        runs_by_seed = find(runs, profile, recipe)
        if runs_by_seed:
            study_runs = [r for s, r in sorted(runs_by_seed.items()) if s in profile.study_seeds]
            return recipe, study_runs or list(runs_by_seed.values())
    return runs[0].config.recipe, [r for r in runs if r.config.recipe == runs[0].config.recipe]


def hardest_by_training(runs: Iterable[Run], number: int = 4) -> tuple[int, ...]:
    """The `number` classes of least mean train robust accuracy t_k in the last epoch of these runs, by index."""
    return tuple(sorted(_hardest_first(runs)[:number]))


def _hardest_first(runs):
    """All classes, the one of least mean train robust accuracy in the last epoch of these runs first."""
    rows = [r.record.epochs[-1].train_robust.per_class for r in runs]
    mean = [sum(column) / len(rows) for column in zip(*rows)]
    return sorted(range(len(mean)), key=mean.__getitem__)


def shown_class_indices(profile: Profile, runs: Sequence[Run]) -> tuple[int, ...]:
    """Indices of the classes that a figure shows: all of them up to `CLASS_LIMIT`, else the hardest and the easiest."""
    classes = class_count(runs)
    if classes <= CLASS_LIMIT:
        return tuple(range(classes))
    order, half = _hardest_first(_reference_runs(runs, profile)[1]), CLASS_LIMIT // 2
    return (*order[:half], *order[-half:])


def shown_note(runs: Sequence[Run]) -> str:
    """ "10 hardest and 10 easiest of 200 classes", as those that train with them find; "" where all are shown."""
    classes = class_count(runs)
    half = CLASS_LIMIT // 2
    return f"{half} hardest and {half} easiest of {classes} classes" if classes > CLASS_LIMIT else ""


def find(runs: Iterable[Run], profile: Profile, recipe: str, **changes) -> dict[int, Run]:
    """{seed: run} of a recipe at the profile's settings, with `changes` such as `eps` or `lambda_1`."""
    candidates = ((r, profile.config(recipe, r.config.seed, **changes)) for r in runs if r.config.recipe == recipe)
    return {r.config.seed: r for r, config in candidates if r.config == config}


def row_runs(runs: Iterable[Run], profile: Profile, key: str) -> dict[int, Run]:
    """{seed: run} of a table row ("at_cfa")."""
    return find(runs, profile, ROWS[key].recipe)


def added_rows() -> tuple[str, ...]:
    """Keys of the rows that no table of the paper has."""
    return tuple(key for key in ROWS if not any(key in table for table in (TABLE_1, TABLE_2, TABLE_3)))


def base_row(key: str) -> str:
    """The plain row that a row is compared with: AT, TRADES or FAT where that is its objective, else AT."""
    objective = RECIPES[ROWS[key].recipe].objective
    return objective if objective in ("trades", "fat") else "at"


def stand_ins(runs: Runs, profile: Profile, key: str) -> dict[int, str]:
    """{seed: "live weights"}: what a row shows in each seed whose average accepted no epoch; {} for live weights."""
    weights = ROWS[key].weights
    runs_by_seed = sorted(row_runs(runs, profile, key).items()) if weights != LIVE else ()
    idle_runs = {s: r for s, r in runs_by_seed if not _accepted_any(r, weights)}
    return {s: stand_in(next(a for a in r.record.averages if a.name == weights)) for s, r in idle_runs.items()}


def stand_in(spec: Average) -> str:
    """What a row shows while its average, an `Average` of the config, has accepted nothing."""
    return {"first": "live weights", "theta_0": "initial weights", "random": "a random network"}[spec.init]


def _accepted_any(run, weights):
    return any(e.accepted.get(weights) for e in run.record.epochs)


def stand_in_text(runs: Runs, profile: Profile, key: str) -> str:
    """ "FAWA accepted no epoch in 2 of 5 seeds: live weights stand in"; "" where each seed has its average."""
    weights_by_seed, seeds = stand_ins(runs, profile, key), len(row_runs(runs, profile, key))
    if not weights_by_seed:
        return ""
    weights_text = " or ".join(dict.fromkeys(weights_by_seed.values()))
    verb = "stands" if weights_text.startswith("a ") else "stand"
    name = ROWS[key].weights.upper()
    return f"{name} accepted no epoch in {len(weights_by_seed)} of {count(seeds, 'seed')}: {weights_text} {verb} in"


def only_stand_ins(runs: Runs, profile: Profile, key: str) -> bool:
    """True where a row's average accepted no epoch in any seed, so that the row shows nothing of it."""
    weights_by_seed = stand_ins(runs, profile, key)
    return bool(weights_by_seed) and len(weights_by_seed) == len(row_runs(runs, profile, key))


def eps_text(eps: float) -> str:
    """A margin in the paper's unit where it is one ("8/255"), else as a plain number ("0.15")."""
    steps = eps * 255
    return f"{steps:.0f}/255" if abs(steps - round(steps)) < 1e-9 and steps <= 32 else f"{eps:.4g}"


def calibrated_text(margin: float, eps: float) -> str:
    """A calibrated margin in the unit in which its page writes eps: "7.2/255", "0.138"."""
    return f"{margin * 255:.1f}/255" if eps_text(eps).endswith("/255") else f"{margin:.3f}"


def robust_key(run: Run, profile: Profile) -> str:
    """Key of the attack in the tables' robust column, such as "pgd20" or "aa[n=100/class]"."""
    return profile.final_attack(run.config).key


def attack_label(profile: Profile) -> str:
    """How pages head the robust column: "PGD-20", "AA", "AA, 100 images a class"."""
    return profile.final_attack(profile.config("at", profile.seeds[0])).label


def white_box_label(profile: Profile) -> str:
    """How pages name the PGD attack that every reported checkpoint meets: "PGD-20"."""
    return profile.white_box(profile.config("at", profile.seeds[0])).label


def worst_label(profile: Profile) -> str:
    """What `worst` means under this profile: "worst class", or "worst 10 % of classes"."""
    share = profile.common.get("worst_share", 0.0)
    return f"worst {100 * share:g} % of classes" if share else "worst class"


def accuracy(run: Run, profile: Profile, weights: str, selection: str, metric: str) -> ClassAccuracy | None:
    """`ClassAccuracy` of one checkpoint, or None: "clean", "robust" (the tables' attack), "pgd" (the white-box one)."""
    if metric == "clean":
        return run.clean(weights, selection)
    key = profile.white_box(run.config).key if metric == "pgd" else robust_key(run, profile)
    return run.robust(weights, selection, key)


def accuracies(
    runs: Runs, profile: Profile, key: str, selection: str, metric: str = "robust"
) -> dict[int, ClassAccuracy]:
    """{seed: `ClassAccuracy`} of a table row, where it was measured; `metric` as in `accuracy`."""
    weights = ROWS[key].weights
    runs_by_seed = sorted(row_runs(runs, profile, key).items())
    accuracies_by_seed = {s: accuracy(r, profile, weights, selection, metric) for s, r in runs_by_seed}
    return {s: a for s, a in accuracies_by_seed.items() if a is not None}


def by_seed(runs: Runs, profile: Profile, key: str, selection: str, quantity: str) -> dict[int, float]:
    """{seed: fraction} of a table row: `quantity` is one of QUANTITIES, or "pgd_avg", "pgd_worst"."""
    metric, statistic = quantity.split("_")
    accuracies_by_seed = accuracies(runs, profile, key, selection, metric)
    return {s: a.overall if statistic == "avg" else a.worst for s, a in accuracies_by_seed.items()}


def row_difference(runs: Runs, profile: Profile, row: str, base: str, selection: str, quantity: str) -> Paired:
    """A table row minus another one, paired by seed: a `Paired`, of one seed with its interval over test images."""
    metric, statistic = quantity.split("_")
    statistic = "overall" if statistic == "avg" else "worst"
    ours, theirs = (accuracies(runs, profile, key, selection, metric) for key in (row, base))
    comparison = paired(*({s: getattr(a, statistic) for s, a in row.items()} for row in (ours, theirs)))
    if comparison.n != 1:
        return comparison
    (seed,) = set(ours) & set(theirs)
    return replace(comparison, images=image_interval(ours[seed], theirs[seed], statistic))


def mean_of(values: Sequence[float], classes: Collection[int]) -> float:
    """Mean of the values of some classes; nan of none."""
    return sum(values[k] for k in classes) / len(classes) if classes else math.nan
