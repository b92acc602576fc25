"""`Bench`: a network with finished weights, and the test images to judge it on.

bench = prepare("runs/demo/at-s0-.../weights/live-last.safetensors")     # cfa_nb.card.prepare
attacks = bench.attacks(["pgd20", "aa"])
card = bench.judge(attacks)                  # a cfa_nb.card.card.Card
bench.settle(attacks)                        # once the card is kept: the journals of AutoAttack may go
"""

import hashlib
import logging
import re
from contextlib import contextmanager
from dataclasses import dataclass

import torch
import torch.nn as nn

from cfa_nb.card.card import Card, Result
from cfa_nb.card.weights import WeightsFile
from cfa_nb.config import Attack, TrainConfig
from cfa_nb.data.batches import to_float
from cfa_nb.data.dataset import Dataset
from cfa_nb.method import autoattack
from cfa_nb.method.evaluate import BATCH, attack_accuracy, clean_accuracy
from cfa_nb.paths import runs_dir, slug

EPS = 8 / 255  # the paper's margin, for weights that do not say theirs
QUERIES = 5000  # of Square, as in standard AutoAttack

_NAME = re.compile(r"(pgd)([1-9]\d*)|(square)([1-9]\d*)?|aa-fast|aa")


class UsageError(ValueError):
    """What was asked for cannot be; the message says what can."""


@dataclass(frozen=True)
class Bench:
    """Weights ready to be judged.

    network: its name. eps: the margin, in pixel units. nominal_eps: the weights' own one. config: the run's, of ours.
    """

    file: WeightsFile
    model: nn.Module
    network: str
    data: Dataset
    eps: float
    seed: int
    nominal_eps: float = EPS
    config: TrainConfig | None = None
    device: str = "cpu"
    notes: tuple[str, ...] = ()

    @property
    def alpha(self):
        """PGD's step: a quarter of the margin (2/255 of 8/255), or the run's own share of it."""
        if self.config is None:
            return self.eps / 4
        own = self.config.eval_alpha
        return own if self.eps == self.config.eval_eps else own * self.eps / self.config.eval_eps

    def attacks(self, names=None, per_class=None):
        """The `Attack`s of these names; None: PGD-20, and AutoAttack (Square where there are fewer than 10 classes).

        Raises:
            UsageError: if an attack is unknown, named twice, or cannot be run on so few classes.
        """
        few = self.data.num_classes <= autoattack.TARGETS
        names = check_attack_names(names or ("pgd20", "square" if few else "aa"))
        made = [attack_named(name, self.eps, self.alpha, per_class, self.nominal_eps) for name in names]
        try:
            for attack in made:
                autoattack.refuse(attack, self.data.num_classes)
        except ValueError as error:
            raise UsageError(str(error)) from error
        return made

    def judge(self, attacks, say=None):
        """The `Card`; `say` is called with a line of progress now and then."""
        share = self.config.worst_share if self.config else 0.0
        test = self.data.test.to(self.device)
        judged = test.first_per_class(attacks[0].per_class)
        model = self.model.to(self.device).eval()
        clean = clean_accuracy(model, judged, self.data.num_classes)
        with _heard(say) as warned:
            results = tuple(self._attacked(model, test, attack, clean, say, share) for attack in attacks)
        return self._card(clean.with_share(share), results, judged, warned)

    def _attacked(self, model, test, attack, clean, say, share):
        journal = self._journal(attack, clean) if attack.kind in autoattack.KINDS else None
        classes, progress = self.data.num_classes, _progress(attack, say)
        accuracy = attack_accuracy(model, test, attack, classes, self.seed, journal, progress)
        return Result(attack, accuracy.with_share(share), _made(attack, sum(accuracy.n)))

    def settle(self, attacks):
        """Removes the journals of finished attacks; their logs stay."""
        for attack in attacks:
            self._journal_file(attack).unlink(missing_ok=True)

    def check(self):
        """Raises `ValueError` unless the network takes the data's images and gives one finite logit a class."""
        shape, classes = self.data.image_shape, self.data.num_classes
        try:
            with torch.no_grad():
                x = to_float(self.data.test.images[:2], autoattack.dtype_of(self.model))
                logits = self.model.eval()(x)
        except (RuntimeError, TypeError, AttributeError) as error:
            raise ValueError(f"{self.network} cannot take images of shape {shape} ({_first_line(error)})") from error
        got = tuple(logits.shape) if isinstance(logits, torch.Tensor) else type(logits).__name__
        if got != (len(x), classes):
            raise ValueError(
                f"{self.network} must give logits ({len(x)}, {classes}) for {len(x)} images of {self.data.name}, "
                f"not {got}; name the --dataset that it was trained for"
            )
        if not logits.isfinite().all():
            raise ValueError(f"{self.network} gives logits that are not finite; are the weights damaged?")

    def _card(self, clean, results, judged, warned):
        weights = {"file": str(self.file.path), "sha256": self.file.sha256}
        if self.config is not None:
            run = dict(recipe=self.config.recipe, seed=self.config.seed, dataset=self.config.dataset)
            weights |= {"checkpoint": self.file.about["checkpoint"], **run}
        return Card(
            weights=weights,
            network={"name": self.network, "parameters": sum(p.numel() for p in self.model.parameters())},
            data={"name": self.data.name, "hash": hash_of(judged), "images": len(judged)},
            threat={"norm": "L-inf", "eps": self.eps, "seed": self.seed},
            class_names=self.data.class_names,
            clean=clean,
            results=results,
            notes=(*self.notes, *warned),
        )

    def _journal_file(self, attack):
        name = f"{self.file.sha256[:12]}-{hash_of(self.data.test)[:8]}-{slug(attack.key)}.json"
        return runs_dir() / "evaluations" / name

    def _journal(self, attack, clean):
        """Clean hits stand for the network's code, which the weights' digest does not know."""
        subject = dict(weights=self.file.sha256, data=hash_of(self.data.test), network=self.network, clean=clean.hits)
        return autoattack.Journal(self._journal_file(attack), autoattack.about(attack, self.seed, BATCH, **subject))


def check_attack_names(names):
    """The names as they are.

    Raises:
        UsageError: if one is unknown, or two mean the same.
    """
    for name in names:
        if not _NAME.fullmatch(name):
            known = "pgd with its steps (pgd20), square or with its queries (square1000), aa-fast, aa"
            raise UsageError(f"unknown attack {name!r}; there are {known}")
    keys = [attack_named(name, EPS, 0.0).key for name in names]
    if twice := sorted({k for k in keys if keys.count(k) > 1}):
        raise UsageError(f"named twice: {', '.join(twice)}")
    return tuple(names)


def attack_named(name, eps, alpha, per_class=None, nominal_eps=None):
    """The `Attack` of a name such as "pgd20" or "aa"; `alpha` is PGD's step, both in pixel units."""
    kind, steps = re.fullmatch(r"(pgd|square|aa-fast|aa)(\d*)", name).groups()
    steps = int(steps) if steps else QUERIES * (kind == "square")
    return Attack(kind, eps, alpha if kind == "pgd" else 0.0, steps, per_class, nominal_eps)


def _made(attack, images):
    if attack.kind in autoattack.KINDS:
        return autoattack.made_with(attack, BATCH, images)
    return dict(
        kind=attack.kind, eps=attack.eps, alpha=attack.alpha, steps=attack.steps, batch_size=BATCH, images=images
    )


def hash_of(split):
    """SHA-256 (16 hex digits) of a split's pixels and labels: which images a card is about."""
    digest = hashlib.sha256(str(tuple(split.images.shape)).encode())
    for tensor in (split.images, split.labels):
        digest.update(tensor.cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()[:16]


def _progress(attack, say):
    if say is None:
        return None
    return lambda done, batches, seen: say(
        f"{attack.label}: batch {done} of {batches}, {100 * seen.overall:.1f} % of {sum(seen.n):,} images withstood"
    )


@contextmanager
def _heard(say):
    """What AutoAttack says inside the block is said, too: the outcome of each of its attacks, and its warnings.

    Yields the list of its warnings; those that differ in their numbers only are heard once.
    """
    warned = {}

    def emit(record):
        text = record.getMessage().removesuffix(" See flags_doc.md for details.")
        kind = re.sub(r"[\d.]+", "", text)
        if record.levelno >= logging.WARNING and kind not in warned:
            warned[kind] = f"AutoAttack warns: {text}"
            line = warned[kind]
        elif text.startswith("robust accuracy after"):
            line = f"  AutoAttack: {text}"
        else:
            return
        if say:
            say(line)

    handler = logging.Handler()
    handler.emit = emit
    autoattack.LOGGER.addHandler(handler)
    try:
        yield warned.values()
    finally:
        autoattack.LOGGER.removeHandler(handler)


def _first_line(error):
    return str(error).partition("\n")[0]
