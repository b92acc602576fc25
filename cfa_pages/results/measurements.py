"""The measurements behind the claims of Sections 3 and 5.3 that no table row holds: windows, changes, margins.

Each function gives one number a run, as a fraction; the claims compare them seed by seed.
"""

import math
from collections.abc import Callable, Collection, Sequence
from itertools import pairwise

from cfa_nb.config import LIVE, TrainConfig
from cfa_nb.runs.study import Profile
from cfa_pages.results.rows import find, mean_of
from cfa_pages.results.runs import Results, Run

BySeed = dict[int, float]  # {seed: value}
LAST = 8  # epochs at the end of training over which calibrated margins are averaged, where so many were calibrated
CHANGE_EPOCHS = "second half of training, without the epochs right after a drop of the rate"  # where changes are taken
NO_CHANGE_EPOCHS = "no pair of adjacent epochs to judge it by"


def base_eps(profile: Profile) -> float:
    """The profile's original margin, eps_0."""
    return profile.common.get("eps", TrainConfig.eps)


def window_mean(run: Run, classes: Sequence[int], window: tuple[int, int], metric: str = "robust") -> float:
    """Mean test accuracy of some classes over a window of epochs (Figs. 2 and 3)."""
    return mean_of(run.window(*window, metric=metric), classes)


def class_accuracy(
    results: Results, name: str, recipe: str, window: tuple[int, int], metric: str = "robust", **changes
) -> float:
    """Accuracy of the class of this name in percent: mean over a window of epochs and the study's seeds.

    `changes` as `rows.find` takes them; nan where there is no such class, or no such run.
    """
    runs = [r for s, r in find(results, recipe, **changes).items() if s in results.profile.study_seeds]
    names = list(map(str, runs[0].record.class_names)) if runs else []
    if name not in names:
        return math.nan
    return 100 * mean_value([r.window(*window, metric=metric)[names.index(name)] for r in runs])


def larger_margins(profile: Profile) -> tuple[float, ...]:
    """The training margins of Fig. 2 beyond eps_0."""
    return tuple(eps for eps in profile.margins if eps > base_eps(profile) + 1e-9)


def margin_effect(
    results: Results, value_of: Callable[[Run], float], gather: Callable[[list[float]], float]
) -> tuple[BySeed, BySeed]:
    """({seed: value}, {seed: value}) over all training margins beyond eps_0, and at eps_0; empty where none is.

    Args:
        value_of: from a run to one number.
        gather: from one seed's numbers at the larger margins to one, such as `max`.
    """
    runs_beyond = [find(results, "at", eps=eps) for eps in larger_margins(results.profile)]
    seeds = set.intersection(*map(set, runs_beyond)) if runs_beyond else ()
    ours = {s: gather([value_of(runs_by_seed[s]) for runs_by_seed in runs_beyond]) for s in sorted(seeds)}
    base = {s: value_of(r) for s, r in find(results, "at", eps=base_eps(results.profile)).items()}
    return (ours, base) if ours else ({}, {})


def mean_value(values: Sequence[float]) -> float:
    """Mean of a list."""
    return sum(values) / len(values)


def effect(results: Results, recipe: str, value_of: Callable[[Run], float], **ends: tuple) -> tuple[BySeed, BySeed]:
    """({seed: value}, {seed: value}) of a recipe at the second and at the first value of a field: `beta=(1, 8)`."""
    ((field, (first, second)),) = ends.items()
    return tuple({s: value_of(r) for s, r in find(results, recipe, **{field: v}).items()} for v in (second, first))


def beta_effect(results: Results, value_of: Callable[[Run], float]) -> tuple[BySeed, BySeed]:
    """({seed: value}, {seed: value}) at the largest and at the smallest beta of Fig. 3; `value_of` takes a run."""
    betas = results.profile.betas
    return effect(results, "trades", value_of, beta=(min(betas), max(betas))) if betas else ({}, {})


def best_overall(run: Run) -> float:
    """Highest overall robust test accuracy of any epoch, under the epochs' own attack."""
    return max(a.overall for a in run.curve())


def changes(run: Run, weights: str = LIVE) -> list[tuple[int, dict[str, float]]]:
    """[(epoch, {statistic: |change|})] against the epoch before, in the second half of training.

    Statistics: "overall", "worst", and "others": the mean |change| of a single class, without the one that is worst.
    Left out: an epoch right after a milestone, where the rate falls, and epochs before the average exists.
    """
    curve, steps = run.curve(weights), []
    for epoch in range(run.config.best_from + 1, run.config.epochs + 1):
        before, now = curve[epoch - 2], curve[epoch - 1]
        if before is not None and now is not None and epoch - 1 not in run.config.milestones:
            moves = {s: abs(getattr(now, s) - getattr(before, s)) for s in ("overall", "worst")}
            pairs = enumerate(zip(before.per_class, now.per_class))
            others = [abs(b - a) for k, (a, b) in pairs if k != now.worst_class]
            steps.append((epoch, moves | {"others": mean_value(others)}))
    return steps


def mean_change(
    run: Run, weights: str = LIVE, statistic: str = "worst", epochs: Collection[int] | None = None
) -> float | None:
    """Mean |change| of a statistic of `changes` between adjacent epochs; None without such a pair."""
    sizes = [moves[statistic] for epoch, moves in changes(run, weights) if epochs is None or epoch in epochs]
    return sum(sizes) / len(sizes) if sizes else None


def last_epochs(config: TrainConfig) -> int:
    """How many epochs at the end count for margins (Fig. 5(b)): `LAST`, but none before calibration began."""
    return min(LAST, max(1, config.epochs - config.calibration_start + 1))


def last_text(config: TrainConfig) -> str:
    """ "last 8 epochs", "last epoch"."""
    epochs = last_epochs(config)
    return "last epoch" if epochs == 1 else f"last {epochs} epochs"


def margin_moves(run: Run) -> float:
    """Mean |change| of a class's margin between adjacent epochs, second half of training, in units of eps."""
    rows = [e.class_eps for e in run.record.epochs[run.config.best_from - 2 :]]
    moves = [abs(b - a) for before, now in pairwise(rows) for a, b in zip(before, now)]
    return mean_value(moves) / run.config.eps


def slopes_by_seed(results: Results) -> dict[int, list[float]]:
    """{seed: by how much each class's t_k falls as its training margin grows by eps}: K values.

    From plain AT at the two margins of Fig. 2 next to eps, one below and one above; t_k is the mean over the epochs of
    Fig. 2(c). Eq. 6 makes a margin of t_k, and t_k follows from the margin: near its fixed point each iteration
    multiplies a deviation by minus this slope, so that it dies out where the slope is below 1.
    """
    eps = base_eps(results.profile)
    below, above = (sorted(m for m in results.profile.margins if side * (m - eps) > 1e-9) for side in (-1, 1))
    if not below or not above:
        return {}
    ends = [find(results, "at", eps=margin) for margin in (below[-1], above[0])]
    width = (above[0] - below[-1]) / eps
    rows = [{s: train_mean(r, results.profile.late_window) for s, r in by_seed.items()} for by_seed in ends]
    seeds = sorted(set(rows[0]) & set(rows[1]))
    return {s: [(a - b) / width for a, b in zip(rows[0][s], rows[1][s])] for s in seeds}


def train_mean(run: Run, window: tuple[int, int]) -> list[float]:
    """(K,) mean train robust accuracy t_k over epochs first..last."""
    rows = [e.train_robust.per_class for e in run.record.epochs[window[0] - 1 : window[1]]]
    return [mean_value(column) for column in zip(*rows)]


def margin_excess(run: Run, classes: Sequence[int]) -> float:
    """Mean class margin over the last epochs, less eps, in units of eps (Fig. 5(b))."""
    rows = [mean_of(e.class_eps, classes) for e in run.record.epochs[-last_epochs(run.config) :]]
    return mean_value(rows) / run.config.eps - 1
