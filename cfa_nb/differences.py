"""Every place where the paper's text, its released code and this companion could part ways, as data.

The column "here" is read from the default of the config field that decides the point, so that the table cannot drift
from what is run; where no field decides, it states what the code does. Epochs count from 1. "release" is PKU-ML/CFA at
commit 071f333; – means that the source is silent.
"""

from dataclasses import dataclass, fields

import pandas as pd

from cfa_nb.config import RECIPES, Average, TrainConfig

PAPER_THRESHOLD = 0.2  # delta of FAWA on CIFAR-10, Sec. 5.1


@dataclass(frozen=True)
class Difference:
    """One point: what the paper says, what the release does, and what decides it here.

    here: what the code does, in words; `{}` stands for the default of `field`.
    field: name of the field of `TrainConfig` (or `Average.<name>`) that decides; "" where none does.
    """

    topic: str
    paper: str
    release: str
    here: str
    field: str = ""


ROWS = (
    Difference(
        "Start of CCM and CCR", "Alg. 1: after the first epoch", "from epoch 11", "from epoch {}", "calibration_start"
    ),
    Difference(
        "Source of t_k",
        "train robust accuracy of the last epoch",
        "running count over the epoch, train-mode BN, current ε_k, augmented images, the method's own attack",
        "as the release",
    ),
    Difference("Denominator of t_k", "–", "N / K, right for equal classes only", "images of the class"),
    Difference("Alg. 1, line of β", "β_y ← (λ₂ + t_k) · ε (a slip)", "uses β", "uses β (Eq. 7)"),
    Difference("Alg. 1, index of t", "t_k where t_y is meant", "per class", "per class"),
    Difference(
        "Alg. 1, symbols",
        "N is set size and epochs; α is attack step and decay",
        "–",
        "a name each: epochs, alpha, decay",
    ),
    Difference("Ball of the inner maximum, Eq. 8", "ε", "ε_y under CCM", "ε_y if ccm, else ε", "ccm"),
    Difference(
        "Loss of plain TRADES", "Eq. 3, no denominator", "(CE + 6 KL) / 7", "divided by 1 + β: {}", "trades_normalized"
    ),
    Difference(
        "λ₁",
        "0.5 / 0.3 / 0.7 for AT / TRADES / FAT",
        "0.5 for all unless told",
        "{} for AT, the paper's for each method",
        "lambda_1",
    ),
    Difference("λ₂", "0.5", "0.5", "{}", "lambda_2"),
    Difference("Decay of averages", "0.85", "0.88 unless told", "{}", "Average.decay"),
    Difference(
        "Threshold δ of FAWA",
        "0.2",
        "0.24 unless told; its README says 0.2",
        "set by the profile; 0 (default {}) is EMA",
        "Average.threshold",
    ),
    Difference(
        "Start of averages", "epoch 50", "EMA epoch 1; FAWA at its first acceptance", "epoch {}", "Average.start"
    ),
    Difference(
        "First value of FAWA",
        "Alg. 1: θ₀",
        "a random network until the first acceptance, then a copy",
        '"{}": none until the first acceptance, then a copy',
        "Average.init",
    ),
    Difference("Test against δ", 'text "higher than", Alg. 1 ≥', "≥", "≥"),
    Difference("How often averages move", "Alg. 1: each epoch", "each epoch", "each epoch"),
    Difference("BatchNorm in averages", "–", "buffers averaged, not recalibrated", "as the release"),
    Difference("Validation set", "2 % of each class", "first 100 of each class", "{} of each class", "val_per_class"),
    Difference(
        "Training set of the baselines",
        "not clear",
        "the 98 % for every method",
        "the same for every method",
        "val_per_class",
    ),
    Difference(
        'Set that chooses "best"', "not stated", "the test set", "both kept: best (test) and best_val (validation)"
    ),
    Difference(
        'Rule of "best"',
        "highest average + worst class",
        "the same, second half of training; keeps all within 0.02",
        "highest sum in the second half, ties to the earlier",
    ),
    Difference(
        "PGD of the evaluation",
        "PGD-10",
        "2/255, random start, one restart, unseeded",
        "{} steps, random start, one restart, seeded",
        "eval_steps",
    ),
    Difference("AutoAttack", "cited", "absent", "standard, seeded; on which images stands with the number"),
    Difference("Steps of the training attack", "–", "10 for all methods", "{}", "steps"),
    Difference("Step size of TRADES", "–", "2/255 (official TRADES 0.007)", "{}", "alpha"),
    Difference("Step size under ε_k", "–", "fixed (FRL: largest ε_k / 4)", "fixed at {} (FRL as its release)", "alpha"),
    Difference("ε", "8/255", "8/255", "{}", "eps"),
    Difference("Start of the attack", "–", "AT, FAT uniform in ±ε_k; TRADES 0.001 N(0, 1)", "as the release"),
    Difference(
        "BatchNorm during the attack",
        "–",
        "AT, FAT train mode; TRADES eval mode",
        "{} for AT and FAT, eval for TRADES and FRL",
        "attack_bn",
    ),
    Difference("Clean pass after each step", "–", "train mode, moves BN statistics", "{}", "clean_forward"),
    Difference("Clean passes of TRADES", "–", "two", "one: equal loss and gradient"),
    Difference("Parameters' gradients in the attack", "–", "gathered, then cleared", "never computed"),
    Difference("τ of FAT", "–", "3, fixed", "{}", "fat_tau"),
    Difference(
        "When FAT freezes an image",
        "cites FAT",
        "once τ misclassified steps are spent",
        '"{}" (or "official")',
        "fat_rule",
    ),
    Difference("Noise of FAT", "cites FAT", "none (official 0.001)", "{}", "fat_omega"),
    Difference("τ of FAT over time", "cites FAT", "fixed (official 0, 1, 2)", "fixed"),
    Difference(
        "FRL",
        "a row of Table 1",
        "absent",
        "from its own paper and release; starts from the AT run of its seed",
        "parent",
    ),
    Difference("Padding of the crop", "–", "reflect", "{}", "crop_pad_mode"),
    Difference("Normalisation", "–", "inside the network; ε in pixels", "the network's first layer"),
    Difference("Final BN of PreActResNet-18", "–", "yes", "yes (11,172,170 parameters)"),
    Difference(
        "When the rate falls", "after epochs 100 and 150", "the same, once an epoch", "after epochs {}", "milestones"
    ),
    Difference("Seeds", "five runs", "none set", "every draw keyed by (seed, purpose, epoch, step)", "seed"),
    Difference("Batch size", "–", "option parsed, 128 used", "{}", "batch_size"),
    Difference(
        "Wide ResNet",
        "not in the main text",
        "option without its file",
        "not offered: PreActResNet of any width and depth",
        "width",
    ),
    Difference("Schedule of the wide ResNet", "–", "100 epochs, 75 / 90", "not offered"),
    Difference(
        "Other data",
        "Tiny-ImageNet in an appendix",
        "trainer knows 10 classes only",
        "any number of classes",
        "dataset",
    ),
    Difference(
        "How the split is stored",
        "–",
        "pickled loaders",
        "drawn again from the seed; a hash of the data in every record",
    ),
    Difference(
        "Spelling of the threshold's option", "–", "`--thershold` until 2025", "`threshold`", "Average.threshold"
    ),
    Difference("λ₁ of TRADES + CCM in Table 2", "–", "–", "0.3, as for TRADES", "lambda_1"),
    Difference("± of the tables", "mean and deviation", "–", "sample standard deviation (ddof 1)"),
    Difference("Mode of averaged networks", "–", "eval", "eval"),
    Difference(
        "Evaluation after each epoch",
        "–",
        "live, EMA and FAWA on test, every epoch",
        "the same; an average that did not change is not measured again",
    ),
    Difference("Weight decay", "5e-4", "on all parameters", "{} on all parameters", "weight_decay"),
    Difference("Numerics of the KL", "–", "deprecated flags, can give NaN", "from log-probabilities, always finite"),
    Difference("Content of a checkpoint", "–", "weights only", "everything a resumed run needs, until it is finished"),
    Difference("Tiny-ImageNet", "Appendix C.1", "absent", "not part of this profile", "dataset"),
)


def default_of(field):
    """The default of a field of `TrainConfig`, or of `Average` for "Average.<name>".

    Raises:
        LookupError: if there is no such field: then the table would lie.
    """
    owner, name = (Average, field.removeprefix("Average.")) if field.startswith("Average.") else (TrainConfig, field)
    for f in fields(owner):
        if f.name == name:
            return f.default
    raise LookupError(f"{field} is no field of {owner.__name__}")


def text_of(value):
    """A default as a reader writes it: 8/255 stays 8/255, a tuple a list."""
    if isinstance(value, float) and 0 < value < 0.2 and abs(255 * value - round(255 * value)) < 1e-9:
        return f"{round(255 * value)}/255"
    if isinstance(value, tuple):
        return ", ".join(map(str, value))
    return f"{value:g}" if isinstance(value, float) else str(value)


def differences_table():
    """DataFrame: topic, what the paper says, what its release does, what happens here, and the field that decides."""
    return pd.DataFrame(
        {
            "Topic": row.topic,
            "The paper says": row.paper,
            "Its released code does": row.release,
            "Here": row.here.replace("{}", text_of(default_of(row.field))) if row.field else row.here,
            "Field": row.field or "–",
        }
        for row in ROWS
    )


def profile_changes(profile):
    """DataFrame: where a profile departs from the defaults of the table above, and from the attack of Tables 1-3."""
    changes = [*_field_changes(profile), *_derived_changes(profile)]
    return pd.DataFrame(changes, columns=["Field", "default (the paper's or its release's)", profile.name])


def _field_changes(profile):
    """(field, default, value) of every field that the profile sets, for all runs or for those of one objective."""
    default = {f.name: f.default for f in fields(TrainConfig)}
    for k, v in profile.common.items():
        if v != default[k]:
            yield k, text_of(default[k]), text_of(v)
    for objective, own in profile.by_objective.items():
        for k, v in own.items():
            yield f"{k}, {objective} only", text_of(getattr(RECIPES[objective], k)), text_of(v)


def _derived_changes(profile):
    """The same for what no field of `common` says: the training step, the averages, the attack of the tables."""
    alpha = profile.config("at", profile.seeds[0]).alpha
    if alpha != default_of("alpha"):
        share = f" ({profile.alpha_per_eps:g} of a run's eps)" if profile.alpha_per_eps else ""
        yield "alpha", text_of(default_of("alpha")), f"{text_of(alpha)}{share}"
    for spec in profile.averages:
        if spec.start != default_of("Average.start"):
            yield f"Average.start, {spec.name}", text_of(default_of("Average.start")), text_of(spec.start)
    fawa = next((a.threshold for a in profile.averages if a.name == "fawa"), PAPER_THRESHOLD)
    if fawa != PAPER_THRESHOLD:
        yield "Average.threshold, fawa", text_of(PAPER_THRESHOLD), text_of(fawa)
    yield "attack of Tables 1-3", "AutoAttack", f"PGD-{profile.final_steps}"
