"""Where things lie: the checkout, the local runs, the published outputs.

`CFA_NB_RUNS` and `CFA_NB_OUTPUTS` put the last two elsewhere (`--runs`, `--outputs` of the command line set them),
`CFA_NB_DATA` the downloaded datasets.
"""

import os
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def notebooks_dir() -> Path:
    """The notebooks' sources, without outputs."""
    return ROOT / "notebooks"


def runs_dir() -> Path:
    """The local run store: ignored by git, never published as it is."""
    return Path(os.environ.get("CFA_NB_RUNS", ROOT / "runs"))


def outputs_dir() -> Path:
    """Executed notebooks, figures, tables and records, by profile: what readers see."""
    return Path(os.environ.get("CFA_NB_OUTPUTS", ROOT / "outputs"))


def page_set_dir(name: str) -> Path:
    """Where a profile (or "theory") is published: below `outputs_dir()`, under a name that any file system takes."""
    return outputs_dir() / slug(name)


def slug(name: str) -> str:
    """A name as a file name: "cifar10-quick@CIFAR-10 (JPEG q75)" becomes "cifar10-quick@CIFAR-10-JPEG-q75"."""
    return re.sub(r"[^A-Za-z0-9._@+]+", "-", name).strip("-")


def data_dir() -> Path:
    """Downloaded datasets, and those read before: ignored by git."""
    return Path(os.environ.get("CFA_NB_DATA", ROOT / "data"))
