"""The averages that a profile's runs carry: those of the tables, and others to set beside them."""

from dataclasses import replace

from cfa_nb.config import Average
from cfa_nb.runs.study import Profile
from cfa_nb.runs.variants import VARIANTS, on_folder, varied


def averages(start, threshold):
    """EMA and FAWA of Tables 1 and 3."""
    return Average("ema", start=start), Average("fawa", start=start, threshold=threshold)


def variants(start, threshold):
    """Averages to compare side by side in one run: the release's, Algorithm 1's, and other thresholds."""
    return (
        Average("ema_release", decay=0.88, start=1),
        Average("fawa_release", decay=0.88, threshold=1.2 * threshold, start=1, init="random"),
        Average("fawa_theta_0", threshold=threshold, start=start, init="theta_0"),
        Average("fawa_lower", threshold=0.75 * threshold, start=start),
        Average("fawa_higher", threshold=1.25 * threshold, start=start),
    )


_SMALL = dict(crop_padding=0, flip=False, model="mlp", lr=0.1, clean_forward="off", eval_steps=10)

DEMO = Profile(
    name="demo",
    data_label="demo (designed 8x8 images)",
    description="A designed data set that shows the paper's mechanism in minutes; no evidence for CIFAR-10.",
    common=_SMALL
    | dict(
        dataset="demo", train_per_class=400, val_per_class=50, test_per_class=500, width=64, depth=2,
        epochs=20, milestones=(10, 15), calibration_start=5,
        eps=0.15, steps=5, eval_eps=0.15, eval_alpha=0.15 / 4,
    ),
    by_objective={
        "trades": dict(beta=2.0),
        "frl": dict(epochs=10, milestones=(10, 20), lr=0.01),
    },
    averages=averages(6, 0.15),
    variants=variants(6, 0.15),
    seeds=(0, 1, 2, 3, 4),
    study_seeds=(0, 1),
    margins=tuple(0.15 * k / 4 for k in range(1, 9)),
    betas=(1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0),
    early_window=(12, 15),
    late_window=(18, 20),
    beta_window=(16, 18),
    alpha_per_eps=0.5,
    aa_per_class=50,
)  # fmt: skip

DIGITS = Profile(
    name="digits",
    data_label="digits (scikit-learn, real 8x8 images)",
    description="Real handwritten digits: classes differ as much, but CCM does not help there; the pages say why.",
    common=_SMALL
    | dict(
        dataset="digits", val_per_class=20, width=128, depth=2,
        epochs=24, milestones=(12, 18), calibration_start=6, batch_size=64,
        eps=0.15, steps=5, eval_eps=0.15, eval_alpha=0.15 / 4,
    ),
    by_objective={"frl": dict(epochs=10, milestones=(10, 20), lr=0.01)},
    averages=averages(7, 0.25),
    variants=variants(7, 0.25),
    seeds=(0, 1, 2),
    study_seeds=(0,),
    margins=tuple(0.15 * k / 4 for k in range(1, 9)),
    betas=(1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0),
    early_window=(14, 17),
    late_window=(22, 24),
    beta_window=(19, 21),
    alpha_per_eps=0.5,
    aa_per_class=30,
)  # fmt: skip

SMOKE = replace(
    DEMO,
    name="smoke",
    data_label="smoke (a few designed images)",
    description="Seconds, for tests: nothing is learnt.",
    common=DEMO.common
    | dict(train_per_class=16, val_per_class=4, test_per_class=8, width=8, epochs=4, milestones=(2, 3), batch_size=32,
           calibration_start=2),
    by_objective={"trades": dict(beta=2.0), "frl": dict(epochs=2, milestones=(1, 2), lr=0.01)},
    averages=averages(2, 0.15),
    variants=variants(2, 0.15),
    seeds=(0, 1),
    study_seeds=(0,),
    margins=(0.075, 0.15),
    betas=(1.0, 2.0),
    lambdas_1=(0.4, 0.5),
    lambdas_2=(0.4, 0.5),
    early_window=(2, 3),
    late_window=(3, 4),
    beta_window=(3, 4),
    sanity_per_class=2,
    aa_per_class=None,
)  # fmt: skip


EPS = tuple(k / 255 for k in range(2, 18, 2))  # Fig. 2
BETAS = tuple(float(beta) for beta in range(1, 9))  # Fig. 3


CIFAR10 = Profile(
    name="cifar10",
    data_label="CIFAR-10",
    description="The paper's protocol: PreActResNet-18, 200 epochs, AutoAttack. For a GPU, days.",
    common=dict(dataset="cifar10"),
    averages=averages(50, 0.2),
    variants=variants(50, 0.2),
    paper_protocol=True,
    commits_weights=False,
    seeds=(0, 1, 2, 3, 4),
    ablation_seeds=(0,),
    margins=EPS,
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
    averages=averages(10, 0.2),
    variants=variants(10, 0.2),
    paper_protocol=False,
    seeds=(0,),
    ablation_seeds=None,
    early_window=(21, 24),
    late_window=(37, 40),
    beta_window=(31, 34),
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
    averages=averages(1, 0.01),
    variants=variants(1, 0.01),
    early_window=(2, 2),
    late_window=(3, 3),
    beta_window=(2, 3),
    final="aa-fast",
    final_per_class=1,
    long_steps=30,
    sanity_per_class=2,
    aa_per_class=1,
)  # fmt: skip

CIFAR100 = replace(
    CIFAR10,
    name="cifar100",
    data_label="CIFAR-100",
    description="Beyond the paper: 100 classes, where the worst tenth of them is reported instead of the worst one.",
    common=dict(dataset="cifar100", val_per_class=25, worst_share=0.1),
    averages=averages(50, 0.05),
    variants=(),
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
    averages=averages(25, 0.03),
    early_window=(51, 60),
    late_window=(91, 100),
    beta_window=(76, 85),
    final_per_class=10,
)  # fmt: skip


PROFILES = {p.name: p for p in (DEMO, DIGITS, SMOKE, QUICK, CIFAR10, CIFAR100, TINY_IMAGENET, REHEARSAL)}


def profile_named(name):
    """The profile of that name: one of `PROFILES`, then "+variant" and "@folder[:size]" where wanted.

    Raises:
        ValueError: if there is none; the message lists them.
    """
    base, at, folder = name.partition("@")
    key, *plus = base.split("+")
    if key not in PROFILES:
        raise ValueError(f"unknown profile {key!r}; there are {', '.join(PROFILES)}")
    profile = PROFILES[key]
    for variant in plus:
        profile = varied(profile, variant)
    return on_folder(profile, folder) if at else profile


__all__ = ["CIFAR10", "CIFAR100", "DEMO", "DIGITS", "PROFILES", "QUICK", "REHEARSAL", "SMOKE", "TINY_IMAGENET",
           "VARIANTS", "profile_named"]  # fmt: skip
