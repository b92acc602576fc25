"""Weights from a file, ours or foreign, without running any code that it may hold.

    file = read("FAWA_199.pth")                     # .safetensors, or what torch.save wrote
    if is_release(file.tensors):
        fill(PreActResNet(10), from_release(file.tensors), file.path)

Ours carry their run's config in the header (`about`). Names of the paper's released checkpoints (PKU-ML/CFA, commit
071f333) are translated; the same network is used by other codes of robust training, under the same names.
"""

import hashlib
import json
import pickle
import re
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import safe_open

from cfa_nb.runs.store import HEADER, read_weights

NESTS = ("state_dict", "model_state_dict", "model", "net")  # where codes put the state dict within what they save
PREFIXES = ("module.", "_orig_mod.")  # of DataParallel and of torch.compile
SHOWN = 4  # names that an error lists of each sort

_RELEASE_BLOCK = re.compile(r"layer([1-4])\.(\d+)\.(.+)")


class WeightsError(ValueError):
    """Weights that cannot be read, or do not fit the network; the message says which and why."""


@dataclass(frozen=True)
class WeightsFile:
    """What a file of weights holds: its digest, tensors by name, and the header of ours (None in a foreign one)."""

    path: Path
    sha256: str
    tensors: dict
    about: dict | None = None


def read(path):
    """The `WeightsFile` at a path: .safetensors, or a state dict written by torch.save under any other name.

    Raises:
        WeightsError: if there is none, it is damaged, holds no state dict, or needs code to be unpickled.
        StoreError: if a .safetensors file is none.
    """
    path = Path(path)
    if not path.is_file():
        raise WeightsError(f"no file of weights at {path}")
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    if path.suffix == ".safetensors":
        tensors, about = read_weights(path), _header(path)
    else:
        tensors, about = _unwrapped(_unpickled(path), path), None
    return WeightsFile(path, sha256, _without_prefixes(tensors), about)


def _header(path):
    with safe_open(path, framework="pt") as f:
        text = (f.metadata() or {}).get(HEADER)
    try:
        about = None if text is None else json.loads(text)
        if about is not None and not {"config", "checkpoint", "data_hash", "class_names", "image_shape"} <= set(about):
            raise ValueError("it lacks a field")
        return about
    except (ValueError, TypeError) as error:
        raise WeightsError(f"{path}: its header {HEADER!r} cannot be read ({error})") from error


def _unpickled(path):
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        needs = re.search(r"GLOBAL (\S+)", str(error))
        what = f"would have to run {needs[1]}" if needs else "is no state dict of torch.save, or needs code"
        raise WeightsError(
            f"{path} {what} to be read, which is refused; where you trust it, save model.state_dict() alone"
        ) from error
    except (RuntimeError, EOFError, ValueError, KeyError, TypeError, OSError, AttributeError, IndexError) as error:
        reason = str(error).partition("\n")[0]
        raise WeightsError(
            f"{path} cannot be read as a file of torch.save ({type(error).__name__}: {reason}); is it damaged?"
        ) from error


def _unwrapped(value, path):
    """The state dict within {"state_dict": ...} and its like; optimiser, epoch and so on stay behind."""
    while isinstance(value, dict) and (nest := next((n for n in NESTS if isinstance(value.get(n), dict)), None)):
        value = value[nest]
    if not isinstance(value, dict) or not value or not all(isinstance(t, torch.Tensor) for t in value.values()):
        held = ", ".join(map(str, list(value)[:SHOWN])) if isinstance(value, dict) else type(value).__name__
        raise WeightsError(f"{path} holds no state dict of tensors by name, but {held or 'nothing'}")
    return value


def _without_prefixes(tensors):
    while prefix := next((p for p in PREFIXES if all(name.startswith(p) for name in tensors)), None):
        tensors = {name.removeprefix(prefix): t for name, t in tensors.items()}
    return tensors


def is_release(tensors):
    """True if the names are those of the released PreActResNet: its blocks, and a BatchNorm after them."""
    return {"conv1.weight", "layer1.0.bn1.weight", "bn.weight", "linear.weight"} <= set(tensors)


def from_release(tensors):
    """A released PreActResNet's tensors under the names of our own: its stages become one list.

    Raises:
        WeightsError: if its four stages differ in depth, as a PreActResNet-34's do.
    """
    found = [_RELEASE_BLOCK.match(name) for name in tensors]
    last = {m[1]: max(int(o[2]) for o in found if o and o[1] == m[1]) for m in found if m}
    if len(set(last.values())) != 1:
        depths = ", ".join(str(n + 1) for _, n in sorted(last.items()))
        raise WeightsError(f"its stages have {depths} blocks; only equal ones, as in PreActResNet-18, can be read")
    depth = 1 + last["1"]
    return {_our_name(name, depth): tensor for name, tensor in tensors.items()}


def _our_name(name, depth):
    if block := _RELEASE_BLOCK.match(name):
        index = (int(block[1]) - 1) * depth + int(block[2])
        return f"blocks.{index}.{block[3].replace('shortcut.0.', 'shortcut.')}"
    return name.replace("conv1.", "stem.", 1) if name.startswith("conv1.") else name


def fill(model, tensors, source):
    """Puts tensors into a network, by name. BatchNorm's batch counters may be missing: nothing reads them.

    Raises:
        WeightsError: if names are missing or unknown, or shapes differ; the message lists the first of each.
    """
    wanted = model.state_dict()
    missing = [n for n in wanted if n not in tensors and not n.endswith("num_batches_tracked")]
    unknown = [n for n in tensors if n not in wanted]
    differ = [
        f"{n} is {tuple(t.shape)}, the network's {tuple(wanted[n].shape)}"
        for n, t in tensors.items()
        if n in wanted and t.shape != wanted[n].shape
    ]
    wrong = {"missing": missing, "unknown": unknown, "of another shape": differ}
    if any(wrong.values()):
        told = "; ".join(f"{len(names)} {sort}: {_first(names)}" for sort, names in wrong.items() if names)
        raise WeightsError(f"{source} does not fit the network: {told}")
    model.load_state_dict(tensors, strict=False)


def _first(names):
    return ", ".join(names[:SHOWN]) + (", ..." if len(names) > SHOWN else "")
