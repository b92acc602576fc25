"""Fig. 2: AT with different training margins, overall (a) and class by class around two stages of training (b, c)."""

import numpy as np
import pandas as pd

from cfa_nb.claims.studies import base_eps, best_overall
from cfa_nb.report.lines import class_lines, epoch_axis, eps_text, mark_base, mean_curves, shown
from cfa_nb.report.style import INK, label_ends, ordered_colours, panels, percent_axis
from cfa_nb.rows import class_groups, find, mean_of
from cfa_nb.stats import mean_std, percent


def margin_overall(runs, profile):
    """Fig. 2(a): overall robust accuracy after each epoch, one line a training margin."""
    fig, (ax,) = panels(1, height=4.2)
    colours, ends = ordered_colours(profile.margins, base_eps(profile)), []
    for eps in profile.margins:
        found = study_runs(runs, profile, eps)
        epochs, mean = mean_curves(found)
        base = colours[eps] == INK
        ax.plot(epochs, mean, color=colours[eps], lw=2.8 if base else 1.7, zorder=3 if base else 2)
        ends.append((mean[-1], f"ε = {eps_text(eps)}" + ("  (ε₀)" if base else ""), colours[eps]))
    percent_axis(ax, None)
    epoch_axis(ax, found[0].config)
    label_ends(ax, epochs[-1], ends, gap=0.05)
    ax.set_title("Overall robust accuracy, by training margin")
    return fig


def margin_classes(runs, profile, stage="early"):
    """Fig. 2(b) ("early") and 2(c) ("late"): class-wise robust accuracy over the training margin, a mean of epochs."""
    first, last = window = getattr(profile, f"{stage}_window")
    fig, (ax,) = panels(1, height=4.6)
    found = {eps: study_runs(runs, profile, eps) for eps in profile.margins}
    values = [np.mean([r.window(*window) for r in found[eps]], axis=0) for eps in profile.margins]
    classes = shown(profile, runs)
    class_lines(ax, profile.margins, values, classes)
    mark_base(ax, base_eps(profile), "ε₀")
    ax.set_xticks(profile.margins, [eps_text(e) for e in profile.margins])
    ax.set_xlabel("training margin ε")
    ax.set_title(classes.title(f"Robust accuracy of each class, epochs {first}–{last}"))
    return fig


def study_runs(runs, profile, eps):
    """The AT runs at one training margin, in the study's seeds."""
    return [r for s, r in sorted(find(runs, profile, "at", eps=eps).items()) if s in profile.study_seeds]


def margin_table(runs, profile):
    """A row a training margin: average at the best epoch, hard and easy classes early and late, clean accuracy."""
    groups = class_groups(profile, runs)
    return pd.DataFrame([_margin_row(profile, groups, eps, study_runs(runs, profile, eps)) for eps in profile.margins])


def _margin_row(profile, groups, eps, found):
    row = {"training margin": eps_text(eps), "average, best epoch": mean_std([best_overall(r) for r in found])}
    for window in (profile.early_window, profile.late_window):
        for group in ("hard", "easy"):
            values = [mean_of(r.window(*window), groups[group]) for r in found]
            row[f"{group}, epochs {window[0]}–{window[1]}"] = mean_std(values)
    clean = [mean_of(r.window(*profile.late_window, what="clean"), groups["hard"]) for r in found]
    return row | {"clean, hard": mean_std(clean)}


def margin_caption(runs, profile, part):
    """Caption of Fig. 2(a), (b) or (c) with our numbers; the paper gives none for these curves."""
    base = base_eps(profile)
    tail = f"ours: PGD-10 at ε₀ = {eps_text(base)}, {profile.data_label}, n = {len(profile.study_seeds)}"
    if part == "a":
        return f"Fig. 2(a). Overall robust accuracy of AT by training margin; {tail}. {_peak_text(runs, profile)}"
    first, last = profile.early_window if part == "b" else profile.late_window
    paper = "101–120" if part == "b" else "181–200"
    return f"Fig. 2({part}). Class-wise robust accuracy, mean of epochs {first}–{last} (paper: {paper}); {tail}."


def _peak_text(runs, profile):
    best = {eps: np.mean([best_overall(r) for r in study_runs(runs, profile, eps)]) for eps in profile.margins}
    top = max(best, key=best.get)
    at_base = percent(best[_nearest(profile)])
    return f"Highest single epoch: {percent(best[top])} % at ε = {eps_text(top)}; at ε₀ {at_base} %."


def _nearest(profile):
    return min(profile.margins, key=lambda eps: abs(eps - base_eps(profile)))


def margin_text(runs, profile):
    """What the curves say: where each hard class is best, what the largest margin does; the easy classes' mean."""
    ends = (min(profile.margins), _nearest(profile), max(profile.margins))
    found = {eps: study_runs(runs, profile, eps) for eps in profile.margins}
    values = {eps: np.mean([r.window(*profile.early_window) for r in own], axis=0) for eps, own in found.items()}
    names, classes, easy = runs[0].record.class_names, shown(profile, runs), class_groups(profile, runs)["easy"]
    hard = [k for k in classes.classes if k in classes.hard]
    told = [_class_line(names[k], {eps: v[k] for eps, v in values.items()}, *ends[1:]) for k in hard]
    easy = [percent(mean_of(values[eps], easy)) for eps in ends]
    told.append(f"- easy, mean: {easy[0]} % at the smallest margin, {easy[1]} % at ε₀, {easy[2]} % at the largest")
    return "\n".join(told)


def margin_clean_text(runs, profile):
    """What a model of the largest margin is worth: clean accuracy of the hard classes there and at eps_0."""
    hard, (first, last) = class_groups(profile, runs)["hard"], profile.late_window
    base, largest = (
        percent(np.mean([mean_of(r.window(first, last, what="clean"), hard) for r in study_runs(runs, profile, eps)]))
        for eps in (_nearest(profile), max(profile.margins))
    )
    return (
        f"At the largest margin (ε = {eps_text(max(profile.margins))}) the clean accuracy of the hard classes is "
        f"{largest} %, at ε₀ {base} % (mean of epochs {first}–{last}). One margin alone could mislead, so the verdicts "
        f"take all margins beyond ε₀: the best of them for Fig. 2(a), their mean for (b) and (c)."
    )


def _class_line(name, values, base, largest):
    peak = max(values, key=values.get)
    ends = f"{percent(values[base])} % at ε₀, {percent(values[largest])} % at ε = {eps_text(largest)}"
    return f"- *{name}*: best at ε = {eps_text(peak)} ({percent(values[peak])} %), {ends}"
