"""What one training run is, `TrainConfig`; the averages beside it, `Average`; what its weights meet, `Attack`.

Epochs count from 1, pixels lie in [0, 1].
"""

import json
from dataclasses import dataclass, fields

#: Raised by hand when a change of the code changes runs' numbers; see `TrainConfig.recipe_version`.
RECIPE_VERSION = 3

LIVE = "live"

#: Checkpoints beside the last one, and the split that each is chosen on: highest overall + worst robust accuracy.
SELECTED_ON = {"best": "test", "best_val": "val"}
#: What may be looked at of a run's epochs: test accuracy from the first one on, and these checkpoints.
LOOKS = ("curve", *SELECTED_ON)

#: What a field of `TrainConfig` takes.
CHOICES = dict(
    attack_bn="train eval",
    clean_forward="train eval off",
    crop_pad_mode="reflect constant",
    fat_rule="release official",
    precision="fp32 bf16 fp64",
)
AT_LEAST_1 = """epochs batch_size width depth stem_stride train_per_class val_per_class test_per_class eval_per_class
image_size calibration_start frl_margin_max"""
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
    frl_weight_rate: float = 0.05  # 0: no class weights
    frl_margin_rate: float = 0.2  # 0: no class margins
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
        for message, holds in self._rules():
            if not holds:
                raise ValueError(message)

    def _rules(self):
        """(What is wrong, False where it is so): each field by itself, then values that must fit one another."""
        for name, allowed in CHOICES.items():
            value, allowed = getattr(self, name), allowed.split()
            yield f"{name} must be one of {', '.join(allowed)}, not {value!r}", value in allowed
        for name in AT_LEAST_1.split():
            value = getattr(self, name)
            yield f"{name} must be at least 1, not {value}", value is None or value >= 1
        for name in NOT_NEGATIVE.split():
            yield f"{name} must not be negative, got {getattr(self, name)}", getattr(self, name) >= 0
        yield f"worst_share must lie in [0, 1), not {self.worst_share}", 0 <= self.worst_share < 1
        largest = max(self.eps, self.eval_eps)
        yield f"a margin of {largest}: pixels lie in [0, 1], the paper's margin is 8 / 255", largest <= 1
        frl, trades, follows = self.objective == "frl", self.objective == "trades", self.calibrator in FOLLOWERS
        needs = f"objective='frl' and the calibrators {' and '.join(FOLLOWERS)}"
        yield f"parent: {needs} need the TrainConfig of another run, others none", (frl or follows) == bool(self.parent)
        lasts = not follows or self.parent.epochs >= self.epochs
        yield "parent: its margins are followed, and it has fewer epochs", lasts
        yield "ccr: class-wise beta (Eq. 7) exists for objective='trades' only", trades or not self.ccr
        yield "ccm: FRL has a margin schedule of its own (Sec. 5.2)", not (self.ccm and frl)
        yield "ccm, ccr: they are what calibrator='cfa' does", not (self.ccm or self.ccr) or self.calibrator == "cfa"

    @property
    def recipe(self) -> str:
        """The run's short name, its key in `RECIPES`: the objective and what calibrates it, `trades_ccm_ccr`."""
        calibration = {"ccm": self.ccm, "ccr": self.ccr, self.calibrator: self.calibrator != "cfa"}
        if self.objective == "frl":
            calibration |= {"no_weights": not self.frl_weight_rate, "no_margins": not self.frl_margin_rate}
        return "_".join([self.objective, *(name for name, used in calibration.items() if used)])

    @property
    def recipe_version(self) -> int:
        """The last version of `RECIPE_VERSION` that changed this run's numbers; part of its identity.

        Version 3 took the products of fully connected networks and TRADES' divergence away from MKL.
        """
        return RECIPE_VERSION if self.model == "mlp" or self.objective in ("trades", "frl") else 2

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
        return cls(**values | ({"parent": cls.from_dict(values["parent"])} if "parent" in values else {}))

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
