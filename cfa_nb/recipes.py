"""What is trained, `RECIPES`, and what of it is shown, `ROWS`.

    config = replace(RECIPES["trades_ccm_ccr"], seed=3, eps=8 / 255)

A recipe is a training run. A table row is a recipe and the weights looked at: the live network or one of the running
averages that a run carries beside it. A new method has an entry in each.
"""

from dataclasses import dataclass, replace

from cfa_nb.config import LIVE, TrainConfig

_AT = TrainConfig()
_AT_CCM = replace(_AT, ccm=True)
_TRADES = TrainConfig(objective="trades", attack_bn="eval", lambda_1=0.3)
_FAT = TrainConfig(objective="fat", lambda_1=0.7)
_FRL = TrainConfig(objective="frl", attack_bn="eval", beta=1.5, lr=0.001, epochs=40, milestones=(40, 80), parent=_AT)

#: The training runs; 0.5 / 0.3 / 0.7 are the paper's lambda_1 for AT / TRADES / FAT (Sec. 5.1). Written as keywords,
#: so that a name taken twice is a syntax error.
RECIPES = dict(
    at=_AT,
    at_ccm=_AT_CCM,
    trades=_TRADES,
    trades_ccm=replace(_TRADES, ccm=True),
    trades_ccr=replace(_TRADES, ccr=True),
    trades_ccm_ccr=replace(_TRADES, ccm=True, ccr=True),
    fat=_FAT,
    fat_ccm=replace(_FAT, ccm=True),
    frl=_FRL,
    # not in the paper: an undefended network, and controls that ask what of CCM, and what of FRL, it is that helps
    plain=TrainConfig(objective="plain", clean_forward="off"),
    at_mean_margin=replace(_AT, calibrator="mean_margin", parent=_AT_CCM),
    at_shuffled_margins=replace(_AT, calibrator="shuffled_margins", parent=_AT_CCM),
    at_damped_ccm=replace(_AT, calibrator="damped_ccm"),
    frl_no_margins=replace(_FRL, frl_margin_rate=0.0),
    frl_no_weights=replace(_FRL, frl_weight_rate=0.0),
    frl_no_weights_no_margins=replace(_FRL, frl_weight_rate=0.0, frl_margin_rate=0.0),
)


@dataclass(frozen=True)
class Row:
    """A table row: a recipe, the weights of it that are looked at, and its tables; a row of your own stands in all."""

    label: str
    recipe: str
    weights: str = LIVE
    tables: tuple[int | str, ...] = (1, 2, 3)


CONTROLS, FRL_PARTS = "controls", "frl_parts"  # two tables that the paper does not have: parts of CCM, parts of FRL

#: Every row of Tables 1-3 and of these two, by key and in their order.
ROWS = dict(
    at=Row("AT", "at", tables=(1, 2, CONTROLS)),
    at_ema=Row("AT + EMA", "at", "ema", tables=(1, 3)),
    at_fawa=Row("AT + FAWA", "at", "fawa", tables=(3,)),
    at_ccm=Row("AT + CCM", "at_ccm", tables=(2, CONTROLS)),
    at_cfa=Row("AT + CFA", "at_ccm", "fawa", tables=(1,)),
    trades=Row("TRADES", "trades", tables=(1, 2)),
    trades_ema=Row("TRADES + EMA", "trades", "ema", tables=(1, 3)),
    trades_fawa=Row("TRADES + FAWA", "trades", "fawa", tables=(3,)),
    trades_ccm=Row("TRADES + CCM", "trades_ccm", tables=(2,)),
    trades_ccr=Row("TRADES + CCR", "trades_ccr", tables=(2,)),
    trades_ccm_ccr=Row("TRADES + CCM + CCR", "trades_ccm_ccr", tables=(2,)),
    trades_cfa=Row("TRADES + CFA", "trades_ccm_ccr", "fawa", tables=(1,)),
    fat=Row("FAT", "fat", tables=(1, 2)),
    fat_ema=Row("FAT + EMA", "fat", "ema", tables=(1, 3)),
    fat_fawa=Row("FAT + FAWA", "fat", "fawa", tables=(3,)),
    fat_ccm=Row("FAT + CCM", "fat_ccm", tables=(2,)),
    fat_cfa=Row("FAT + CFA", "fat_ccm", "fawa", tables=(1,)),
    frl=Row("FRL", "frl", tables=(1, FRL_PARTS)),
    frl_ema=Row("FRL + EMA", "frl", "ema", tables=(1,)),
    at_mean_margin=Row("AT at CCM's mean margin", "at_mean_margin", tables=(CONTROLS,)),
    at_shuffled_margins=Row("AT at CCM's margins, shuffled", "at_shuffled_margins", tables=(CONTROLS,)),
    at_damped_ccm=Row("AT + CCM, damped", "at_damped_ccm", tables=(CONTROLS,)),
    frl_no_margins=Row("FRL, weights alone", "frl_no_margins", tables=(FRL_PARTS,)),
    frl_no_weights=Row("FRL, margins alone", "frl_no_weights", tables=(FRL_PARTS,)),
    frl_neither=Row("FRL, neither", "frl_no_weights_no_margins", tables=(FRL_PARTS,)),
)


def rows_of(table: int | str) -> dict[str, Row]:
    """The rows of Table 1, 2 or 3, of `CONTROLS` or of `FRL_PARTS`, in order."""
    return {key: row for key, row in ROWS.items() if table in row.tables}


def check_names() -> None:
    """Raises `ValueError` where a recipe does not have the name of what it trains, or a row shows what is not there."""
    for key, config in RECIPES.items():
        if config.recipe != key:
            raise ValueError(f"RECIPES[{key!r}] trains what is called {config.recipe!r}; enter it under that name")
    for key, row in ROWS.items():
        if row.recipe not in RECIPES:
            raise ValueError(f"ROWS[{key!r}] shows the recipe {row.recipe!r}, which RECIPES lacks")
        if row.weights not in (LIVE, "ema", "fawa"):
            raise ValueError(f"ROWS[{key!r}] shows the weights {row.weights!r}; there are {LIVE}, ema and fawa")


check_names()
