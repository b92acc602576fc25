"""The line that ends each table: signs by which gradient masking would show (design: PGD-20 <= PGD-10 and so on).

A defence that only hides its gradients looks robust to a weak white-box attack. It then gives itself away: more steps
do not hurt more, a huge margin does not break it, or an attack without gradients beats the one with them.
"""

from itertools import combinations

from cfa_nb.config import LIVE, ROWS
from cfa_nb.rows import accuracy, attack_label, row_runs
from cfa_nb.stats import percent, points

TITLE = "> **Checks of the attack.** "


def sanity_text(runs, profile, keys):
    """Markdown: the checks on all checkpoints and runs that a table's rows show."""
    found = [
        more_steps(runs, profile, keys),
        large_margin(runs, profile, keys),
        black_box(runs, profile, keys),
        autoattack(runs, profile, keys),
        ranking(runs, profile, keys),
    ]
    return TITLE + " ".join(text for text in found if text)


def sanity_line(runs, profile, keys):
    """Markdown: the same in one line, for the tables after the first."""
    found = [more_steps(runs, profile, keys), ranking(runs, profile, keys), "In full under the first table."]
    return TITLE + " ".join(text for text in found if text)


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
    found = _both_attacks(runs, profile, keys)
    if not found:
        return ""
    told = [
        f"{ROWS[key].label}, seed {seed}: {percent(aa.overall)} % against {percent(pgd.overall)} %"
        for key, seed, aa, pgd in found
    ]
    most = max(pgd.overall - aa.overall for _, _, aa, pgd in found)
    return (
        f"Standard AutoAttack against {attack_label(profile)} on {sum(found[0][2].n)} images (last epoch): "
        f"{'; '.join(told)}; so {attack_label(profile)} leaves up to {percent(most)} points standing that a stronger "
        f"attack takes."
    )


def _both_attacks(runs, profile, keys):
    """[(row, seed, AutoAttack's accuracy, that of the tables' attack on the same images)], where both were run."""
    found = []
    for key in keys:
        for run in row_runs(runs, profile, key).values():
            aa, pgd = (_first(run, name, ROWS[key].weights) for name in ("aa", f"pgd{profile.final_steps}[n="))
            if aa and pgd:
                found.append((key, run.config.seed, aa, pgd))
    return found


def ranking(runs, profile, keys):
    """Whether AutoAttack ranks two rows as the tables' attack does, on the same images of the same seed."""
    pairs = combinations(_both_attacks(runs, profile, keys), 2)
    told = [_order(profile, *pair) for pair in pairs if pair[0][1] == pair[1][1] and pair[0][0] != pair[1][0]]
    return " ".join([*told, f'"Shown here" means: under {attack_label(profile)}.']) if told else ""


def _order(profile, one, other):
    above, below = sorted((one, other), key=lambda row: -row[3].overall)
    gap = above[3].overall - below[3].overall
    strong = above[2].overall - below[2].overall
    names = [ROWS[row[0]].label for row in (above, below)]
    verb = "sees no difference" if strong == 0 else "keeps the order" if strong > 0 else "**reverses the order**"
    order = f"ranks {names[0]} above {names[1]} by {percent(gap)} points; AutoAttack {verb}"
    if gap == 0:
        order = f"sees no difference between {names[0]} and {names[1]}; AutoAttack has first minus second"
    return f"{attack_label(profile)} {order} ({points(strong)} points; {sum(one[2].n)} images, one seed, no interval)."


def _live_runs(runs, profile, keys):
    recipes = dict.fromkeys(ROWS[k].recipe for k in keys)
    return [r for recipe in recipes for r in row_runs(runs, profile, recipe).values()]


def _same_images(run, profile):
    return _first(run, f"pgd{profile.final_steps}[n=")


def _first(run, prefix, weights=LIVE):
    found = run.record.evaluations.get(f"{weights}/last", {})
    return next((a for k, a in sorted(found.items()) if k.startswith(prefix)), None)
