"""Fig. 5 and Appendix C.3: the base budgets lambda_1 and lambda_2, the margins that classes come to use, and why these
settle (Eq. 6 as a loop, Sec. 4.1).
"""

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure

from cfa_nb.recipes import ROWS
from cfa_pages.report.lines import class_traces, epoch_axis, margin_axis, shown_classes
from cfa_pages.report.style import CFA, INK, label_ends, panels, percent_axis
from cfa_pages.results.measurements import margin_moves, slopes_by_seed
from cfa_pages.results.rows import eps_text, row_runs, study_runs, worst_label
from cfa_pages.results.runs import Results
from cfa_pages.results.stats import mean_std

SWEEPS = {  # figure -> (plain recipe, calibrated recipe, field, symbol, profile's values)
    "fig5": ("at", "at_ccm", "lambda_1", "λ₁", "lambdas_1"),
    "lambda_2": ("trades", "trades_ccr", "lambda_2", "λ₂", "lambdas_2"),
}


def sweep(results: Results, figure: str) -> Figure:
    """Fig. 5(a) ("fig5") or the lambda_2 study: average and worst class over the base budget; plain is dotted.

    PGD-10, the attack of each epoch's evaluation, at the best checkpoint: a small dot a seed, and a line through the
    means.
    """
    plain, calibrated, field, symbol, values = SWEEPS[figure]
    values, profile = getattr(results.profile, values), results.profile
    base = [r.pgd10("live", "best") for s, r in row_runs(results, plain).items() if s in profile.study_seeds]
    runs = [r for of_value in study_runs(results, calibrated, field, values).values() for r in of_value]
    accuracies = [(getattr(r.config, field), r.pgd10("live", "best")) for r in runs]
    data = pd.DataFrame({field: value, "overall": a.overall, "worst": a.worst} for value, a in accuracies)
    fig, axes = panels(2, height=3.4)
    for ax, statistic, title in zip(axes, ("overall", "worst"), ("Average", worst_label(profile).capitalize())):
        plain_mean = np.mean([getattr(a, statistic) for a in base])
        ax.axhline(plain_mean, color=INK, ls=(0, (1, 2)), lw=1.6)
        ax.plot(data[field], data[statistic], "o", color=CFA, ms=4, alpha=0.35, mew=0)
        sns.lineplot(data, x=field, y=statistic, errorbar=None, color=CFA, marker="o", ms=6, mew=0, ax=ax)
        ax.margins(x=0.08, y=0.25)
        percent_axis(ax, None)
        last = data.groupby(field)[statistic].mean()[values[-1]]
        ends = [(plain_mean, ROWS[plain].label, INK), (last, ROWS[calibrated].label, CFA)]
        label_ends(ax, ax.get_xlim()[1], ends, gap=0.07)
        ax.set_xticks(values, [f"{v:g}" for v in values])
        ax.set(xlabel=symbol, ylabel="", title=title)
    axes[0].set_ylabel("robust accuracy, PGD-10")
    return fig


def calibrated_values(results: Results, recipe: str = "at_ccm") -> Figure:
    """Fig. 5(b): the margin of each class from epoch to epoch, mean over seeds.

    Raw values are faint; the strong line is a trailing mean of 8 epochs (fewer in short runs) since calibration began:
    Eq. 6 is a feedback loop, and where a class's accuracy reacts sharply to its margin the raw value swings.
    """
    recipe_runs = list(row_runs(results, recipe).values())
    config, classes = recipe_runs[0].config, shown_classes(results)
    raw = np.mean([[e.class_eps for e in r.record.epochs] for r in recipe_runs], axis=0)
    start = min(config.calibration_start, config.epochs) - 1
    smooth = pd.DataFrame(raw[start:]).rolling(min(8, max(1, config.epochs // 2)), min_periods=1).mean()
    smooth = np.vstack([raw[:start], smooth])
    fig, (ax,) = panels(1, height=4.6)
    class_traces(ax, raw, classes, lw=0.9, alpha=0.3)
    class_traces(ax, smooth, classes)
    ax.axhline(config.eps, color=INK, lw=1.2, ls=(0, (1, 2)))
    note = {"xytext": (4, 4), "textcoords": "offset points", "fontsize": 9, "color": INK}
    ax.annotate(f"ε = {eps_text(config.eps)}", (0.5, config.eps), **note)
    margin_axis(ax)
    epoch_axis(ax, config)
    label_ends(ax, len(raw), classes.ends(smooth), gap=0.048)
    ax.set_title(classes.title(f"Margin ε of each class, {ROWS[recipe].label}"))
    return fig


def slope_bars(results: Results) -> Figure:
    """By how much each class's t_k falls as its training margin grows by eps; above 1 the loop would not settle."""
    slopes, classes = np.array(list(slopes_by_seed(results).values())), shown_classes(results)
    fig, (ax,) = panels(1, height=3.4, width=8)
    slopes = pd.DataFrame(slopes[:, list(classes.indices)])
    sns.barplot(slopes, errorbar=None, width=0.6, palette=[classes.colours[k] for k in classes.indices],
                saturation=1, legend=False, ax=ax)  # fmt: skip
    sns.stripplot(slopes, color=INK, size=3, alpha=0.6, jitter=False, ax=ax)
    ax.axhline(1, color=INK, lw=1.2, ls=(0, (1, 2)))
    ax.annotate("unstable above 1", (slopes.shape[1] - 0.5, 1), xytext=(0, -12), textcoords="offset points", ha="right")
    ax.set_ylim(min(0, slopes.min(axis=None) - 0.03), 1.1)
    classes.name(ax.xaxis)
    ax.set_ylabel("fall of $t_k$ per ε")
    ax.set_title(classes.title("How sharply a class reacts to its margin"), pad=14)
    return fig


def moves_table(results: Results) -> pd.DataFrame:
    """Mean |change| of a class's margin from epoch to epoch, in % of eps: CCM, and CCM damped."""
    rows = []
    for recipe, name in (("at_ccm", "AT + CCM"), ("at_damped_ccm", "AT + CCM, damped")):
        moves = [margin_moves(run) for run in row_runs(results, recipe).values()]
        rows.append({"Training run": name, "|change| of a margin, % of ε": mean_std(moves), "seeds": str(len(moves))})
    return pd.DataFrame(rows, dtype=object)
