"""The lines under a page's title: what it rests on, and what that cost, from the records and their provenance."""

from collections.abc import Sequence

import pandas as pd

from cfa_nb.recipes import CONTROLS, FRL_PARTS
from cfa_nb.runs.profiles import PROFILES
from cfa_nb.runs.study import FIGURES
from cfa_pages.results.rows import attack_label
from cfa_pages.results.runs import Results, Run
from cfa_pages.results.stats import count


def header_text(results: Results) -> str:
    """Markdown: data and its hash, runs and seeds, measured time with the hardware, training commit, versions."""
    made = (r.provenance for r in results)
    versions = _unique(f"Python {p.python}, torch {p.torch}, numpy {p.numpy}" for p in made)
    lines = [
        f"**Data:** {results.profile.data_label}. {results.profile.description}",
        f"**Data hash:** {_hashes(results)}",
        f"**Runs:** {count(len(results), 'run')}, {seeds_text(results)}; {_training(results)}",
        f"**Runtime measured:** {runtime_text(results)}",
        f"**Trained at commit:** {_unique(r.provenance.commit for r in results)} with {versions}",
    ]
    return "\n".join(f"> {line}  " for line in lines)


def runtime_text(runs: Sequence[Run]) -> str:
    """ "4 min 10 s of computing (training 3 min 2 s, evaluation 1 min 8 s) on <hardware>", summed over runs."""
    train = sum(r.provenance.seconds_train for r in runs)
    evaluate = sum(r.provenance.seconds_evaluate for r in runs)
    hardware = _unique(r.provenance.hardware for r in runs)
    parts = f"training {duration(train)}, evaluation {duration(evaluate)}"
    return f"{duration(train + evaluate)} of computing ({parts}) on {hardware}"


def duration(seconds: float) -> str:
    """Seconds as people say them: "48 s", "3 min 20 s", "2 h 5 min"."""
    seconds = round(seconds)
    if seconds < 60:
        return f"{seconds} s"
    minutes, rest = divmod(seconds, 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"


def seeds_text(runs: Sequence[Run]) -> str:
    """ "seeds 0–4", "seed 0", "seeds 0, 2"."""
    seeds = sorted({r.config.seed for r in runs})
    if len(seeds) > 2 and seeds == list(range(seeds[0], seeds[-1] + 1)):
        return f"seeds {seeds[0]}–{seeds[-1]}"
    return ("seed " if len(seeds) == 1 else "seeds ") + ", ".join(map(str, seeds))


def _hashes(runs):
    by_seed = {r.config.seed: r.record.data_hash for r in runs}
    return ", ".join(f"`{digest[:8]}` (seed {seed})" for seed, digest in sorted(by_seed.items()))


def _training(runs):
    networks = _unique(f"{r.config.model} of width {r.config.width}" for r in runs)
    epochs = max(r.config.epochs for r in runs)
    return f"{networks}, up to {count(epochs, 'epoch')}"


def _unique(values):
    return ", ".join(sorted(set(values)))


SECTIONS = {  # figure -> (section of the paper, what it is there)
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
    CONTROLS: ("", "Controls: what of CCM helps"),
    "fair": ("4.4", "Other methods: FAT and FRL"),
    FRL_PARTS: ("", "Controls: what of FRL helps"),
}


def map_table(results: Results) -> pd.DataFrame:
    """Section -> figure or table -> notebook -> its runs, seeds, computing time (shared runs count again)."""
    rows = [_map_row("2", "Fig. 1, Theorems 1–4: toy theory", "01_toy_theory", ())]
    for figure, (section, title) in SECTIONS.items():
        configs = set(results.profile.runs(figure))
        rows.append(_map_row(section, title, FIGURES[figure], [r for r in results if r.config in configs]))
    return pd.DataFrame([*rows, _map_row("", "all of it, each run once", "", results)])


def _map_row(section, title, notebook, runs):
    seconds = sum(r.provenance.seconds_train + r.provenance.seconds_evaluate for r in runs)
    return {
        "Section": section, "Shown": title, "Notebook": notebook, "Runs": str(len(runs)) if runs else "none",
        "Seeds": seeds_text(runs).removeprefix("seeds ").removeprefix("seed ") if runs else "–",
        "Computing time": duration(seconds) if runs else "seconds",
    }  # fmt: skip


def profiles_table() -> pd.DataFrame:
    """What each profile is, and what it can show."""
    return pd.DataFrame(
        {"Profile": p.name, "Data": p.data_label, "What it shows": p.description,
         "Robust accuracy under": attack_label(p), "Runs": str(len(p.runs())), "Seeds of the tables": str(len(p.seeds))}
        for p in PROFILES.values()
    )  # fmt: skip
