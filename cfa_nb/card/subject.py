"""`Subject`: a network with finished weights, ready to be attacked, and the test images to attack it on.

subject = load_subject("runs/fashion/at-s40-.../weights/live-last.safetensors")
card = subject.card(subject.attacks(attack_kinds("pgd20,aa")))
"""

import logging
import os
import pkgutil
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from logging.handlers import BufferingHandler
from pathlib import Path

import torch
from click import UsageError

from cfa_nb import data as datasets
from cfa_nb.card.card import checks, summary
from cfa_nb.card.weights import WeightsFile, fill, from_release, is_release, read
from cfa_nb.config import Attack, TrainConfig
from cfa_nb.data.batches import DTYPES, to_float
from cfa_nb.files import runs_dir
from cfa_nb.method import autoattack
from cfa_nb.method.evaluate import BATCH, attack_accuracy
from cfa_nb.method.model import STATISTICS, PreActResNet, build, dtype_of

RELEASE = "preactresnet18"


@dataclass(frozen=True)
class Subject:
    """Weights ready to be attacked. network: its name. config: our run's; for foreign weights the paper's defaults."""

    file: WeightsFile
    model: torch.nn.Module
    network: str
    data: datasets.Dataset
    config: TrainConfig

    def attacks(
        self, kinds: Sequence[tuple[str, int]] | None = None, eps: float | None = None, per_class: int | None = None
    ) -> list[Attack]:
        """`Attack`s of these kinds and steps (`attack_kinds`), on the first `per_class` images of each class.

        Without kinds: PGD-20, and AutoAttack or, where there are fewer than 10 classes, Square. `eps` is in pixel units
        (default: the config's). Raises `ValueError` if an attack needs more classes.
        """
        nominal, classes = self.config.eval_eps, self.data.num_classes
        kinds = kinds or attack_kinds("pgd20,aa" if classes > autoattack.TARGETS else "pgd20,square")
        eps, attacks = eps or nominal, []
        for kind, steps in kinds:
            alpha = self.config.eval_alpha * (eps / nominal) if kind in ("pgd", "targeted") else 0.0
            attacks.append(Attack(kind, eps, alpha, steps, per_class, nominal))
            autoattack.refuse(attacks[-1], classes)
        return attacks

    def card(self, attacks: list[Attack], device: str = "cpu") -> dict:
        """The card of these attacks (`cfa_nb.card.card`), ready for JSON; a bar on stderr shows how far each is."""
        seed, data_hash = self.config.seed, self.data.content_hash
        images, model = self.data.test.first_per_class(attacks[0].per_class).to(device), self.model.to(device)
        subject = {"weights": self.file.sha256, "checkpoint": self.file.checkpoint, "network": self.network}
        subject |= {"data": data_hash}
        results, journals, warnings = {}, {}, BufferingHandler(capacity=10**6)
        warnings.setLevel(logging.WARNING)
        autoattack.LOGGER.addHandler(warnings)
        try:
            for attack in (Attack("clean", 0.0), *attacks):
                if attack.kind in autoattack.KINDS:
                    stem = runs_dir() / "evaluations" / attack.kind
                    journals[attack] = autoattack.Journal(stem, attack, seed, BATCH, **subject)
                options = self.data.num_classes, seed, journals.get(attack), attack.kind != "clean"
                accuracy = attack_accuracy(model, images, attack, *options)
                results[attack] = accuracy.with_share(self.config.worst_share)
                subject.setdefault("clean", accuracy.hits)  # stands for the network's code, which no digest knows
        finally:
            autoattack.LOGGER.removeHandler(warnings)
        for journal in journals.values():
            journal.remove()
        return {
            "format": 1,
            "weights": {"file": str(self.file.path), "sha256": self.file.sha256} | self._run(),
            "network": {"name": self.network, "parameters": sum(p.numel() for p in model.parameters())},
            "data": {"name": self.data.name, "hash": data_hash, "images": len(images)},
            "threat": {"norm": "L-inf", "eps": attacks[0].eps, "seed": seed},
            "class_names": list(self.data.class_names),
            "attacks": {attack.key: _made(attack) for attack in attacks},
            "results": {a.key: summary(a, accuracy, self.data.class_names) for a, accuracy in results.items()},
            "checks": checks(results),
            "notes": [*self._notes(), *dict.fromkeys(f"AutoAttack warns: {r.getMessage()}" for r in warnings.buffer)],
        }

    def _run(self):
        """Which run of ours the weights come from."""
        run = {name: getattr(self.config, name) for name in ("recipe", "seed", "dataset")}
        return {"checkpoint": self.file.checkpoint} | run if self.file.header else {}

    def _notes(self):
        if self.file.header and self.file.header["data_hash"] != self.data.content_hash:
            yield "these are not the data of the weights' own run"


def _made(attack):
    made = {name: getattr(attack, name) for name in ("kind", "eps", "alpha", "steps")} | {"batch_size": BATCH}
    return made | ({"library": autoattack.library()} if attack.kind in autoattack.KINDS else {})


def load_subject(
    path: str | Path,
    architecture: str | None = None,
    dataset: str | None = None,
    image_size: int | None = None,
    checkpoint: str | None = None,
) -> Subject:
    """The `Subject` in a file of weights; ours say in their header which network and data they belong to.

    Args:
        path: .safetensors, or a state dict written by torch.save.
        architecture: of foreign weights: "preactresnet18" (recognised by its names), or "package.module:callable".
        dataset: a key of `cfa_nb.data.LOADERS`, or "folder:<name>" (default: the run's own data; CIFAR-10).
        image_size: a folder's images are resized to this side, in pixels.
        checkpoint: which one of a published file, such as "fawa/last".
    Raises:
        UsageError: if it has to be said which network the weights belong to, or must not be.
        ValueError: if the file cannot be read, or file, network and data do not fit one another.
    """
    file = read(path, checkpoint)
    if file.header:
        if architecture:
            raise UsageError(f"{path} says itself which network it belongs to; leave --architecture out")
        config = TrainConfig.from_dict(file.header["config"])
        name = f"{config.model}, width {config.width}, depth {config.depth}"
        images = _images(config, dataset, image_size)
        model = build(config, len(file.header["class_names"]), images.image_shape).to(dtype=DTYPES[config.precision])
        fill(model, file.tensors, path)
    else:
        config, name = TrainConfig(), architecture or RELEASE
        model = _foreign_network(file, architecture, dataset)
        images = _images(config, dataset, image_size)
    _check_logits(name, model, images)
    return Subject(file, model, name, images, config)


def _images(config, dataset, image_size):
    """The data of the run itself, or another dataset, whole."""
    if dataset in (None, config.dataset) and not image_size:
        return datasets.load(config)
    whole = dict(train_per_class=None, val_per_class=1, test_per_class=None)
    return datasets.load(replace(config, dataset=dataset or config.dataset, image_size=image_size, **whole))


def _foreign_network(file, architecture, dataset):
    """The network that a file without our header belongs to, with its weights: the user's, or the released one."""
    tensors, released = file.tensors, is_release(file.tensors)
    if architecture in (None, RELEASE):
        if not (architecture or released):
            reason = "has no header that says which network it belongs to, and its names are not those of the paper's"
            raise UsageError(f"{file.path} {reason} released checkpoints; give --architecture package.module:callable")
        statistics = STATISTICS.get(dataset, STATISTICS["cifar10"])
        model = PreActResNet(len(tensors.get("linear.weight", range(10))), statistics=statistics)
        tensors = from_release(tensors) if released else tensors
    else:
        model = _users_network(architecture)
    fill(model, tensors, file.path)
    return model


def _users_network(architecture):
    """What the callable "package.module:callable" makes; modules of the current folder come first."""
    sys.path.insert(0, os.getcwd())
    try:
        model = pkgutil.resolve_name(architecture)()
    except Exception as error:  # the user's own code
        reason = f"{type(error).__name__}: {error}"
        raise ValueError(f"--architecture {architecture}: no package.module:callable that works ({reason})") from error
    if not isinstance(model, torch.nn.Module):
        raise ValueError(f"{architecture}() must give an nn.Module, not {type(model).__name__}")
    return model


def _check_logits(network, model, images):
    """Raises `ValueError` unless the network takes the data's images and gives one finite logit a class."""
    try:
        with torch.no_grad():
            logits = model.eval()(to_float(images.test.images[:2], dtype_of(model)))
        shape = tuple(logits.shape)
    except (RuntimeError, TypeError, AttributeError) as error:
        reason = str(error).partition("\n")[0]
        raise ValueError(f"{network} cannot take images of shape {images.image_shape} ({reason})") from error
    if shape != (2, images.num_classes):
        wanted = f"logits (2, {images.num_classes}) for 2 images of {images.name}"
        raise ValueError(f"{network} must give {wanted}, not {shape}; name the --dataset that it was trained for")
    if not logits.isfinite().all():
        raise ValueError(f"{network} gives logits that are not finite; are the weights damaged?")


def attack_kinds(names: str) -> list[tuple[str, int]]:
    """Kind and steps of each attack in "pgd20,square,aa"; raises `UsageError` if one is unknown."""
    kinds = []
    for name in names.split(","):
        match = re.fullmatch(r"(pgd|targeted|square)([1-9]\d*)|(square|aa-fast|aa)", name)
        if not match:
            choice = "pgd and targeted with their steps (pgd20), square or with its queries (square1000), aa-fast, aa"
            raise UsageError(f"--attacks: unknown attack {name!r}; there are {choice}")
        kind = match[1] or match[3]
        kinds.append((kind, int(match[2] or (5000 if kind == "square" else 0))))  # as many queries as AutoAttack
    return kinds
