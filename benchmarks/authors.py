"""The authors' released code, imported unmodified from a checkout of PKU-ML/CFA.

code = load("CFA", "cpu")
code.train.train_epoch(network, batches, optimiser, ...)
"""

import hashlib
import importlib
import sys
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import click
import torch

HOW_TO_GET = "git clone https://github.com/PKU-ML/CFA, then name the folder: --authors CFA"
RELEASE = "071f3334a59d"  # the commit whose files have these SHA-256 (12 digits)
FILES = {"utils": "517075499cfc", "attack": "60e8636e4f05", "model": "499eba0fec58", "train": "8a392fcf20f2"}


def load(folder: str | Path, device: str) -> SimpleNamespace:
    """The modules `utils`, `attack`, `model`, `train`, and `version`: in one line, whether they are those released.

    The globals that their command line would set are set here.

    Raises:
        click.BadParameter: if a file is missing; the message says how to get them.
    """
    paths = {name: Path(folder).resolve() / f"{name}.py" for name in FILES}
    if missing := [path.name for path in paths.values() if not path.is_file()]:
        raise click.BadParameter(f"{folder} has no {', '.join(missing)}; {HOW_TO_GET}", param_hint="--authors")
    changed = [p.name for n, p in paths.items() if hashlib.sha256(p.read_bytes()).hexdigest()[:12] != FILES[n]]
    version = f"PKU-ML/CFA at {RELEASE}" + (f", but for {', '.join(changed)}" if changed else ", unmodified")
    with _importable(paths["train"].parent):
        code = SimpleNamespace(**{name: importlib.import_module(name) for name in FILES}, version=version)
    code.train.device, code.train.args = torch.device(device), SimpleNamespace(debug=False)
    return code


@contextmanager
def _importable(folder):
    """Inside the block `import utils` finds the folder's file; after it, what it found before. No bytecode is left."""
    before = {name: sys.modules.pop(name, None) for name in FILES}
    path, no_bytecode = sys.path, sys.dont_write_bytecode
    sys.path, sys.dont_write_bytecode = [str(folder), *path], True
    try:
        yield
    finally:
        sys.path, sys.dont_write_bytecode = path, no_bytecode
        for name, module in before.items():
            sys.modules.pop(name, None)
            sys.modules |= {name: module} if module else {}
