"""What one training run is: `TrainConfig`, the paper's training runs `RECIPES`, the paper's table rows `ROWS`.

    from dataclasses import replace
    config = replace(RECIPES["trades_ccm_ccr"], seed=3, eps=8 / 255)

A recipe is a training run. A table row is a recipe and the weights looked at: the live network or one of the
running averages that every run carries beside it. Epochs count from 1, pixels lie in [0, 1].
"""

import json
from dataclasses import dataclass, fields, replace

#: Raised by hand when a change of the code changes a run's numbers; part of every run's identity.
RECIPE_VERSION = 2

LIVE = "live"

#: What a field of `TrainConfig` takes.
CHOICES = dict(
    attack_bn="train eval",
    clean_forward="train eval off",
    crop_pad_mode="reflect constant",
    fat_rule="release official",
    precision="fp32 bf16 fp64",
)
AT_LEAST_1 = """epochs batch_size width depth stem_stride val_per_class test_per_class eval_per_class calibration_start
frl_margin_max"""
FOLLOWERS = ("mean_margin", "shuffled_margins")  # calibrators that take the margins of another run, their parent
NOT_NEGATIVE = """seed steps eps alpha beta lr momentum weight_decay lambda_1 lambda_2 fat_tau fat_omega crop_padding
eval_eps eval_alpha eval_steps"""


@dataclass(frozen=True)
class TrainConfig:
    """Every number of one training run; defaults are the paper's (Sec. 5.1), or the released code's where it is silent.

    Raises:
        ValueError: on a value that cannot be trained with; the message names the field and what it takes.
    """

    seed: int = 0  # draws the split (embedded data), the initial weights, the batch order and the attacks

    # --- data
    dataset: str = "cifar10"  # a key of cfa_nb.data.LOADERS; "folder:<name>": a folder of images
    train_per_class: int | None = None  # None: all images that validation leaves (4,900 on CIFAR-10)
    val_per_class: int = 100  # "2% samples from each class" (Sec. 5.1); every method trains on the rest
    test_per_class: int | None = None  # None: the whole test set
    image_size: int | None = None  # folders of images: resized to this side; None: all must be alike
    crop_padding: int = 4  # pixels; random crop after padding, as in the released code
    crop_pad_mode: str = "reflect"  # the released code reflects; TRADES, FAT and FRL pad with zeros ("constant")
    flip: bool = True  # random horizontal flip

    # --- network
    model: str = "preactresnet"
    width: int = 64  # channels of the first stage (preactresnet), units of a hidden layer (mlp)
    depth: int = 2  # blocks a stage (preactresnet; 2 makes an 18), hidden layers (mlp)
    stem_stride: int = 1  # of a preactresnet's first convolution; 2 halves the image, for a CPU

    # --- optimiser (Sec. 5.1)
    epochs: int = 200
    milestones: tuple[int, ...] = (100, 150)  # the last epochs at the old rate
    batch_size: int = 128
    lr: float = 0.1
    momentum: float = 0.9
    weight_decay: float = 5e-4  # on all parameters, BatchNorm and biases too
    precision: str = "fp32"  # "bf16": of the convolutions alone, on a GPU; "fp64" is for tests

    # --- attack during training (Eq. 2)
    objective: str = "at"  # a function of cfa_nb.method.objectives
    eps: float = 8 / 255
    alpha: float = 2 / 255  # not scaled with a calibrated margin
    steps: int = 10
    attack_bn: str = "train"  # released code: AT and FAT in train mode, moving BN statistics; TRADES in "eval"
    clean_forward: str = "train"  # clean pass after each step, for the log; moves BN statistics too; "eval" or "off"
    repeat_forwards: bool = False  # released code: TRADES' clean and FAT's last pass run twice, which moves BN alone

    # --- objective
    beta: float = 6.0  # TRADES (Eq. 3); FRL uses 1.5
    trades_normalized: bool = True  # Eq. 8, divided by 1 + beta, for the plain baseline too; False: Eq. 3
    fat_tau: int = 3  # steps a sample may take while misclassified; the paper does not state it
    fat_rule: str = "release"  # frozen once tau is spent; "official": frozen when misclassified with none left
    fat_omega: float = 0.0  # noise added at each step; 0.001 in the official FAT

    # --- calibration (Eqs. 6, 7)
    calibrator: str = "cfa"  # a function of cfa_nb.method.calibration; "cfa" is CCM and CCR where they are asked for
    ccm: bool = False
    ccr: bool = False
    lambda_1: float = 0.5  # base perturbation budget
    lambda_2: float = 0.5
    calibration_start: int = 11  # first epoch trained with calibrated values; Algorithm 1 as written means 2

    # --- FRL (Xu et al. 2021, reweight + remargin): fine-tunes its parent
    parent: "TrainConfig | None" = None  # for a calibrator of FOLLOWERS: the CCM run whose margins it takes
    frl_tolerance: float = 0.07  # allowed excess of a class's clean and boundary error over the mean
    frl_weight_rate: float = 0.05
    frl_margin_rate: float = 0.2
    frl_weight_limit: float = 0.5  # largest sum of the multipliers of one constraint
    frl_margin_max: float = 3.0  # largest margin, in units of eps

    # --- the attack of the evaluation after each epoch: always the original margin
    eval_eps: float = 8 / 255
    eval_alpha: float = 2 / 255
    eval_steps: int = 10
    eval_per_class: int | None = None  # its test images of each class; None: all. Kept checkpoints meet all of them
    worst_share: float = 0.0  # share of the classes whose mean counts as the worst; 0: the single worst class

    def __post_init__(self):
        object.__setattr__(self, "milestones", tuple(self.milestones))
        self._require_values()
        if (self.objective == "frl" or self.calibrator in FOLLOWERS) != (self.parent is not None):
            raise ValueError(
                "parent: objective='frl' fine-tunes an AT run and needs its TrainConfig, as do the calibrators "
                f"{' and '.join(FOLLOWERS)} that of a CCM run; others take none"
            )
        if self.calibrator in FOLLOWERS and self.parent.epochs < self.epochs:
            raise ValueError(
                f"parent: its margins are followed for {self.epochs} epochs, and it has {self.parent.epochs} alone"
            )
        if self.ccr and self.objective != "trades":
            raise ValueError(f"ccr: class-wise beta (Eq. 7) exists for objective='trades' only, not {self.objective!r}")
        if self.ccm and self.objective == "frl":
            raise ValueError("ccm: FRL has a margin schedule of its own and cannot be combined with CCM (Sec. 5.2)")
        if (self.ccm or self.ccr) and self.calibrator != "cfa":
            raise ValueError(f"ccm, ccr: they are what calibrator='cfa' does, not {self.calibrator!r}")

    def _require_values(self):
        for name, allowed in CHOICES.items():
            if getattr(self, name) not in allowed.split():
                raise ValueError(f"{name} must be one of {', '.join(allowed.split())}, not {getattr(self, name)!r}")
        for name in AT_LEAST_1.split():
            if (value := getattr(self, name)) is not None and value < 1:
                raise ValueError(f"{name} must be at least 1, not {value}")
        for name in NOT_NEGATIVE.split():
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must not be negative, got {getattr(self, name)}")
        if (largest := max(self.eps, self.eval_eps)) > 1:
            raise ValueError(f"a margin of {largest}: pixels lie in [0, 1], the paper's margin is 8 / 255")
        if not 0 <= self.worst_share < 1:
            raise ValueError(f"worst_share must lie in [0, 1), not {self.worst_share}")

    @property
    def recipe(self) -> str:
        """The run's short name, its key in `RECIPES`: the objective and what calibrates it, `trades_ccm_ccr`."""
        calibration = {"ccm": self.ccm, "ccr": self.ccr, self.calibrator: self.calibrator != "cfa"}
        return "_".join([self.objective, *(name for name, used in calibration.items() if used)])

    @property
    def best_from(self) -> int:
        """First epoch that may become a `best` checkpoint: the second half of training (released code)."""
        return self.epochs // 2 + 1

    def lr_at(self, epoch: int) -> float:
        """Learning rate of an epoch (from 1): divided by 10 after each milestone (Sec. 5.1)."""
        return self.lr * 0.1 ** sum(epoch > m for m in self.milestones)

    def to_dict(self) -> dict:
        """The fields that differ from their defaults, ready for JSON: a new field keeps the old identities."""
        changed = {f.name: value for f in fields(self) if (value := getattr(self, f.name)) != f.default}
        return {n: v.to_dict() if n == "parent" else list(v) if n == "milestones" else v for n, v in changed.items()}

    @classmethod
    def from_dict(cls, values: dict) -> "TrainConfig":
        """The inverse of `to_dict`; an unknown field is an error that lists the known ones."""
        known = {f.name for f in fields(cls)}
        if unknown := sorted(set(values) - known):
            raise ValueError(f"unknown field(s) {', '.join(unknown)}; TrainConfig has {', '.join(sorted(known))}")
        parent = values.get("parent")
        return cls(**{**values, **({} if parent is None else {"parent": cls.from_dict(parent)})})

    def canonical(self) -> str:
        """One line of JSON that is equal for equal configs: what a run's identity is hashed from."""
        return json.dumps(self.to_dict(), sort_keys=True, separators=(",", ":"))


@dataclass(frozen=True)
class Average:
    """A running average of weights that a run carries: passive, training never sees it (Sec. 4.3).

    `threshold` 0 accepts every epoch and makes it EMA. `init` says what it is before and at its first acceptance:
    "first": nothing, then the live weights; "theta_0": the initial weights, averaged from there (Algorithm 1);
    "random": another random network, then the live weights (the released code).
    """

    name: str
    decay: float = 0.85
    threshold: float = 0.0  # delta: worst class's robust accuracy on validation
    start: int = 50  # first epoch whose end may enter
    init: str = "first"

    def __post_init__(self):
        if not 0 <= self.decay < 1:
            raise ValueError(f"decay must lie in [0, 1), not {self.decay}")
        if self.init not in ("first", "theta_0", "random"):
            raise ValueError(f"init must be one of first, theta_0, random, not {self.init!r}")
        if self.name == LIVE or not self.name.isidentifier():
            raise ValueError(f"name must be an identifier other than {LIVE!r}, not {self.name!r}")


KINDS = dict(clean="clean", pgd="PGD", targeted="targeted PGD", square="Square", aa="AA") | {"aa-fast": "AA-fast"}


@dataclass(frozen=True)
class Attack:
    """An attack on finished weights. `key` names it in records, `label` on pages.

    kind "clean": none; "pgd": cross-entropy PGD, uniform start, last iterate; "targeted": the same, and where it failed
    `targeted_pgd`; "square": the black-box Square attack with `steps` queries; "aa": standard AutoAttack; "aa-fast":
    its first two attacks, never to be mixed with AA (`steps` and `alpha` apply to neither).
    """

    kind: str
    eps: float
    alpha: float = 0.0
    steps: int = 0
    per_class: int | None = None  # the first n test images of each class; None: all
    nominal_eps: float | None = None  # set where eps is not the evaluation's margin, so that the key says so

    def __post_init__(self):
        if self.kind not in KINDS:
            raise ValueError(f"kind must be one of {', '.join(KINDS)}, not {self.kind!r}")
        if self.eps < 0 or self.alpha < 0 or self.steps < 0:
            raise ValueError("eps, alpha and steps must not be negative")

    @property
    def key(self) -> str:
        """Such as "pgd20", "pgd20@eps=0.5", "aa[n=20/class]"."""
        name = self.kind + str(self.steps or "")
        name += f"@eps={self.eps:g}" if self.nominal_eps not in (None, self.eps) else ""
        return name + (f"[n={self.per_class}/class]" if self.per_class else "")

    @property
    def label(self) -> str:
        """Such as "PGD-20", "AA", "AA, 100 images a class": less than all test images is said."""
        name = KINDS[self.kind] + (f"-{self.steps}" if self.steps else "")
        images = f"{self.per_class} image{'s' * (self.per_class > 1)} a class" if self.per_class else ""
        return f"{name}, {images}" if images else name


_AT = TrainConfig()
_AT_CCM = replace(_AT, ccm=True)
_TRADES = TrainConfig(objective="trades", attack_bn="eval", lambda_1=0.3)
_FAT = TrainConfig(objective="fat", lambda_1=0.7)

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
    frl=TrainConfig(objective="frl", attack_bn="eval", beta=1.5, lr=0.001, epochs=40, milestones=(40, 80), parent=_AT),
    # not in the paper: an undefended network, and controls that ask what of CCM it is that helps
    plain=TrainConfig(objective="plain", clean_forward="off"),
    at_mean_margin=replace(_AT, calibrator="mean_margin", parent=_AT_CCM),
    at_shuffled_margins=replace(_AT, calibrator="shuffled_margins", parent=_AT_CCM),
    at_damped_ccm=replace(_AT, calibrator="damped_ccm"),
)


@dataclass(frozen=True)
class Row:
    """A table row: a recipe, the weights of it that are looked at, and its tables; a row of your own stands in all."""

    label: str
    recipe: str
    weights: str = LIVE
    tables: tuple[int | str, ...] = (1, 2, 3)


CONTROLS = "controls"  # the table of the controls, which the paper does not have

#: Every row of Tables 1-3 and of the controls, by key and in their order.
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
    frl=Row("FRL", "frl", tables=(1,)),
    frl_ema=Row("FRL + EMA", "frl", "ema", tables=(1,)),
    at_mean_margin=Row("AT at CCM's mean margin", "at_mean_margin", tables=(CONTROLS,)),
    at_shuffled_margins=Row("AT at CCM's margins, shuffled", "at_shuffled_margins", tables=(CONTROLS,)),
    at_damped_ccm=Row("AT + CCM, damped", "at_damped_ccm", tables=(CONTROLS,)),
)


def rows_of(table: int | str) -> dict[str, Row]:
    """The rows of Table 1, 2 or 3, or of `CONTROLS`, in order."""
    return {key: row for key, row in ROWS.items() if table in row.tables}


def check_names() -> None:
    """Raises `ValueError` where a recipe does not have the name of what it trains, or a row names no recipe."""
    for key, config in RECIPES.items():
        if config.recipe != key:
            raise ValueError(f"RECIPES[{key!r}] trains what is called {config.recipe!r}; enter it under that name")
    for key, row in ROWS.items():
        if row.recipe not in RECIPES:
            raise ValueError(f"ROWS[{key!r}] shows the recipe {row.recipe!r}, which RECIPES lacks")


check_names()
