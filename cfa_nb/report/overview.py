"""The map of notebook 00: what stands where, from which runs, at what cost; and what each profile shows."""

import pandas as pd

from cfa_nb.profiles import PROFILES
from cfa_nb.report.header import duration, seconds_of, seeds_text
from cfa_nb.rows import attack_label
from cfa_nb.study import FIGURES

PLACES = {  # figure -> (section of the paper, what it is there)
    "fig2": ("3.1", "Fig. 2: training margins"),
    "fig3": ("3.2", "Fig. 3: regularisation β"),
    "fig4": ("3.3, 4.3", "Fig. 4: fluctuation, and FAWA"),
    "alg1": ("4", "Algorithm 1, step by step"),
    "table1": ("5.2", "Table 1: main results"),
    "classwise": ("C.2", "Appendix C.2: class-wise bars"),
    "table2": ("5.3.1", "Table 2: CCM and CCR"),
    "fig5": ("5.3.1", "Fig. 5: base budget λ₁"),
    "lambda_2": ("C.3", "Appendix C.3: base budget λ₂"),
    "table3": ("5.3.2", "Table 3: EMA and FAWA"),
}


def map_table(profile, runs):
    """Section -> figure or table -> notebook -> its runs, seeds, computing time (shared runs count again)."""
    rows = [_map_row("2", "Fig. 1, Theorems 1–4: toy theory", "01_toy_theory", ())]
    for figure, (section, what) in PLACES.items():
        wanted = set(profile.runs(figure))
        rows.append(_map_row(section, what, FIGURES[figure], [r for r in runs if r.config in wanted]))
    return pd.DataFrame([*rows, _map_row("", "all of it, each run once", "", runs)])


def _map_row(section, what, notebook, found):
    return {
        "Section": section,
        "Shown": what,
        "Notebook": notebook,
        "Runs": str(len(found)) if found else "none",
        "Seeds": seeds_text(found).removeprefix("seeds ").removeprefix("seed ") if found else "–",
        "Computing time": duration(seconds_of(found)) if found else "seconds",
    }


def profiles_table():
    """What each profile is, and what it can show."""
    return pd.DataFrame(
        {
            "Profile": p.name,
            "Data": p.data_label,
            "What it shows": p.description,
            "Robust accuracy under": attack_label(p),
            "Runs": str(len(p.runs())),
            "Seeds of the tables": str(len(p.seeds)),
        }
        for p in PROFILES.values()
    )
