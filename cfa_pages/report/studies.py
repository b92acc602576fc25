"""Figs. 2 and 3: AT with different training margins, TRADES with different beta, overall and class by class."""

from collections.abc import Mapping, Sequence

import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from cfa_pages.report.lines import epoch_axis, mark_base, shown_classes
from cfa_pages.report.style import INK, label_ends, ordered_colours, panels, percent_axis, short_name
from cfa_pages.results.measurements import base_eps, best_overall
from cfa_pages.results.rows import class_groups, eps_text, mean_of, study_runs
from cfa_pages.results.runs import Results, Run, epochs
from cfa_pages.results.stats import epoch_span, mean_std


def _margin_runs(results):
    return study_runs(results, "at", "eps", results.profile.margins)


def _beta_runs(results):
    return study_runs(results, "trades", "beta", results.profile.betas)


def margin_overall(results: Results) -> Figure:
    """Fig. 2(a): overall robust accuracy after each epoch, one line a training margin; bands: one std over seeds."""
    runs, base = [r for of_margin in _margin_runs(results).values() for r in of_margin], base_eps(results.profile)
    counts = epochs(runs).groupby(["eps", "seed", "epoch"])[["hits", "n"]].sum()
    data = (counts["hits"] / counts["n"]).rename("accuracy").reset_index()
    fig, (ax,) = panels(1, height=4.2)
    colours = ordered_colours(results.profile.margins, base)
    on_top = sorted(colours, key=lambda eps: colours[eps] == INK)  # the base last
    sns.lineplot(
        data, x="epoch", y="accuracy", hue="eps", hue_order=on_top, palette=colours, errorbar="sd",
        err_kws={"alpha": 0.12, "lw": 0}, size="eps", sizes={e: 2.8 if e == base else 1.7 for e in colours},
        legend=False, ax=ax,
    )  # fmt: skip
    percent_axis(ax, None)
    ax.set_ylabel("average robust accuracy, PGD-10 at ε₀")
    epoch_axis(ax, runs[0].config)
    last = data[data["epoch"] == runs[0].config.epochs].groupby("eps")["accuracy"].mean()
    names = {eps: f"ε = {eps_text(eps)}" + ("  (ε₀)" if colours[eps] == INK else "") for eps in last.index}
    label_ends(ax, runs[0].config.epochs, [(last[eps], names[eps], colours[eps]) for eps in last.index], gap=0.05)
    ax.set_title("Overall robust accuracy, by training margin")
    return fig


def margin_classes(results: Results, stage: str = "early") -> Figure:
    """Fig. 2(b) ("early") and 2(c) ("late"): class-wise robust accuracy over the training margin, a mean of epochs."""
    profile = results.profile
    window, margins, base = getattr(profile, f"{stage}_window"), profile.margins, base_eps(profile)
    fig, (ax,) = panels(1, height=4.6)
    _class_lines(ax, _margin_runs(results), "eps", window, "robust", results)
    mark_base(ax, base, "attack of the test, ε₀")
    ax.set_xticks(margins, [f"{e / base:g}\n{eps_text(e)}" for e in margins])
    ax.set(xlabel="training margin, in units of ε₀ and as k/255", ylabel="robust accuracy, PGD-10 at ε₀")
    ax.set_title(shown_classes(results).title(f"Robust accuracy of each class, {epoch_span(*window)}"))
    return fig


def beta_classes(results: Results) -> Figure:
    """Fig. 3(a) and 3(b): robust and clean test accuracy of each class over beta, a mean of epochs."""
    fig, axes = panels(2, height=4.6, stacked=True)
    betas, window = results.profile.betas, results.profile.beta_window
    for ax, metric, title in zip(axes, ("robust", "clean"), ("(a) robust accuracy, PGD-10", "(b) clean accuracy")):
        _class_lines(ax, _beta_runs(results), "beta", window, metric, results)
        ax.set_xticks(betas, [f"{b:g}" for b in betas])
        ax.set(xlabel="β of TRADES", ylabel=f"{metric} accuracy")
        ax.set_title(shown_classes(results).title(f"{title}, {epoch_span(*window)}"))
    return fig


def _class_lines(
    ax: Axes, runs: Mapping[float, Sequence[Run]], x: str, window: tuple[int, int], metric: str, results: Results
):
    """One line a class over a field of the config, hard classes warm and strong, named at the right end.

    Each is the mean over epochs first..last and seeds; bars: one standard deviation over seeds.
    """
    classes = shown_classes(results)
    order = sorted(classes.indices, key=lambda k: k in classes.hard)  # hard classes are drawn on top
    names = [classes.names[k] for k in order]
    data = epochs((r for of_value in runs.values() for r in of_value), metric)
    data = data[data["epoch"].between(*window) & data["class"].isin(names)]
    data = data.groupby([x, "seed", "class"])["accuracy"].mean().reset_index()
    sns.lineplot(
        data, x=x, y="accuracy", hue="class", hue_order=names, palette=[classes.colours[k] for k in order],
        size="class", sizes={classes.names[k]: 2.3 if k in classes.hard else 1.5 for k in order}, marker="o",
        markersize=5, mew=0, errorbar="sd", err_style="bars", err_kws={"elinewidth": 0.9}, legend=False, ax=ax,
    )  # fmt: skip
    mean = data.groupby([x, "class"])["accuracy"].mean().unstack()
    low, high = mean.min(axis=None), mean.max(axis=None)
    pad = 0.06 * (high - low) + max(0.005, (0.12 - (high - low)) / 2)  # never zoomed in further than 12 points
    percent_axis(ax, max(0.0, low - pad), min(high + pad, 1.01))
    ends = [(mean[classes.names[k]].iloc[-1], short_name(classes.names[k]), classes.colours[k]) for k in order]
    label_ends(ax, mean.index[-1], ends, gap=0.048)


def margin_table(results: Results) -> pd.DataFrame:
    """A row a training margin: average at the best epoch, hard and easy classes early and late, clean accuracy."""
    groups, profile, rows = class_groups(results), results.profile, []
    for eps, runs in _margin_runs(results).items():
        row = {"training margin": eps_text(eps), "average, best epoch": mean_std([best_overall(r) for r in runs])}
        for window in (profile.early_window, profile.late_window):
            for group in ("hard", "easy"):
                row[f"{group}, {epoch_span(*window)}"] = _group_mean(runs, window, groups[group])
        rows.append(row | {"clean, hard": _group_mean(runs, profile.late_window, groups["hard"], "clean")})
    return pd.DataFrame(rows, dtype=object)


def beta_table(results: Results) -> pd.DataFrame:
    """A row a beta: robust and clean accuracy of hard and of easy classes, mean ± std over seeds."""
    groups, window = class_groups(results), results.profile.beta_window
    columns = [(metric, group) for metric in ("robust", "clean") for group in ("hard", "easy")]
    return pd.DataFrame(
        [
            {"β": f"{beta:g}"}
            | {f"{metric}, {group}": _group_mean(runs, window, groups[group], metric) for metric, group in columns}
            for beta, runs in _beta_runs(results).items()
        ],
        dtype=object,
    )


def _group_mean(runs, window, classes, metric="robust"):
    return mean_std([mean_of(r.window(*window, metric=metric), classes) for r in runs])
