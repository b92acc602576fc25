"""Figs. 2 and 3: AT with different training margins, TRADES with different beta, overall and class by class."""

from collections.abc import Mapping, Sequence

import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from cfa_nb.card.card import points
from cfa_pages.report.lines import epoch_axis, mark_base, shown_classes
from cfa_pages.report.style import INK, QUIET, label_ends, ordered_colours, panels, percent_axis, short_name
from cfa_pages.results.measurements import base_eps
from cfa_pages.results.rows import class_groups, eps_text, mean_of, study_runs
from cfa_pages.results.runs import Results, Run, epochs
from cfa_pages.results.stats import epoch_span, mean_std


def _margin_runs(results):
    return study_runs(results, "at", "eps", results.profile.margins)


def _beta_runs(results):
    return study_runs(results, "trades", "beta", results.profile.betas)


def margin_overall(results: Results) -> Figure:
    """Fig. 2(a): overall robust accuracy after each epoch, one line a training margin; band at ε₀: one std over seeds.

    From a little below where the lowest line ends: nothing is to be seen in the first epochs.
    """
    runs, base = [r for of_margin in _margin_runs(results).values() for r in of_margin], base_eps(results.profile)
    counts = epochs(runs).groupby(["eps", "seed", "epoch"])[["hits", "n"]].sum()
    data = (counts["hits"] / counts["n"]).groupby(["eps", "epoch"]).agg(["mean", "std"])
    fig, (ax,) = panels(1, height=4.2)
    colours = ordered_colours(results.profile.margins, base)
    for eps in sorted(data.index.unique("eps"), key=lambda eps: colours[eps] == INK):  # the base on top
        line = data.loc[eps]
        ax.plot(line["mean"], color=colours[eps], lw=2.8 if eps == base else 1.7)
        if eps == base:
            ax.fill_between(line.index, *(line["mean"] + side * line["std"] for side in (-1, 1)), color=INK, alpha=0.15)
    last = data["mean"].xs(runs[0].config.epochs, level="epoch")
    percent_axis(ax, max(0.0, last.min() - 0.05), min(1.0, data["mean"].max() + 0.02))
    ax.set_ylabel("average robust accuracy, PGD-10 at ε₀")
    epoch_axis(ax, runs[0].config)
    names = {eps: f"ε = {eps_text(eps)}" + ("  (ε₀)" if colours[eps] == INK else "") for eps in last.index}
    label_ends(ax, runs[0].config.epochs, [(last[eps], names[eps], colours[eps]) for eps in last.index], gap=0.05)
    ax.set_title("Overall robust accuracy, by training margin")
    return fig


def margin_classes(results: Results, stage: str = "early") -> Figure:
    """Fig. 2(b) ("early") and 2(c) ("late"): class-wise robust accuracy over the training margin, a mean of epochs."""
    profile = results.profile
    window, margins, base = getattr(profile, f"{stage}_window"), profile.margins, base_eps(profile)
    fig, (ax,) = panels(1, height=4.6 if stage == "late" else 3.4)
    _class_lines(ax, _margin_runs(results), "eps", window, "robust", results)
    mark_base(ax, base, "attack of the test, ε₀")
    ax.set_xticks(margins, [f"{e / base:g}\n{255 * e:g}" for e in margins])
    ax.set(xlabel="training margin, in units of ε₀ and of 1/255", ylabel="robust accuracy, PGD-10 at ε₀")
    ax.set_title(shown_classes(results).title(f"Robust accuracy of each class, {epoch_span(*window)}"))
    return fig


def beta_classes(results: Results) -> Figure:
    """Fig. 3(a) and 3(b): robust and clean test accuracy of each class over beta, a mean of epochs."""
    fig, axes = panels(2, height=4.6, stacked=True)
    betas, window = results.profile.betas, results.profile.beta_window
    for ax, metric, title in zip(axes, ("robust", "clean"), ("(a) robust accuracy, PGD-10", "(b) clean accuracy")):
        _class_lines(ax, _beta_runs(results), "beta", window, metric, results, with_change=True)
        ax.set_xticks(betas, [f"{b:g}" for b in betas])
        ax.set(xlabel="β of TRADES", ylabel=f"{metric} accuracy")
        ax.set_title(shown_classes(results).title(f"{title}, {epoch_span(*window)}"))
    return fig


def _class_lines(
    ax: Axes, runs: Mapping[float, Sequence[Run]], x: str, window: tuple[int, int], metric: str, results: Results,
    with_change: bool = False,
):  # fmt: skip
    """One line a class over a field of the config, hard classes warm and strong, named at the right end.

    Each is the mean over epochs first..last and seeds; bars: one standard deviation over seeds.
    with_change: behind its name, by how many points it changes from the left end to the right one.
    """
    classes = shown_classes(results)
    order = sorted(classes.indices, key=lambda k: k in classes.hard)  # hard classes are drawn on top
    names = [classes.names[k] for k in order]
    data = epochs((r for of_value in runs.values() for r in of_value), metric)
    data = data[data["epoch"].between(*window) & data["class"].isin(names)]
    data = data.groupby([x, "seed", "class"])["accuracy"].mean().reset_index()
    sns.lineplot(
        data, x=x, y="accuracy", hue="class", hue_order=names, size="class",
        palette=[classes.colours[k] if k in classes.hard else QUIET for k in order],
        sizes={classes.names[k]: 2.3 if k in classes.hard else 1.5 for k in order}, marker="o",
        markersize=5, mew=0, errorbar="sd", err_style="bars", err_kws={"elinewidth": 0.9}, legend=False, ax=ax,
    )  # fmt: skip
    mean, spread = (getattr(data.groupby([x, "class"])["accuracy"], how)().unstack() for how in ("mean", "std"))
    low, high = (mean - spread.fillna(0)).min(axis=None), mean.max(axis=None)
    pad = 0.06 * (high - low) + max(0.005, (0.12 - (high - low)) / 2)  # never zoomed in further than 12 points
    percent_axis(ax, max(0.0, low - pad), min(high + pad, 1.01))
    lines = [(mean[classes.names[k]], short_name(classes.names[k]), classes.colours[k]) for k in order]
    change = {name: f"  {points(line.iloc[-1] - line.iloc[0])}" if with_change else "" for line, name, _ in lines}
    ends = [(line.iloc[-1], name + change[name], colour) for line, name, colour in lines]
    label_ends(ax, mean.index[-1], ends, gap=0.17 / ax.bbox.height * ax.figure.dpi)


def margin_table(results: Results) -> pd.DataFrame:
    """A row a training margin, last epochs: robust accuracy of the average, the hardest class, the other hard ones and
    the easy ones; clean accuracy of the hardest class.
    """  # fmt: skip
    classes, groups, window = shown_classes(results), class_groups(results), results.profile.late_window
    hardest, others = classes.hard[:1], classes.hard[1:]
    name = "".join(classes.names[k] for k in hardest) or "hardest class"
    columns = {
        "average": groups["all"], name: hardest,
        ", ".join(classes.names[k] for k in others) if 0 < len(others) < 6 else "other hard": others,
        "easy": groups["easy"],
    }  # fmt: skip
    return pd.DataFrame(
        [
            {"training margin": eps_text(eps)}
            | {column: _group_mean(runs, window, members) for column, members in columns.items()}
            | {f"{name}, clean": _group_mean(runs, window, hardest, "clean")}
            for eps, runs in _margin_runs(results).items()
        ],
        dtype=object,
    )


def beta_table(results: Results) -> pd.DataFrame:
    """A row a beta: robust accuracy of all classes, robust and clean of hard and easy ones, mean ± std."""
    groups, window = class_groups(results), results.profile.beta_window
    columns = [("robust", "all"), *((metric, group) for metric in ("robust", "clean") for group in ("hard", "easy"))]
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
