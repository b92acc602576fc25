"""The authors' released code, imported unmodified from a checkout of PKU-ML/CFA, under private module names.

    code = load("CFA", "cpu")
    code.train.train_epoch(network, batches, optimiser, ...)

Its files import one another as `utils`, `attack` and `model`: those names are lent to them while they load.
"""

import hashlib
import importlib.util
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType, SimpleNamespace

import torch

URL = "https://github.com/PKU-ML/CFA"
FILES = ("utils", "attack", "model", "train")  # in the order in which they import one another
HOW_TO_GET = f"git clone {URL}, then name the folder: --authors CFA"

RELEASE = "071f3334a59d"  # the commit whose files have these SHA-256 (16 digits)
RELEASED = {
    "utils": "517075499cfc3524",
    "attack": "60e8636e4f05ebc5",
    "model": "499eba0fec58ce83",
    "train": "8a392fcf20f21255",
}


@dataclass(frozen=True)
class AuthorsCode:
    """The four modules, and in one line which version they are."""

    utils: ModuleType
    attack: ModuleType
    model: ModuleType
    train: ModuleType
    version: str


def load(folder, device):
    """Imports the released files of `folder`; the globals that their command line would set are set here.

    Raises:
        FileNotFoundError: if a file is missing; the message says how to get them.
    """
    folder = Path(folder)
    missing = [f"{name}.py" for name in FILES if not (folder / f"{name}.py").is_file()]
    if missing:
        raise FileNotFoundError(f"{folder} has no {', '.join(missing)}; {HOW_TO_GET}")
    modules = {}
    for name in FILES:
        modules[name] = _import(folder / f"{name}.py", modules)
    modules["train"].device = torch.device(device)
    modules["train"].args = SimpleNamespace(debug=False)
    return AuthorsCode(**modules, version=version(folder))


def version(folder):
    """Whether the files are those of the release."""
    digests = {n: hashlib.sha256((Path(folder) / f"{n}.py").read_bytes()).hexdigest()[:16] for n in FILES}
    changed = [f"{n}.py" for n in FILES if digests[n] != RELEASED[n]]
    return f"PKU-ML/CFA at {RELEASE}" + (f", but for {', '.join(changed)}" if changed else ", unmodified")


def _import(path, lent):
    spec = importlib.util.spec_from_file_location(f"_authors_{path.stem}", path)
    module = importlib.util.module_from_spec(spec)
    with _lent_names(lent), _no_bytecode():
        spec.loader.exec_module(module)
    return module


@contextmanager
def _lent_names(modules):
    """Inside the block `import utils` gives `modules["utils"]`; after it, what it gave before."""
    before = {name: sys.modules.get(name) for name in modules}
    sys.modules.update(modules)
    try:
        yield
    finally:
        for name, module in before.items():
            if module is None:
                sys.modules.pop(name, None)
            else:
                sys.modules[name] = module


@contextmanager
def _no_bytecode():
    """A checkout that is only read stays as it is."""
    before, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    try:
        yield
    finally:
        sys.dont_write_bytecode = before
