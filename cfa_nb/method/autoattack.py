"""AutoAttack and parts of it (`pyautoattack`), class by class and resumable after each batch.

    journal = Journal(folder / "live-last-aa", attack, seed=0, batch_size=1000, weights=sha256)
    accuracy = total(list(batch_accuracies(model, batches, attack, 10, seed=0, journal=journal)))
    journal.remove()  # once the result is kept elsewhere

Standard AutoAttack on 10,000 images takes a GPU an hour or so. The library can save its state between attacks, but
cannot go on from it (version 0.2.0), so the batches that are done are kept here.
"""

import hashlib
import json
import logging
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path

import torch
import torch.nn as nn

from cfa_nb.config import Attack
from cfa_nb.data.batches import to_float
from cfa_nb.files import make_folder, write
from cfa_nb.method.metrics import ClassAccuracy
from cfa_nb.method.model import dtype_of, frozen, in_mode

KINDS = ("aa", "aa-fast", "square")
TARGETED = ("aa", "aa-fast")
TARGETS = 9  # classes that each targeted attack of the standard version tries
LOGGER = logging.getLogger("auto-attack")  # the library's


def library() -> str:
    """Name and version of the library that attacks, such as "pyautoattack 0.2.0": an evaluation is recorded with it."""
    return f"pyautoattack {version('pyautoattack')}"


def refuse(attack: Attack, num_classes: int) -> None:
    """Raises `ValueError` if an attack cannot be run on this many classes: the targeted ones need nine targets."""
    if attack.kind in TARGETED and num_classes <= TARGETS:
        name = "standard AutoAttack" if attack.kind == "aa" else attack.label
        raise ValueError(f"{name} needs {TARGETS + 1} classes, this data has {num_classes}; use PGD or Square")


def batch_accuracies(
    model: nn.Module, batches: list, attack: Attack, num_classes: int, seed: int, journal: "Journal | None" = None
) -> Iterator[ClassAccuracy]:
    """`ClassAccuracy` of each batch under an `Attack` of one of `KINDS`; `seed` seeds every attack of every batch.

    Args:
        model: from (B, C, H, W) in [0, 1] to logits (B, K).
        batches: [(uint8 images, labels)]; their size is part of what is drawn.
        journal: a `Journal`: its batches are not attacked again, and each new one is entered.
    """
    done = {} if journal is None else journal.done
    for index, (images, y) in enumerate(batches):
        if index not in done:
            with in_mode(model, "eval"), _contained(model, journal):
                done[index] = _attack_batch(model, to_float(images, dtype_of(model)), y, attack, num_classes, seed)
            if journal is not None:
                journal.save()
        yield done[index]


def _attack_batch(model, x, y, attack, num_classes, seed):
    x_adv, _ = _library_attack(model, attack, seed, x.device).run_standard_evaluation(x, y, batch_size=len(y))
    with torch.no_grad():
        return ClassAccuracy.of(model(x_adv).argmax(dim=1) == y, y, num_classes)


def _library_attack(model, attack, seed, device):
    from pyautoattack import AutoAttack

    shared = dict(norm="Linf", eps=attack.eps, seed=seed, device=str(device))
    if attack.kind == "aa":
        return AutoAttack(model, version="standard", **shared)
    parts = ["square"] if attack.kind == "square" else ["apgd-ce", "apgd-t"]
    adversary = AutoAttack(model, version="custom", attacks=parts, **shared)
    adversary.apgd.n_restarts = 1  # as in the standard version; the library's own default is 5
    if attack.kind == "square":
        adversary.square.n_queries = attack.steps
    return adversary


def total(parts: Sequence[ClassAccuracy]) -> ClassAccuracy:
    """The accuracy of several batches together."""
    return ClassAccuracy(*(tuple(map(sum, zip(*(getattr(p, name) for p in parts)))) for name in ("hits", "n")))


class Journal:
    """The finished batches of one evaluation, in a small JSON file: what a killed process leaves for the next one.

    `done` maps a batch's index to its `ClassAccuracy`. The name of the file holds a digest of all that the result
    depends on, so that no other evaluation finds it. The library's own lines are appended to `log`, which stays.

    Args:
        stem: folder and beginning of the file's name; made with the first batch.
        attack, seed, batch_size: of the evaluation.
        subject: names the weights and the data, ready for JSON.
    Raises:
        ValueError: if its file is damaged.
    """

    def __init__(self, stem: Path, attack: Attack, seed: int, batch_size: int, **subject):
        about = {"attack": asdict(attack), "seed": seed, "batch_size": batch_size, "library": library(), **subject}
        digest = hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()[:16]
        self.file, self.log = (stem.with_name(f"{stem.name}-{digest}{suffix}") for suffix in (".json", ".log"))
        try:
            done = json.loads(self.file.read_text()) if self.file.exists() else {}
            self.done = {int(index): ClassAccuracy(*counts) for index, counts in done.items()}
        except (ValueError, TypeError, AttributeError) as error:
            raise ValueError(f"{self.file} is damaged; remove it, and its batches are attacked again") from error

    def save(self) -> None:
        """Writes the file, once a batch is entered in `done`."""
        done = {index: [accuracy.hits, accuracy.n] for index, accuracy in self.done.items()}
        write(self.file, json.dumps(done, indent=1).encode())

    def remove(self) -> None:
        """Deletes the file: its result is kept elsewhere."""
        self.file.unlink(missing_ok=True)


@contextmanager
def _contained(model, journal):
    """Inside the block the library's lines go to the journal's log, and to handlers put on `LOGGER` itself.

    The library would fill in parameters' gradients, seeds the global generator and clears the trace function: they are
    as before at the end.
    """
    trace, level, propagate = sys.gettrace(), LOGGER.level, LOGGER.propagate
    handler = logging.NullHandler()
    if journal is not None:
        make_folder(journal.log.parent)
        handler = logging.FileHandler(journal.log)
        handler.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
        LOGGER.setLevel(logging.DEBUG)
        LOGGER.propagate = False
    LOGGER.addHandler(handler)
    try:
        with torch.random.fork_rng(), frozen(model):
            yield
    finally:
        LOGGER.removeHandler(handler)
        handler.close()
        LOGGER.setLevel(level)
        LOGGER.propagate = propagate
        sys.settrace(trace)
