"""The same numbers on every x86 processor with AVX2: torch's CPU kernels, oneDNN and MKL are held at that level.

Each of the three picks its kernels by the processor, and kernels for AVX-512 round sums otherwise than those for AVX2.
Adversarial training amplifies a last bit, so records made at different levels differ as those of two seeds do. All
three read the environment when they compute for the first time; so `import cfa_nb` sets it. Other processors keep
their own level.
"""

import os
import sys

from numpy._core._multiarray_umath import __cpu_features__ as FEATURES

LEVEL = "AVX2"
VARIABLES = {"ATEN_CPU_CAPABILITY": "avx2", "ONEDNN_MAX_CPU_ISA": "AVX2", "MKL_ENABLE_INSTRUCTIONS": "AVX2"}


def has_level() -> bool:
    """True if the processor can run kernels for AVX2: torch does not check before it obeys, and would crash."""
    return bool(FEATURES.get("AVX2") and FEATURES.get("FMA3"))


def level() -> str:
    """The level that torch computes with on this CPU, such as "AVX2" or "AVX512": stands in every provenance."""
    import torch

    return torch.backends.cpu.get_cpu_capability()


def fix_level() -> None:
    """Sets the level; says so on stderr where it comes too late, or where the user's environment names another one."""
    if not has_level():
        return
    for name, value in VARIABLES.items():
        os.environ.setdefault(name, value)
    now = level() if "torch" in sys.modules else os.environ["ATEN_CPU_CAPABILITY"].upper()
    if now != LEVEL:
        print(
            f"cfa_nb: torch computes with {now} here and not with {LEVEL}, so runs will differ from the published "
            f"ones; import cfa_nb before torch is used, and leave ATEN_CPU_CAPABILITY unset",
            file=sys.stderr,
        )
