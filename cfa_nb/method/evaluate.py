"""Accuracy per class of a network: clean and under PGD after each epoch, and under an `Attack` for kept checkpoints.

    accuracy = attack_accuracy(model, split, Attack("pgd", eps=8 / 255, alpha=2 / 255, steps=20), seed=0)
    accuracy.overall, accuracy.worst

Networks are judged in eval mode, at the original margin, whatever they were trained with.
"""

import torch

from cfa_nb.config import Attack
from cfa_nb.data.batches import to_float
from cfa_nb.method.attacks import cross_entropy, pgd, uniform_start
from cfa_nb.method.autoattack import autoattack_accuracy, refuse
from cfa_nb.method.metrics import ClassCounts, Measured
from cfa_nb.method.model import dtype_of, frozen, in_mode
from cfa_nb.rng import stream, stream_seed

BATCH = 1000  # part of what a seeded attack draws, so a constant


def epoch_measure(model, split, config, num_classes, epoch, purpose):
    """Clean and PGD accuracy (`config.eval_steps` steps) of the model as it stands after an epoch: a `Measured`."""
    attack = Attack("pgd", config.eval_eps, config.eval_alpha, config.eval_steps)
    clean = clean_accuracy(model, split, num_classes)
    robust = _pgd_accuracy(model, split, attack, num_classes, (config.seed, purpose, epoch))
    return Measured(*(a.with_share(config.worst_share) for a in (clean, robust)))


def clean_accuracy(model, split, num_classes):
    """`ClassAccuracy` on the images as they are."""
    counts = ClassCounts(num_classes, split.labels.device)
    with torch.no_grad(), in_mode(model, False):
        for images, y in _batches(split):
            counts.add(model(to_float(images, dtype_of(model))), y)
    return counts.result()


def attack_accuracy(model, split, attack, num_classes, seed, journal=None, on_batch=None):
    """`ClassAccuracy` under an `Attack`, on the first `attack.per_class` images of each class.

    Args:
        model: from (B, C, H, W) in [0, 1] to logits (B, K).
        split: images uint8 and labels.
        attack: kind, margin and steps.
        num_classes: K.
        seed: fixes every random draw of the attack.
        journal: a `cfa_nb.method.autoattack.Journal`, for the kinds of that module: its batches are not attacked again.
        on_batch: called as on_batch(batches done, batches in all, `ClassAccuracy` so far) after each batch.
    Raises:
        ValueError: if AutoAttack is asked of fewer than 10 classes: its targeted attacks need nine targets.
    """
    refuse(attack, num_classes)
    split = split.first_per_class(attack.per_class)
    if attack.kind == "pgd":
        return _pgd_accuracy(model, split, attack, num_classes, (seed, attack.key, 0), on_batch)
    with in_mode(model, False), frozen(model):
        own = stream_seed(seed, attack.key) % 2**31
        return autoattack_accuracy(model, _batches(split), attack, num_classes, own, journal, on_batch)


def _pgd_accuracy(model, split, attack, num_classes, key, on_batch=None):
    counts, batches = ClassCounts(num_classes, split.labels.device), _batches(split)
    with in_mode(model, False), frozen(model):
        for step, (images, y) in enumerate(batches):
            x = to_float(images, dtype_of(model))
            start = uniform_start(x, attack.eps, stream(*key, step, x.device))
            loss = cross_entropy(y)
            x_adv = pgd(model, x, loss, eps=attack.eps, alpha=attack.alpha, steps=attack.steps, start=start)
            with torch.no_grad():
                counts.add(model(x_adv), y)
            if on_batch:
                on_batch(step + 1, len(batches), counts.result())
    return counts.result()


def _batches(split):
    return list(zip(split.images.split(BATCH), split.labels.split(BATCH)))


BATCH = 1000


def adversarial_confusion(model, split, attack, num_classes, seed=0):
    """(K, K) counts: images of class i (row) that the model takes for j (column) under a PGD attack.

    Args:
        model: from (B, C, H, W) in [0, 1] to logits; judged in eval mode.
        split: uint8 images and labels.
        attack: a `cfa_nb.config.Attack` of kind "pgd".
        num_classes: K.
        seed: fixes the attack's random start.
    """
    device = split.labels.device
    counts = torch.zeros(num_classes * num_classes, dtype=torch.int64, device=device)
    with in_mode(model, False), frozen(model):
        for step, (images, y) in enumerate(zip(split.images.split(BATCH), split.labels.split(BATCH))):
            x = to_float(images, dtype_of(model))
            start = uniform_start(x, attack.eps, stream(seed, "confusion", step=step, device=device))
            loss = cross_entropy(y)
            x_adv = pgd(model, x, loss, eps=attack.eps, alpha=attack.alpha, steps=attack.steps, start=start)
            with torch.no_grad():
                predicted = model(x_adv).argmax(dim=1)
            counts += torch.bincount(y * num_classes + predicted, minlength=num_classes**2)
    return counts.view(num_classes, num_classes).cpu().numpy()
