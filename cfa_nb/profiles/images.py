"""Profiles on natural images, for a GPU: `CIFAR10` is the paper's protocol, the others are shorter, or other data.

`REHEARSAL` walks the same way on a CPU: a narrow network, three epochs, twenty images a class.
"""

from dataclasses import replace

from cfa_nb.profiles.averages import averages, variants
from cfa_nb.study import Profile

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
