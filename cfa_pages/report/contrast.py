"""Another data set beside the page's own: the same comparison of AT + CCM with AT, from its published records."""

from collections.abc import Sequence

import pandas as pd

from cfa_pages.report.comparisons import difference_text
from cfa_pages.report.tables import heading, pair_text
from cfa_pages.results.rows import SELECTIONS, attack_label, row_difference, row_runs, worst_label
from cfa_pages.results.runs import Results

ROWS_SHOWN = ("at", "at_ccm")


def contrast_table(studies: Sequence[Results], selection: str = "last") -> pd.DataFrame:
    """A row a data set: AT and AT + CCM, average / worst class, and their difference paired by seed, in points."""
    return pd.DataFrame([_contrast_row(results, selection) for results in studies], dtype=object)


def _contrast_row(results, selection):
    profile = results.profile
    row = {"Data": profile.data_label, "Attack": attack_label(profile)}
    for key, label in zip(ROWS_SHOWN, ("AT", "AT + CCM")):
        row[heading(profile, label)] = pair_text(results, key, selection)
    for name, quantity in (("average", "robust_avg"), (worst_label(profile), "robust_worst")):
        row[f"CCM − AT, {name}"] = difference_text(row_difference(results, "at_ccm", "at", selection, quantity))
    return row | {"seeds": str(len(row_runs(results, "at_ccm")))}


def contrast_caption(selection: str = "last") -> str:
    """Caption of `contrast_table`."""
    return (
        f"AT and AT + CCM, robust accuracy in percent, average / worst class, mean ± std over seeds, "
        f"{SELECTIONS[selection]}; in brackets the 95 % interval of the difference, over seeds and test images."
    )
