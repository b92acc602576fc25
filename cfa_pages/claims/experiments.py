"""The paper's claims of Sections 3 to 5 as data: place, sentence, the paper's value, and the check that judges it.

The sentences are the paper's, shortened. Where it says "all three methods", or "average and worst class", each has its
claim. Values come from `cfa_pages.results.paper`. The list and its predicates were fixed before the published runs of
the default study were made. Controls, and Table 2 at the last epoch, are ours and not in the paper.
"""

from functools import partial

from cfa_pages.claims import checks
from cfa_pages.claims.verdicts import Claim, rows_compared
from cfa_pages.results.paper import QUOTED, gap_between
from cfa_pages.results.rows import versus

METHODS = {"at": "AT", "trades": "TRADES", "fat": "FAT"}


def _compared(key, place, sentence, row, base, statistic="worst", selection="best", value=None, **options):
    """A claim on the robust accuracy of one row against another one, with the paper's own difference where it has one.

    `value` is what the text quotes, where it does.
    """
    gap, name = gap_between(row, base, statistic, selection), {"avg": "average", "worst": "worst class"}[statistic]
    options |= dict(row=row, base=base, quantity=f"robust_{statistic}", selection=selection, paper=gap)
    label, border = f"{versus(row, base)}: {name}, {selection} epoch", 100 * options.get("border", 0)
    if border or "sign" in options:  # what is claimed, where it is not "above 0"
        label += f" ({'<' if 'sign' in options else '>'} {border:g})".replace("-", "−")
    return Claim(key, place, sentence, partial(rows_compared, **options), label, value or (gap and str(gap)), gap)


SECTION_3 = (
    Claim("fig2_peak", "Sec. 3.1, Fig. 2(a)",
          "Models trained with ε > ε₀ make no significant progress on the best-case robustness.",
          checks.no_better_peak, "larger ε − ε₀: average, best epoch (< 1)"),
    Claim("fig2_hard_fall", "Sec. 3.1, Fig. 2(b)",
          "For the hard classes, robustness drops when ε enlarges from ε₀ (around the best epochs).",
          partial(checks.margin_window, group="hard", window="early_window", sign=-1),
          "larger ε − ε₀: hard classes, mid-training (< 0)"),
    Claim("fig2_easy_rise", "Sec. 3.1, Fig. 2(b)",
          "For the easy classes, robustness goes on increasing as ε enlarges beyond ε₀.",
          partial(checks.margin_window, group="easy", window="early_window", sign=+1),
          "larger ε − ε₀: easy classes, mid-training"),
    Claim("fig2_late_rise", "Sec. 3.1, Fig. 2(c)",
          "For the last checkpoints, the robustness of every class increases when ε enlarges.",
          checks.least_class_rises, "larger ε − ε₀: class that gains least, end"),
    Claim("fig2_late_overall", "Sec. 3.1, Fig. 2(a)",
          "At the end of training a larger ε has the better overall robustness, as it reduces over-fitting.",
          partial(checks.margin_window, group="all", window="late_window", sign=+1),
          "larger ε − ε₀: average, end"),
    Claim("fig3_easy_gain", "Sec. 3.2, Fig. 3(a)",
          "For easy classes, a larger β improves robustness.",
          partial(checks.beta_window, group="easy", metric="robust", sign=+1),
          "largest − smallest β: easy classes, robust"),
    Claim("fig3_hard_gain", "Sec. 3.2, Fig. 3(a)",
          "Hard classes obtain only limited robustness improvement from a larger β: less than easy ones.",
          partial(checks.hard_below_easy, metric="robust"), "largest − smallest β: hard minus easy, robust (< 0)"),
    Claim("fig3_hard_clean", "Sec. 3.2, Fig. 3(b)",
          "A larger β drops the clean accuracy of hard classes significantly.",
          partial(checks.beta_window, group="hard", metric="clean", sign=-1),
          "largest − smallest β: hard classes, clean (< 0)"),
    Claim("fig3_easy_clean", "Sec. 3.2, Fig. 3(b)",
          "A larger β costs easy classes less clean accuracy than hard ones.",
          partial(checks.hard_below_easy, metric="clean"), "largest − smallest β: hard minus easy, clean (< 0)"),
    Claim("fig4_fluctuates", "Sec. 3.3, Fig. 4(a)",
          "The worst class's robustness fluctuates from epoch to epoch, more than that of other classes.",
          checks.fluctuates, "AT, change per epoch: worst − another class",
          f"nearly {QUOTED['fig4_worst_change']} against less than {QUOTED['fig4_avg_change']}"),
    Claim("margins_settle", "Sec. 4.1, Eq. 6",
          "The calibrated margin ε_k adaptively converges (second half of training: by less than 5 % of ε an epoch).",
          checks.margins_settle, "AT + CCM, margins in % of ε: change per epoch (< 5)"),
    Claim("fig4_fawa", "Sec. 4.3, Fig. 4(b)",
          "Under FAWA the difference between adjacent epochs is extremely small: less than 1 point (judged: the mean).",
          checks.fawa_smooths, "AT + FAWA, change per epoch: worst class (< 1)",
          f"less than {QUOTED['fig4_fawa_change']}"),
    _compared("fig4_fawa_avg", "Sec. 4.3, Fig. 4(b)", "Under FAWA the overall robustness is above that of vanilla AT.",
              "at_fawa", "at", "avg"),
)  # fmt: skip


def _table_1():
    """CFA against the plain method, and against EMA."""
    place, harm = "Sec. 5.2, Table 1", "Sec. 5.2, Appendix C.2"
    for m, name in METHODS.items():
        cfa, ema = f"{m}_cfa", f"{m}_ema"
        for selection, when, ending in (("best", "", ""), ("last", "At the last checkpoint too, ", "_last")):
            sentence = f"{when}CFA improves the worst class's robustness of {name}."
            yield _compared(f"cfa_{m}_worst{ending}", place, sentence, cfa, m, "worst", selection)
            sentence = f"{when}CFA improves the average robustness of {name}."
            yield _compared(f"cfa_{m}_avg{ending}", place, sentence, cfa, m, "avg", selection)
            sentence = f"{when}{name} + CFA has a higher worst-class robustness than {name} + EMA."
            yield _compared(f"cfa_ema_{m}_worst{ending}", place, sentence, cfa, ema, "worst", selection)
            sentence = f"{when}{name} + CFA has a higher average robustness than {name} + EMA."
            yield _compared(f"cfa_ema_{m}_avg{ending}", place, sentence, cfa, ema, "avg", selection)
        pair, label = {"row": cfa, "base": m}, f"{name} + CFA − {name}"
        sentence = f"CFA reduces the difference among the classes' robustness of {name}."
        spread = f"{label}: spread of classes, last epoch (< 0)"
        yield Claim(f"cfa_{m}_spread", harm, sentence, partial(checks.evened_out, **pair), spread)
        sentence = f"CFA does so without harming other classes of {name}."
        loser = f"{label}: most harmed class, last epoch (> −1)"
        yield Claim(f"cfa_{m}_no_harm", harm, sentence, partial(checks.no_class_harmed, **pair), loser)


def _table_1_rivals():
    """FAT and FRL against TRADES."""
    place = "Sec. 5.2, Table 1"
    sentence = "Vanilla FAT's worst class is even lower than TRADES'."
    yield _compared("fat_below_trades", place, sentence, "fat", "trades", sign=-1)
    pair = ("frl_ema", "trades_ema")
    sentence = "FRL reduces the average robustness, at an expensive cost (against TRADES + EMA)."
    yield _compared("frl_cost", place, sentence, *pair, "avg", sign=-1)
    border = QUOTED["frl_over_ema"]
    sentence = "FRL shows only marginal progress in the worst class: less than 2 points over TRADES + EMA."
    options = {"sign": -1, "border": border.value / 100}
    yield _compared("frl_gain", place, sentence, *pair, value=f"less than {border}", **options)
    sentence = "At the last checkpoint FRL has the better worst class (against TRADES + EMA)."
    yield _compared("frl_last", place, sentence, *pair, selection="last")
    pair = ("trades_cfa", "frl_ema")
    sentence, value = "TRADES + CFA outperforms FRL + EMA in the worst class.", f"about {QUOTED['cfa_over_frl_worst']}"
    yield _compared("cfa_over_frl_worst", place, sentence, *pair, value=value)
    sentence, value = "TRADES + CFA outperforms FRL + EMA in the average.", f"about {QUOTED['cfa_over_frl_avg']}"
    yield _compared("cfa_over_frl_avg", place, sentence, *pair, "avg", value=value)


def _table_2():
    """CCM and CCR; Table 2 prints the best checkpoints alone, so the claims on the last ones are ours."""
    place, ours = "Sec. 5.3.1, Table 2", "Sec. 5.3.1, Table 2 at the last epoch, not in the paper"
    gains = [(f"{m}_ccm", m, "CCM", name) for m, name in METHODS.items()]
    gains += [("trades_ccr", "trades", "CCR", "TRADES"), ("trades_ccm_ccr", "trades", "CCM + CCR", "TRADES")]
    for row, base, part, name in gains:
        sentence = f"{part} improves the worst class's robustness of {name}."
        yield _compared(f"{row}_worst", place, sentence, row, base)
        sentence = f"At the last checkpoint {part} improves the worst class's robustness of {name}."
        yield _compared(f"{row}_worst_last", ours, sentence, row, base, selection="last")
        sentence = f"{part} improves the average robustness of {name}."
        yield _compared(f"{row}_avg", place, sentence, row, base, "avg")


FIGURE_5 = (
    Claim("fig5_worst", "Sec. 5.3.1, Fig. 5(a)",
          "All λ₁ from 0.3 to 0.7 give a better worst class than vanilla AT.",
          partial(checks.every_lambda, statistic="worst"), "AT + CCM at any λ₁ − AT: least gain, worst class"),
    Claim("fig5_avg", "Sec. 5.3.1, Fig. 5(a)",
          "All λ₁ from 0.3 to 0.7 give a better overall robustness than vanilla AT.",
          partial(checks.every_lambda, statistic="overall"), "AT + CCM at any λ₁ − AT: least gain, average"),
    Claim("fig5_best", "Sec. 5.3.1, Fig. 5(a)",
          "λ₁ = 0.5 performs best.",
          partial(checks.best_lambda, value=QUOTED["lambda_1"].value), "λ₁ = 0.5 − best other: average + worst class"),
    Claim("fig5_hard_margins", "Sec. 5.3.1, Fig. 5(b)",
          "The hard classes use smaller ε_k than the original ε (judged: their mean).",
          partial(checks.margins_sort, group="hard", sign=-1), "AT + CCM, margins in % of ε: hard classes − ε (< 0)"),
    Claim("fig5_easy_margins", "Sec. 5.3.1, Fig. 5(b)",
          "The easy classes use larger ε_k than the original ε (judged: their mean).",
          partial(checks.margins_sort, group="easy", sign=+1), "AT + CCM, margins in % of ε: easy classes − ε"),
)  # fmt: skip


def _table_3():
    """FAWA against EMA."""
    place, border = "Sec. 5.3.2, Table 3", -QUOTED["fawa_cost"].value / 100
    for m, name in METHODS.items():
        pair = (f"{m}_fawa", f"{m}_ema")
        sentence = f"{name} + FAWA has a higher worst-class robustness than {name} + EMA."
        yield _compared(f"fawa_{m}_worst", place, sentence, *pair)
        sentence = f"FAWA costs {name} less than 0.3 points of average robustness against EMA."
        yield _compared(f"fawa_{m}_cost", place, sentence, *pair, "avg", border=border)


def _controls():
    """What of CCM is it that helps? Not in the paper; judged like its claims, at the last epoch."""
    place = "Controls, not in the paper"
    for base, name in (
        ("at_mean_margin", "AT with CCM's mean margin for all classes"),
        ("at_shuffled_margins", "AT with CCM's margins shuffled"),
    ):
        sentence = f"CCM's worst class is above that of {name}: it is the assignment that helps."
        yield _compared(f"ccm_over_{base}", place, sentence, "at_ccm", base, selection="last")
    sentence = "The loop of Eq. 6 is stable: no class's t_k falls by 1 or more as its margin grows by ε."
    label = "loop of Eq. 6: fall of t_k, % per ε (< 100)"
    yield Claim("loop_is_stable", place, sentence, checks.loop_is_stable, label)


CLAIMS = (*SECTION_3, *_table_1(), *_table_1_rivals(), *_table_2(), *FIGURE_5, *_table_3(), *_controls())
