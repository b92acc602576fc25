"""`measure`: evaluations of a finished run's kept checkpoints, added to its record, each once and each written at once.

A run that is killed in the middle of AutoAttack goes on from its journal (`cfa_nb.method.autoattack.Journal`).
"""

import time
from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property

import torch

from cfa_nb import data
from cfa_nb.config import Attack, TrainConfig
from cfa_nb.data.batches import DTYPES
from cfa_nb.files import slug
from cfa_nb.method import autoattack
from cfa_nb.method.evaluate import BATCH, attack_accuracy, confusion, outcomes, stages
from cfa_nb.method.metrics import ClassAccuracy
from cfa_nb.method.model import build
from cfa_nb.runs.record import RunRecord, confusion_key, missing_confusions, missing_evaluations, pack_outcomes
from cfa_nb.runs.store import RunStore


def measure(
    config: TrainConfig,
    store: RunStore,
    evaluations: dict[str, Sequence[Attack]],
    device: str | torch.device = "cpu",
    confusions: Sequence[tuple[str, Attack]] = (),
) -> RunRecord:
    """Adds the evaluations and confusion matrices that a finished run's record lacks.

    Args:
        config: the run's.
        store: holds it.
        evaluations: {"live/last": (Attack, ...)} on kept checkpoints; those that are not there need none.
        device: where to attack.
        confusions: [(checkpoint key, Attack of kind "pgd")] to count class by class.
    Returns:
        The completed record.
    """
    run = _FinishedRun(config, store, device)
    missing = missing_evaluations(run.record, evaluations)
    for key, attack in sorted(missing, key=lambda pair: pair[1].kind != "targeted"):  # they tell of others by the way
        if missing_evaluations(run.record, {key: [attack]}):
            run.evaluate(key, attack)
    for key, attack in missing_confusions(run.record, confusions):
        run.confuse(key, attack)
    return run.record


class _FinishedRun:
    """A finished run whose record is being completed."""

    def __init__(self, config, store, device):
        self.config, self.store, self.record, self.device = config, store, store.record(config), device

    @cached_property
    def data(self):
        return data.load(self.config).to(self.device)

    def evaluate(self, key, attack):
        """One attack on one checkpoint, entered in the record; equal weights are attacked once."""
        started, record, journal = time.perf_counter(), self.record, self._journal(key, attack)
        twin, packed = self._twin(key, attack), None
        if twin:
            accuracies = {name: record.evaluations[twin][name] for name in stages(attack)}
            packed = record.outcomes.get(confusion_key(twin, attack))
        elif journal:
            options = self.data.num_classes, self.config.seed, journal
            accuracies = {attack.key: attack_accuracy(self._network(key), self.data.test, attack, *options)}
        else:
            split = self.data.test.first_per_class(attack.per_class)
            right = outcomes(self._network(key), split, attack, self.config.seed)
            accuracies = {n: ClassAccuracy.of(found, split.labels, self.data.num_classes) for n, found in right.items()}
            if attack.kind == "targeted":
                packed = pack_outcomes(right[attack.key].cpu().numpy(), split.labels.cpu().numpy())
        shared = {name: a.with_share(self.config.worst_share) for name, a in accuracies.items()}
        record.evaluations[key] = record.evaluations.get(key, {}) | shared
        if packed:
            record.outcomes[confusion_key(key, attack)] = packed
        if journal:
            made = dict(kind=attack.kind, eps=attack.eps, batch_size=BATCH, library=autoattack.library())
            record.attacks[attack.key] = made | {"images": sum(shared[attack.key].n)}
        self._write(started)
        if journal:
            journal.remove()

    def confuse(self, key, attack):
        """The confusion matrix of one checkpoint under PGD, entered in the record."""
        started = time.perf_counter()
        counts = confusion(self._network(key), self.data.test, attack, self.data.num_classes, self.config.seed)
        self.record.confusions[confusion_key(key, attack)] = tuple(map(tuple, counts.tolist()))
        self._write(started)

    def _write(self, started):
        before = self.store.provenance(self.config)
        seconds = round(before.seconds_evaluate + time.perf_counter() - started, 2)
        self.store.write_record(self.config, self.record, replace(before, seconds_evaluate=seconds))

    def _twin(self, key, attack):
        """A checkpoint of the same weights that this attack has met, or None."""
        twins = (k for k in self.record.checkpoints if self._origin(k) == self._origin(key))
        return next((k for k in twins if not missing_evaluations(self.record, {k: [attack]})), None)

    def _origin(self, key):
        """(weights, epoch of their last change) of a checkpoint: an average rests where it accepts no epoch."""
        weights, last = key.partition("/")[0], self.record.checkpoints[key].epoch
        return weights, max(e.epoch for e in self.record.epochs[:last] if e.accepted.get(weights, True))

    def _network(self, key):
        model = build(self.config, self.data.num_classes, self.data.image_shape)
        model.load_state_dict(self.store.load_weights(self.config, key))
        return model.to(self.device, DTYPES[self.config.precision]).eval()

    def _journal(self, key, attack):
        if attack.kind not in autoattack.KINDS:
            return None
        stem = self.store.path(self.config) / "evaluations" / f"{slug(key)}-{slug(attack.key)}"
        subject = dict(weights=self.record.checkpoints[key].sha256, data=self.record.data_hash)
        return autoattack.Journal(stem, attack, self.config.seed, BATCH, **subject)
