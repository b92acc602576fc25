"""What a run leaves behind: a deterministic `RunRecord`.

A record holds whole numbers (hits and images per class) and nothing that depends on the machine or the day, so two
runs of one config can be compared byte for byte. Hardware, versions, seconds and the commit: `cfa_nb.runs.provenance`.
"""

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from cfa_nb.config import LIVE, Attack, Average, TrainConfig
from cfa_nb.method.metrics import ClassAccuracy, Measured

FORMAT = 1
LATER = ("attacks", "confusions", "outcomes")  # fields left out where empty: records without them stay as they were


class RecordError(ValueError):
    """A record that does not parse; the message names the file and what to do."""


@dataclass(frozen=True)
class EpochRecord:
    """One epoch: what it was trained with, and how its weights and the averages did at its end.

    `test` and `val` map a weights name ("live", "ema", "fawa") to `Measured`, or to None where nobody looks. An average
    that did not change keeps its last measurement. `accepted` says which averages accepted this epoch's weights.
    """

    epoch: int
    lr: float
    class_eps: tuple[float, ...]
    class_beta: tuple[float, ...]
    train_robust: ClassAccuracy
    train_clean: ClassAccuracy | None
    val: dict[str, Measured | None]
    test: dict[str, Measured | None]
    accepted: dict[str, bool]


@dataclass(frozen=True)
class Checkpoint:
    """Weights that the run kept: which epoch they come from, and the digest of their file."""

    epoch: int
    sha256: str


@dataclass
class RunRecord:
    """Everything deterministic that a run leaves: config, data, epochs, kept checkpoints, evaluations.

    `checkpoints` and `evaluations` are keyed by "<weights>/<selection>", such as "fawa/best"; selections are "best"
    (highest overall + worst robust accuracy on the test set, the released code's practice), "best_val" (the same on
    validation) and "last". An evaluation maps an attack's key, such as "pgd20", to its `ClassAccuracy`.

    `attacks` says of the evaluations that a library made (`cfa_nb.method.autoattack`), by the attack's key, how.
    `confusions` maps "<checkpoint>:<attack key>" to (K, K) counts: images of a class (row) taken for another (column).
    `outcomes` maps it to what became of each test image under a targeted attack, packed by `pack_outcomes`: two methods
    meet the same images, so that only image by image one sees how much of a difference is chance.
    """

    config: TrainConfig
    data_hash: str
    class_names: tuple[str, ...]
    averages: tuple[Average, ...]
    epochs: list[EpochRecord] = field(default_factory=list)
    checkpoints: dict[str, Checkpoint] = field(default_factory=dict)
    evaluations: dict[str, dict[str, ClassAccuracy]] = field(default_factory=dict)
    recipe_version: int | None = None  # None: the config's
    attacks: dict[str, dict] = field(default_factory=dict)
    confusions: dict[str, tuple[tuple[int, ...], ...]] = field(default_factory=dict)
    outcomes: dict[str, str] = field(default_factory=dict)

    def __post_init__(self):
        if self.recipe_version is None:
            self.recipe_version = self.config.recipe_version

    def reported(self, weights: str, selection: str) -> str:
        """Key of the checkpoint that stands for a table row: the live one's where the average never accepted."""
        key = f"{weights}/{selection}"
        return key if key in self.checkpoints else f"{LIVE}/{selection}"

    def never_accepted(self, weights: str) -> bool:
        """True if this average accepted no epoch, so that its rows show the live weights."""
        return weights != LIVE and f"{weights}/last" not in self.checkpoints

    def measured(self, weights: str, split: str, epoch: int) -> Measured | None:
        """The `Measured` of an epoch (from 1), or None."""
        return getattr(self.epochs[epoch - 1], split).get(weights)

    def within(self, other: "RunRecord") -> bool:
        """True if the other record is of the same run and agrees in all that this one holds; it may hold more."""
        return self.config == other.config and _within(json.loads(self.to_json()), json.loads(other.to_json()))

    def to_json(self) -> str:
        """Text that is equal, byte for byte, for equal records; an epoch a line, so that versions can be compared."""
        head = {
            "format": FORMAT,
            "recipe_version": self.recipe_version,
            "recipe": self.config.recipe,
            "config": self.config.to_dict(),
            "data_hash": self.data_hash,
            "class_names": self.class_names,
            "averages": self.averages,
        }
        lines = [f'"{name}":{_dump(value)}' for name, value in head.items()]
        lines.append('"epochs":[\n' + ",\n".join(map(_dump, self.epochs)) + "\n]")
        for name in ("checkpoints", "evaluations", *LATER):
            if (value := getattr(self, name)) or name not in LATER:
                lines.append(f'"{name}":{_dump(_sorted(value))}')
        return "{\n" + ",\n".join(lines) + "\n}\n"

    @classmethod
    def from_json(cls, text: str, source="record") -> "RunRecord":
        """The inverse of `to_json`.

        Raises:
            RecordError: if the text is no record of this format; `source` names the file in the message.
        """
        try:
            raw = json.loads(text)
            if raw.pop("format") != FORMAT:
                raise ValueError(f"another format than {FORMAT}, which this version reads")
            del raw["recipe"]  # follows from the config
            config = TrainConfig.from_dict(raw["config"])
            share, evaluations = config.worst_share, raw["evaluations"].items()
            values = dict(
                config=config,
                class_names=tuple(raw["class_names"]),
                averages=tuple(Average(**a) for a in raw["averages"]),
                epochs=[_epoch(e, share) for e in raw["epochs"]],
                checkpoints={k: Checkpoint(**v) for k, v in raw["checkpoints"].items()},
                evaluations={k: {a: _accuracy(v, share) for a, v in found.items()} for k, found in evaluations},
                confusions={k: tuple(map(tuple, rows)) for k, rows in raw.get("confusions", {}).items()},
            )
            return cls(**raw | values)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            advice = "move it away, and the run is trained again"
            raise RecordError(f"{source} is not a run record ({error!r}); {advice}") from error


def _within(value, other):
    """Whether JSON values agree where the first one has any: of a dict by its keys, of a list one by one."""
    if isinstance(value, dict) and isinstance(other, dict):
        return value.keys() <= other.keys() and all(_within(value[key], other[key]) for key in value)
    if isinstance(value, list) and isinstance(other, list):
        return len(value) == len(other) and all(map(_within, value, other))
    return value is None or value == other


def _dump(value):
    return json.dumps(value, separators=(",", ":"), default=_plain)


def _plain(value):
    """A dataclass as plain JSON values; a ClassAccuracy becomes [hits, n]."""
    return [value.hits, value.n] if isinstance(value, ClassAccuracy) else vars(value)


def _sorted(value):
    """A dict of dicts in the order of its keys."""
    return {k: _sorted(v) for k, v in sorted(value.items())} if isinstance(value, dict) else value


def _accuracy(packed, share):
    return packed and ClassAccuracy(*packed, share)


def _measured(packed, share):
    return packed and Measured(_accuracy(packed["clean"], share), _accuracy(packed["robust"], share))


def _epoch(raw, share):
    values = {name: tuple(raw[name]) for name in ("class_eps", "class_beta")}
    values |= {name: _accuracy(raw[name], share) for name in ("train_robust", "train_clean")}
    values |= {split: {k: _measured(v, share) for k, v in raw[split].items()} for split in ("val", "test")}
    return EpochRecord(**raw | values)


def missing_evaluations(record: RunRecord, evaluations: dict[str, Sequence[Attack]]) -> list[tuple[str, Attack]]:
    """(checkpoint key, Attack) pairs that a record lacks, of {"live/last": (Attack, ...)}.

    Checkpoints that are not there need none. A targeted attack has its outcomes, too.
    """
    wanted = {(key, a) for key, attacks in evaluations.items() if key in record.checkpoints for a in attacks}

    def lacks(key, attack):
        no_outcomes = attack.kind == "targeted" and confusion_key(key, attack) not in record.outcomes
        return no_outcomes or attack.key not in record.evaluations.get(key, {})

    return sorted((pair for pair in wanted if lacks(*pair)), key=lambda pair: (pair[0], pair[1].key))


def pack_outcomes(right: np.ndarray, labels: np.ndarray) -> str:
    """Text of a bit an image, (N,) bool, class after class, in each class in the order of the test set."""
    return base64.b64encode(np.packbits(right[np.argsort(labels, kind="stable")]).tobytes()).decode()


def unpack_outcomes(text: str, n: Sequence[int]) -> list[np.ndarray]:
    """The inverse, for a `ClassAccuracy.n`: K arrays (n_k,) of bool."""
    bits = np.unpackbits(np.frombuffer(base64.b64decode(text), np.uint8), count=sum(n)).astype(bool)
    return np.split(bits, np.cumsum(n)[:-1])


def confusion_key(key: str, attack: Attack) -> str:
    """Where a record keeps the confusion or the outcomes of a checkpoint under an attack: "live/last:pgd20"."""
    return f"{key}:{attack.key}"


def missing_confusions(record: RunRecord, confusions: Sequence[tuple[str, Attack]]) -> list[tuple[str, Attack]]:
    """(checkpoint key, Attack) pairs whose confusion a record lacks; checkpoints that are not there need none."""
    wanted = ((key, a) for key, a in dict.fromkeys(confusions) if key in record.checkpoints)
    return [(key, a) for key, a in wanted if confusion_key(key, a) not in record.confusions]
