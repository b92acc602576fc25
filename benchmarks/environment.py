"""What a result must say about where it was measured."""

import os
import platform
from datetime import UTC, datetime

import torch

from cfa_nb.runs.provenance import commit, hardware


def environment(device="cpu"):
    """Hardware, cores, threads, versions, commit, date and the load that others put on the machine."""
    facts = {
        "hardware": hardware(device),
        "device": str(device),
        "cores": cores(),
        "threads": torch.get_num_threads(),
        "load_1min": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "commit": commit(),
        "date": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
    if torch.device(device).type == "cuda":
        facts["tf32"] = {
            "convolutions": torch.backends.cudnn.allow_tf32,
            "products": torch.backends.cuda.matmul.allow_tf32,
        }
    return facts


def cores():
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
