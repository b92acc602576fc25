"""The paper's own numbers as data, in percent, each with its place. CIFAR-10, PreActResNet-18, AutoAttack (AA).

    TABLE_1["at_cfa"]["best"]["robust"].worst   # Value(24.4, 0.3)
    QUOTED["fig4_best_worst"].value             # 23.5

Row keys are those of `cfa_nb.recipes.ROWS`.
"""

import math
from dataclasses import dataclass

RUNS = 5  # "five independent experiments for each method" (Sec. 5.2)


@dataclass(frozen=True)
class Value:
    """Mean and standard deviation over five runs, in percent; Tables 2 and 3 print no deviation."""

    mean: float
    std: float | None = None

    @property
    def error(self) -> float:
        """Standard error of the mean over the five runs, in percent; 0 where no deviation is printed."""
        return (self.std or 0.0) / math.sqrt(RUNS)

    def __str__(self):
        return f"{self.mean:.1f}" + (f" ± {self.std:.1f}" if self.std is not None else "")


@dataclass(frozen=True)
class Pair:
    """Average over all images and worst class, as the tables print them: "50.1 ± 0.3 / 24.4 ± 0.3"."""

    avg: Value
    worst: Value

    def __str__(self):
        return "–" if math.isnan(self.avg.mean) else f"{self.avg} / {self.worst}"


NOT_PRINTED = Pair(Value(math.nan), Value(math.nan))  # what stands for the paper's value of a row that is not its own


def _pair(avg, avg_std, worst, worst_std):
    return Pair(Value(avg, avg_std), Value(worst, worst_std))


def _row(clean_best, aa_best, clean_last, aa_last):
    return {
        "best": {"clean": _pair(*clean_best), "robust": _pair(*aa_best)},
        "last": {"clean": _pair(*clean_last), "robust": _pair(*aa_last)},
    }


#: Table 1: {row: {"best" or "last": {"clean" or "robust": Pair}}}; robust is AutoAttack.
TABLE_1 = {
    "at": _row((82.3, 0.8, 63.9, 1.6), (46.7, 0.5, 20.1, 1.3), (84.1, 0.2, 65.1, 2.4), (43.0, 0.4, 15.5, 1.8)),
    "at_ema": _row((81.9, 0.3, 61.6, 0.5), (49.6, 0.2, 21.3, 0.8), (84.8, 0.1, 67.7, 0.7), (44.3, 0.5, 18.1, 0.5)),
    "at_cfa": _row((80.8, 0.3, 64.6, 0.4), (50.1, 0.3, 24.4, 0.3), (83.6, 0.2, 68.7, 0.7), (47.7, 0.4, 20.5, 0.4)),
    "trades": _row((82.3, 0.1, 67.8, 0.6), (48.3, 0.3, 21.7, 0.5), (83.9, 0.3, 66.9, 1.5), (46.9, 0.3, 18.5, 1.3)),
    "trades_ema": _row((81.2, 0.4, 65.0, 0.7), (49.7, 0.3, 24.2, 0.6), (84.5, 0.1, 67.9, 0.1), (48.3, 0.2, 20.7, 0.3)),
    "trades_cfa": _row((80.4, 0.2, 66.2, 0.5), (50.1, 0.2, 26.5, 0.4), (83.0, 0.1, 68.1, 0.3), (49.3, 0.1, 21.5, 0.3)),
    "fat": _row((84.6, 0.4, 69.2, 0.8), (45.7, 0.6, 17.2, 1.3), (85.4, 0.2, 70.8, 1.9), (42.1, 0.1, 14.8, 1.6)),
    "fat_ema": _row((85.2, 0.2, 66.7, 0.6), (48.6, 0.1, 18.3, 0.5), (85.7, 0.2, 71.2, 0.4), (43.2, 0.1, 15.7, 0.7)),
    "fat_cfa": _row((82.1, 0.3, 64.7, 0.9), (49.6, 0.1, 20.9, 0.8), (84.3, 0.1, 69.4, 0.3), (45.1, 0.2, 16.7, 0.2)),
    "frl": _row((82.8, 0.1, 71.4, 2.4), (45.9, 0.3, 25.4, 2.0), (82.8, 0.2, 72.9, 1.5), (44.7, 0.2, 23.1, 0.8)),
    "frl_ema": _row((83.6, 0.3, 69.5, 0.7), (46.1, 0.2, 25.6, 0.4), (81.9, 0.2, 74.2, 0.3), (44.9, 0.2, 24.5, 0.3)),
}


def _robust(avg, worst):
    return Pair(Value(avg), Value(worst))


#: Table 2, best checkpoints, AA: with and without class-wise calibrated margin and regularisation.
TABLE_2 = {
    "at": _robust(46.7, 20.1),
    "at_ccm": _robust(47.6, 22.8),
    "trades": _robust(48.3, 21.7),
    "trades_ccm": _robust(48.4, 22.5),
    "trades_ccr": _robust(48.9, 23.5),
    "trades_ccm_ccr": _robust(49.2, 23.8),
    "fat": _robust(45.7, 17.2),
    "fat_ccm": _robust(46.8, 18.9),
}

#: Table 3, best checkpoints, AA: EMA and FAWA.
TABLE_3 = {
    "at_ema": _robust(49.6, 21.3),
    "at_fawa": _robust(49.3, 23.1),
    "trades_ema": _robust(49.7, 24.2),
    "trades_fawa": _robust(49.4, 25.1),
    "fat_ema": _robust(48.6, 18.3),
    "fat_fawa": _robust(48.5, 19.9),
}


@dataclass(frozen=True)
class Quoted:
    """A number that the text quotes, with its unit."""

    value: float
    unit: str

    def __str__(self):
        return f"{self.value:g} {self.unit}".strip()


QUOTED = {
    "fig4_best_avg": Quoted(53.2, "%"),  # Sec. 3.3, Fig. 4(a): overall robust accuracy at epoch 108 (PGD-10)
    "fig4_best_worst": Quoted(23.5, "%"),  # Sec. 3.3, Fig. 4(a): worst class at epoch 108 (PGD-10)
    "fig4_fair_avg": Quoted(52.6, "%"),  # Sec. 3.3, Fig. 4(a): overall robust accuracy at epoch 110 (PGD-10)
    "fig4_fair_worst": Quoted(28.1, "%"),  # Sec. 3.3, Fig. 4(a): worst class at epoch 110 (PGD-10)
    "fig4_worst_change": Quoted(10, "points"),  # Sec. 3.3: change of the worst class between adjacent epochs, nearly
    "fig4_avg_change": Quoted(1, "point"),  # Sec. 3.3: change of the overall accuracy between epochs, less than
    "fig4_fawa_change": Quoted(1, "point"),  # Sec. 4.3, Fig. 4(b): change between epochs under FAWA, less than
    "frl_over_ema": Quoted(2, "points"),  # Sec. 5.2: gain of FRL over TRADES + EMA in the worst class, less than
    "cfa_over_frl_avg": Quoted(4, "points"),  # Sec. 5.2: TRADES + CFA over FRL + EMA in average robustness, about
    "cfa_over_frl_worst": Quoted(1, "point"),  # Sec. 5.2: TRADES + CFA over FRL + EMA in the worst class, about
    "fawa_cost": Quoted(0.3, "points"),  # Sec. 5.3.2: loss of FAWA against EMA in average robustness, less than
    "lambda_1": Quoted(0.5, ""),  # Sec. 5.1: base perturbation budget for AT (0.3 for TRADES, 0.7 for FAT)
}


@dataclass(frozen=True)
class Gap:
    """A difference between two of the paper's rows: a fraction with its standard error, 0 where no ± is printed."""

    mean: float
    error: float = 0.0

    def __str__(self):
        return f"{100 * self.mean:+.1f} points".replace("-", "−")


def printed(table: int | str, key: str, selection: str = "best") -> dict[str, Pair]:
    """{"clean", "robust"}: what Table 1, 2 or 3 prints of a row; `NOT_PRINTED` where it prints nothing."""
    if table == 1:
        return TABLE_1[key][selection] if key in TABLE_1 else dict.fromkeys(("clean", "robust"), NOT_PRINTED)
    return {"clean": NOT_PRINTED, "robust": {2: TABLE_2, 3: TABLE_3}.get(table, {}).get(key, NOT_PRINTED)}


def gap_between(row: str, base: str, statistic: str, selection: str = "best") -> Gap | None:
    """The paper's own `Gap` in robust accuracy between two rows, from a table that prints both; None where none does.

    Tables 2 and 3 print the best checkpoints alone. The paper prints no difference seed by seed, so its error takes the
    two rows as independent.

    Args:
        statistic: "avg" or "worst".
        selection: "best" or "last"; the paper's checkpoints are chosen on the test set, so "best_val" is "best".
    """
    checkpoint = "last" if selection == "last" else "best"
    tables = [{key: entry[checkpoint]["robust"] for key, entry in TABLE_1.items()}]
    tables += [TABLE_2 | TABLE_3] if checkpoint == "best" else []
    table = next((t for t in tables if row in t and base in t), None)
    if table is None:
        return None
    ours, theirs = (getattr(table[key], statistic) for key in (row, base))
    return Gap((ours.mean - theirs.mean) / 100, math.hypot(ours.error, theirs.error) / 100)
