"""Methods compared seed by seed: mean difference, 95 % t interval, seeds up, and the paper's own difference; and the
comparison of AT + CCM with AT on several data sets.
"""

from collections.abc import Iterable, Sequence

import pandas as pd

from cfa_nb.recipes import CONTROLS, ROWS
from cfa_pages.report.tables import heading, pair_text
from cfa_pages.results.paper import gap_between
from cfa_pages.results.rows import (
    SELECTIONS,
    added_rows,
    attack_label,
    base_row,
    row_difference,
    row_runs,
    versus,
    worst_label,
)
from cfa_pages.results.runs import Results
from cfa_pages.results.stats import NO_WIDTH, ONE_SEED, Cell, Paired, count, points

#: (row, base) of the comparisons that each table of the paper is read for.
TABLE_1_PAIRS = (
    *((f"{m}_cfa", base) for m in ("at", "trades", "fat") for base in (m, f"{m}_ema")),
    ("frl_ema", "trades_ema"),
    ("trades_cfa", "frl_ema"),
)
TABLE_2_PAIRS = (("at_ccm", "at"), ("trades_ccm", "trades"), ("trades_ccr", "trades"), ("trades_ccm_ccr", "trades"),
                 ("fat_ccm", "fat"))  # fmt: skip
TABLE_3_PAIRS = tuple((f"{m}_fawa", f"{m}_ema") for m in ("at", "trades", "fat"))
CONTROL_PAIRS = (
    ("at_ccm", "at"), ("at_ccm", "at_mean_margin"), ("at_mean_margin", "at"), ("at_ccm", "at_shuffled_margins"),
    ("at_shuffled_margins", "at"), ("at_damped_ccm", "at_ccm"),
)  # fmt: skip


def pairs(table: int | str) -> tuple[tuple[str, str], ...]:
    """(row, base) of the comparisons under a table; a row that the paper's tables do not have stands over its base."""
    added = tuple((key, base_row(key)) for key in added_rows() if table in ROWS[key].tables)
    return {1: TABLE_1_PAIRS, 2: TABLE_2_PAIRS, 3: TABLE_3_PAIRS, CONTROLS: CONTROL_PAIRS}[table] + added


def comparisons(results: Results, pairs: Iterable[tuple[str, str]], selection: str = "best") -> pd.DataFrame:
    """A row a comparison: differences in percentage points of the average and of the worst class, paired by seed."""
    return pd.DataFrame([_row(results, row, base, selection) for row, base in pairs], dtype=object)


def _row(results, row, base, selection):
    attack = attack_label(results.profile)
    cells = {"Comparison": versus(row, base)}
    for name, quantity in (("average", "robust_avg"), (worst_label(results.profile), "robust_worst")):
        comparison = row_difference(results, row, base, selection, quantity)
        cells[f"{name}, {attack}"] = difference_text(comparison)
        cells[f"{name}: seeds up"] = f"{comparison.up} of {comparison.n}"
    column = f"paper, CIFAR-10 (AA, {'last epoch' if selection == 'last' else 'best'}): average / worst class"
    return cells | {column: paper_difference(row, base, selection)}


def difference_text(comparison: Paired) -> Cell:
    """ "+5.7 [+1.2, +10.2]"; of one seed the interval over test images, marked as such."""
    if not comparison.n:
        return Cell("–")
    if comparison.n == 1 and not comparison.has_width:
        return Cell(f"{points(comparison.mean)} [{NO_WIDTH}]", mean=100 * comparison.mean)
    low, high = comparison.interval if comparison.n > 1 else comparison.images
    text = f"{points(comparison.mean)} [{points(low)}, {points(high)}{'' if comparison.n > 1 else f'; {ONE_SEED}'}]"
    return Cell(text, mean=100 * comparison.mean, low=100 * low, high=100 * high)


def paper_difference(row: str, base: str, selection: str = "best") -> Cell:
    """The paper's own difference at a checkpoint, "+3.4 / +4.3", from whichever table prints both rows.

    "–" where none does: Tables 2 and 3 have no last epoch.
    """
    gaps = [gap_between(row, base, statistic, selection) for statistic in ("avg", "worst")]
    if not all(gaps):
        return Cell("–")
    average, worst = (gap.mean for gap in gaps)
    return Cell(f"{points(average)} / {points(worst)}", average=100 * average, worst=100 * worst)


def comparison_caption(results: Results, selection: str = "best", paper: bool = True) -> str:
    """What the brackets mean, with the selection and the number of seeds; `paper`: and what the paper's column is."""
    n = len({r.config.seed for r in results})
    column = " The paper's column: the difference of its printed means at the same checkpoint, – where it prints none."
    return (
        f"Differences in percentage points, paired by seed ({count(n, 'seed')}), {SELECTIONS[selection]}; in brackets "
        f"{_bracket_text(n, results.profile)}.{column if paper else ''}"
    )


def _bracket_text(seeds, profile):
    """What stands in brackets; a study may have rows of several seeds and of one."""
    over_images = "over the test images, which says nothing of how another seed would train"
    if seeds == 1:
        return f"a 95 % bootstrap interval {over_images}"
    if profile.ablation_seeds in (None, profile.seeds):
        return "the 95 % interval, over seeds and, under the targeted attack, over test images"
    return f'the 95 % interval (of "{ONE_SEED}": a bootstrap {over_images})'


def contrast_table(studies: Sequence[Results]) -> pd.DataFrame:
    """A row a data set: AT and AT + CCM, average / worst class, and their difference paired by seed, in points."""
    return pd.DataFrame([_contrast_row(results) for results in studies], dtype=object)


def _contrast_row(results):
    profile = results.profile
    row = {"Data": profile.data_label, "Attack": attack_label(profile)}
    for key, label in (("at", "AT"), ("at_ccm", "AT + CCM")):
        row[heading(profile, label)] = pair_text(results, key, "last")
    for name, quantity in (("average", "robust_avg"), (worst_label(profile), "robust_worst")):
        row[f"CCM − AT, {name}"] = difference_text(row_difference(results, "at_ccm", "at", "last", quantity))
    return row | {"seeds": str(len(row_runs(results, "at_ccm")))}


def contrast_caption() -> str:
    """Caption of `contrast_table`."""
    return (
        "AT and AT + CCM, robust accuracy in percent, average / worst class, mean ± std over seeds, "
        "last epoch; in brackets the 95 % interval of the difference, over seeds and test images."
    )
