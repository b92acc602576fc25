"""Averages of the same run side by side: the paper's text against the released code, and other thresholds (Sec. 4.3).

Averages are passive, so one training run carries them all and nothing else differs between two rows.
"""

import pandas as pd

from cfa_nb.config import LIVE
from cfa_nb.recipes import ROWS
from cfa_pages.results.rows import worst_label
from cfa_pages.results.runs import Results, Run
from cfa_pages.results.stats import percent

FIRST_VALUE = {"first": "nothing", "theta_0": "initial weights", "random": "random network"}
OTHERS = ("fawa_release", "fawa_paper")  # FAWA as the other source has it: in a study by the text, or by the release


def carriers(results: Results) -> list[Run]:
    """The runs in which several averages are compared."""
    return [r for r in results if results.profile.compares_averages(r.config) and r.record.averages]


def average_table(results: Results) -> pd.DataFrame:
    """A row an average and training run: its settings, epochs accepted, PGD-10 test accuracy at best and last epoch.

    The best epoch has the highest sum of average and worst class from `best_from` on, as everywhere.
    """
    rows = []
    for run in carriers(results):
        rows.append(
            _row(run, results.profile, LIVE, {"decay": "–", "threshold": "–", "from epoch": "–", "begins with": "–"})
        )
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
