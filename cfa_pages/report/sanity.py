"""Signs by which gradient masking would show: each attack beside one that cannot be stronger, on the same images.

A defence that only hides its gradients looks robust to a weak attack that follows them. It then gives itself away: more
steps do not hurt more, a huge margin does not break it, or an attack without gradients beats the one with them.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace

import pandas as pd

from cfa_nb.card.uncertainty import percent, points
from cfa_nb.config import LIVE, Attack
from cfa_nb.method.metrics import ClassAccuracy
from cfa_nb.recipes import ROWS
from cfa_pages.results.rows import SELECTIONS, aa_accuracies, row_runs
from cfa_pages.results.runs import Results, Run

Pair = tuple[ClassAccuracy, ClassAccuracy]  # under the attack that should be the stronger one, and under the other


def attack_checks(results: Results, keys: Iterable[str]) -> pd.DataFrame:
    """A row a check, on all checkpoints that these table rows show: what both attacks leave, and where it holds."""
    keys, profile = list(keys), results.profile
    config = profile.config("at", profile.seeds[0])
    final, pgd = profile.final_attack(config), profile.white_box(config)
    name = final.label.partition(",")[0]
    checks = (
        (pgd.label, f"PGD-{config.eval_steps}", _more_steps(results, keys)),
        (name, pgd.label, _stronger(results, keys)),
        (name, f"PGD-{profile.long_steps}", _long(results, keys) if profile.long_steps else ()),
        ("AutoAttack", name, (pair for key in keys for pair in aa_accuracies(results, key).values())),
        (pgd.label, "Square (no gradients)", _square(results, keys)),
        (f"{pgd.label} at ε = {profile.large_eps:g}", pgd.label, _large(results, keys)),
    )
    return pd.DataFrame([row for stronger, weaker, pairs in checks if (row := _row(stronger, weaker, list(pairs)))])


def _row(stronger, weaker, pairs: list[Pair]):
    if not pairs:
        return None
    excesses = [a.overall - b.overall for a, b in pairs]
    means = [percent(sum(column) / len(pairs)) for column in zip(*((a.overall, b.overall) for a, b in pairs))]
    return {
        "Attack": stronger, "leaves, mean": f"{means[0]} %", "compared with": weaker, "which leaves": f"{means[1]} %",
        "leaves no more on": f"{sum(e <= 0 for e in excesses)} of {len(pairs)} checkpoints",
        "largest excess, points": points(max(0.0, *excesses)),
    }  # fmt: skip


def _checkpoints(results, keys) -> Iterator[tuple[Run, str, str]]:
    """All that a table's rows show, without averages that accepted no epoch."""
    for key in keys:
        for run in row_runs(results, key).values():
            if not run.record.never_accepted(ROWS[key].weights):
                yield from ((run, ROWS[key].weights, selection) for selection in SELECTIONS)


def _both(run: Run, weights: str, selection: str, stronger: Attack, weaker: Attack) -> Iterator[Pair]:
    pair = tuple(run.robust(weights, selection, attack.key) for attack in (stronger, weaker))
    if all(pair):
        yield pair


def _more_steps(results, keys):
    for run, weights, selection in _checkpoints(results, keys):
        accuracy = run.robust(weights, selection, results.profile.white_box(run.config).key)
        if accuracy:
            yield accuracy, run.pgd10(weights, selection)


def _stronger(results, keys):
    profile = results.profile
    for run, weights, selection in _checkpoints(results, keys):
        pgd = profile.white_box(run.config, profile.final_per_class)
        yield from _both(run, weights, selection, profile.final_attack(run.config), pgd)


def _live(results, keys):
    return [r for recipe in dict.fromkeys(ROWS[k].recipe for k in keys) for r in row_runs(results, recipe).values()]


def _long(results, keys):
    profile = results.profile
    for run in _live(results, keys):
        pgd = replace(profile.white_box(run.config, profile.final_per_class), steps=profile.long_steps)
        yield from _both(run, LIVE, "last", profile.final_attack(run.config), pgd)


def _square(results, keys):
    for run, attacks in _sanity_attacks(results, keys):
        pgd = results.profile.white_box(run.config, results.profile.sanity_per_class)
        for square in (a for a in attacks if a.kind == "square"):
            yield from _both(run, LIVE, "last", pgd, square)


def _large(results, keys):
    for run, attacks in _sanity_attacks(results, keys):
        pgd = results.profile.white_box(run.config)
        for large in (a for a in attacks if a.nominal_eps):
            yield from _both(run, LIVE, "last", large, pgd)


def _sanity_attacks(results, keys):
    return [(run, results.profile.evaluations(run.config).get(f"{LIVE}/last", ())) for run in _live(results, keys)]
