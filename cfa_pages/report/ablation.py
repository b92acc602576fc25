"""Fig. 5 and Appendix C.3: the base budgets lambda_1 and lambda_2, and the margins that classes come to use."""

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from cfa_pages.report.lines import epoch_axis, margin_axis, shown_classes
from cfa_pages.report.style import CFA, INK, label_ends, panels, percent_axis
from cfa_pages.results.rows import eps_text, find, row_runs, worst_label
from cfa_pages.results.runs import Results

SWEEPS = {  # figure -> (plain recipe, calibrated recipe, field, symbol, profile's values)
    "fig5": ("at", "at_ccm", "lambda_1", "λ₁", "lambdas_1"),
    "lambda_2": ("trades", "trades_ccr", "lambda_2", "λ₂", "lambdas_2"),
}
LABELS = {"at": "AT", "at_ccm": "AT + CCM", "trades": "TRADES", "trades_ccr": "TRADES + CCR"}


def sweep(results: Results, figure: str = "fig5", selection: str = "best") -> Figure:
    """Fig. 5(a) ("fig5") or the lambda_2 study: average and worst class over the base budget; plain is dotted."""
    plain, calibrated, field, symbol, values = SWEEPS[figure]
    values = getattr(results.profile, values)
    fig, axes = panels(2, height=3.7, width=9.6)
    for ax, statistic, title in zip(axes, ("overall", "worst"), ("Average", worst_label(results.profile).capitalize())):
        plain_accuracies = [getattr(a, statistic) for a in _accuracies(results, plain, selection)]
        ax.axhline(np.mean(plain_accuracies), color=INK, ls=(0, (1, 2)), lw=1.6)
        by_budget = [
            [getattr(a, statistic) for a in _accuracies(results, calibrated, selection, **{field: v})] for v in values
        ]
        _seeds_and_mean(ax, values, by_budget)
        ax.margins(x=0.08, y=0.25)
        percent_axis(ax, None)
        ends = [(np.mean(plain_accuracies), LABELS[plain], INK), (np.mean(by_budget[-1]), LABELS[calibrated], CFA)]
        label_ends(ax, ax.get_xlim()[1], ends, gap=0.07)
        ax.set_xticks(values, [f"{v:g}" for v in values])
        ax.set_xlabel(symbol)
        ax.set_title(title)
    axes[0].set_ylabel("robust accuracy, PGD-10")
    return fig


def _accuracies(results, recipe, selection, **changes):
    """PGD-10 test accuracies of the study's seeds: the sweeps use the attack of each epoch's evaluation."""
    runs_by_seed = find(results, recipe, **changes)
    return [runs_by_seed[s].pgd10("live", selection) for s in results.profile.study_seeds if s in runs_by_seed]


def _seeds_and_mean(ax, x, rows):
    for position, values in zip(x, rows):
        ax.plot([position] * len(values), values, "o", color=CFA, ms=4, alpha=0.35, mew=0)
    ax.plot(x, [np.mean(v) for v in rows], "-o", color=CFA, ms=6, mew=0)


def trailing_mean(values: ArrayLike, width: int) -> np.ndarray:
    """(epochs, K) mean over the last `width` epochs up to each one, fewer at the start."""
    values = np.asarray(values, dtype=float)
    return np.array([values[max(0, i + 1 - width) : i + 1].mean(axis=0) for i in range(len(values))])


def calibrated_values(results: Results, recipe: str = "at_ccm", field: str = "class_eps") -> Figure:
    """Fig. 5(b): the margin ("class_eps") or beta ("class_beta") of each class from epoch to epoch, mean over seeds.

    Raw values are faint; the strong line is a trailing mean of 8 epochs (fewer in short runs) since calibration began:
    Eq. 6 is a feedback loop, and where a class's accuracy reacts sharply to its margin the raw value swings.
    """
    recipe_runs = list(row_runs(results, recipe).values())
    config, classes = recipe_runs[0].config, shown_classes(results)
    raw = np.mean([[getattr(e, field) for e in r.record.epochs] for r in recipe_runs], axis=0)
    start = min(config.calibration_start, config.epochs) - 1
    smooth = np.vstack([raw[:start], trailing_mean(raw[start:], min(8, max(1, config.epochs // 2)))])
    fig, (ax,) = panels(1, height=4.6)
    epochs, colours = np.arange(1, len(raw) + 1), classes.colours
    for k in classes.indices:
        ax.plot(epochs, raw[:, k], color=colours[k], lw=0.9, alpha=0.3)
        ax.plot(epochs, smooth[:, k], color=colours[k], lw=2.3 if k in classes.hard else 1.5)
    _base_line(ax, config, field)
    if field == "class_eps":
        margin_axis(ax)
    epoch_axis(ax, config)
    label_ends(ax, epochs[-1], classes.ends(smooth), gap=0.048)
    symbol = "Margin ε" if field == "class_eps" else "Regularisation β"
    ax.set_title(classes.title(f"{symbol} of each class, {LABELS.get(recipe, recipe)}"))
    return fig


def _base_line(ax, config, field):
    base, text = (
        (config.eps, f"ε = {eps_text(config.eps)}") if field == "class_eps" else (config.beta, f"β = {config.beta:g}")
    )
    ax.axhline(base, color=INK, lw=1.2, ls=(0, (1, 2)))
    ax.annotate(text, (0.5, base), xytext=(4, 4), textcoords="offset points", fontsize=9, color=INK)
