"""The run store: nothing lost, nothing done twice.

    runs/<dataset>/<recipe>-s<seed>-<hash>/
        record.json        deterministic results (cfa_nb.runs.record.RunRecord)
        provenance.json    hardware, versions, seconds
        weights/           the kept checkpoints, one safetensors file each, with the run's config in its header
        evaluations/       logs of AutoAttack; a journal only while an evaluation is unfinished
        state.safetensors  the full training state, only while the run is unfinished

Every file is written under a temporary name and renamed, so a file that exists is whole. A run's identity is hashed
from its config, its data, its parent and its recipe's version; paths, devices and averages are not in it.
"""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from cfa_nb import data, files
from cfa_nb.config import LIVE, TrainConfig
from cfa_nb.files import StoreError, make_folder, slug, write
from cfa_nb.runs.provenance import Provenance
from cfa_nb.runs.record import RecordError, RunRecord, missing_confusions, missing_evaluations

HEADER = "cfa_nb"  # the one metadata key of our weights files: several would be written in random order


@dataclass(frozen=True)
class Status:
    """Where a run stands: "fresh", "partial", "missing" or "stale", and why."""

    state: str
    reason: str
    epochs_done: int = 0

    @property
    def fresh(self) -> bool:
        """True if nothing is left to train."""
        return self.state == "fresh"


def run_id(config: TrainConfig) -> str:
    """Identity of a run: `<recipe>-s<seed>-<10 hex digits>`. Reads the data to hash them (once a process)."""
    parts = {
        "config": config.canonical(),
        "data": data.load(config).content_hash,
        "parent": run_id(config.parent) if config.parent else None,
        "recipe_version": config.recipe_version,
    }
    digest = hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
    return f"{config.recipe}-s{config.seed}-{digest[:10]}"


class RunStore:
    """The runs below one folder.

    Args:
        root: the folder; made on the first write.
    """

    def __init__(self, root: str | Path):
        self.root = Path(root)

    def path(self, config: TrainConfig) -> Path:
        """The folder of a run."""
        return self.root / slug(config.dataset) / run_id(config)

    def status(self, config, averages=(), evaluations=None, confusions=(), looks=()):
        """`Status` of a run of which all this is wanted, as `train` takes it."""
        try:
            record = self.record(config)
        except StoreError:
            done = self.epochs_saved(config)
            state, reason = ("partial", f"epoch {done} of {config.epochs}") if done else ("missing", "not trained yet")
            return Status(state, reason, done)
        except RecordError as error:
            return Status("stale", f"its record is damaged: {error}")
        if lacking := [a.name for a in averages if a not in record.averages]:
            return Status("stale", f"trained without the average(s) {', '.join(lacking)}")
        there = {key.partition("/")[2] for key in record.checkpoints}
        there |= {"curve"} if record.measured(LIVE, "test", 1) else set()
        if lacking := [look for look in looks if look not in there]:
            return Status("stale", f"trained without its {', '.join(lacking)}")
        todo = missing_evaluations(record, evaluations or {}) + missing_confusions(record, confusions)
        if todo:
            return Status("partial", f"trained, {len(todo)} evaluation(s) to make", config.epochs)
        return Status("fresh", "trained", config.epochs)

    def record(self, config: TrainConfig) -> RunRecord:
        """The finished run's `RunRecord`.

        Raises:
            StoreError: if the run is not finished; the message says how to train it.
            RecordError: if its record does not parse.
        """
        file = self.path(config) / "record.json"
        if not file.exists():
            raise StoreError(f"{config.recipe}, seed {config.seed} is not trained in {self.root}; try `make reproduce`")
        return RunRecord.from_json(file.read_text(), file)

    def provenance(self, config: TrainConfig) -> Provenance:
        """The finished run's `Provenance`."""
        path = self.path(config) / "provenance.json"
        if not path.exists():
            raise StoreError(f"{path.parent.name} has no provenance.json; train the run again")
        return Provenance.from_json(path.read_text(), path)

    def write_record(self, config: TrainConfig, record: RunRecord, provenance: Provenance) -> None:
        """Finishes a run: record and provenance stay, the training state goes."""
        path = self.path(config)
        write(path / "provenance.json", provenance.to_json().encode())
        write(path / "record.json", record.to_json().encode())
        (path / "state.safetensors").unlink(missing_ok=True)

    def set_aside(self, config: TrainConfig) -> None:
        """Moves a record or a training state away, under a name that nothing reads; nothing is deleted."""
        for file in map(self.path(config).joinpath, ("record.json", "state.safetensors")):
            if file.exists():
                digest = hashlib.sha256(file.read_bytes()).hexdigest()[:8]
                file.replace(file.with_name(f"{file.stem}.set-aside-{digest}{file.suffix}"))

    def save_weights(self, config: TrainConfig, key: str, tensors: dict[str, Tensor], write: bool = True) -> str:
        """Keeps a checkpoint ("fawa/best") and returns the digest of its file; without `write`, the digest alone.

        The file's header holds all that is needed to judge it anywhere: config, checkpoint, data, class names, shape.
        """
        dataset = data.load(config)
        about = {
            "config": config.to_dict(),
            "checkpoint": key,
            "data_hash": dataset.content_hash,
            "class_names": list(dataset.class_names),
            "image_shape": list(dataset.image_shape),
        }
        blob = _bytes(tensors, HEADER, about)
        if write:
            files.write(self.weights_path(config, key), blob)
        return hashlib.sha256(blob).hexdigest()

    def weights_path(self, config: TrainConfig, key: str) -> Path:
        """Where a checkpoint lies."""
        return self.path(config) / "weights" / (key.replace("/", "-") + ".safetensors")

    def load_weights(self, config: TrainConfig, key: str) -> dict[str, Tensor]:
        """A kept checkpoint's tensors by name, checked against the record's digest.

        Raises:
            StoreError: if the run has no such checkpoint, did not keep its weights, or the file is not the one that
                the record names.
        """
        checkpoints = self.record(config).checkpoints
        if key not in checkpoints:
            raise StoreError(f"{self.path(config).name} kept no {key!r}; it has {', '.join(sorted(checkpoints))}")
        path = self.weights_path(config, key)
        if not path.exists():
            reason = "not kept by the policy (--keep-weights all keeps those of every run that it trains), or removed"
            raise StoreError(f"the weights {key!r} of {self.path(config).name} are not there: {reason}")
        if hashlib.sha256(path.read_bytes()).hexdigest() != checkpoints[key].sha256:
            raise StoreError(f"{path} is not the file that its record names (SHA-256 differs); train the run again")
        return read_safetensors(path)[0]

    def save_state(self, config: TrainConfig, tensors: dict[str, Tensor], meta: dict) -> None:
        """Checkpoint of an unfinished run: tensors, and whatever else as JSON in the same file's header."""
        write(self.path(config) / "state.safetensors", _bytes(tensors, "state", meta))

    def load_state(self, config: TrainConfig) -> tuple[dict[str, Tensor], dict] | None:
        """(tensors, meta) of an unfinished run, or None. A damaged file counts as none and is set aside."""
        file = self.path(config) / "state.safetensors"
        if not file.exists():
            return None
        try:
            tensors, meta = read_safetensors(file)
            return tensors, json.loads(meta["state"])
        except StoreError:
            file.rename(file.with_suffix(".damaged"))
            return None

    def epochs_saved(self, config: TrainConfig) -> int:
        """Epochs that an unfinished run has behind it."""
        saved = self.load_state(config)
        return saved[1]["epoch"] if saved else 0

    def lock(self, config: TrainConfig, timeout: float = -1):
        """A lock on one run, across processes; the operating system frees a dead owner's. -1: waits for ever."""
        make_folder(self.path(config))
        return FileLock(self.path(config) / ".lock").acquire(timeout)


def _bytes(tensors, key, about):
    """A safetensors file: tensors by name, and under one key of its header what they are, as JSON."""
    header = {key: json.dumps(about, sort_keys=True)}
    return save({k: v.detach().cpu().contiguous() for k, v in tensors.items()}, header)


def read_safetensors(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """(tensors by name, header) of a file; raises `StoreError` if it is missing or damaged."""
    try:
        with safe_open(path, framework="pt") as f:
            return {k: f.get_tensor(k) for k in f.keys()}, f.metadata() or {}  # noqa: SIM118
    except (FileNotFoundError, SafetensorError) as error:
        raise StoreError(f"{path} is no safetensors file ({error})") from error
