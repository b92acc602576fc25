"""The line that ends each table: signs by which gradient masking would show (design: PGD-20 <= PGD-10 and so on).

A defence that only hides its gradients looks robust to a weak white-box attack. It then gives itself away: more steps
do not hurt more, a huge margin does not break it, or an attack without gradients beats the one with them.
"""

from cfa_nb.config import LIVE, ROWS
from cfa_nb.rows import accuracy, attack_label, row_runs
from cfa_nb.stats import percent, points


def sanity_text(runs, profile, keys):
    """Markdown: the checks on all checkpoints and runs that a table's rows show."""
    found = [
        more_steps(runs, profile, keys),
        large_margin(runs, profile, keys),
        black_box(runs, profile, keys),
        autoattack(runs, profile, keys),
    ]
    return "> **Against gradient masking.** " + " ".join(text for text in found if text)


def more_steps(runs, profile, keys):
    """The tables' attack leaves no more than the epochs' shorter one, on the same checkpoints."""
    excesses = list(_step_excesses(runs, profile, keys))
    if not excesses:
        return ""
    held = sum(e <= 0 for e in excesses)
    short = f"PGD-{profile.common.get('eval_steps', 10)}"
    text = f"{attack_label(profile)} leaves no more than {short} on {held} of {len(excesses)} checkpoints"
    return text + (f" (largest excess {points(max(excesses))} points)." if held < len(excesses) else ".")


def _step_excesses(runs, profile, keys):
    for key in keys:
        for run in row_runs(runs, profile, key).values():
            for selection in ("best", "best_val", "last"):
                long = accuracy(run, profile, ROWS[key].weights, selection, "robust")
                if long is not None and not run.record.never_accepted(ROWS[key].weights):
                    yield long.overall - run.pgd10(ROWS[key].weights, selection).overall


def large_margin(runs, profile, keys):
    """At a margin where nothing can be robust, nothing is."""
    found = [(r, a) for r in _live_runs(runs, profile, keys) if (a := _first(r, f"pgd{profile.final_steps}@eps="))]
    if not found:
        return ""
    _, highest = max(found, key=lambda ra: ra[1].overall)
    return f"At ε = {profile.large_eps:g} the highest accuracy of {len(found)} runs is {percent(highest.overall)} %."


def black_box(runs, profile, keys):
    """Square, which uses no gradient, against the white-box attack on the same images."""
    pairs = []
    for run in _live_runs(runs, profile, keys):
        square, white = _first(run, "square"), _same_images(run, profile)
        if square and white:
            pairs.append((square, white))
    if not pairs:
        return ""
    stronger = sum(s.overall < w.overall for s, w in pairs)
    means = [sum(a.overall for a in column) / len(pairs) for column in zip(*pairs)]
    return (
        f"The black-box Square attack leaves {percent(means[0])} %, {attack_label(profile)} {percent(means[1])} % "
        f"on the same {sum(pairs[0][0].n)} images (mean of {len(pairs)} runs; Square is stronger in {stronger})."
    )


def autoattack(runs, profile, keys):
    """Standard AutoAttack beside the tables' attack, where it was run."""
    told, gaps, images = [], [], 0
    for key in keys:
        for run in row_runs(runs, profile, key).values():
            aa, pgd = (_first(run, name, ROWS[key].weights) for name in ("aa", f"pgd{profile.final_steps}[n="))
            if aa and pgd:
                images = sum(aa.n)
                gaps.append(pgd.overall - aa.overall)
                told.append(
                    f"{ROWS[key].label}, seed {run.config.seed}: "
                    f"{percent(aa.overall)} % against {percent(pgd.overall)} %"
                )
    if not told:
        return ""
    return (
        f"Standard AutoAttack against {attack_label(profile)} on {images} images (last epoch): {'; '.join(told)}; so "
        f"{attack_label(profile)} leaves up to {percent(max(gaps))} points standing that a stronger attack takes."
    )


def _live_runs(runs, profile, keys):
    recipes = dict.fromkeys(ROWS[k].recipe for k in keys)
    return [r for recipe in recipes for r in row_runs(runs, profile, recipe).values()]


def _same_images(run, profile):
    return _first(run, f"pgd{profile.final_steps}[n=")


def _first(run, prefix, weights=LIVE):
    found = run.record.evaluations.get(f"{weights}/last", {})
    return next((a for k, a in sorted(found.items()) if k.startswith(prefix)), None)
