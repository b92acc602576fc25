"""Profiles on embedded data: `DEMO` and `DIGITS` take minutes on a CPU, `SMOKE` takes seconds and is for tests."""

from dataclasses import replace

from cfa_nb.profiles.averages import averages, variants
from cfa_nb.study import Profile

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
