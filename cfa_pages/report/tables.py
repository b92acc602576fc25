"""Tables 1-3, standard AutoAttack and the controls from records, ours beside the paper's, in percent.

A cell reads "average / worst class", mean ± std over seeds. On the paper's own protocol "ours minus paper" stands
beside. Everywhere else the paper's value stands in a column of its own and no difference to it is computed: another
data set, another network, another attack.
"""

import pandas as pd

from cfa_nb.card.card import percent, wilson_interval
from cfa_nb.recipes import CONTROLS, ROWS, rows_of
from cfa_nb.runs.study import Profile
from cfa_pages.report.lines import shown_classes
from cfa_pages.results.paper import NOT_PRINTED, Pair, printed
from cfa_pages.results.rows import (
    SELECTIONS,
    aa_accuracies,
    accuracies,
    attack_label,
    by_seed,
    row_runs,
    worst_label,
)
from cfa_pages.results.runs import Results
from cfa_pages.results.stats import Cell, count, mean_std, points

PAPER, LESS = "paper, CIFAR-10", "ours − paper, points"


def table1(results: Results, selection: str = "best") -> pd.DataFrame:
    """Table 1 at the "best" or the "last" checkpoint: clean and robust accuracy of every method."""
    return pd.DataFrame([_table_1_row(results, key, selection) for key in rows_of(1)], dtype=object)


def _table_1_row(results, key, selection):
    row, paper = _clean_and_robust(results, key, selection), printed(1, key, selection)
    row |= {f"{PAPER} (AA)": paper_cell(paper["robust"]), f"{PAPER}, clean": paper_cell(paper["clean"])}
    if selection == "best":
        attack = f"{attack_label(results.profile)}, {SELECTIONS['best_val']}"
        row[heading(results.profile, attack)] = pair_text(results, key, "best_val")
    row |= _white_box(results, key, selection)
    for metric, name in (("clean", "clean"), ("robust", "AA")):
        row |= _less_paper(results, key, selection, metric, paper[metric], name)
    return row


def _clean_and_robust(results, key, selection):
    clean, robust = (pair_text(results, key, selection, metric) for metric in ("clean", "robust"))
    attack = attack_label(results.profile)
    return {
        "Method": ROWS[key].label,
        heading(results.profile, "clean"): clean,
        heading(results.profile, attack): robust,
    }


def table_caption(results: Results, number: int, selection: str | None = None) -> str:
    """Caption of Table 1 at a selection, or of Table 2 or 3 (no selection: they show all), with the data and seeds."""
    checkpoint = {"best": ", best checkpoints", "last": ", last epoch", None: ""}[selection]
    seeds = len(results.seeds)
    seeds_text = f"{count(seeds, 'seed')}{', mean ± std' if seeds > 1 else ''}"
    return f"Table {number}{checkpoint}. {results.profile.data_label}, {seeds_text}. *Paper*: its own values."


def heading(profile: Profile, text: str) -> str:
    """A column's heading; it says what stands after the slash where that is not the worst class."""
    return f"{text} (average / {worst_label(profile)})" if profile.common.get("worst_share") else text


def _white_box(results, key, selection):
    """The column of PGD beside the tables' attack."""
    profile = results.profile
    name = f"{profile.white_box(profile.config('at', profile.seeds[0])).label}, {SELECTIONS[selection]}"
    return {heading(profile, name): pair_text(results, key, selection, "pgd")}


def _less_paper(results, key, selection, metric, paper, name):
    """The column "ours − paper": difference of the means, average / worst class; {} off the paper's own protocol."""
    if not results.profile.paper_protocol:
        return {}
    cells = []
    for statistic, value in (("avg", paper.avg), ("worst", paper.worst)):
        ours = list(by_seed(results, key, selection, f"{metric}_{statistic}").values())
        both = ours and paper is not NOT_PRINTED
        cells.append(points(sum(ours) / len(ours) - value.mean / 100) if both else "–")
    return {f"{LESS} ({name})": " / ".join(cells)}


def table2(results: Results) -> pd.DataFrame:
    """Table 2: with and without class-wise calibrated margin (CCM) and regularisation (CCR); live weights."""
    return _robust_table(results, 2)


def table3(results: Results) -> pd.DataFrame:
    """Table 3: EMA against FAWA, averages of the same runs."""
    return _robust_table(results, 3)


def controls_table(results: Results, table: str = CONTROLS) -> pd.DataFrame:
    """The rows of `CONTROLS` or of `FRL_PARTS`, which the paper does not have, at the last epoch; live weights."""
    rows = (_clean_and_robust(results, key, "last") | _white_box(results, key, "last") for key in rows_of(table))
    return pd.DataFrame(rows, dtype=object)


def aa_table(results: Results) -> pd.DataFrame:
    """Standard AutoAttack on every row of Table 1 at the last epoch, beside the tables' attack on the same images."""
    rows = []
    for key in rows_of(1):
        found = list(aa_accuracies(results, key).values())
        both = [_mean_pair(column) for column in zip(*found)]
        attack = attack_label(results.profile).partition(",")[
            0
        ]  # the other tables' number of images does not hold here
        names = heading(results.profile, "AA"), heading(results.profile, f"{attack}, same images")
        cells = dict(zip(names, both or ("–", "–")))
        paper = {f"{PAPER} (AA), last": paper_cell(printed(1, key, "last")["robust"])}
        rows.append({"Method": ROWS[key].label, **cells, "seeds": str(len(found)), **paper})
    return pd.DataFrame(rows, dtype=object)


def _mean_pair(accuracies):
    return both(*(mean_std([getattr(a, statistic) for a in accuracies]) for statistic in ("overall", "worst")))


def aa_caption(profile: Profile) -> str:
    """Caption of `aa_table`: images and checkpoint, and why its numbers are not those of Table 1."""
    if not profile.aa_per_class:
        return "Standard AutoAttack on a part of the test images, last epoch: not run in this study."
    images = count(profile.aa_per_class, "test image")
    return (
        f"Standard AutoAttack, last epoch, the first {images} of each class, average / {worst_label(profile)}, mean ± "
        f"std over seeds. Fewer images than in Table 1: compare within this table alone."
    )


def _robust_table(results, number):
    attack, rows = attack_label(results.profile), []
    for key in rows_of(number):
        paper = printed(number, key)["robust"]
        ours = {heading(results.profile, f"{attack}, {SELECTIONS[s]}"): pair_text(results, key, s) for s in SELECTIONS}
        ours |= _white_box(results, key, "best") | {f"{PAPER} (AA), best": paper_cell(paper)}
        ours |= _less_paper(results, key, "best", "robust", paper, "AA")
        rows.append({"Method": ROWS[key].label, **ours})
    return pd.DataFrame(rows, dtype=object)


def pair_text(results: Results, key: str, selection: str, metric: str = "robust") -> Cell:
    """ "50.1 ± 0.3 / 24.4 ± 0.3": average and worst class of a table row; `metric` as in `rows.accuracy`.

    A star marks a row whose average accepted no epoch in some seed: the live weights stand in there.
    """
    avg, worst = (by_seed(results, key, selection, f"{metric}_{s}").values() for s in ("avg", "worst"))
    stood_in = any(r.record.never_accepted(ROWS[key].weights) for r in row_runs(results, key).values())
    return both(mean_std(avg), mean_std(worst), "*" if stood_in else "")


def paper_cell(pair: Pair) -> Cell:
    """What the paper prints of a row."""
    values = (("average", pair.avg), ("worst", pair.worst))
    return Cell(str(pair), **{f"{name}, {part}": getattr(v, part) for name, v in values for part in ("mean", "std")})


def both(avg: Cell, worst: Cell, mark: str = "") -> Cell:
    """ "50.1 ± 0.3 / 24.4 ± 0.3": average and worst class in one cell."""
    numbers = {
        f"{name}, {part}": v for name, cell in (("average", avg), ("worst", worst)) for part, v in cell.numbers.items()
    }
    return Cell(f"{avg} / {worst}{mark}", **numbers)


def class_interval_table(results: Results) -> pd.DataFrame:
    """Robust accuracy of each class in the first seed's run of AT at the last epoch, with its 95 % Wilson interval."""
    seed, accuracy = min(accuracies(results, "at", "last").items())
    classes, intervals = shown_classes(results), [wilson_interval(*counts) for counts in zip(accuracy.hits, accuracy.n)]
    column = f"AT, seed {seed}, {attack_label(results.profile)}"
    return pd.DataFrame(
        {
            classes.heading: classes.names[k],
            "kind": classes.group(k),
            column: percent(accuracy.per_class[k]),
            "95 % interval": " to ".join(percent(v) for v in intervals[k]),
            "test images": str(accuracy.n[k]),
        }
        for k in classes.indices
    )
