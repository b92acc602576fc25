"""`Subject`: a network with finished weights, ready to be attacked, and the test images to attack it on.

subject = load_subject("runs/fashion/at-s40-.../weights/live-last.safetensors")
card = subject.card(subject.attacks("pgd20,aa"))
"""

import hashlib
import logging
import os
import pkgutil
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from click import UsageError

from cfa_nb import data as datasets
from cfa_nb.card.card import Card, Result
from cfa_nb.card.weights import WeightsFile, fill, from_release, is_release, read
from cfa_nb.config import Attack, TrainConfig
from cfa_nb.data.batches import DTYPES, to_float
from cfa_nb.method import autoattack
from cfa_nb.method.evaluate import BATCH, attack_accuracy, clean_accuracy
from cfa_nb.method.model import STATISTICS, PreActResNet, build, dtype_of
from cfa_nb.paths import runs_dir, slug
from cfa_nb.runs.measure import digest_of

RELEASE = "preactresnet18"


@dataclass(frozen=True)
class Subject:
    """Weights ready to be attacked. network: its name. config: our run's; for foreign weights the paper's defaults."""

    file: WeightsFile
    model: torch.nn.Module
    network: str
    data: datasets.Dataset
    config: TrainConfig

    def attacks(self, names: str | None = None, eps: float | None = None, per_class: int | None = None) -> list[Attack]:
        """The `Attack`s of a list such as "pgd20,aa", on the first `per_class` images of each class.

        Without names: PGD-20, and AutoAttack or, where there are fewer than 10 classes, Square. `eps` is in pixel units
        (default: the config's). Raises `UsageError` if an attack is unknown, named twice, or needs more classes.
        """
        nominal, classes = self.config.eval_eps, self.data.num_classes
        eps = eps or nominal
        alpha = self.config.eval_alpha * (eps / nominal)
        kinds = attack_kinds(names or ("pgd20,aa" if classes > autoattack.TARGETS else "pgd20,square"))
        steps_of_alpha = ("pgd", "targeted")  # the others choose their own
        attacks = [Attack(k, eps, alpha * (k in steps_of_alpha), steps, per_class, nominal) for k, steps in kinds]
        try:
            for attack in attacks:
                autoattack.refuse(attack, classes)
        except ValueError as error:
            raise UsageError(str(error)) from error
        return attacks

    def card(
        self, attacks: list[Attack], seed: int | None = None, device: str = "cpu", report: Callable[[str], None] = print
    ) -> Card:
        """The `Card` of these attacks; `report` is called with a line of progress now and then."""
        seed = self.config.seed if seed is None else seed
        test, model = self.data.test.to(device), self.model.to(device)
        images = test.first_per_class(attacks[0].per_class)
        clean = clean_accuracy(model, images, self.data.num_classes)
        library = _LibraryLines(report)
        autoattack.LOGGER.addHandler(library)
        try:
            results = tuple(self._result(attack, test, seed, clean, report) for attack in attacks)
        finally:
            autoattack.LOGGER.removeHandler(library)
        weights, notes = {"file": str(self.file.path), "sha256": self.file.sha256}, []
        if header := self.file.header:
            run = {name: getattr(self.config, name) for name in ("recipe", "seed", "dataset")}
            weights |= {"checkpoint": header["checkpoint"], **run}
            if header["data_hash"] != self.data.content_hash:
                notes.append("these are not the data of the weights' own run")
        return Card(
            weights=weights,
            network={"name": self.network, "parameters": sum(p.numel() for p in model.parameters())},
            data={"name": self.data.name, "hash": _hash(images), "images": len(images)},
            threat={"norm": "L-inf", "eps": attacks[0].eps, "seed": seed},
            class_names=self.data.class_names,
            clean=clean.with_share(self.config.worst_share),
            results=results,
            notes=(*notes, *library.warnings.values()),
        )

    def _result(self, attack, test, seed, clean, report):
        def progress(done, batches, so_far):
            withstood = f"{100 * so_far.overall:.1f} % of {sum(so_far.n):,} images withstood"
            report(f"{attack.label}: batch {done} of {batches}, {withstood}")

        journal = None
        if attack.kind in autoattack.KINDS:
            # clean hits stand for the network's code, which the weights' digest does not know
            about = dict(weights=digest_of(self.file.tensors), data=_hash(test), network=self.network, clean=clean.hits)
            journal = autoattack.Journal(self.journal_file(attack), autoattack.about(attack, seed, BATCH, **about))
        accuracy = attack_accuracy(self.model, test, attack, self.data.num_classes, seed, journal, progress)
        if journal:
            made = autoattack.made_with(attack, BATCH, sum(accuracy.n))
        else:
            made = {name: getattr(attack, name) for name in ("kind", "eps", "alpha", "steps")}
            made |= {"batch_size": BATCH, "images": sum(accuracy.n)}
        return Result(attack, accuracy.with_share(self.config.worst_share), made)

    def journal_file(self, attack: Attack) -> Path:
        """Where the finished batches of AutoAttack are kept; to be removed once the card is written."""
        name = f"{digest_of(self.file.tensors)[:12]}-{_hash(self.data.test)[:8]}-{slug(attack.key)}.json"
        return runs_dir() / "evaluations" / name


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
        UsageError: if what was asked for is unknown, or does not fit the file.
        ValueError: if the file cannot be read, or file, network and data do not fit one another.
    """
    if dataset is not None and not re.fullmatch("|".join((*datasets.LOADERS, "folder:.+")), dataset):
        raise UsageError(f"unknown dataset {dataset!r}; there are {', '.join(datasets.LOADERS)} and folder:NAME")
    file = read(path, checkpoint)
    header, tensors, release = file.header, file.tensors, is_release(file.tensors)
    if header and architecture:
        raise UsageError(f"{path} says itself which network it belongs to; leave --architecture out")
    if not (header or architecture or release):
        reason = "has no header that says which network it belongs to, and its names are not those of the paper's"
        raise UsageError(f"{path} {reason} released checkpoints; give --architecture package.module:callable")
    config = TrainConfig.from_dict(header["config"] if header else {})
    model = None if architecture in (None, RELEASE) else _users_network(architecture)  # before the data: a download
    if dataset not in (None, config.dataset) or image_size:
        everything = dict(train_per_class=None, val_per_class=1, test_per_class=None)
        images = datasets.load(replace(config, dataset=dataset or config.dataset, image_size=image_size, **everything))
    else:
        images = datasets.load(config)
    network = architecture or RELEASE
    if header:
        network = f"{config.model}, width {config.width}, depth {config.depth}"
        shape = tuple(header["image_shape"] or images.image_shape)
        if images.image_shape != shape:
            raise ValueError(f"{path} takes images of shape {shape}, not those of {images.name}, {images.image_shape}")
        model = build(config, len(header["class_names"]), shape).to(dtype=DTYPES[config.precision])
    elif model is None:
        classes = len(tensors.get("linear.weight", images.class_names))
        model = PreActResNet(classes, images.image_shape, statistics=STATISTICS.get(images.name, STATISTICS["cifar10"]))
        tensors = from_release(tensors) if release else tensors
    fill(model, tensors, path)
    _check_logits(network, model, images)
    return Subject(file, model, network, images, config)


def _users_network(architecture):
    """What the callable "package.module:callable" makes; modules of the current folder come first."""
    if not re.fullmatch(r"[^\W\d][\w.]*:[^\W\d][\w.]*", architecture):
        raise UsageError(f"--architecture must be {RELEASE} or package.module:callable, not {architecture!r}")
    sys.path.insert(0, os.getcwd())
    try:
        constructor = pkgutil.resolve_name(architecture)
    except (ImportError, AttributeError) as error:
        raise UsageError(f"--architecture {architecture} cannot be imported ({error})") from error
    if not callable(constructor):
        raise UsageError(f"--architecture {architecture} is no callable, but {type(constructor).__name__}")
    try:
        model = constructor()
    except Exception as error:  # the user's own code
        raise ValueError(f"{architecture}() failed: {type(error).__name__}: {error}") from error
    if not isinstance(model, torch.nn.Module):
        raise UsageError(f"{architecture}() must give an nn.Module, not {type(model).__name__}")
    return model


def _check_logits(network, model, images):
    """Raises `ValueError` unless the network takes the data's images and gives one finite logit a class."""
    try:
        with torch.no_grad():
            logits = model.eval()(to_float(images.test.images[:2], dtype_of(model)))
    except (RuntimeError, TypeError, AttributeError) as error:
        reason = str(error).partition("\n")[0]
        raise ValueError(f"{network} cannot take images of shape {images.image_shape} ({reason})") from error
    shape = tuple(logits.shape) if isinstance(logits, torch.Tensor) else type(logits).__name__
    if shape != (2, images.num_classes):
        wanted = f"logits (2, {images.num_classes}) for 2 images of {images.name}"
        raise ValueError(f"{network} must give {wanted}, not {shape}; name the --dataset that it was trained for")
    if not logits.isfinite().all():
        raise ValueError(f"{network} gives logits that are not finite; are the weights damaged?")


def attack_kinds(names: str) -> list[tuple[str, int]]:
    """Kind and steps of each attack in "pgd20,square,aa"; raises `UsageError` if one is unknown or named twice."""
    kinds = []
    for name in names.split(","):
        match = re.fullmatch(r"(pgd|targeted|square)([1-9]\d*)|(square|aa-fast|aa)", name)
        if not match:
            choice = "pgd and targeted with their steps (pgd20), square or with its queries (square1000), aa-fast, aa"
            raise UsageError(f"--attacks: unknown attack {name!r}; there are {choice}")
        kind = match[1] or match[3]
        steps = int(match[2] or (5000 if kind == "square" else 0))  # as many queries as standard AutoAttack
        if (kind, steps) in kinds:
            raise UsageError(f"--attacks: named twice: {kind}{steps or ''}")
        kinds.append((kind, steps))
    return kinds


def _hash(split):
    """SHA-256 (16 hex digits) of a split's pixels and labels: which images a card is about."""
    digest = hashlib.sha256()
    split.feed(digest)
    return digest.hexdigest()[:16]


class _LibraryLines(logging.Handler):
    """Reports what each attack within AutoAttack leaves, and warnings: those that differ in numbers only, once."""

    def __init__(self, report):
        super().__init__()
        self.report, self.warnings = report, {}

    def emit(self, record):
        text = record.getMessage().removesuffix(" See flags_doc.md for details.")
        kind = re.sub(r"[\d.]+", "", text)
        if record.levelno < logging.WARNING and text.startswith("robust accuracy after"):
            self.report(f"  AutoAttack: {text}")
        elif record.levelno >= logging.WARNING and kind not in self.warnings:
            self.warnings[kind] = f"AutoAttack warns: {text}"
            self.report(self.warnings[kind])
