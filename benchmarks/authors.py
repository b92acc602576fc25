"""The authors' released code, imported unmodified from a checkout of PKU-ML/CFA.

code = load("CFA", "cpu")
code.train.train_epoch(network, batches, optimiser, ...)
"""

import hashlib
import importlib
import sys
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import patch

import click
import torch

HOW_TO_GET = "git clone https://github.com/PKU-ML/CFA, then name the folder: --authors CFA"
RELEASE = "071f3334a59d"  # the commit whose files have these SHA-256 (12 digits)
FILES = {"utils": "517075499cfc", "attack": "60e8636e4f05", "model": "499eba0fec58", "train": "8a392fcf20f2"}


def load(folder: str | Path, device: str) -> SimpleNamespace:
    """The modules `utils`, `attack`, `model`, `train`, and `version`: in one line, whether they are those released.

    Raises:
        click.BadParameter: if a file is missing; the message says how to get them.
    """
    paths = {name: Path(folder).resolve() / f"{name}.py" for name in FILES}
    if missing := [path.name for path in paths.values() if not path.is_file()]:
        raise click.BadParameter(f"{folder} has no {', '.join(missing)}; {HOW_TO_GET}", param_hint="--authors")
    changed = [p.name for n, p in paths.items() if hashlib.sha256(p.read_bytes()).hexdigest()[:12] != FILES[n]]
    version = f"PKU-ML/CFA at {RELEASE}" + (f", but for {', '.join(changed)}" if changed else ", unmodified")
    search_path = [str(paths["train"].parent), *sys.path]
    with patch.object(sys, "path", search_path), patch.object(sys, "dont_write_bytecode", True):
        modules = {name: importlib.import_module(name) for name in FILES}
    for name in FILES:
        del sys.modules[name]  # nobody else shall find these names
    modules["train"].device, modules["train"].args = torch.device(device), SimpleNamespace(debug=False)  # its globals
    return SimpleNamespace(**modules, version=version)
