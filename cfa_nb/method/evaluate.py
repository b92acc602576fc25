"""Accuracy per class of a network: clean and under PGD after each epoch, and under an `Attack` for kept checkpoints.

    accuracy = attack_accuracy(model, split, Attack("pgd", eps=8 / 255, alpha=2 / 255, steps=20), num_classes, seed=0)
    accuracy.overall, accuracy.worst

Networks are evaluated in eval mode, at the original margin, whatever they were trained with.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import torch
import torch.nn as nn
from torch import Tensor
from tqdm.std import tqdm

from cfa_nb.config import Attack, TrainConfig
from cfa_nb.data.batches import to_float
from cfa_nb.data.dataset import Split
from cfa_nb.method.attacks import cross_entropy, input_gradient, pgd, project, uniform_start
from cfa_nb.method.autoattack import KINDS, Journal, batch_accuracies, refuse, total
from cfa_nb.method.metrics import ClassAccuracy, ClassCounts, Measured
from cfa_nb.method.model import dtype_of, in_mode
from cfa_nb.rng import stream, stream_seed

BATCH = 1000  # part of what a seeded attack draws, so a constant


def predictions(model: nn.Module, split: Split, attack: Attack, key: tuple) -> Iterator[tuple[Tensor, list[Tensor]]]:
    """Labels (B,) of a split, batch by batch, and the classes (B,) that its images are taken for after each stage.

    Args:
        attack: of kind "clean", "pgd" or "targeted"; `stages` names what it tells.
        key: (seed, purpose, epoch) of the streams that the attack's starts are drawn from.
    """
    with in_mode(model, "eval"):
        for number, (images, y) in enumerate(_batches(split)):
            x = to_float(images, dtype_of(model))
            shown = attacked_images(model, x, y, attack, stream(*key, number, x.device))
            with torch.no_grad():
                taken = [model(images).argmax(dim=1) for images in shown]
            yield y, taken


def stages(attack: Attack) -> tuple[str, ...]:
    """Keys of what an attack tells, its own last: ("pgd20",), or of a targeted one ("clean", "pgd20", "targeted20")."""
    if attack.kind != "targeted":
        return (attack.key,)
    return Attack("clean", 0.0, per_class=attack.per_class).key, replace(attack, kind="pgd").key, attack.key


def attacked_images(model: nn.Module, x: Tensor, y: Tensor, attack: Attack, generator: torch.Generator) -> list[Tensor]:
    """(B, C, H, W) images after each of an attack's `stages`: PGD on the cross-entropy from a uniform start."""
    if attack.kind == "clean":
        return [x]
    start = uniform_start(x, attack.eps, generator)
    x_pgd = pgd(model, x, cross_entropy(y), eps=attack.eps, alpha=attack.alpha, steps=attack.steps, start=start)
    if attack.kind == "pgd":
        return [x_pgd]
    return [x, x_pgd, targeted_pgd(model, x, y, x_pgd, eps=attack.eps, steps=attack.steps)]


def targeted_pgd(model: Callable, x: Tensor, y: Tensor, x_adv: Tensor, *, eps, steps: int, rivals: int = 4) -> Tensor:
    """Goes on where an attack failed: tries to turn each image into each of the classes nearest to its own.

    One rival after the other, of the largest logits on the clean image: `steps` steps from the image itself, up the
    rival's logit less the label's. The step is eps at first and halves after each quarter of them: large ones find the
    way round, small ones the last bit. Logits so large that the cross-entropy has no gradient still have this one.

    Args:
        model: in eval mode; from (B, C, H, W) in [0, 1] to logits (B, K).
        x, y: images and labels.
        x_adv: what the attack before made of the images, such as PGD; kept where it misleads the network.
        eps: radius in pixel units, one number.
        steps: of each walk.
        rivals: classes that are tried.
    Returns:
        (B, C, H, W) adversarial images; the network is right on no more of them than on `x_adv`.
    """
    with torch.no_grad():
        nearest = model(x).scatter(1, y[:, None], -torch.inf).argsort(dim=1, descending=True)
        left = (model(x_adv).argmax(dim=1) == y).nonzero().flatten()  # images that are still taken for what they are
    x_adv = x_adv.clone()
    for rank in range(min(rivals, nearest.shape[1] - 1)):
        image, label, rival, walked = x[left], y[left, None], nearest[left, rank, None], x[left]
        for step in range(steps):
            gradient, _ = input_gradient(
                model, walked, lambda z, r=rival, k=label: (z.gather(1, r) - z.gather(1, k)).sum()
            )
            walked = project(walked + eps / 2 ** (4 * step // steps) * gradient.sign(), image, eps)
        with torch.no_grad():
            wrong = model(walked).argmax(dim=1) != label[:, 0]
        x_adv[left[wrong]] = walked[wrong]
        left = left[~wrong]
    return x_adv


def _batches(split):
    return list(zip(split.images.split(BATCH), split.labels.split(BATCH)))


def attack_accuracy(
    model: nn.Module,
    split: Split,
    attack: Attack,
    num_classes: int,
    seed: int,
    journal: Journal | None = None,
    progress: bool = False,
) -> ClassAccuracy:
    """Accuracy under an `Attack`, on the first `attack.per_class` images of each class.

    Args:
        model: from (B, C, H, W) in [0, 1] to logits (B, K).
        split: images uint8 and labels.
        attack: kind, margin and steps.
        num_classes: K.
        seed: fixes every random draw of the attack.
        journal: for the kinds of `cfa_nb.method.autoattack`: its batches are not attacked again.
        progress: shows a bar on stderr, with the accuracy so far.
    Raises:
        ValueError: if AutoAttack is asked of fewer than 10 classes: its targeted attacks need nine targets.
    """
    refuse(attack, num_classes)
    split, done = split.first_per_class(attack.per_class), []
    batches = _batches(split)
    if attack.kind in KINDS:
        parts = batch_accuracies(model, batches, attack, num_classes, stream_seed(seed, attack.key) % 2**31, journal)
    else:
        found = predictions(model, split, attack, _key(attack, seed))
        parts = (ClassAccuracy.of(taken[-1] == y, y, num_classes) for y, taken in found)
    bar = tqdm(parts, attack.label, len(batches), disable=not progress)
    for part in bar:
        done.append(part)
        bar.set_postfix_str(f"{100 * total(done).overall:.1f} % withstood")
    return total(done)


def outcomes(model: nn.Module, split: Split, attack: Attack, seed: int) -> dict[str, Tensor]:
    """Which images are taken for their class, (N,) bool, after each of an attack's `stages`, by key.

    Each image stands or falls as in `attack_accuracy` of that stage alone, of whose arguments these are some.
    """
    found = [[taken == y for taken in parts] for y, parts in predictions(model, split, attack, _key(attack, seed))]
    return {key: torch.cat(right) for key, right in zip(stages(attack), zip(*found))}


def _key(attack, seed):
    """A targeted attack's PGD starts where PGD alone does, so that it leaves no more."""
    return seed, attack.key.replace("targeted", "pgd"), 0


def confusion(model: nn.Module, split: Split, attack: Attack, num_classes: int, seed: int = 0) -> np.ndarray:
    """(K, K) counts: images of class i (row) that the model takes for j (column) under a PGD attack."""
    counts = torch.zeros(num_classes * num_classes, dtype=torch.int64, device=split.labels.device)
    for y, (taken,) in predictions(model, split, attack, (seed, "confusion", 0)):
        counts += torch.bincount(y * num_classes + taken, minlength=num_classes**2)
    return counts.view(num_classes, num_classes).cpu().numpy()


class EpochEvaluation:
    """The evaluation of one network on one split after an epoch: clean and PGD of `config.eval_steps` steps.

    Args:
        model: whose weights change in place.
        split: on the model's device.
        purpose: names the stream of the attack's numbers.
    """

    def __init__(self, model: nn.Module, split: Split, config: TrainConfig, num_classes: int, purpose: str):
        self.model, self.view, self.split, self.config, self.purpose = model, model, split, config, purpose
        self.attack = Attack("pgd", config.eval_eps, config.eval_alpha, config.eval_steps)  # at the original margin
        self.device = split.labels.device
        self.clean, self.robust = (ClassCounts(num_classes, self.device) for _ in range(2))

    def __call__(self, epoch: int) -> Measured:
        """Accuracy of the weights as they are now."""
        for counts in (self.clean, self.robust):
            counts.reset()
        with in_mode(self.model, "eval"):
            for number, index in enumerate(torch.arange(len(self.split), device=self.device).split(BATCH)):
                self.run_batch(epoch, number, index)
        return Measured(*(c.result().with_share(self.config.worst_share) for c in (self.clean, self.robust)))

    def run_batch(self, epoch: int, number: int, index: Tensor) -> None:
        """Counts the hits among the images at `index`."""
        self.body(index, stream(self.config.seed, self.purpose, epoch, number, self.device))

    def body(self, index: Tensor, generator: torch.Generator) -> None:
        """Clean and PGD hits of the images at these positions; the host learns nothing of them."""
        x, y = to_float(self.split.images[index], dtype_of(self.model)), self.split.labels[index]
        (x_adv,) = attacked_images(self.view, x, y, self.attack, generator)
        with torch.no_grad():
            self.clean.add(self.view(x), y)
            self.robust.add(self.view(x_adv), y)
