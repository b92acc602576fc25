"""Signs by which gradient masking would show: each attack beside one that cannot be stronger, on the same images.

A defence that only hides its gradients looks robust to a weak attack that follows them. It then gives itself away: more
steps do not hurt more, a huge margin does not break it, or an attack without gradients beats the one with them.
"""

from collections.abc import Iterable
from dataclasses import replace

import pandas as pd

from cfa_nb.card.card import percent, points
from cfa_nb.config import LIVE
from cfa_nb.recipes import ROWS
from cfa_pages.results.rows import SELECTIONS, aa_accuracies, row_runs
from cfa_pages.results.runs import Results


def attack_checks(results: Results, keys: Iterable[str]) -> pd.DataFrame:
    """A row a check, on all checkpoints that these table rows show: what both attacks leave, and where it holds."""
    keys, profile = list(keys), results.profile
    config = profile.config("at", profile.seeds[0])
    pgd, name = profile.white_box(config).label, profile.final_attack(config).label.partition(",")[0]
    every = [c for key in keys for c in _checkpoints(results, key)]
    recipes = dict.fromkeys(ROWS[key].recipe for key in keys)
    live = [(run, LIVE, "last") for recipe in recipes for run in row_runs(results, recipe).values()]

    def white_box(config, per_class=None, **changes):
        return replace(profile.white_box(config, per_class), **changes)

    def kept(config, chosen):
        return next(filter(chosen, profile.evaluations(config).get(f"{LIVE}/last", ())), None)

    few, long, sanity = profile.final_per_class, profile.long_steps, profile.sanity_per_class
    checks = (
        (pgd, f"PGD-{config.eval_steps}", _pairs(every, white_box)),
        (name, pgd, _pairs(every, profile.final_attack, lambda c: white_box(c, few))),
        (name, f"PGD-{long}",
         _pairs(live if long else (), profile.final_attack, lambda c: white_box(c, few, steps=long))),
        ("AutoAttack", name, (pair for key in keys for pair in aa_accuracies(results, key).values())),
        (pgd, "Square (no gradients)",
         _pairs(live, lambda c: white_box(c, sanity), lambda c: kept(c, lambda a: a.kind == "square"))),
        (f"{pgd} at ε = {profile.large_eps:g}", pgd,
         _pairs(live, lambda c: kept(c, lambda a: a.nominal_eps), white_box)),
    )  # fmt: skip
    return pd.DataFrame([row for stronger, weaker, pairs in checks if (row := _row(stronger, weaker, list(pairs)))])


def _row(stronger, weaker, pairs):
    if not pairs:
        return None
    excesses = [a.overall - b.overall for a, b in pairs]
    means = [percent(sum(column) / len(pairs)) for column in zip(*((a.overall, b.overall) for a, b in pairs))]
    return {
        "Attack": stronger, "leaves, mean": f"{means[0]} %", "compared with": weaker, "which leaves": f"{means[1]} %",
        "leaves no more on": f"{sum(e <= 0 for e in excesses)} of {len(pairs)} checkpoints",
        "largest excess, points": points(max(0.0, *excesses)),
    }  # fmt: skip


def _checkpoints(results, key):
    """(run, weights, selection) of all that a table row shows, without averages that accepted no epoch."""
    weights = ROWS[key].weights
    shown = [run for run in row_runs(results, key).values() if not run.record.never_accepted(weights)]
    return [(r, weights, s) for r in shown for s in SELECTIONS if r.record.reported(weights, s) in r.record.checkpoints]


def _pairs(checkpoints, stronger, weaker=None):
    """`ClassAccuracy` under both attacks, functions of the config (None: that of the epochs), where both were made."""
    for run, weights, selection in checkpoints:
        attacks = [attack(run.config) for attack in (stronger, weaker) if attack]
        accuracies = [run.robust(weights, selection, attack.key) for attack in attacks if attack]
        accuracies += [] if weaker else [run.pgd10(weights, selection)]
        if len(accuracies) == 2 and all(accuracies):
            yield accuracies
