"""Why CCM helps on one data set and not on another: the margins of the classes that a hard class is taken for."""

import numpy as np
import pandas as pd
from scipy.stats import spearmanr

from cfa_nb.runs.study import Profile
from cfa_pages.report.lines import shown_classes
from cfa_pages.report.main_results import per_class
from cfa_pages.results.measurements import last_epochs, last_text
from cfa_pages.results.rows import SELECTIONS, attack_label, row_runs
from cfa_pages.results.runs import Runs
from cfa_pages.results.stats import count, extreme, percent, points


def rival_margins(runs: Runs, profile: Profile, counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(own, rivals'): (K,) mean margins of AT + CCM over its last epochs, a class's own and those it is taken for.

    The rivals' margin is weighted by how often plain AT takes the class for each of them under attack.

    Args:
        counts: (K, K) from `cfa_nb.method.evaluate.adversarial_confusion`.
    """
    ccm_runs = row_runs(runs, profile, "at_ccm").values()
    own_margins = np.mean([e.class_eps for r in ccm_runs for e in r.record.epochs[-last_epochs(r.config) :]], axis=0)
    wrong = counts - np.diag(np.diag(counts))
    return own_margins, wrong @ own_margins / np.maximum(wrong.sum(axis=1), 1)


def rival_table(runs: Runs, profile: Profile, counts: np.ndarray, selection: str = "last") -> pd.DataFrame:
    """A row a class: robust accuracy under AT, change by CCM, own and rivals' margin and their gap, in % of eps."""
    own_margins, rivals_margins = rival_margins(runs, profile, counts)
    plain, ccm = (per_class(runs, profile, key, selection) for key in ("at", "at_ccm"))
    config, classes, rows = _ccm(runs, profile), shown_classes(profile, runs), []
    eps = config.eps
    for k in classes.indices:
        rows.append({
            classes.heading: classes.names[k], "kind": classes.group(k), "AT": percent(plain[:, k].mean()),
            "change by CCM, points": points((ccm - plain)[:, k].mean()),
            f"own margin, % of ε, {last_text(config)}": f"{100 * own_margins[k] / eps:.0f}",
            "rivals' margin": f"{100 * rivals_margins[k] / eps:.0f}",
            "gap": f"{100 * (rivals_margins[k] - own_margins[k]) / eps:+.0f}".replace("-", "−"),
        })  # fmt: skip
    return pd.DataFrame(rows)


def _ccm(runs, profile):
    """Config of a run of AT + CCM."""
    return next(iter(row_runs(runs, profile, "at_ccm").values())).config


def rival_caption(runs: Runs, profile: Profile, selection: str = "last") -> str:
    """Caption of `rival_table`: attack, checkpoint and the epochs of the margins."""
    return (
        f"CCM and the rivals of each class: AT + CCM minus AT ({attack_label(profile)}, {SELECTIONS[selection]}); "
        f"margins: {last_text(_ccm(runs, profile))}, mean over the runs."
    )


def rival_text(runs: Runs, profile: Profile, counts: np.ndarray) -> str:
    """One sentence on the worst class under AT: its margin, its rivals' margin, and what CCM did to it."""
    own_margins, rivals_margins = rival_margins(runs, profile, counts)
    plain, ccm = (per_class(runs, profile, key, "last").mean(axis=0) for key in ("at", "at_ccm"))
    (worst, tie), config = extreme(dict(enumerate(plain)), least=True), _ccm(runs, profile)
    if tie == "all equal":
        return f"Under AT no class is the worst: all equal, {percent(plain[0])} % at the last epoch."
    eps = config.eps
    margins = [f"{100 * m[worst] / eps:.0f} %" for m in (own_margins, rivals_margins)]
    return (
        f"The worst class under AT ({attack_label(profile)}, last epoch) is "
        f"*{runs[0].record.class_names[worst]}*{tie}. In the {last_text(config)} CCM on average "
        f"trains it with {margins[0]} of ε, and the classes that it is taken for with {margins[1]}; at the last epoch "
        f"its robust accuracy changes by {points(ccm[worst] - plain[worst])} points (mean of "
        f"{count(len(row_runs(runs, profile, 'at')), 'seed')})."
    )


def gap_text(runs: Runs, profile: Profile, counts: np.ndarray) -> str:
    """Whether the gap predicts the change within this data: rank correlation, and the class of the largest gap."""
    own_margins, rivals_margins = rival_margins(runs, profile, counts)
    plain, ccm = (per_class(runs, profile, key, "last").mean(axis=0) for key in ("at", "at_ccm"))
    gap, change, names = rivals_margins - own_margins, ccm - plain, runs[0].record.class_names
    top, tie = extreme(dict(enumerate(gap)))
    largest = f"The class with the largest gap, *{names[top]}*{tie}, changes by {points(change[top])} points. "
    return (
        f"**Does the gap predict the change within this data?** {_prediction(gap, change)} "
        f"{'' if tie == 'all equal' else largest}The mechanism is a hypothesis for differences "
        f"between data sets; one data set can neither establish nor refute it."
    )


def _prediction(gap, change):
    if np.ptp(gap) == 0 or np.ptp(change) == 0:
        return "The classes cannot be ranked: all have the same gap or the same change."
    rho, p_value = spearmanr(gap, change)
    answer = "No" if rho >= 0 or p_value > 0.05 else "Yes"
    effect = "gain" if rho > 0 else "loss" if rho < 0 else ""
    direction = f"a larger gap goes with a {effect}" if effect else "neither way"
    doubt = "; too weak to tell from chance" if p_value > 0.05 else ""
    rho_text = f"{rho:+.2f}".replace("-", "−")
    return (
        f"{answer}: the mechanism expects a negative rank correlation between them, and over the {len(gap)} classes it "
        f"is {rho_text} ({direction}{doubt})."
    )
