"""Which class an attacked image is taken for: the picture behind the question when CCM helps.

CCM gives hard classes smaller margins than easy ones. Where hard classes are confused with one another, both sides of
their boundary have the small margin. Where they are confused with easy classes, the easy side has the larger margin in
training and takes room from the hard one.
"""

import torch

from cfa_nb.attacks import cross_entropy, pgd, uniform_start
from cfa_nb.data.batches import to_float
from cfa_nb.model import dtype_of, frozen, in_mode
from cfa_nb.rng import stream

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
