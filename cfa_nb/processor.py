"""The same numbers on every x86 processor with AVX2, Intel's and AMD's.

torch's CPU kernels, oneDNN, MKL and OpenBLAS each pick their code by the processor, and another code rounds sums
otherwise. Adversarial training amplifies a last bit, so such records differ as those of two seeds do. All four read the
environment: OpenBLAS when numpy is imported, the others when they compute for the first time. So `import cfa_nb` sets
it. MKL still tells makers apart; no fully connected network here uses it (`cfa_nb.method.linear.Linear`). Other
processors keep their own level.
"""

import os
import sys
from pathlib import Path

from threadpoolctl import threadpool_info

LEVEL, CORE = "AVX2", "Haswell"
VARIABLES = {
    "ATEN_CPU_CAPABILITY": "avx2",
    "OPENBLAS_CORETYPE": CORE,
    "OPENBLAS_NUM_THREADS": "1",
    "ONEDNN_MAX_CPU_ISA": "AVX2",
    "MKL_ENABLE_INSTRUCTIONS": "AVX2",
}
CPUINFO = Path("/proc/cpuinfo")


def cpuinfo(field: str) -> str:
    """What Linux says of the first processor, such as its "model name"; "" where it says nothing."""
    lines = CPUINFO.read_text().splitlines() if CPUINFO.exists() else []
    return next((line.partition(":")[2].strip() for line in lines if line.startswith(field)), "")


def has_level() -> bool:
    """True if Linux says that the processor has AVX2: neither torch nor OpenBLAS checks before it obeys."""
    return {"avx2", "fma"} <= set(cpuinfo("flags").split())


def level() -> str:
    """What this process computes with on the CPU: "AVX2", or "AVX512, numpy's SkylakeX"; stands in every provenance."""
    import numpy  # noqa: F401
    import torch

    blas = [lib for lib in threadpool_info() if lib["user_api"] == "blas" and "numpy" in lib["filepath"]]
    cores = {lib.get("architecture", lib["internal_api"]) for lib in blas}
    return ", numpy's ".join([torch.backends.cpu.get_cpu_capability(), *sorted(cores - {CORE})])


def fix_level() -> None:
    """Sets the level; says so on stderr where it comes too late, or where the user's environment names another one."""
    if not has_level():
        return
    for name, value in VARIABLES.items():
        os.environ.setdefault(name, value)
    if "numpy" not in sys.modules and all(os.environ[name] == value for name, value in VARIABLES.items()):
        return
    if (now := level()) != LEVEL:
        print(
            f"cfa_nb: this process computes with {now} and not with {LEVEL}, so runs will differ from the published "
            f"ones; import cfa_nb before numpy and torch, and leave ATEN_CPU_CAPABILITY and OPENBLAS_CORETYPE unset",
            file=sys.stderr,
        )
