"""Every place where the paper's text, its released code and this companion could part ways, as data.

The column "here" is read from the default of the config field that decides the point; where none does, it states what
the code does. Epochs count from 1. "release" is PKU-ML/CFA at commit 071f333; – means that the source is silent. A
profile's variant "+release" takes the release's side wherever a field decides. A test settles each row.
"""

from dataclasses import dataclass, fields

import pandas as pd

from cfa_nb.config import KINDS, Average, TrainConfig
from cfa_nb.recipes import RECIPES
from cfa_nb.runs.study import Profile

PAPER_THRESHOLD = 0.2  # delta of FAWA on CIFAR-10, Sec. 5.1
PAPER_ATTACK = KINDS["aa"]  # the robust column of Tables 1-3
PAPER_RUNS = 5  # independent experiments for each method, Sec. 5.2


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


DIFFERENCES = (
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
        "set by the profile, 0.2 for CIFAR-10; {}, the default, takes every epoch in and is EMA",
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
        "the same, second half of training; keeps all within 0.02 of it, and the last five",
        "highest sum in the second half, ties to the earlier",
    ),
    Difference(
        "PGD of the evaluation",
        "PGD-10",
        "10 steps of 2/255, random start, one restart, unseeded; always at 8/255",
        "{} steps, random start, one restart, seeded",
        "eval_steps",
    ),
    Difference("AutoAttack", "cited", "absent", "standard, seeded; on which images stands with the number"),
    Difference("Steps of the training attack", "–", "10 for all methods", "{}", "steps"),
    Difference("Step size of TRADES", "–", "2/255 (official TRADES 0.007)", "{}", "alpha"),
    Difference(
        "Step size under ε_k",
        "–",
        "fixed (FRL's own release: a quarter of the batch's largest margin)",
        'fixed at {}; FRL as its release. A profile may scale it with a run\'s ε ("+scaled-alpha"), never with ε_k',
        "alpha",
    ),
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
    Difference(
        "Repeated passes of TRADES and FAT",
        "–",
        "TRADES' clean and FAT's last pass twice; FAT's loop ends once no image moves",
        "repeated: {}; loss and gradient are equal, BN statistics are not. FAT always makes all its steps",
        "repeat_forwards",
    ),
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
    Difference("Batch size", "–", "option parsed and ignored: always 128", "{}", "batch_size"),
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
        "CIFAR-100 split (25 a class), but a trainer for 10 classes only",
        "any number of classes: CIFAR-100, Tiny-ImageNet, folders of images; default {}",
        "dataset",
    ),
    Difference(
        "How the split is stored",
        "–",
        "pickled loaders",
        "cut again for each run by a fixed rule; a hash of the data in every record",
    ),
    Difference(
        "Spelling of the threshold's option", "–", "`--thershold` until 2025", "`threshold`", "Average.threshold"
    ),
    Difference("λ₁ of TRADES + CCM in Table 2", "–", "–", "0.3, as for TRADES", "lambda_1"),
    Difference("± of the tables", "mean and standard deviation", "–", "sample standard deviation (ddof 1)"),
    Difference("Mode of averaged networks", "–", "eval", "eval"),
    Difference(
        "Evaluation after each epoch",
        "–",
        "live, EMA and FAWA on test, every epoch",
        "live weights on test, every epoch; averages in the second half of training, unless they did not change",
    ),
    Difference("Weight decay", "5e-4", "on all parameters", "{} on all parameters", "weight_decay"),
    Difference("Numerics of the KL", "–", "deprecated flags, can give NaN", "from log-probabilities, always finite"),
    Difference("Content of a checkpoint", "–", "weights only", "everything a resumed run needs, until it is finished"),
    Difference(
        "Tiny-ImageNet",
        "Appendix C.1",
        "absent",
        "a profile of its own, whose worst is the mean over a tenth of the classes; {}, the default: one class",
        "worst_share",
    ),
)


def default_of(field: str) -> object:
    """The default of a field of `TrainConfig`, or of `Average` for "Average.<name>".

    Raises:
        LookupError: if there is no such field: then the table would lie.
    """
    owner, name = (Average, field.removeprefix("Average.")) if field.startswith("Average.") else (TrainConfig, field)
    for f in fields(owner):
        if f.name == name:
            return f.default
    raise LookupError(f"{field} is no field of {owner.__name__}")


def text_of(value: object) -> str:
    """A default as a reader writes it: 8/255 stays 8/255, a tuple a list."""
    if isinstance(value, float) and 0 < value < 0.2 and abs(255 * value - round(255 * value)) < 1e-9:
        return f"{round(255 * value)}/255"
    if isinstance(value, tuple):
        return ", ".join(map(str, value))
    return f"{value:g}" if isinstance(value, float) else str(value)


def differences_table() -> pd.DataFrame:
    """DataFrame: topic, what the paper says, what its release does, what happens here, and the field that decides."""
    return pd.DataFrame(
        {
            "Topic": point.topic,
            "The paper says": point.paper,
            "Its released code does": point.release,
            "Here": point.here.replace("{}", text_of(default_of(point.field))) if point.field else point.here,
            "Field": point.field or "–",
        }
        for point in DIFFERENCES
    )


def profile_changes(profile: Profile) -> pd.DataFrame:
    """DataFrame: where a profile departs from the defaults above, and in any case the attack of Tables 1-3."""
    changes = [*_field_changes(profile), *_step_change(profile), *_average_changes(profile), *_protocol(profile)]
    return pd.DataFrame(changes, columns=["Field", "default (the paper's or its release's)", profile.name])


def _field_changes(profile):
    """(field, default, value) of all that AT's runs change, then of what another objective's change differently."""
    objectives = dict.fromkeys(recipe.objective for recipe in RECIPES.values())
    changed = {o: _changed_fields(RECIPES[o], profile.config(o, profile.seeds[0])) for o in objectives}
    shared = changed.pop("at")
    for k, pair in shared.items():
        yield k, *pair
    for objective, changes in changed.items():
        for k, pair in changes.items():
            if pair != shared.get(k):
                yield f"{k}, {objective} only", *pair


def _changed_fields(default, config):
    """{field: (default, value)}, as text, of what differs; the step has a row of its own, seed and parent need none."""
    names = [f.name for f in fields(TrainConfig) if f.name not in ("seed", "parent", "alpha")]
    pairs = {k: (text_of(getattr(default, k)), text_of(getattr(config, k))) for k in names}
    return {k: pair for k, pair in pairs.items() if pair[0] != pair[1]}


def _step_change(profile):
    """The training attack's step, where it is another one or follows a run's eps."""
    alpha = profile.config("at", profile.seeds[0]).alpha
    if alpha != default_of("alpha") or profile.alpha_per_eps is not None:
        share = f" ({profile.alpha_per_eps:g} of a run's eps)" if profile.alpha_per_eps is not None else ""
        yield "alpha", text_of(default_of("alpha")), f"{text_of(alpha)}{share}"


def _average_changes(profile):
    """Decay, start and beginning of the tables' averages, and FAWA's threshold."""
    for spec in profile.averages:
        for k in ("decay", "start", "init"):
            if getattr(spec, k) != default_of(f"Average.{k}"):
                yield f"Average.{k}, {spec.name}", text_of(default_of(f"Average.{k}")), text_of(getattr(spec, k))
    fawa = next((a.threshold for a in profile.averages if a.name == "fawa"), PAPER_THRESHOLD)
    if fawa != PAPER_THRESHOLD:
        yield "Average.threshold, fawa", text_of(PAPER_THRESHOLD), text_of(fawa)


def _protocol(profile):
    """Runs of a method in Tables 1-3, where they are fewer, and the attack of the robust column."""
    few = profile.ablation_seeds or profile.seeds
    if len(profile.seeds) != PAPER_RUNS:
        yield "runs of a method, Tables 1-3", text_of(PAPER_RUNS), text_of(len(profile.seeds))
    if len(few) != len(profile.seeds):
        yield "runs of TRADES + CCM and TRADES + CCR, Table 2", text_of(PAPER_RUNS), text_of(len(few))
    final = profile.final_attack(profile.config("at", profile.seeds[0]))
    yield "attack of Tables 1-3", PAPER_ATTACK, final.label
