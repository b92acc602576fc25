"""Methods compared seed by seed: mean difference, 95 % t interval, seeds up, and the paper's own difference."""

import pandas as pd

from cfa_nb.config import ROWS
from cfa_pages.claims.verdicts import row_difference
from cfa_pages.results.paper import TABLE_1, TABLE_2, TABLE_3, difference
from cfa_pages.results.rows import SELECTIONS, attack_label, only_stand_ins, stand_in_text, worst_label
from cfa_pages.results.stats import NO_WIDTH, ONE_SEED, count, points

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
    for name, measure in (("average", "robust_avg"), (worst_label(profile), "robust_worst")):
        found = row_difference(runs, profile, row, base, selection, measure)
        out[f"{name}, {attack}"] = difference_text(found)
        out[f"{name}: seeds up"] = f"{found.up} of {found.n}"
    at = "last epoch" if selection == "last" else "best"
    return out | {f"paper, CIFAR-10 (AA, {at}): average / worst class": paper_difference(row, base, selection)}


def difference_text(found):
    """ "+5.7 [+1.2, +10.2]"; of one seed the interval over test images, marked as such."""
    if not found.n:
        return "–"
    if found.n == 1 and not found.has_width:
        return f"{points(found.mean)} [{NO_WIDTH}]"
    low, high = found.interval if found.n > 1 else found.images
    return f"{points(found.mean)} [{points(low)}, {points(high)}{'' if found.n > 1 else f'; {ONE_SEED}'}]"


def paper_difference(row, base, selection="best"):
    """The paper's own difference at a checkpoint, "+3.4 / +4.3", from whichever table prints both rows.

    "–" where none does: Tables 2 and 3 have no last epoch.
    """
    at = "last" if selection == "last" else "best"
    tables = ({k: v[at]["robust"] for k, v in TABLE_1.items()}, *((TABLE_2, TABLE_3) if at == "best" else ()))
    table = next((t for t in tables if row in t and base in t), None)
    if table is None:
        return "–"
    return " / ".join(points(difference(table, row, base, m).mean) for m in ("avg", "worst"))


def comparison_caption(runs, profile, selection="best"):
    """What the brackets mean, with the selection and the number of seeds."""
    n = len({r.config.seed for r in runs})
    return (
        f"Differences in percentage points, paired by seed ({count(n, 'seed')}), {SELECTIONS[selection]}; in brackets "
        f"{_bracket_text(n, profile)}. The paper's column is the difference of its printed means at the same "
        f"checkpoint, – where it prints none."
    )


def _bracket_text(seeds, profile):
    """What stands in brackets; a study may have rows of several seeds and of one."""
    over_images = "over the test images, which says nothing of how another seed would train"
    if seeds == 1:
        return f"a 95 % bootstrap interval {over_images}"
    some = "" if profile.ablation_seeds in (None, profile.seeds) else f' (of "{ONE_SEED}": a bootstrap {over_images})'
    return f"the 95 % Student t interval{some}"


def gain_text(runs, profile):
    """One line a method: whether its worst class gains by CFA, at the best and at the last checkpoint."""
    told = []
    for method in ("at", "trades", "fat"):
        found = {s: row_difference(runs, profile, f"{method}_cfa", method, s, "robust_worst") for s in ("best", "last")}
        parts = [f"{SELECTIONS[s]} {_word(d)} ({difference_text(d)} points)" for s, d in found.items()]
        if only_stand_ins(runs, profile, f"{method}_cfa"):
            parts = ["not run"]
        rows = f"{ROWS[f'{method}_cfa'].label} against {ROWS[method].label}"
        note = stand_in_text(runs, profile, f"{method}_cfa")
        told.append(f"- {rows}, {worst_label(profile)}: {', '.join(parts)}{f' ({note})' if note else ''}")
    return "\n".join(told)


def _word(found):
    if not found.n:
        return "not run"
    low, high = found.interval
    return "**a gain**" if low > 0 else "**a loss**" if high < 0 else "no gain that can be told from zero"
