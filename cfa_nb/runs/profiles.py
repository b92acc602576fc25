"""The sizes of the study, by name: `profile_named("fashion")`, `profile_named("cifar10-quick+release")`.

`FASHION` and `DIGITS` (embedded data) take minutes on a CPU, `SMOKE` seconds, `SMALL` hours. `CIFAR10` is the paper's
protocol, for a GPU; the others are shorter, or other data. `REHEARSAL` walks the same way on a CPU. The name is all
that a notebook is told, so whatever makes runs another study follows it: "+release", "+scaled-alpha", "@folder:32". How
many seeds it has may be set beside it (`CFA_NB_SEEDS`): more seeds make it no other study.
"""

import os
from dataclasses import replace

from cfa_nb.config import Average
from cfa_nb.runs.study import CONTRAST, Profile
from cfa_nb.runs.variants import SEEDS, VARIANTS, on_folder, with_seeds


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
    early_window=(17, 20), late_window=(27, 30), beta_window=(24, 26),
    seeds=(40, 41, 42, 43, 44),  # the settings were chosen on seeds 0 to 9
    study_seeds=(40, 41, 42),
    margins=tuple(EPS * k / 4 for k in range(1, 9)),
    betas=(1.0, 2.0, 4.0, 6.0, 8.0),
    lambdas_2=(0.3, 0.5, 0.7),
    alpha_per_eps=0.5,
    final="targeted",
    aa_per_class=100,
)  # fmt: skip

DIGITS = replace(
    FASHION,
    name="digits",
    data_label="digits (scikit-learn, real 8x8 images)",
    description="Real handwritten digits: CCM lifts the average; no gain of the worst class is seen. AT and CCM alone.",
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
    early_window=(2, 3), late_window=(3, 4), beta_window=(3, 4),
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
    betas=tuple(float(beta) for beta in range(1, 9)),
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
    early_window=(21, 24),
    late_window=(37, 40),
    beta_window=(31, 34),
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
    early_window=(2, 2), late_window=(3, 3), beta_window=(2, 3),
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
    **averages(4, 0.03) | dict(compared_averages=()),
    seeds=(40, 41, 42),  # a pilot of AT and AT + CCM saw seeds 0 and 1
    study_seeds=(40,),
    figures=("table1",),
    final="targeted",
    final_per_class=200,
    long_steps=None,
    aa_per_class=100,
    aa_rows=("at", "at_cfa"),
    aa_seeds=3,
)  # fmt: skip

FASHION_FULL = replace(
    SMALL,
    name="fashion-full",
    data_label="Fashion-MNIST",
    description="All of Fashion-MNIST at 28x28 on a small PreActResNet: AT and AT + CCM, half an hour a run and core.",
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
    early_window=(51, 60), late_window=(91, 100), beta_window=(76, 85),
    final_per_class=10,
)  # fmt: skip

_ALL = (FASHION, DIGITS, SMOKE, SMALL, FASHION_FULL, QUICK, CIFAR10, CIFAR100, TINY_IMAGENET, REHEARSAL)
PROFILES = {profile.name: profile for profile in _ALL}
DEFAULT = FASHION.name


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
        if variant not in VARIANTS:
            raise ValueError(f"unknown variant {variant!r} of a profile; there are {', '.join(VARIANTS)}")
        profile = replace(VARIANTS[variant](profile), name=f"{profile.name}+{variant}")
    profile = on_folder(profile, folder) if at else profile
    return with_seeds(profile, os.environ[SEEDS]) if os.environ.get(SEEDS) else profile
