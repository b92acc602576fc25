"""The published records of a profile: committed, and enough to draw every page again.

    outputs/<profile>/records/<run>.json, <run>.provenance.json
    outputs/<profile>/weights/<run>.safetensors     the reported checkpoints in one file: "fawa/best:<tensor>"

Runs are found by their config, not by their hash, so nothing of the data has to be at hand.
"""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

from safetensors.torch import save
from torch import Tensor

from cfa_nb.config import TrainConfig
from cfa_nb.runs.provenance import Provenance
from cfa_nb.runs.record import RunRecord
from cfa_nb.runs.store import RunStore, Status, StoreError, read_safetensors, run_id, write


class Published:
    """The records below `outputs/<profile>`."""

    def __init__(self, folder: str | Path):
        self.folder = Path(folder)

    @cached_property
    def names(self) -> dict[str, str]:
        """{canonical config: file name without suffix} of every record."""
        names = {}
        for file in sorted((self.folder / "records").glob("*.json")):
            if not file.name.endswith(".provenance.json"):
                names[RunRecord.from_json(file.read_text(), file).config.canonical()] = file.stem
        return names

    def status(self, config: TrainConfig) -> Status:
        """`Status`: "fresh" if there is a record of this config, "stale" if by an older recipe, else "missing"."""
        if config.canonical() not in self.names:
            return Status("missing", f"not among the records of {self.folder}")
        version = self.record(config).recipe_version
        if version != (now := config.recipe_version):
            return Status("stale", f"published by recipe version {version}, this is {now}", config.epochs)
        return Status("fresh", "published", config.epochs)

    def record(self, config: TrainConfig) -> RunRecord:
        """The `RunRecord`; raises `StoreError` if it is not published."""
        file = self.folder / "records" / f"{self._name(config)}.json"
        return RunRecord.from_json(file.read_text(), file)

    def provenance(self, config: TrainConfig) -> Provenance:
        """The `Provenance` beside it."""
        file = self.folder / "records" / f"{self._name(config)}.provenance.json"
        return Provenance.from_json(file.read_text(), file)

    def load_weights(self, config: TrainConfig, key: str) -> dict[str, Tensor]:
        """A reported checkpoint's tensors by name."""
        tensors, _ = read_safetensors(self.folder / "weights" / f"{self._name(config)}.safetensors")
        weights = {k.removeprefix(f"{key}:"): v for k, v in tensors.items() if k.startswith(f"{key}:")}
        if not weights:
            raise StoreError(f"{self._name(config)} published no {key!r}")
        return weights

    def publish(self, store: RunStore, config: TrainConfig, keys: Sequence[str] = ()) -> None:
        """Copies a finished run's record, provenance and the named checkpoints from a `RunStore`.

        A published record that agrees, and holds evaluations beyond those made here, stays as it is.
        """
        name, record = run_id(config), store.record(config)
        if not self.holds(record):
            write(self.folder / "records" / f"{name}.json", record.to_json().encode())
            write(self.folder / "records" / f"{name}.provenance.json", store.provenance(config).to_json().encode())
            self.names[config.canonical()] = name
        tensors = {f"{k}:{n}": t.contiguous() for k in keys for n, t in store.load_weights(config, k).items()}
        if tensors:
            write(self.folder / "weights" / f"{name}.safetensors", save(tensors))

    def holds(self, record: RunRecord) -> bool:
        """Whether a record that agrees with this one is published, with its provenance."""
        config = record.config
        if not self.status(config).fresh or not record.within(self.record(config)):
            return False
        return (self.folder / "records" / f"{self._name(config)}.provenance.json").is_file()

    def _name(self, config):
        name = self.names.get(config.canonical())
        if name is None:
            run = f"{config.recipe}, seed {config.seed}"
            raise StoreError(f"no record of {run} in {self.folder}; `make reproduce` makes it")
        return name
