"""What makes a profile another study: the release's defaults, a scaled step, a folder of images, more seeds."""

import re
from dataclasses import replace

from cfa_nb.config import Average
from cfa_nb.runs.study import Profile

SEEDS, MOST_SEEDS = "CFA_NB_SEEDS", 20


def with_seeds(profile: Profile, text: str) -> Profile:
    """The same study on so many seeds from its first on ("10"), or on others ("50-59"); side studies in proportion.

    Raises:
        ValueError: if the text is neither, or names none or more than 20.
    """
    ends = re.fullmatch(r"(\d+)-(\d+)", text, re.ASCII)
    first = int(ends[1]) if ends else profile.seeds[0]
    number = int(ends[2]) - first + 1 if ends else int(text) if text.isdecimal() else 0
    if not 1 <= number <= MOST_SEEDS:
        raise ValueError(f"seeds: a number of them from 1 to {MOST_SEEDS}, or which, such as 50-59, not {text!r}")
    seeds = tuple(range(first, first + number))
    few = max(1, round(len(seeds) * len(profile.study_seeds) / len(profile.seeds)))
    return replace(profile, seeds=seeds, study_seeds=seeds[:few], ablation_seeds=profile.ablation_seeds and seeds[:1])


FOLDER_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ()._-]*")


def release(profile: Profile) -> Profile:
    """The released code's defaults where it departs from the text (PKU-ML/CFA, commit 071f333).

    Its options do not know how long a run is, so thresholds, decays and starts are its own numbers on every profile
    (its rate alone is scaled with the epochs, as every profile's is). On data that is harder than CIFAR-10 its
    threshold of 0.24 may never be reached: FAWA is then the random network that it began as.
    """
    own = profile.config("at", profile.seeds[0])
    start = 11 if own.epochs >= 11 else own.calibration_start  # its option `--begin 10` counts from 0
    compared = profile.averages if profile.compared_averages else ()
    return replace(
        profile,
        description=f"{profile.description} With the released code's defaults instead of the paper's text.",
        # For every objective, though AT has nothing to repeat: its averages differ, so it must be a run of its own.
        common=profile.common | dict(lambda_1=0.5, lambda_2=0.5, repeat_forwards=True, calibration_start=start),
        averages=(
            Average("ema", decay=0.88, start=1),
            Average("fawa", decay=0.88, threshold=0.24, start=1, init="random"),
        ),
        compared_averages=tuple(replace(a, name=f"{a.name}_paper") for a in compared),
        paper_protocol=False,
    )


def scaled_alpha(profile: Profile) -> Profile:
    """The attack's step a quarter of each run's eps, as 2/255 is of 8/255: so that eps 16/255 is attacked in full."""
    return replace(
        profile,
        description=f"{profile.description} With the attack's step scaled with eps.",
        alpha_per_eps=0.25,
        paper_protocol=False,
    )


VARIANTS = {"release": release, "scaled-alpha": scaled_alpha}


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
