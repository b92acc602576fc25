"""The sizes of the study, by name: `profile_named("fashion")`, `profile_named("cifar10-quick+release")`.

`FASHION` and `DIGITS` (embedded data) take minutes on a CPU, `SMOKE` seconds, `SMALL` hours. `CIFAR10` is the paper's
protocol, for a GPU; the others are shorter, or other data. `REHEARSAL` walks the same way on a CPU. The name is all
that a notebook is told, so whatever makes runs another study follows it: "+release", "+scaled-alpha", "@folder:32". How
many seeds it has may be set beside it (`CFA_NB_SEEDS`): more seeds make it no other study.
"""

import os
import re
from dataclasses import replace

from cfa_nb.config import Average
from cfa_nb.runs.study import CONTRAST, Profile

BETAS = tuple(float(beta) for beta in range(1, 9))  # Fig. 3


def averages(start: int, threshold: float) -> dict:
    """Fields of a profile: EMA and FAWA of Tables 1 and 3, and averages to compare with them side by side in one run.

    The latter are the released code's, Algorithm 1's, and FAWA at other thresholds.
    """
    return dict(
        averages=(Average("ema", start=start), Average("fawa", start=start, threshold=threshold)),
        compared_averages=(
            Average("ema_release", decay=0.88, start=1),
            Average("fawa_release", decay=0.88, threshold=1.2 * threshold, start=1, init="random"),
            Average("fawa_theta_0", threshold=threshold, start=start, init="theta_0"),
            Average("fawa_lower", threshold=0.75 * threshold, start=start),
            Average("fawa_higher", threshold=1.25 * threshold, start=start),
        ),
    )


def windows(early: tuple[int, int], late: tuple[int, int], beta: tuple[int, int]) -> dict:
    """Fields of a profile: the epochs of Fig. 2(b), Fig. 2(c) and Fig. 3."""
    return dict(early_window=early, late_window=late, beta_window=beta)


EPS = 11 / 255

FASHION = Profile(
    name="fashion",
    data_label="Fashion-MNIST (14x14)",
    description="Real photographs of clothes, small enough for minutes on a CPU, under a strong attack; no CIFAR-10.",
    common=dict(
        dataset="fashion", train_per_class=400, val_per_class=200, test_per_class=500, crop_padding=0, flip=False,
        model="mlp", width=128, depth=2, epochs=30, milestones=(15, 23), calibration_start=5, clean_forward="off",
        eps=EPS, steps=5, eval_eps=EPS, eval_alpha=EPS / 4, eval_per_class=200, lambda_1=0.3,
    ),
    by_objective={
        "trades": dict(lr=0.3), "fat": dict(fat_tau=2), "frl": dict(epochs=10, milestones=(10, 20), lr=0.01),
        "plain": dict(epochs=10, milestones=(5, 8)),
    },
    **averages(8, 0.13),
    **windows((17, 20), (27, 30), (24, 26)),
    seeds=(40, 41, 42, 43, 44),  # the settings were chosen on seeds 0 to 9
    study_seeds=(40, 41, 42),
    margins=tuple(EPS * k / 4 for k in range(1, 9)),
    betas=BETAS,
    alpha_per_eps=0.5,
    final="targeted",
    aa_per_class=100,
)  # fmt: skip

DIGITS = replace(
    FASHION,
    name="digits",
    data_label="digits (scikit-learn, real 8x8 images)",
    description="Real handwritten digits: classes differ as much, but CCM does not help there. AT and AT + CCM alone.",
    common=FASHION.common | dict(
        dataset="digits", train_per_class=None, val_per_class=20, test_per_class=None, eval_per_class=None,
        epochs=24, milestones=(12, 18), calibration_start=6, batch_size=64, lambda_1=0.5,
        eps=0.15, eval_eps=0.15, eval_alpha=0.15 / 4,
    ),
    averages=(), compared_averages=(),
    seeds=tuple(range(40, 60)),
    figures=(CONTRAST,),
    commits_weights=False,
    aa_per_class=None,
)  # fmt: skip

SMOKE = replace(
    FASHION,
    name="smoke",
    data_label="smoke (a few images of Fashion-MNIST)",
    description="Seconds, for tests: nothing is learnt.",
    common=FASHION.common | dict(
        train_per_class=16, val_per_class=4, test_per_class=8, eval_per_class=4,
        width=8, epochs=4, milestones=(2, 3), calibration_start=2, batch_size=32,
    ),
    by_objective={"frl": dict(epochs=2, milestones=(1, 2), lr=0.01)},
    **averages(2, 0.15),
    **windows((2, 3), (3, 4), (3, 4)),
    seeds=(0, 1),
    study_seeds=(0,),
    margins=(EPS / 2, EPS, 1.5 * EPS),
    betas=(1.0, 2.0),
    lambdas_1=(0.3, 0.5),
    lambdas_2=(0.4, 0.5),
    sanity_per_class=2,
    aa_per_class=None,
)  # fmt: skip

CIFAR10 = Profile(
    name="cifar10",
    data_label="CIFAR-10",
    description="The paper's protocol: PreActResNet-18, 200 epochs, AutoAttack. For a GPU, days.",
    common=dict(dataset="cifar10"),
    **averages(50, 0.2),
    paper_protocol=True,
    commits_weights=False,
    seeds=(0, 1, 2, 3, 4),
    ablation_seeds=(0,),
    margins=tuple(k / 255 for k in range(2, 18, 2)),
    betas=BETAS,
    final="aa",
    long_steps=100,
    sanity_per_class=100,
)

QUICK = replace(
    CIFAR10,
    name="cifar10-quick",
    description="The same network and attack for 40 epochs and one seed: the shape of the results in GPU hours.",
    common=dict(dataset="cifar10", epochs=40, milestones=(20, 30), calibration_start=3),
    by_objective={"frl": dict(epochs=8, milestones=(8, 16))},
    **averages(10, 0.2),
    **windows((21, 24), (37, 40), (31, 34)),
    paper_protocol=False,
    seeds=(0,),
    ablation_seeds=None,
    final_per_class=100,
)

REHEARSAL = replace(
    QUICK,
    name="cifar10-rehearsal",
    data_label="a folder of images",
    description="The `cifar10` study in miniature, for a CPU: 20 training and 5 test images a class, 3 epochs. Its "
    "numbers mean nothing; its form is that of the real run.",
    common=dict(
        dataset="folder", train_per_class=20, val_per_class=3, test_per_class=5,
        width=8, epochs=3, milestones=(1, 2), calibration_start=2, batch_size=50,
    ),
    by_objective={"frl": dict(epochs=2, milestones=(1, 2))},
    **averages(1, 0.01),
    **windows((2, 2), (3, 3), (2, 3)),
    final="aa-fast",
    final_per_class=1,
    long_steps=30,
    sanity_per_class=2,
    aa_per_class=1,
)  # fmt: skip

SMALL = replace(
    QUICK,
    name="cifar10-small",
    description="CIFAR-10 on a CPU: a small network, 1,500 images a class, 16 epochs; some 12 minutes a run and core.",
    common=dict(
        dataset="cifar10", train_per_class=1500, width=16, depth=1, stem_stride=2, epochs=16, milestones=(8, 12),
        calibration_start=3, clean_forward="off", eval_per_class=100,
    ),
    by_objective={"frl": dict(epochs=5, milestones=(5, 10)), "plain": dict(epochs=8, milestones=(4, 6))},
    **averages(4, 0.04) | dict(compared_averages=()),
    seeds=(40, 41, 42),  # a pilot of AT and AT + CCM saw seeds 0 and 1
    study_seeds=(40,),
    figures=("table1",),
    final="targeted",
    final_per_class=200,
    long_steps=None,
    aa_per_class=100,
)  # fmt: skip

FASHION_FULL = replace(
    SMALL,
    name="fashion-full",
    data_label="Fashion-MNIST",
    description="All of Fashion-MNIST at 28x28 on a small PreActResNet: AT and AT + CCM, about an hour a run and core.",
    common=FASHION.common | dict(
        dataset="fashion-mnist", train_per_class=None, test_per_class=None, model="preactresnet",
        width=16, depth=1, stem_stride=2, epochs=20, milestones=(10, 15), calibration_start=4,
    ),
    by_objective={"plain": dict(epochs=5, milestones=(2, 4))},
    averages=(),
    seeds=(40,),
    figures=(CONTRAST,),
    aa_per_class=None,
)  # fmt: skip

CIFAR100 = replace(
    CIFAR10,
    name="cifar100",
    data_label="CIFAR-100",
    description="Beyond the paper: 100 classes, where the worst tenth of them is reported instead of the worst one.",
    common=dict(dataset="cifar100", val_per_class=25, worst_share=0.1),
    **averages(50, 0.05) | dict(compared_averages=()),
    paper_protocol=False,
    seeds=(0,),
    ablation_seeds=None,
    margins=tuple(k / 255 for k in (4, 8, 12)),
    betas=(1.0, 6.0),
    lambdas_1=(0.3, 0.5, 0.7),
    lambdas_2=(0.3, 0.5, 0.7),
)

TINY_IMAGENET = replace(
    CIFAR100,
    name="tiny-imagenet",
    data_label="Tiny-ImageNet",
    description="Appendix C.1: 200 classes at 64x64; the worst tenth of the classes instead of the worst one.",
    common=dict(
        dataset="tiny-imagenet", val_per_class=10, crop_padding=8, worst_share=0.1,
        epochs=100, milestones=(50, 75), calibration_start=6,
    ),
    by_objective={"frl": dict(epochs=20, milestones=(20, 40))},
    **averages(25, 0.03) | dict(compared_averages=()),
    **windows((51, 60), (91, 100), (76, 85)),
    final_per_class=10,
)  # fmt: skip

PROFILES = {
    p.name: p
    for p in (
        FASHION,
        DIGITS,
        SMOKE,
        SMALL,
        FASHION_FULL,
        QUICK,
        CIFAR10,
        CIFAR100,
        TINY_IMAGENET,
        REHEARSAL,
    )
}


def profile_named(name: str) -> Profile:
    """The profile of that name: one of `PROFILES`, then "+variant" and "@folder[:size]"; with `CFA_NB_SEEDS` seeds.

    Raises:
        ValueError: if there is none (the message lists them), or no such number of seeds.
    """
    base, at, folder = name.partition("@")
    key, *variants = base.split("+")
    if key not in PROFILES:
        raise ValueError(f"unknown profile {key!r}; there are {', '.join(PROFILES)}")
    profile = PROFILES[key]
    for variant in variants:
        profile = varied(profile, variant)
    profile = on_folder(profile, folder) if at else profile
    return with_seeds(profile, os.environ[SEEDS]) if os.environ.get(SEEDS) else profile


DEFAULT = FASHION.name
SEEDS, MOST_SEEDS = "CFA_NB_SEEDS", 20


def with_seeds(profile: Profile, number: str) -> Profile:
    """The same study on another number of seeds, beginning with its first; its side studies grow in proportion.

    Raises:
        ValueError: if `number` is no whole number from 1 to 20.
    """
    if not number.isdecimal() or not 1 <= int(number) <= MOST_SEEDS:
        raise ValueError(f"seeds: a whole number from 1 to {MOST_SEEDS}, not {number!r}")
    seeds = tuple(range(profile.seeds[0], profile.seeds[0] + int(number)))
    few = max(1, round(len(seeds) * len(profile.study_seeds) / len(profile.seeds)))
    return replace(profile, seeds=seeds, study_seeds=seeds[:few], ablation_seeds=profile.ablation_seeds and seeds[:1])


FOLDER_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ()._-]*")
RELEASE_CALIBRATION_START = 11  # its option `--begin 10` counts from 0


def release(profile: Profile) -> Profile:
    """The released code's defaults where it departs from the text (PKU-ML/CFA, commit 071f333).

    Its options do not know how long a run is, so thresholds, decays and starts are its own numbers on every profile
    (its rate alone is scaled with the epochs, as every profile's is). On data that is harder than CIFAR-10 its
    threshold of 0.24 may never be reached: FAWA is then the random network that it began as.
    """
    return replace(
        profile,
        description=f"{profile.description} With the released code's defaults instead of the paper's text.",
        # For every objective, though AT has nothing to repeat: its averages differ, so it must be a run of its own.
        common=profile.common
        | dict(lambda_1=0.5, lambda_2=0.5, repeat_forwards=True, calibration_start=_calibration_start(profile)),
        averages=(
            Average("ema", decay=0.88, start=1),
            Average("fawa", decay=0.88, threshold=0.24, start=1, init="random"),
        ),
        compared_averages=_as_in_the_paper(profile),
        paper_protocol=False,
    )


def _calibration_start(profile):
    """Epoch 11; a rehearsal too short for it keeps its own start, or nothing would be calibrated."""
    config = profile.config("at", profile.seeds[0])
    return RELEASE_CALIBRATION_START if config.epochs >= RELEASE_CALIBRATION_START else config.calibration_start


def _as_in_the_paper(profile):
    """The profile's averages, to be compared with the release's; none where it compares none."""
    averages = profile.averages if profile.compared_averages else ()
    return tuple(replace(a, name=f"{a.name}_paper") for a in averages)


def scaled_alpha(profile: Profile) -> Profile:
    """The attack's step a quarter of each run's eps, as 2/255 is of 8/255: so that eps 16/255 is attacked in full."""
    return replace(
        profile,
        description=f"{profile.description} With the attack's step scaled with eps.",
        alpha_per_eps=0.25,
        paper_protocol=False,
    )


VARIANTS = {"release": release, "scaled-alpha": scaled_alpha}


def varied(profile: Profile, variant: str) -> Profile:
    """A profile with one variant.

    Raises:
        ValueError: if there is no such variant, or the profile has settled the point already.
    """
    if variant not in VARIANTS:
        raise ValueError(f"unknown variant {variant!r} of a profile; there are {', '.join(VARIANTS)}")
    if variant in profile.name.split("+")[1:]:
        raise ValueError(f"{profile.name} has the variant {variant!r} already; name it once")
    if variant == "scaled-alpha" and profile.alpha_per_eps is not None:
        raise ValueError(f"{profile.name} scales the attack's step already")
    return replace(VARIANTS[variant](profile), name=f"{profile.name}+{variant}")


def on_folder(profile: Profile, folder: str) -> Profile:
    """A profile on a folder of images instead of its own data: "my images", or "my images:32" resized to 32x32.

    Raises:
        ValueError: for a name that cannot stand in a file name, or a size that is no whole number above 0.
    """
    name, colon, size = folder.partition(":")
    if not FOLDER_NAME.fullmatch(name):
        raise ValueError(f"a folder's name takes letters, digits, spaces and ()._- and begins with one, not {name!r}")
    if colon and not (size.isdecimal() and int(size)):
        raise ValueError(f"after the folder's name stands its images' side, such as {name}:32, not {size!r}")
    if profile.common.get("model") == "mlp":
        raise ValueError(
            f"{profile.name} has a network for small images; take cifar10-small, cifar10-quick or cifar10-rehearsal"
        )
    return replace(
        profile,
        name=f"{profile.name}@{folder}",
        data_label=name,
        common=profile.common | dict(dataset=f"folder:{name}", image_size=int(size) if colon else None),
        paper_protocol=False,
    )
