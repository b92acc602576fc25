"""The sizes of the study, by name: `profile_named("demo")`, `profile_named("cifar10-quick+release")`.

`small` holds those on embedded data, `images` those on natural images, `variants` what may follow a name.
"""

from cfa_nb.profiles.images import CIFAR10, CIFAR100, QUICK, REHEARSAL, TINY_IMAGENET
from cfa_nb.profiles.small import DEMO, DIGITS, SMOKE
from cfa_nb.profiles.variants import VARIANTS, on_folder, varied

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
