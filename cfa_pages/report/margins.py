"""Fig. 2: AT with different training margins, overall (a) and class by class around two stages of training (b, c)."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from cfa_nb.config import TrainConfig
from cfa_pages.report.lines import class_lines, epoch_axis, mark_base, mean_curves, shown_classes, window_text
from cfa_pages.report.style import INK, label_ends, ordered_colours, panels, percent_axis
from cfa_pages.results.measurements import base_eps, best_overall
from cfa_pages.results.rows import class_groups, eps_text, find, mean_of
from cfa_pages.results.runs import Results, Run
from cfa_pages.results.stats import epoch_span, extreme, mean_std, percent


def margin_overall(results: Results) -> Figure:
    """Fig. 2(a): overall robust accuracy after each epoch, one line a training margin."""
    fig, (ax,) = panels(1, height=4.2)
    colours, ends = ordered_colours(results.profile.margins, base_eps(results.profile)), []
    for eps in results.profile.margins:
        eps_runs = margin_runs(results, eps)
        epochs, mean = mean_curves(eps_runs)
        base = colours[eps] == INK
        ax.plot(epochs, mean, color=colours[eps], lw=2.8 if base else 1.7, zorder=3 if base else 2)
        ends.append((mean[-1], f"ε = {eps_text(eps)}" + ("  (ε₀)" if base else ""), colours[eps]))
    percent_axis(ax, None)
    epoch_axis(ax, eps_runs[0].config)
    label_ends(ax, epochs[-1], ends, gap=0.05)
    ax.set_title("Overall robust accuracy, by training margin")
    return fig


def margin_classes(results: Results, stage: str = "early") -> Figure:
    """Fig. 2(b) ("early") and 2(c) ("late"): class-wise robust accuracy over the training margin, a mean of epochs."""
    window = getattr(results.profile, f"{stage}_window")
    fig, (ax,) = panels(1, height=4.6)
    runs_by_eps = {eps: margin_runs(results, eps) for eps in results.profile.margins}
    values = [np.mean([r.window(*window) for r in runs_by_eps[eps]], axis=0) for eps in results.profile.margins]
    classes = shown_classes(results)
    class_lines(ax, results.profile.margins, values, classes)
    mark_base(ax, base_eps(results.profile), "ε₀")
    ax.set_xticks(results.profile.margins, [eps_text(e) for e in results.profile.margins])
    ax.set_xlabel("training margin ε")
    ax.set_title(classes.title(f"Robust accuracy of each class, {epoch_span(*window)}"))
    return fig


def margin_runs(results: Results, eps: float) -> list[Run]:
    """The AT runs at one training margin, in the study's seeds."""
    return [r for s, r in sorted(find(results, "at", eps=eps).items()) if s in results.profile.study_seeds]


def margin_table(results: Results) -> pd.DataFrame:
    """A row a training margin: average at the best epoch, hard and easy classes early and late, clean accuracy."""
    groups = class_groups(results)
    return pd.DataFrame(
        [_margin_row(results.profile, groups, e, margin_runs(results, e)) for e in results.profile.margins]
    )


def _margin_row(profile, groups, eps, runs):
    row = {"training margin": eps_text(eps), "average, best epoch": mean_std([best_overall(r) for r in runs])}
    for window in (profile.early_window, profile.late_window):
        for group in ("hard", "easy"):
            values = [mean_of(r.window(*window), groups[group]) for r in runs]
            row[f"{group}, {epoch_span(*window)}"] = mean_std(values)
    clean = [mean_of(r.window(*profile.late_window, metric="clean"), groups["hard"]) for r in runs]
    return row | {"clean, hard": mean_std(clean)}


def margin_caption(results: Results, part: str) -> str:
    """Caption of Fig. 2(a), (b) or (c) with our numbers; the paper gives none for these curves."""
    base = base_eps(results.profile)
    seeds = len(results.profile.study_seeds)
    ending = f"ours: PGD-10 at ε₀ = {eps_text(base)}, {results.profile.data_label}, n = {seeds}"
    if part == "a":
        return f"Fig. 2(a). Overall robust accuracy of AT by training margin; {ending}. {_peak_text(results)}"
    window = results.profile.early_window if part == "b" else results.profile.late_window
    paper = "101–120" if part == "b" else "181–200"
    return f"Fig. 2({part}). Class-wise robust accuracy, {window_text(window)} (paper: {paper}); {ending}."


def _peak_text(results):
    best = {eps: np.mean([best_overall(r) for r in margin_runs(results, eps)]) for eps in results.profile.margins}
    top, tie = extreme(best)
    if tie == "all equal":
        return f"Highest single epoch: {percent(best[top])} % at every margin (all equal)."
    at_base = percent(best[_nearest(results.profile)])
    return f"Highest single epoch: {percent(best[top])} % at ε = {eps_text(top)}{tie}; at ε₀ {at_base} %."


def _nearest(profile):
    return min(profile.margins, key=lambda eps: abs(eps - base_eps(profile)))


def margin_text(results: Results) -> str:
    """What the curves say: where each hard class is best, what the largest margin does; the easy classes' mean."""
    ends = (min(results.profile.margins), _nearest(results.profile), max(results.profile.margins))
    values = {}
    for eps in results.profile.margins:
        eps_runs = margin_runs(results, eps)
        values[eps] = np.mean([r.window(*results.profile.early_window) for r in eps_runs], axis=0)
    names, classes, easy = results[0].record.class_names, shown_classes(results), class_groups(results)["easy"]
    hard = [k for k in classes.indices if k in classes.hard]
    lines = [_class_line(names[k], {eps: v[k] for eps, v in values.items()}, *ends[1:]) for k in hard]
    easy = [percent(mean_of(values[eps], easy)) for eps in ends]
    lines.append(f"- easy, mean: {easy[0]} % at the smallest margin, {easy[1]} % at ε₀, {easy[2]} % at the largest")
    return "\n".join(lines)


def _class_line(name, values, base, largest):
    peak, tie = extreme(values)
    if tie == "all equal":
        return f"- *{name}*: {percent(values[peak])} % at every margin (all equal)"
    ends = f"{percent(values[base])} % at ε₀, {percent(values[largest])} % at ε = {eps_text(largest)}"
    return f"- *{name}*: best at ε = {eps_text(peak)}{tie} ({percent(values[peak])} %), {ends}"


def reach_text(results: Results) -> str:
    """One sentence: which training margins of Fig. 2 the attack cannot cross from a random start; "" where none is.

    Each step moves a pixel by at most alpha, so `steps * alpha` is the whole path; from one side of the ball to the
    other it takes 2 * eps.
    """
    runs_by_eps = [margin_runs(results, eps) for eps in results.profile.margins]
    configs = [same[0].config for same in runs_by_eps if same and under_attacked(same[0].config)]
    if not configs:
        return ""
    steps, alpha = configs[0].steps, configs[0].alpha
    path = f"{steps} steps of {eps_text(alpha)} cover {eps_text(steps * alpha)}"
    return (
        f"The training attack does not scale its step with ε: {path}, less than the way across the ball, 2ε, at "
        f"ε = {', '.join(eps_text(c.eps) for c in configs)}. Runs at these margins train against a weaker attack than "
        f"their ε says; the variant `{results.profile.name.partition('@')[0]}+scaled-alpha` attacks them in full."
    )


def under_attacked(config: TrainConfig) -> bool:
    """True where eps exceeds half the attack's path, `steps * alpha`."""
    return config.eps > config.steps * config.alpha / 2 + 1e-9
