"""`measure`: evaluations of a finished run's kept checkpoints, added to its record, each once and each written at once.

A run that is killed in the middle of AutoAttack goes on from its journal (`cfa_nb.method.autoattack.Journal`).
"""

import hashlib
import time
from collections.abc import Sequence
from functools import cached_property

import torch

from cfa_nb import data
from cfa_nb.config import Attack, TrainConfig
from cfa_nb.data.batches import DTYPES
from cfa_nb.method import autoattack
from cfa_nb.method.evaluate import BATCH, attack_accuracy, confusion, outcomes, stages
from cfa_nb.method.metrics import ClassAccuracy
from cfa_nb.method.model import build
from cfa_nb.paths import slug
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

    Equal weights under one seeded attack give equal results, so they are attacked once.

    Args:
        config: the run's.
        store: holds it.
        evaluations: {"live/last": (Attack, ...)} on kept checkpoints; those that are not there need none.
        device: where to attack.
        confusions: [(checkpoint key, Attack of kind "pgd")] to count class by class.
    Returns:
        The completed record.
    """
    run = _FinishedRun(config, store, store.record(config), device)
    missing = missing_evaluations(run.record, evaluations)
    for key, attack in sorted(missing, key=lambda pair: pair[1].kind != "targeted"):  # they tell of others by the way
        run.evaluate(key, attack)
    for key, attack in missing_confusions(run.record, confusions):
        run.confuse(key, attack)
    return run.record


class _FinishedRun:
    """A finished run whose record is being completed."""

    def __init__(self, config, store, record, device):
        self.config, self.store, self.record, self.device = config, store, record, device
        self._digests = {}

    @cached_property
    def data(self):
        return data.load(self.config).to(self.device)

    def evaluate(self, key, attack):
        """One attack on one checkpoint, entered in the record; a journal lives until then."""
        if not missing_evaluations(self.record, {key: [attack]}):
            return
        if attack.kind == "targeted":
            return self._evaluate_stages(key, attack)
        started, evaluations = time.perf_counter(), self.record.evaluations
        journal = self._journal(key, attack) if attack.kind in autoattack.KINDS else None
        accuracy = self._of_equal_weights(key, lambda k: evaluations.get(k, {}).get(attack.key))
        if accuracy is None:
            classes, seed = self.data.num_classes, self.config.seed
            accuracy = attack_accuracy(self._network(key), self.data.test, attack, classes, seed, journal)
        evaluations.setdefault(key, {})[attack.key] = accuracy.with_share(self.config.worst_share)
        if journal is not None:
            self.record.attacks[attack.key] = autoattack.made_with(attack, BATCH, sum(accuracy.n))
        self._write(started)
        if journal is not None:
            journal.remove()

    def _evaluate_stages(self, key, attack):
        """A targeted attack, the PGD that it begins with, and clean: three accuracies, and each image's outcome."""
        started, record, place = time.perf_counter(), self.record, confusion_key(key, attack)
        twin = self._of_equal_weights(key, lambda k: record.outcomes.get(confusion_key(k, attack)) and k)
        if twin is None:
            split = self.data.test.first_per_class(attack.per_class)
            right = outcomes(self._network(key), split, attack, self.config.seed)
            accuracies = {n: ClassAccuracy.of(found, split.labels, self.data.num_classes) for n, found in right.items()}
            packed = pack_outcomes(right[attack.key].cpu().numpy(), split.labels.cpu().numpy())
        else:
            accuracies = {n: record.evaluations[twin][n] for n in stages(attack)}
            packed = record.outcomes[confusion_key(twin, attack)]
        shared = {name: a.with_share(self.config.worst_share) for name, a in accuracies.items()}
        record.evaluations[key] = record.evaluations.get(key, {}) | shared
        record.outcomes[place] = packed
        self._write(started)

    def confuse(self, key, attack):
        """The confusion matrix of one checkpoint under PGD, entered in the record."""
        started, confusions = time.perf_counter(), self.record.confusions
        counts = self._of_equal_weights(key, lambda k: confusions.get(confusion_key(k, attack)))
        if counts is None:
            classes, seed = self.data.num_classes, self.config.seed
            counts = confusion(self._network(key), self.data.test, attack, classes, seed).tolist()
        confusions[confusion_key(key, attack)] = tuple(map(tuple, counts))
        self._write(started)

    def _write(self, started):
        before = self.store.provenance(self.config)
        seconds = before.seconds_evaluate + time.perf_counter() - started
        self.store.write_record(self.config, self.record, before.with_evaluation(seconds))

    def _of_equal_weights(self, key, result_of):
        """The result of another checkpoint whose weights equal these, or None."""
        others = (k for k in self.record.checkpoints if k != key and result_of(k) is not None)
        return next((result_of(k) for k in others if self._equal(k, key)), None)

    def _equal(self, key, other):
        exists = self.store.weights_path(self.config, key).exists()  # a later policy may have let it go
        return exists and self._digest(key) == self._digest(other)

    def _digest(self, key):
        if key not in self._digests:
            self._digests[key] = digest_of(self.store.load_weights(self.config, key))
        return self._digests[key]

    def _network(self, key):
        model = build(self.config, self.data.num_classes, self.data.image_shape)
        model.load_state_dict(self.store.load_weights(self.config, key))
        return model.to(self.device, DTYPES[self.config.precision]).eval()

    def _journal(self, key, attack):
        file = self.store.path(self.config) / "evaluations" / f"{slug(key)}-{slug(attack.key)}.json"
        subject = dict(weights=self.record.checkpoints[key].sha256, data=self.record.data_hash)
        return autoattack.Journal(file, autoattack.about(attack, self.config.seed, BATCH, **subject))


def digest_of(tensors: dict[str, torch.Tensor]) -> str:
    """SHA-256 of names, types, shapes and values: equal for equal weights, whatever their files' headers say."""
    digest = hashlib.sha256()
    for name, tensor in sorted(tensors.items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        digest.update(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()
