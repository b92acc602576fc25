"""Fig. 5 and Appendix C.3: the base budgets lambda_1 and lambda_2, the margins that classes come to use, and why these
settle (Eq. 6 as a loop, Sec. 4.1).
"""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from cfa_nb.recipes import ROWS
from cfa_pages.report.fair import ccm_margins
from cfa_pages.report.lines import class_traces, epoch_axis, margin_axis, shown_classes
from cfa_pages.report.style import CFA, INK, label_ends, panels, percent_axis
from cfa_pages.results.measurements import BySeed, base_eps, mean_value, slopes_by_seed, train_mean
from cfa_pages.results.rows import eps_text, find, row_runs, worst_label
from cfa_pages.results.runs import Results
from cfa_pages.results.stats import mean_std

SWEEPS = {  # figure -> (plain recipe, calibrated recipe, field, symbol, profile's values)
    "fig5": ("at", "at_ccm", "lambda_1", "λ₁", "lambdas_1"),
    "lambda_2": ("trades", "trades_ccr", "lambda_2", "λ₂", "lambdas_2"),
}


def sweep_values(results: Results, figure: str, statistic: str, when: str = "best") -> dict[float | None, BySeed]:
    """{base budget (None: the plain recipe): {seed: "overall" or "worst"}} of a sweep: PGD-10, "best" or "last"."""
    plain, calibrated, field, _, values = SWEEPS[figure]
    runs = {None: find(results, plain)}
    runs |= {value: find(results, calibrated, **{field: value}) for value in getattr(results.profile, values)}
    seeds = results.profile.study_seeds
    return {
        value: {s: getattr(r.pgd10("live", when), statistic) for s, r in by_seed.items() if s in seeds}
        for value, by_seed in runs.items()
    }


def sweep(results: Results, figure: str) -> Figure:
    """Fig. 5(a) ("fig5") or the lambda_2 study: a small dot a seed, a line through the means; plain is dotted."""
    plain, calibrated, _, symbol, _ = SWEEPS[figure]
    fig, axes = panels(2, height=2.8, stacked=True)
    titles = {"overall": "Average", "worst": worst_label(results.profile).capitalize()}
    for ax, (statistic, title) in zip(axes, titles.items()):
        budgets, by_seed = zip(*sweep_values(results, figure, statistic).items())
        plain_mean, *means = (mean_value(list(values.values())) for values in by_seed)
        ax.axhline(plain_mean, color=INK, ls=(0, (1, 2)), lw=1.6)
        for budget, values in zip(budgets[1:], by_seed[1:]):
            ax.plot([budget] * len(values), list(values.values()), "o", color=CFA, ms=4, alpha=0.35, mew=0)
        ax.plot(budgets[1:], means, color=CFA, marker="o", ms=6, mew=0)
        ax.margins(x=0.08, y=0.25)
        ax.yaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))  # labels have one decimal
        percent_axis(ax, None)
        ends = [(plain_mean, ROWS[plain].label, INK), (means[-1], ROWS[calibrated].label, CFA)]
        label_ends(ax, ax.get_xlim()[1], ends, gap=0.07)
        ax.set_xticks(budgets[1:], [f"{v:g}" for v in budgets[1:]])
        ax.set(xlabel=symbol, ylabel="robust accuracy, PGD-10", title=title)
    return fig


def mean_margins(results: Results, recipe: str = "at_ccm") -> np.ndarray:
    """(epochs, K) margins that the classes are trained with, pixel units, mean over seeds."""
    runs = row_runs(results, recipe).values()
    return np.mean([[e.class_eps for e in r.record.epochs] for r in runs], axis=0)


def calibrated_values(results: Results, recipe: str = "at_ccm") -> Figure:
    """Fig. 5(b): the margin of each class from epoch to epoch, mean over seeds."""
    config, classes = next(iter(row_runs(results, recipe).values())).config, shown_classes(results)
    margins = mean_margins(results, recipe)
    fig, (ax,) = panels(1, height=4.6)
    class_traces(ax, margins, classes)
    ax.axhline(config.eps, color=INK, lw=1.2, ls=(0, (1, 2)))
    ax.annotate(f"ε = {eps_text(config.eps)}", (0.5, config.eps), (4, 4), textcoords="offset points", fontsize=9)
    margin_axis(ax)
    epoch_axis(ax, config)
    label_ends(ax, len(margins), classes.ends(margins), gap=0.048)
    ax.set_title(classes.title(f"Margin ε of each class, {ROWS[recipe].label}"))
    return fig


def own_slopes(results: Results) -> np.ndarray:
    """(K,) slopes as in `slopes_by_seed`, but around the margin that CCM gives each class; mean over seeds."""
    margins, window = np.array(sorted(results.profile.margins)), results.profile.late_window
    t = [np.mean([train_mean(r, window) for r in find(results, "at", eps=m).values()], axis=0) for m in margins]
    slopes = -np.diff(t, axis=0) / np.diff(margins)[:, None] * base_eps(results.profile)
    below = np.searchsorted(margins, ccm_margins(results)) - 1
    return slopes[below.clip(0, len(slopes) - 1), range(slopes.shape[1])]


def slope_bars(results: Results) -> Figure:
    """How fast each class's t_k falls as its margin grows, around eps (bars) and around its own margin (open marks)."""
    classes, (fig, (ax,)) = shown_classes(results), panels(1, height=3.4)
    shown = list(classes.indices)
    slopes, own = np.array(list(slopes_by_seed(results).values()))[:, shown], own_slopes(results)[shown]
    ax.bar(range(len(shown)), slopes.mean(axis=0), width=0.6, color=[classes.colours[k] for k in shown])
    ax.plot(slopes.T, "o", color=INK, ms=3, mew=0, alpha=0.6)
    ax.plot(own, "D", mfc="white", mec=INK, ms=6, zorder=5)
    ax.axhline(1, color=INK, lw=1.2, ls=(0, (1, 2)))
    ax.annotate("unstable above 1", (slopes.shape[1] - 0.5, 1), xytext=(0, -12), textcoords="offset points", ha="right")
    ax.set_ylim(min(0, slopes.min() - 0.03, own.min() - 0.03), max(1.1, own.max() + 0.1))
    classes.name(ax.xaxis)
    ax.set_ylabel("fall of $t_k$ per ε")
    ax.set_title(classes.title("How sharply a class reacts to its margin"), pad=14)
    return fig


def moves_table(results: Results) -> pd.DataFrame:
    """Mean |change| of a class's margin from epoch to epoch, in % of eps, by learning rate: CCM, and CCM damped."""
    rows, titles = [], ("first step", "then, full rate", "rate / 10", "rate / 100")
    for recipe, name in (("at_ccm", "AT + CCM"), ("at_damped_ccm", "AT + CCM, damped")):
        moves = [_moves_by_rate(run) for run in row_runs(results, recipe).values()]
        cells = {title: mean_std(column) for title, column in zip(titles, zip(*moves))}
        rows.append({"|change| of a margin, % of ε": name, **cells, "seeds": str(len(moves))})
    return pd.DataFrame(rows, dtype=object)


def _moves_by_rate(run):
    """The first step, then the mean at each rate, in units of eps; None where there is none. t_k's epoch counts."""
    moves = np.abs(np.diff([e.class_eps for e in run.record.epochs], axis=0)).mean(axis=1) / run.config.eps
    first = run.config.calibration_start - 2
    parts = np.split(moves, [first, first + 1, *(max(first + 1, m) for m in run.config.milestones)])[1:]
    return [part.mean() if len(part) else None for part in parts]
