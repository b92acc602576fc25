"""Methods compared seed by seed: mean difference, 95 % t interval, seeds up, and the paper's own difference."""

import math

import pandas as pd

from cfa_nb.claims.verdicts import row_difference
from cfa_nb.config import ROWS
from cfa_nb.paper import TABLE_1, TABLE_2, TABLE_3
from cfa_nb.rows import SELECTIONS, attack_label
from cfa_nb.stats import points

#: (row, base) of the comparisons that each table of the paper is read for.
TABLE_1_PAIRS = (
    *((f"{m}_cfa", base) for m in ("at", "trades", "fat") for base in (m, f"{m}_ema")),
    ("frl_ema", "trades_ema"),
    ("trades_cfa", "frl_ema"),
)
TABLE_2_PAIRS = (("at_ccm", "at"), ("trades_ccm", "trades"), ("trades_ccr", "trades"), ("trades_ccm_ccr", "trades"),
                 ("fat_ccm", "fat"))  # fmt: skip
TABLE_3_PAIRS = tuple((f"{m}_fawa", f"{m}_ema") for m in ("at", "trades", "fat"))


def comparisons(runs, profile, pairs, selection="best"):
    """A row a comparison: differences in percentage points of the average and of the worst class, paired by seed."""
    return pd.DataFrame([_row(runs, profile, row, base, selection) for row, base in pairs])


def _row(runs, profile, row, base, selection):
    attack = attack_label(profile)
    out = {"Comparison": f"{ROWS[row].label} − {ROWS[base].label}"}
    for name, measure in (("average", "robust_avg"), ("worst class", "robust_worst")):
        found = row_difference(runs, profile, row, base, selection, measure)
        out[f"{name}, {attack}"] = difference_text(found)
        out[f"{name}: seeds up"] = f"{found.up} of {found.n}"
    return out | {"paper, CIFAR-10 (AA): average / worst class": paper_difference(row, base)}


def difference_text(found):
    """ "+5.7 [+1.2, +10.2]", or the difference alone where one seed gives no interval."""
    if not found.n:
        return "–"
    low, high = found.interval
    return points(found.mean) + ("" if math.isinf(low) else f" [{points(low)}, {points(high)}]")


def paper_difference(row, base):
    """The paper's own difference at its best checkpoints, "+3.4 / +4.3", from whichever table prints both rows."""
    tables = ({k: v["best"]["robust"] for k, v in TABLE_1.items()}, TABLE_2, TABLE_3)
    table = next((t for t in tables if row in t and base in t), None)
    if table is None:
        return "–"
    gaps = (getattr(table[row], m).mean - getattr(table[base], m).mean for m in ("avg", "worst"))
    return " / ".join(points(g / 100) for g in gaps)


def comparison_caption(runs, profile, selection="best"):
    """What the brackets mean, with the selection and the number of seeds."""
    n = len({r.config.seed for r in runs})
    return (
        f"Differences in percentage points, paired by seed ({n} seeds), {SELECTIONS[selection]}; in brackets the 95 % "
        f"Student t interval. The paper's column is the difference of its printed means."
    )


def gain_text(runs, profile):
    """One line a method: whether its worst class gains by CFA, at the best and at the last checkpoint."""
    told = []
    for method in ("at", "trades", "fat"):
        found = {s: row_difference(runs, profile, f"{method}_cfa", method, s, "robust_worst") for s in ("best", "last")}
        parts = [f"{SELECTIONS[s]} {_word(d)} ({difference_text(d)} points)" for s, d in found.items()]
        told.append(f"- {ROWS[f'{method}_cfa'].label} against {ROWS[method].label}, worst class: {', '.join(parts)}")
    return "\n".join(told)


def _word(found):
    low, high = found.interval
    return "**a gain**" if low > 0 else "**a loss**" if high < 0 else "no gain that can be told from zero"
