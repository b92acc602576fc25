"""Weights from a file, ours or foreign, without running any code that it may hold.

Our files carry the config of their run in a header. The names of the paper's released checkpoints (PKU-ML/CFA, commit
071f333) are translated; other codes of robust training use the same network under the same names.
"""

import hashlib
import json
import re
import textwrap
from dataclasses import dataclass
from pathlib import Path

import torch

from cfa_nb.runs.record import RunRecord
from cfa_nb.runs.store import HEADER, read_safetensors

NESTS = ("state_dict", "model_state_dict", "model", "net")  # where codes put the state dict within what they save
PREFIXES = r"^(module\.|_orig_mod\.)+"  # of DataParallel and of torch.compile


@dataclass(frozen=True)
class WeightsFile:
    """A file of weights: its SHA-256, its tensors by name, and the header of ours (None in a foreign file)."""

    path: Path
    sha256: str
    tensors: dict[str, torch.Tensor]
    header: dict | None = None

    @property
    def checkpoint(self) -> str | None:
        """Such as "fawa/last"; None in a foreign file."""
        return self.header and self.header["checkpoint"]


def read(path: str | Path, checkpoint: str | None = None) -> WeightsFile:
    """The `WeightsFile` at a path: .safetensors, or a state dict written by torch.save under any other name.

    Args:
        checkpoint: which one of a published file, such as "fawa/last"; other files hold one.
    Raises:
        ValueError, StoreError: if it is missing or damaged, holds no state dict, or needs code to be unpickled.
    """
    path = Path(path)
    if not path.is_file():
        raise ValueError(f"no file of weights at {path}")
    header = None
    if path.suffix == ".safetensors":
        tensors, metadata = read_safetensors(path)
        header = json.loads(metadata.get(HEADER, "null"))
    else:
        tensors = _state_dict(_unpickled(path), path)
    tensors = {re.sub(PREFIXES, "", name): tensor for name, tensor in tensors.items()}
    if not tensors:
        raise ValueError(f"{path} holds no tensors")
    if all(":" in name for name in tensors):
        tensors, header = _published(path, tensors, checkpoint)
    elif checkpoint:
        raise ValueError(f"{path} holds one checkpoint; leave --checkpoint out")
    return WeightsFile(path, hashlib.sha256(path.read_bytes()).hexdigest(), tensors, header)


def _published(path, tensors, checkpoint):
    """(tensors, header) of one checkpoint of a published file, which holds a run's; the run's record lies beside it."""
    checkpoints = sorted({name.partition(":")[0] for name in tensors})
    if checkpoint not in checkpoints:
        raise ValueError(f"{path} holds several checkpoints; say which: --checkpoint {', '.join(checkpoints)}")
    file = path.parent.parent / "records" / f"{path.stem}.json"
    if not file.exists():
        raise ValueError(f"{path} is a published file, and the record that belongs to it is missing: {file}")
    record = RunRecord.from_json(file.read_text(), file)
    header = {"config": record.config.to_dict(), "checkpoint": checkpoint, "data_hash": record.data_hash}
    header["class_names"] = record.class_names
    return {n.partition(":")[2]: t for n, t in tensors.items() if n.startswith(f"{checkpoint}:")}, header


def _unpickled(path):
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises almost anything on a damaged file, and where code would have to run
        reason = f"{type(error).__name__}: {error}".partition("\n")[0]
        remedy = "where you trust it, save model.state_dict() alone"
        raise ValueError(
            f"{path} is damaged, or needs code to be read, which is refused ({reason}); {remedy}"
        ) from error


def _state_dict(saved, path):
    """The state dict within {"state_dict": ...} and its like; optimiser, epoch and so on are dropped."""
    while isinstance(saved, dict) and (nest := next((n for n in NESTS if isinstance(saved.get(n), dict)), None)):
        saved = saved[nest]
    if not isinstance(saved, dict) or not saved or not all(isinstance(t, torch.Tensor) for t in saved.values()):
        content = ", ".join(map(str, list(saved)[:4])) if isinstance(saved, dict) else type(saved).__name__
        raise ValueError(f"{path} holds no state dict of tensors by name, but {content or 'nothing'}")
    return saved


def is_release(tensors: dict[str, torch.Tensor]) -> bool:
    """True if the names are those of the released PreActResNet: its blocks, and a BatchNorm after them."""
    return {"conv1.weight", "layer1.0.bn1.weight", "bn.weight", "linear.weight"} <= set(tensors)


def from_release(tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """A released PreActResNet's tensors under our names: its four stages become one list of blocks.

    Raises:
        ValueError: if its stages differ in depth, as those of a PreActResNet-34 do.
    """
    depths = [len({n.split(".")[1] for n in tensors if n.startswith(f"layer{stage}.")}) for stage in (1, 2, 3, 4)]
    if len(set(depths)) > 1:
        shown = ", ".join(map(str, depths))
        raise ValueError(f"its stages have {shown} blocks; only equal ones, as in PreActResNet-18, can be read")

    def our_name(name):
        name = re.sub(r"^conv1\.", "stem.", name).replace(".shortcut.0.", ".shortcut.")
        return re.sub(r"^layer(\d)\.(\d+)", lambda m: f"blocks.{(int(m[1]) - 1) * depths[0] + int(m[2])}", name)

    return {our_name(name): tensor for name, tensor in tensors.items()}


def fill(model: torch.nn.Module, tensors: dict[str, torch.Tensor], source: str | Path) -> None:
    """Puts tensors into a network, by name; a `ValueError` lists what is missing, unknown or of another shape."""
    try:
        model.load_state_dict(tensors)
    except RuntimeError as error:
        raise ValueError(f"{source} does not fit the network: {textwrap.shorten(str(error), 500)}") from error
