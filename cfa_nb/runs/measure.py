"""`measure`: evaluations of a finished run's kept checkpoints, added to its record, each once and each written at once.

A run that is killed in the middle of AutoAttack goes on from its journal (`cfa_nb.method.autoattack.Journal`).
"""

import hashlib
import time
from functools import cached_property

import torch

from cfa_nb import data
from cfa_nb.data.batches import DTYPES
from cfa_nb.method import autoattack
from cfa_nb.method.evaluate import BATCH, adversarial_confusion, attack_accuracy
from cfa_nb.method.model import build
from cfa_nb.paths import slug
from cfa_nb.runs.record import confusion_key, missing_confusions, missing_evaluations


def measure(config, store, evaluations, device="cpu", confusions=()):
    """Adds the evaluations and confusion matrices that a finished run's record lacks.

    Equal weights under one seeded attack give equal results, so they are attacked once.

    Args:
        config: the run's.
        store: the `RunStore` that holds it.
        evaluations: {"live/last": (Attack, ...)} on kept checkpoints; one that never came to be is passed over.
        device: where to attack.
        confusions: [(checkpoint key, Attack of kind "pgd")] to count class by class.
    Returns:
        The `RunRecord`.
    """
    record = store.record(config)
    bench = _Bench(config, store, device, record)
    for key, attack in missing_evaluations(record, evaluations):
        bench.evaluate(key, attack)
    for key, attack in missing_confusions(record, confusions):
        bench.confuse(key, attack)
    return record


class _Bench:
    """A finished run on the bench: its network with one checkpoint's weights after the other, its test images."""

    def __init__(self, config, store, device, record):
        self.config, self.store, self.device, self.record = config, store, device, record
        self._digests = {}

    @cached_property
    def data(self):
        return data.load(self.config).to(self.device)

    def evaluate(self, key, attack):
        """One attack on one checkpoint, entered in the record; a journal lives until then."""
        started, done = time.perf_counter(), self.record.evaluations
        journal = self._journal(key, attack) if attack.kind in autoattack.KINDS else None
        accuracy = self._of_twin(key, lambda k: done.get(k, {}).get(attack.key)) or self._attack(key, attack, journal)
        done.setdefault(key, {})[attack.key] = accuracy
        if journal is not None:
            self.record.attacks[attack.key] = autoattack.made_with(attack, BATCH, sum(accuracy.n))
        self._write(started)
        if journal is not None:
            journal.remove()

    def confuse(self, key, attack):
        """The confusion matrix of one checkpoint under PGD, entered in the record."""
        started, done = time.perf_counter(), self.record.confusions
        counts = self._of_twin(key, lambda k: done.get(confusion_key(k, attack))) or self._confusion(key, attack)
        done[confusion_key(key, attack)] = counts
        self._write(started)

    def _write(self, started):
        before = self.store.provenance(self.config)
        seconds = before.seconds_evaluate + time.perf_counter() - started
        self.store.write_record(self.config, self.record, before.with_evaluation(seconds))

    def _of_twin(self, key, find):
        """What `find` knows of a checkpoint whose weights equal these, or None."""
        found = ((find(k), k) for k in self.record.checkpoints if k != key)
        return next((result for result, k in found if result is not None and self._equal(k, key)), None)

    def _equal(self, one, other):
        kept = self.store.weights_path(self.config, one).exists()  # a later policy may have let it go
        return kept and self._digest(one) == self._digest(other)

    def _digest(self, key):
        if key not in self._digests:
            self._digests[key] = digest_of(self.store.load_weights(self.config, key))
        return self._digests[key]

    def _network(self, key):
        model = build(self.config, self.data.num_classes, self.data.image_shape)
        model.load_state_dict(self.store.load_weights(self.config, key))
        return model.to(self.device, DTYPES[self.config.precision]).eval()

    def _attack(self, key, attack, journal):
        test, classes = self.data.test, self.data.num_classes
        accuracy = attack_accuracy(self._network(key), test, attack, classes, self.config.seed, journal)
        return accuracy.with_share(self.config.worst_share)

    def _confusion(self, key, attack):
        test, classes = self.data.test, self.data.num_classes
        counts = adversarial_confusion(self._network(key), test, attack, classes, self.config.seed)
        return tuple(tuple(int(n) for n in row) for row in counts)

    def _journal(self, key, attack):
        file = self.store.path(self.config) / "evaluations" / f"{slug(key)}-{slug(attack.key)}.json"
        subject = dict(weights=self.record.checkpoints[key].sha256, data=self.record.data_hash)
        return autoattack.Journal(file, autoattack.about(attack, self.config.seed, BATCH, **subject))


def digest_of(tensors):
    """SHA-256 of names, types, shapes and values: equal for equal weights, whatever their files' headers say."""
    digest = hashlib.sha256()
    for name, tensor in sorted(tensors.items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        digest.update(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()
