"""Accuracy per class of a network: clean and under PGD after each epoch, and under an `Attack` for kept checkpoints.

    accuracy = attack_accuracy(model, split, Attack("pgd", eps=8 / 255, alpha=2 / 255, steps=20), num_classes, seed=0)
    accuracy.overall, accuracy.worst

Networks are evaluated in eval mode, at the original margin, whatever they were trained with.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
import torch.nn as nn
from torch import Tensor

from cfa_nb.config import Attack, TrainConfig
from cfa_nb.data.batches import to_float
from cfa_nb.data.dataset import Split
from cfa_nb.method.attacks import cross_entropy, input_gradient, pgd, project, uniform_start
from cfa_nb.method.autoattack import Journal, autoattack_accuracy, refuse
from cfa_nb.method.metrics import ClassAccuracy, ClassCounts, Measured
from cfa_nb.method.model import dtype_of, in_mode
from cfa_nb.rng import stream, stream_seed

BATCH = 1000  # part of what a seeded attack draws, so a constant


def predictions(model: nn.Module, split: Split, attack: Attack | None = None, key: tuple = ()) -> Iterator:
    """(labels (B,), logits (B, K)) of a split, batch by batch; of the attacked images where an attack is given.

    Args:
        key: (seed, purpose, epoch) of the streams that the attack's starts are drawn from.
    """
    with in_mode(model, "eval"):
        for number, (images, y) in enumerate(_batches(split)):
            x = to_float(images, dtype_of(model))
            if attack is not None:
                x = attacked_images(model, x, y, attack, stream(*key, number, x.device))
            with torch.no_grad():
                logits = model(x)
            yield y, logits


def attacked_images(model: nn.Module, x: Tensor, y: Tensor, attack: Attack, generator: torch.Generator) -> Tensor:
    """(B, C, H, W) images after PGD on the cross-entropy from a uniform start, and where asked for targeted PGD."""
    start = uniform_start(x, attack.eps, generator)
    x_adv = pgd(model, x, cross_entropy(y), eps=attack.eps, alpha=attack.alpha, steps=attack.steps, start=start)
    return targeted_pgd(model, x, y, x_adv, eps=attack.eps, steps=attack.steps) if attack.kind == "targeted" else x_adv


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


def _accuracy(model, split, num_classes, attack=None, key=(), on_batch=None):
    counts, batches = ClassCounts(num_classes, split.labels.device), -(-len(split) // BATCH)
    for number, (y, logits) in enumerate(predictions(model, split, attack, key), 1):
        counts.add(logits, y)
        if on_batch:
            on_batch(number, batches, counts.result())
    return counts.result()


def clean_accuracy(model: nn.Module, split: Split, num_classes: int) -> ClassAccuracy:
    """Accuracy on the images as they are."""
    return _accuracy(model, split, num_classes)


def attack_accuracy(
    model: nn.Module,
    split: Split,
    attack: Attack,
    num_classes: int,
    seed: int,
    journal: Journal | None = None,
    on_batch: Callable | None = None,
) -> ClassAccuracy:
    """Accuracy under an `Attack`, on the first `attack.per_class` images of each class.

    Args:
        model: from (B, C, H, W) in [0, 1] to logits (B, K).
        split: images uint8 and labels.
        attack: kind, margin and steps.
        num_classes: K.
        seed: fixes every random draw of the attack.
        journal: for the kinds of `cfa_nb.method.autoattack`: its batches are not attacked again.
        on_batch: called as on_batch(batches done, batches in all, `ClassAccuracy` so far) after each batch.
    Raises:
        ValueError: if AutoAttack is asked of fewer than 10 classes: its targeted attacks need nine targets.
    """
    refuse(attack, num_classes)
    split = split.first_per_class(attack.per_class)
    if attack.kind == "clean":
        return _accuracy(model, split, num_classes, on_batch=on_batch)
    if attack.kind in ("pgd", "targeted"):
        key = attack.key.replace("targeted", "pgd")  # its PGD starts where PGD alone does, so it leaves no more
        return _accuracy(model, split, num_classes, attack, (seed, key, 0), on_batch)
    with in_mode(model, "eval"):
        attack_seed = stream_seed(seed, attack.key) % 2**31
        return autoattack_accuracy(model, _batches(split), attack, num_classes, attack_seed, journal, on_batch)


def stages(attack: Attack) -> tuple[str, str, str]:
    """Keys of what a targeted attack tells by the way, and its own: ("clean", "pgd20", "targeted20")."""
    first = replace(attack, kind="pgd")
    return Attack("clean", 0.0, per_class=attack.per_class).key, first.key, attack.key


def outcomes(model: nn.Module, split: Split, attack: Attack, seed: int) -> dict[str, Tensor]:
    """Which images are taken for their class, (N,) bool: clean, and after both stages of a targeted attack, by key.

    Args:
        model: from (B, C, H, W) in [0, 1] to logits (B, K).
        split: images uint8 and labels.
        attack: of kind "targeted": PGD, then `targeted_pgd` where it failed; each image stands or falls as in
            `attack_accuracy` with either of the two.
        seed: fixes every random draw of the attack.
    """
    first, right = replace(attack, kind="pgd"), {key: [] for key in stages(attack)}
    with in_mode(model, "eval"):
        for number, (images, y) in enumerate(_batches(split)):
            x = to_float(images, dtype_of(model))
            x_pgd = attacked_images(model, x, y, first, stream(seed, first.key, 0, number, x.device))
            x_targeted = targeted_pgd(model, x, y, x_pgd, eps=attack.eps, steps=attack.steps)
            with torch.no_grad():
                for shown, found in zip((x, x_pgd, x_targeted), right.values()):
                    found.append(model(shown).argmax(dim=1) == y)
    return {key: torch.cat(found) for key, found in right.items()}


def confusion(model: nn.Module, split: Split, attack: Attack, num_classes: int, seed: int = 0) -> np.ndarray:
    """(K, K) counts: images of class i (row) that the model takes for j (column) under a PGD attack."""
    counts = torch.zeros(num_classes * num_classes, dtype=torch.int64, device=split.labels.device)
    for y, logits in predictions(model, split, attack, (seed, "confusion", 0)):
        counts += torch.bincount(y * num_classes + logits.argmax(dim=1), minlength=num_classes**2)
    return counts.view(num_classes, num_classes).cpu().numpy()


@dataclass
class EpochEvaluation:
    """The evaluation of one network on one split after an epoch: clean and PGD of `config.eval_steps` steps.

    model: whose weights change in place. split: on its device. purpose: names the stream of the attack's numbers.
    """

    model: nn.Module
    split: Split
    config: TrainConfig
    num_classes: int
    purpose: str

    @property
    def attack(self) -> Attack:
        """PGD at the original margin."""
        return Attack("pgd", self.config.eval_eps, self.config.eval_alpha, self.config.eval_steps)

    def __call__(self, epoch: int) -> Measured:
        """Accuracy of the weights as they are now."""
        key = self.config.seed, self.purpose, epoch
        return self.measured(
            clean_accuracy(self.model, self.split, self.num_classes),
            _accuracy(self.model, self.split, self.num_classes, self.attack, key),
        )

    def measured(self, clean: ClassAccuracy, robust: ClassAccuracy) -> Measured:
        """Both, which say of their worst classes what the run does."""
        return Measured(*(a.with_share(self.config.worst_share) for a in (clean, robust)))
