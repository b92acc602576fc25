"""Where, when and with what a run was made: stands beside its record, and never enters a comparison of records."""

import json
import os
import platform
import subprocess
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import cache

from cfa_nb.files import ROOT
from cfa_nb.processor import cpuinfo, level
from cfa_nb.runs.record import RecordError


@dataclass(frozen=True)
class Provenance:
    """Where and when a run was made: nothing in it enters a comparison of records."""

    seconds_train: float
    seconds_evaluate: float
    hardware: str
    device: str
    python: str
    torch: str
    numpy: str
    commit: str
    finished_at: str  # UTC, ISO 8601
    cpu_level: str = "not recorded"  # the instructions that torch computed with on the CPU (cfa_nb.processor)

    @classmethod
    def now(cls, seconds_train: float, seconds_evaluate: float, device) -> "Provenance":
        """The provenance of a run that ends now on `device`."""
        import numpy
        import torch

        return cls(
            seconds_train=round(seconds_train, 2),
            seconds_evaluate=round(seconds_evaluate, 2),
            hardware=hardware(device),
            device=str(device),
            python=platform.python_version(),
            torch=torch.__version__,
            numpy=numpy.__version__,
            commit=commit(),
            finished_at=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            cpu_level=level(),
        )

    def to_json(self) -> str:
        """Indented JSON."""
        return json.dumps(asdict(self), indent=1) + "\n"

    @classmethod
    def from_json(cls, text: str, source="provenance") -> "Provenance":
        """The inverse of `to_json`; raises `RecordError` on anything else."""
        try:
            return cls(**json.loads(text))
        except (TypeError, ValueError) as error:
            raise RecordError(f"{source} is not a provenance file ({error!r})") from error


@cache
def hardware(device="cpu") -> str:
    """One line that names the machine's processor, or its GPU when `device` is one."""
    if str(device).startswith("cuda"):
        import torch

        return torch.cuda.get_device_name(device)
    return f"{cpuinfo('model name') or platform.processor() or platform.machine()}, {usable_cores()} cores"


def usable_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@cache
def commit() -> str:
    """The source's git commit (12 digits), with a + when what trains differs from it; "unknown" outside a checkout."""

    def git(*args):
        command = ["git", "-C", str(ROOT), *args]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    try:
        dirty = git("status", "--porcelain", "--untracked-files=no", "--", "cfa_nb")
        return git("rev-parse", "--short=12", "HEAD") + ("+" if dirty else "")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
