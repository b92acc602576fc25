"""Another data set beside the page's own: the same comparison of AT + CCM with AT, from its published records."""

from collections.abc import Sequence

import pandas as pd

from cfa_nb.runs.study import Profile
from cfa_pages.report.comparisons import difference_text
from cfa_pages.report.tables import heading, pair_text
from cfa_pages.results.rows import SELECTIONS, attack_label, row_difference, row_runs, worst_label
from cfa_pages.results.runs import Runs

ROWS_SHOWN = ("at", "at_ccm")


def contrast_table(studies: Sequence[tuple[Profile, Runs]], selection: str = "last") -> pd.DataFrame:
    """A row a data set: AT and AT + CCM, average / worst class, and their difference paired by seed, in points."""
    rows = []
    for profile, runs in studies:
        cells = {
            heading(profile, label): pair_text(runs, profile, key, selection)
            for key, label in zip(ROWS_SHOWN, ("AT", "AT + CCM"))
        }
        for name, quantity in (("average", "robust_avg"), (worst_label(profile), "robust_worst")):
            difference = row_difference(runs, profile, "at_ccm", "at", selection, quantity)
            cells[f"CCM − AT, {name}"] = difference_text(difference)
        seeds = str(len(row_runs(runs, profile, "at_ccm")))
        rows.append({"Data": profile.data_label, "Attack": attack_label(profile), **cells, "seeds": seeds})
    return pd.DataFrame(rows)


def contrast_caption(selection: str = "last") -> str:
    """Caption of `contrast_table`."""
    return (
        f"AT and AT + CCM, robust accuracy in percent, average / worst class, mean ± std over seeds, "
        f"{SELECTIONS[selection]}; in brackets the 95 % interval of the difference, over seeds and test images."
    )
