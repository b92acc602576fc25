"""Accuracy per class of a network: clean and under PGD after each epoch, and under an `Attack` for kept checkpoints.

    accuracy = attack_accuracy(model, split, Attack("pgd", eps=8 / 255, alpha=2 / 255, steps=20), seed=0)
    accuracy.overall, accuracy.worst

Networks are judged in eval mode, at the original margin, whatever they were trained with.
"""

import sys
from contextlib import contextmanager

import torch

from cfa_nb.attacks import cross_entropy, pgd, uniform_start
from cfa_nb.config import Attack
from cfa_nb.data.batches import to_float
from cfa_nb.metrics import ClassCounts
from cfa_nb.model import in_mode
from cfa_nb.record import Measured
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
            counts.add(model(to_float(images, _dtype(model))), y)
    return counts.result()


def attack_accuracy(model, split, attack, num_classes, seed):
    """`ClassAccuracy` under an `Attack`, on the first `attack.per_class` images of each class.

    Args:
        model: from (B, C, H, W) in [0, 1] to logits (B, K).
        split: images uint8 and labels.
        attack: kind, margin and steps.
        num_classes: K.
        seed: fixes every random draw of the attack.
    Raises:
        ValueError: if AutoAttack is asked of fewer than 10 classes: its targeted attacks need nine targets.
    """
    split = split.first_per_class(attack.per_class)
    if attack.kind == "pgd":
        return _pgd_accuracy(model, split, attack, num_classes, (seed, attack.key, 0))
    if attack.kind == "aa" and num_classes < 10:
        raise ValueError(f"standard AutoAttack needs 10 classes, this data has {num_classes}; use PGD or Square")
    return _autoattack_accuracy(model, split, attack, num_classes, stream_seed(seed, attack.key) % 2**31)


def _pgd_accuracy(model, split, attack, num_classes, key):
    counts = ClassCounts(num_classes, split.labels.device)
    with in_mode(model, False), frozen(model):
        for step, (images, y) in enumerate(_batches(split)):
            x = to_float(images, _dtype(model))
            start = uniform_start(x, attack.eps, stream(*key, step, x.device))
            loss = cross_entropy(y)
            x_adv = pgd(model, x, loss, eps=attack.eps, alpha=attack.alpha, steps=attack.steps, start=start)
            with torch.no_grad():
                counts.add(model(x_adv), y)
    return counts.result()


def _autoattack_accuracy(model, split, attack, num_classes, seed):
    from pyautoattack import AutoAttack

    counts = ClassCounts(num_classes, split.labels.device)
    with in_mode(model, False), frozen(model), _fenced():
        for images, y in _batches(split):
            x = to_float(images, _dtype(model))
            kind = dict(version="standard") if attack.kind == "aa" else dict(version="custom", attacks=["square"])
            judge = AutoAttack(model, norm="Linf", eps=attack.eps, seed=seed, device=str(x.device), **kind)
            if attack.kind == "square":
                judge.square.n_queries = attack.steps
            x_adv, _ = judge.run_standard_evaluation(x, y, batch_size=BATCH)
            with torch.no_grad():
                counts.add(model(x_adv), y)
    return counts.result()


def _batches(split):
    return zip(split.images.split(BATCH), split.labels.split(BATCH))


def _dtype(model):
    return next(model.parameters()).dtype


@contextmanager
def frozen(model):
    """Parameters without gradients inside the block: an attack needs the input's alone."""
    flags = [(p, p.requires_grad) for p in model.parameters()]
    model.requires_grad_(False)
    try:
        yield
    finally:
        for p, flag in flags:
            p.requires_grad_(flag)


@contextmanager
def _fenced():
    """AutoAttack seeds the global generator and clears the trace function; both are put back."""
    trace = sys.gettrace()
    with torch.random.fork_rng():
        try:
            yield
        finally:
            sys.settrace(trace)
