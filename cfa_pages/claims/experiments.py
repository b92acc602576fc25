"""The paper's claims of Sections 3 and 5 as data: place, sentence, the paper's value, and the check that judges it.

The sentences are the paper's, shortened. Where the paper says "all three methods" and the methods may part ways, each
has its claim. Values come from `cfa_pages.results.paper`.
"""

from functools import partial

from cfa_pages.claims import checks
from cfa_pages.claims.base import Claim
from cfa_pages.claims.verdicts import rows_compared
from cfa_pages.results.paper import QUOTED, TABLE_1, TABLE_2, TABLE_3, difference

METHODS = {"at": "AT", "trades": "TRADES", "fat": "FAT"}
PAPER_STATISTICS = {"robust_avg": "avg", "robust_worst": "worst"}  # of `rows.QUANTITIES` -> of the paper's `Pair`


def _pairs(row, base):
    return {name: (f"{m}_{row}", f"{m}_{base}" if base else m) for m, name in METHODS.items()}


def _gaps(table, row, base, statistic, *path):
    """{method: the paper's own `Gap`} of all three."""
    return {n: difference(table, a, b, statistic, *path) for n, (a, b) in _pairs(row, base).items()}


def _listed(gaps):
    """Several gaps as one text: "AT +3.4, TRADES +1.8 points"."""
    return ", ".join(f"{name} {str(gap).removesuffix(' points')}" for name, gap in gaps.items()) + " points"


def _compared(key, place, sentence, table, row, base, *path, quantity="robust_worst", **options):
    """A claim on one row against another one, with the paper's own difference as text and as a number."""
    gap = difference(table, row, base, PAPER_STATISTICS[quantity], *path)
    check = partial(rows_compared, row=row, base=base, quantity=quantity, paper=gap, **options)
    return Claim(key, place, sentence, str(gap), check)


def _both(key, place, sentence, table, row, base, *path, value=None):
    """A claim on average and worst class at once; `value` is what the text quotes, else the tables' differences."""
    gaps = {
        quantity: difference(table, row, base, statistic, *path) for quantity, statistic in PAPER_STATISTICS.items()
    }
    names = dict(zip(gaps, ("average", "worst class")))
    text = value or ", ".join(f"{names[quantity]} {gap}" for quantity, gap in gaps.items())
    return Claim(key, place, sentence, text, partial(checks.both_quantities, row=row, base=base, paper=gaps))


SECTION_3 = (
    Claim(
        "fig2_peak",
        "Sec. 3.1, Fig. 2(a)",
        "Models trained with ε > ε₀ make no significant progress on the best-case robustness.",
        None,
        checks.no_better_peak,
    ),
    Claim(
        "fig2_hard_fall",
        "Sec. 3.1, Fig. 2(b)",
        "For the hard classes, robustness drops when ε enlarges from ε₀ (around the best epochs).",
        None,
        partial(checks.margin_window, group="hard", window="early_window", sign=-1),
    ),
    Claim(
        "fig2_easy_rise",
        "Sec. 3.1, Fig. 2(b)",
        "For the easy classes, robustness goes on increasing as ε enlarges beyond ε₀.",
        None,
        partial(checks.margin_window, group="easy", window="early_window", sign=+1),
    ),
    Claim(
        "fig2_late_rise",
        "Sec. 3.1, Fig. 2(c)",
        "For the last checkpoints, class-wise robustness increases consistently when ε enlarges.",
        None,
        partial(checks.margin_window, group="all", window="late_window", sign=+1),
    ),
    Claim(
        "fig3_easy_gain",
        "Sec. 3.2, Fig. 3(a)",
        "For easy classes, a larger β improves robustness.",
        None,
        partial(checks.beta_window, group="easy", metric="robust", sign=+1),
    ),
    Claim(
        "fig3_hard_gain",
        "Sec. 3.2, Fig. 3(a)",
        "Hard classes obtain only limited robustness improvement from a larger β: less than easy ones.",
        None,
        partial(checks.hard_below_easy, metric="robust"),
    ),
    Claim(
        "fig3_hard_clean",
        "Sec. 3.2, Fig. 3(b)",
        "A larger β drops the clean accuracy of hard classes significantly.",
        None,
        partial(checks.beta_window, group="hard", metric="clean", sign=-1),
    ),
    Claim(
        "fig4_fluctuates",
        "Sec. 3.3, Fig. 4(a)",
        "The worst class's robustness fluctuates significantly between epochs while the overall one is stable.",
        f"nearly {QUOTED['fig4_worst_change']} against less than {QUOTED['fig4_avg_change']}",
        checks.fluctuates,
    ),
    Claim(
        "fig4_fawa",
        "Sec. 4.3, Fig. 4(b)",
        "Under FAWA the difference between adjacent epochs is extremely small: less than 1 point.",
        f"less than {QUOTED['fig4_fawa_change']}",
        checks.fawa_smooths,
    ),
)


def _table_1():
    """CFA against the plain method."""
    place = "Sec. 5.2, Table 1"
    for m, name in METHODS.items():
        sentence = f"CFA improves the worst class's robustness of {name}."
        yield _compared(f"cfa_{m}_worst", place, sentence, TABLE_1, f"{m}_cfa", m, "best", "robust")
    for m, name in METHODS.items():
        yield _compared(
            f"cfa_{m}_worst_last", place, f"At the last checkpoint too, CFA improves the worst class of {name}.",
            TABLE_1, f"{m}_cfa", m, "last", "robust", selection="last",
        )  # fmt: skip
    gaps = _gaps(TABLE_1, "cfa", None, "avg", "best", "robust")
    yield Claim(
        "cfa_avg",
        place,
        "CFA improves the average robustness of each method.",
        _listed(gaps),
        partial(checks.every_method, pairs=_pairs("cfa", None), quantity="robust_avg", paper=gaps),
    )
    yield Claim(
        "cfa_spread",
        "Sec. 5.2, Appendix C.2",
        "CFA reduces the difference among class robustness.",
        None,
        partial(checks.evened_out, pairs=_pairs("cfa", None)),
    )
    yield Claim(
        "cfa_no_harm",
        "Sec. 5.2, Appendix C.2",
        "CFA does so without harming other classes.",
        None,
        partial(checks.no_class_harmed, pairs=_pairs("cfa", None)),
    )


def _table_1_rivals():
    """CFA against EMA, and FAT and FRL against TRADES."""
    place, best = "Sec. 5.2, Table 1", ("best", "robust")
    for m, name in METHODS.items():
        sentence = f"{name} + CFA has a higher worst-class robustness than {name} + EMA."
        yield _compared(f"cfa_ema_{m}_worst", place, sentence, TABLE_1, f"{m}_cfa", f"{m}_ema", *best)
    sentence = "Vanilla FAT's worst class is even lower than TRADES'."
    yield _compared("fat_below_trades", place, sentence, TABLE_1, "fat", "trades", *best, sign=-1)
    sentence = "FRL reduces the average robustness, at an expensive cost (against TRADES + EMA)."
    options = {"quantity": "robust_avg", "sign": -1}
    yield _compared("frl_cost", place, sentence, TABLE_1, "frl_ema", "trades_ema", *best, **options)
    sentence = "TRADES + CFA outperforms FRL + EMA in average and in the worst class."
    value = f"average about {QUOTED['cfa_over_frl_avg']}, worst class about {QUOTED['cfa_over_frl_worst']}"
    yield _both("cfa_over_frl", place, sentence, TABLE_1, "trades_cfa", "frl_ema", *best, value=value)


def _table_2():
    place = "Sec. 5.3.1, Table 2"
    for m, name in METHODS.items():
        sentence = f"CCM improves the worst class's robustness of {name}."
        yield _compared(f"ccm_{m}_worst", place, sentence, TABLE_2, f"{m}_ccm", m)
    gaps = _gaps(TABLE_2, "ccm", None, "avg")
    yield Claim(
        "ccm_avg",
        place,
        "CCM improves the average robustness of all three methods.",
        _listed(gaps),
        partial(checks.every_method, pairs=_pairs("ccm", None), quantity="robust_avg", paper=gaps),
    )
    for row, name in (("trades_ccr", "CCR"), ("trades_ccm_ccr", "CCM + CCR")):
        sentence = f"{name} improves vanilla TRADES, in average and in the worst class."
        yield _both(f"{row}_gain", place, sentence, TABLE_2, row, "trades")


FIGURE_5 = (
    Claim(
        "fig5_worst",
        "Sec. 5.3.1, Fig. 5(a)",
        "All λ₁ from 0.3 to 0.7 give a better worst class than vanilla AT.",
        None,
        partial(checks.every_lambda, statistic="worst"),
    ),
    Claim(
        "fig5_avg",
        "Sec. 5.3.1, Fig. 5(a)",
        "All λ₁ from 0.3 to 0.7 give a better overall robustness than vanilla AT.",
        None,
        partial(checks.every_lambda, statistic="overall"),
    ),
    Claim(
        "fig5_hard_margins",
        "Sec. 5.3.1, Fig. 5(b)",
        "The hard classes use smaller ε_k than the original ε.",
        None,
        partial(checks.margins_sort, group="hard", sign=-1),
    ),
    Claim(
        "fig5_easy_margins",
        "Sec. 5.3.1, Fig. 5(b)",
        "The easy classes use larger ε_k than the original ε.",
        None,
        partial(checks.margins_sort, group="easy", sign=+1),
    ),
)


def _cost_note():
    """Where the paper's own printed means give just the cost that it says to stay below."""
    limit = QUOTED["fawa_cost"].value
    costs = {n: TABLE_3[base].avg.mean - TABLE_3[row].avg.mean for n, (row, base) in _pairs("fawa", "ema").items()}
    equal_costs = [name for name, cost in costs.items() if abs(cost - limit) < 1e-9]
    return f" (its own means give exactly {limit:g} for {' and '.join(equal_costs)})" if equal_costs else ""


def _table_3():
    place = "Sec. 5.3.2, Table 3"
    for m, name in METHODS.items():
        sentence = f"{name} + FAWA has a higher worst-class robustness than {name} + EMA."
        yield _compared(f"fawa_{m}_worst", place, sentence, TABLE_3, f"{m}_fawa", f"{m}_ema")
    gaps, border = _gaps(TABLE_3, "fawa", "ema", "avg"), -QUOTED["fawa_cost"].value / 100
    options = {"pairs": _pairs("fawa", "ema"), "quantity": "robust_avg", "border": border, "paper": gaps}
    yield Claim(
        "fawa_cost",
        place,
        "FAWA costs less than 0.3 points of average robustness against EMA.",
        f"{_listed(gaps)}{_cost_note()}",
        partial(checks.every_method, **options),
    )


CLAIMS = (*SECTION_3, *_table_1(), *_table_1_rivals(), *_table_2(), *FIGURE_5, *_table_3())
