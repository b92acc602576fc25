"""What averages accepted, and averages of one run side by side: the paper's text against the released code (Sec. 4.3).

Averages are passive, so one training run carries them all and nothing else differs between two rows.
"""

from collections.abc import Iterable

import pandas as pd

from cfa_nb.card.card import percent
from cfa_nb.config import LIVE
from cfa_nb.recipes import ROWS
from cfa_pages.results.rows import row_runs, worst_label
from cfa_pages.results.runs import Results, Run

FIRST_VALUE = {"first": "nothing", "theta_0": "initial weights", "random": "random network"}
STAND_IN = {"first": "live weights", "theta_0": "initial weights", "random": "a random network"}  # for an empty average
CALIBRATED, PLAIN_RUNS = ("at_ccm", "trades_ccm_ccr", "fat_ccm"), ("at", "trades", "fat")


def average_table(results: Results) -> pd.DataFrame:
    """A row an average and run that compares averages: settings, epochs accepted, PGD-10 test accuracy, best and last.

    The best epoch has the highest sum of average and worst class from `best_from` on, as everywhere.
    """
    rows = []
    for run in (r for r in results if results.profile.compares_averages(r.config) and r.record.averages):
        none = dict.fromkeys(("decay", "threshold", "from epoch", "begins with"), "–")
        rows.append(_row(run, results.profile, LIVE, none))
        rows += [_row(run, results.profile, spec.name, _settings(spec)) for spec in run.record.averages]
    return pd.DataFrame(rows)


def _settings(spec):
    return {
        "decay": f"{spec.decay:g}",
        "threshold": f"{spec.threshold:g}",
        "from epoch": str(spec.start),
        "begins with": FIRST_VALUE[spec.init],
    }


def _row(run, profile, weights, settings):
    best, last = best_epoch(run, weights), run.curve(weights)[-1]
    accepted_count = sum(bool(e.accepted.get(weights)) for e in run.record.epochs)
    pair = f"average / {worst_label(profile)}"
    return {
        "Training run": ROWS[run.config.recipe].label,
        "Weights": weights.replace("_", " "),
        **settings,
        "epochs accepted": "–" if weights == LIVE else f"{accepted_count} of {run.config.epochs}",
        "best epoch": str(best or "–"),
        f"best: {pair}": _pair(run.curve(weights)[best - 1] if best else None),
        f"last: {pair}": _pair(last),
    }


def best_epoch(run: Run, weights: str) -> int | None:
    """The epoch from `best_from` on of the highest score on the test set; None where there is no average."""
    candidates = [e for e in run.record.epochs[run.config.best_from - 1 :] if e.test.get(weights) is not None]
    return max(candidates, key=lambda e: e.test[weights].score).epoch if candidates else None


def _pair(accuracy):
    return "–" if accuracy is None else f"{percent(accuracy.overall)} / {percent(accuracy.worst)}"


def acceptance(results: Results, recipes: Iterable[str] = (*PLAIN_RUNS, *CALIBRATED)) -> pd.DataFrame:
    """Per training run: how many epochs FAWA accepted, the first of them, and the seeds that never had one.

    Table 1 shows the average of the calibrated runs (`CALIBRATED`), Table 3 that of the plain ones (`PLAIN_RUNS`).
    """
    spec = next(a for a in results.profile.averages if a.name == "fawa")
    rows = []
    for recipe in recipes:
        recipe_runs = row_runs(results, recipe).values()
        if recipe_runs:
            seeds = {"seeds": str(len(recipe_runs))}
            rows.append({"Training run": ROWS[recipe].label, **_acceptance(recipe_runs, spec), **seeds})
    return pd.DataFrame(rows)


def _acceptance(runs, spec):
    accepted_epochs = [[e.epoch for e in r.record.epochs if e.accepted[spec.name]] for r in runs]
    possible = sum(len(r.record.epochs) - spec.start + 1 for r in runs)
    firsts = [epochs[0] for epochs in accepted_epochs if epochs]
    never = f"seeds that never accepted (rows show {STAND_IN[spec.init]})"
    return {
        f"epochs accepted, from epoch {spec.start}": f"{sum(map(len, accepted_epochs))} of {possible}",
        "first accepted epoch": _span(firsts),
        never: str(sum(not epochs for epochs in accepted_epochs)),
    }


def _span(epochs):
    """ "13", "11–14", "–"."""
    if not epochs:
        return "–"
    return f"{min(epochs)}–{max(epochs)}" if min(epochs) < max(epochs) else str(min(epochs))
