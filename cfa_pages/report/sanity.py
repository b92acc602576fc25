"""The line that ends each table: signs by which gradient masking would show (design: PGD-20 <= PGD-10 and so on).

A defence that only hides its gradients looks robust to a weak white-box attack. It then gives itself away: more steps
do not hurt more, a huge margin does not break it, or an attack without gradients beats the one with them.
"""

import math
from collections.abc import Iterable
from dataclasses import replace
from itertools import combinations

from cfa_nb.config import LIVE
from cfa_nb.recipes import ROWS
from cfa_nb.runs.study import Profile
from cfa_pages.results.rows import SELECTIONS, aa_accuracies, attack_label, by_seed, row_runs, white_box_label
from cfa_pages.results.runs import Results
from cfa_pages.results.stats import percent, points

TITLE = "> **Checks of the attack.** "


def sanity_text(results: Results, keys: Iterable[str]) -> str:
    """Markdown: the checks on all checkpoints and runs that a table's rows show."""
    checks = (more_steps, large_margin, black_box, stronger, long_attack, autoattack, ranking)
    sentences = [check(results, keys) for check in checks]
    return TITLE + " ".join(text for text in sentences if text)


def more_steps(results: Results, keys: Iterable[str]) -> str:
    """PGD of the reported checkpoints leaves no more than the epochs' shorter one, on the same checkpoints."""
    excesses = [
        final_accuracy.overall - run.pgd10(weights, selection).overall
        for run, weights, selection in _checkpoints(results, keys)
        if (final_accuracy := _accuracy(run, weights, selection, results.profile.white_box(run.config)))
    ]
    epoch_attack = f"PGD-{results.profile.common.get('eval_steps', 10)}"
    return _held_text(f"{white_box_label(results.profile)} leaves no more than {epoch_attack}", excesses)


def stronger(results: Results, keys: Iterable[str]) -> str:
    """The tables' attack leaves no more than PGD on the same images, checkpoint by checkpoint."""
    excesses, images = [], 0
    for run, weights, selection in _checkpoints(results, keys):
        attacks = (
            results.profile.final_attack(run.config),
            results.profile.white_box(run.config, results.profile.final_per_class),
        )
        final, pgd = (_accuracy(run, weights, selection, a) for a in attacks)
        if final and pgd:
            excesses.append(final.overall - pgd.overall)
            images = sum(final.n)
    comparison = f"{white_box_label(results.profile)} on the same {images:,} images"
    return _held_text(f"{attack_name(results.profile)} leaves no more than {comparison}", excesses)


def _held_text(text, excesses):
    """ "... on 30 of 33 checkpoints (largest excess +0.1 points)."; "" without any."""
    if not excesses:
        return ""
    held_count = sum(e <= 0 for e in excesses)
    ending = f" (largest excess {points(max(excesses))} points)." if held_count < len(excesses) else "."
    return f"{text} on {held_count} of {len(excesses)} checkpoints{ending}"


def _checkpoints(results, keys):
    """(run, weights, selection) of all that a table's rows show, without averages that accepted no epoch."""
    for key in keys:
        for run in row_runs(results, key).values():
            if not run.record.never_accepted(ROWS[key].weights):
                yield from ((run, ROWS[key].weights, selection) for selection in SELECTIONS)


def large_margin(results: Results, keys: Iterable[str]) -> str:
    """At a margin where nothing can be robust, nothing is."""
    live_runs = _live_runs(results, keys)
    accuracies = [a for r in live_runs if (a := _live_accuracy(r, results.profile, lambda attack: attack.nominal_eps))]
    if not accuracies:
        return ""
    highest = max(a.overall for a in accuracies)
    return (
        f"At ε = {results.profile.large_eps:g} the highest accuracy of {len(accuracies)} runs is {percent(highest)} %."
    )


def black_box(results: Results, keys: Iterable[str]) -> str:
    """Square, which uses no gradient, against the white-box attack on the same images."""
    pairs = []
    for run in _live_runs(results, keys):
        square = _live_accuracy(run, results.profile, lambda attack: attack.kind == "square")
        pgd = _accuracy(run, LIVE, "last", results.profile.white_box(run.config, results.profile.sanity_per_class))
        if square and pgd:
            pairs.append((square, pgd))
    if not pairs:
        return ""
    ahead = sum(square.overall < pgd.overall for square, pgd in pairs)
    means = [_mean(column) for column in zip(*pairs)]
    return (
        f"The black-box Square attack leaves {percent(means[0])} %, {white_box_label(results.profile)} "
        f"{percent(means[1])} % on the same {sum(pairs[0][0].n):,} images "
        f"(mean of {len(pairs)} runs; Square is stronger in {ahead})."
    )


def long_attack(results: Results, keys: Iterable[str]) -> str:
    """The tables' attack leaves at most as much as PGD of many steps, but for two standard errors of a proportion.

    Live weights after the last epoch, first seed; "" where no long attack was run.
    """
    if not results.profile.long_steps:
        return ""
    pairs = []
    for run in _live_runs(results, keys):
        long_pgd = replace(
            results.profile.white_box(run.config, results.profile.final_per_class), steps=results.profile.long_steps
        )
        pair = [_accuracy(run, LIVE, "last", attack) for attack in (results.profile.final_attack(run.config), long_pgd)]
        pairs += [pair] if all(pair) else []
    if not pairs:
        return ""
    held_count = sum(final.overall <= pgd.overall + 2 * _error(pgd) for final, pgd in pairs)
    means = [_mean(column) for column in zip(*pairs)]
    noise = 2 * max(_error(pgd) for _, pgd in pairs)
    return (
        f"{attack_name(results.profile)} leaves {percent(means[0])} %, PGD-{results.profile.long_steps} "
        f"{percent(means[1])} % on the same {sum(pairs[0][1].n):,} images "
        f"(last epoch, first seed, mean of {len(pairs)} runs); in {held_count} of "
        f"{len(pairs)} runs it leaves at most as much, but for two standard errors of a proportion "
        f"(up to {percent(noise)} points)."
    )


def _error(accuracy):
    """Standard error of an overall accuracy over test images."""
    return math.sqrt(accuracy.overall * (1 - accuracy.overall) / sum(accuracy.n))


def _mean(accuracies):
    return sum(a.overall for a in accuracies) / len(accuracies)


def autoattack(results: Results, keys: Iterable[str]) -> str:
    """How much less standard AutoAttack leaves than the tables' own attack on the same images, where both were run."""
    pairs = [pair for key in keys for pair in aa_accuracies(results, key).values()]
    if not pairs:
        return ""
    gaps = [own.overall - aa.overall for aa, own in pairs]
    return (
        f"Standard AutoAttack leaves {percent(sum(gaps) / len(gaps))} points less than "
        f"{attack_name(results.profile)} on the same {sum(pairs[0][0].n):,} images, "
        f"{percent(max(gaps))} at most ({len(pairs)} checkpoints, last epoch)."
    )


def ranking(results: Results, keys: Iterable[str]) -> str:
    """How many pairs of rows the tables' attack and PGD rank alike, by the mean over seeds at the best checkpoint."""
    means = {}
    for key in keys:
        values_by_attack = [
            list(by_seed(results, key, "best", f"{metric}_avg").values()) for metric in ("robust", "pgd")
        ]
        if all(values_by_attack):
            means[key] = [sum(values) / len(values) for values in values_by_attack]
    pairs = list(combinations(means.values(), 2))
    if not pairs:
        return ""
    same_count = sum((a[0] - b[0]) * (a[1] - b[1]) > 0 or a == b for a, b in pairs)
    return (
        f"Verdicts rest on {attack_label(results.profile)}. {white_box_label(results.profile)} on all test images "
        f"ranks {same_count} of {len(pairs)} pairs of rows in the same order (average robustness, best on "
        f"test, mean over seeds)."
    )


def attack_name(profile: Profile) -> str:
    """The tables' attack without its number of images: "AA", "AA-fast", "PGD-20"."""
    return attack_label(profile).partition(",")[0]


def _live_runs(results, keys):
    recipes = dict.fromkeys(ROWS[k].recipe for k in keys)
    return [r for recipe in recipes for r in row_runs(results, recipe).values()]


def _live_accuracy(run, profile, matches):
    """`ClassAccuracy` of the live weights after the last epoch under the profile's attack that `wanted` picks."""
    attacks = profile.evaluations(run.config).get(f"{LIVE}/last", ())
    return next((_accuracy(run, LIVE, "last", a) for a in attacks if matches(a)), None)


def _accuracy(run, weights, selection, attack):
    """`ClassAccuracy` of a checkpoint under an attack, None where it was not measured."""
    return run.robust(weights, selection, attack.key)
