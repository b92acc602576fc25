"""One training step, plain: attack, loss, SGD, counting. Nothing here waits for the device."""

import torch

from cfa_nb.method.model import in_mode
from cfa_nb.method.objectives import OBJECTIVES, Row


def sgd(model, config):
    """SGD with momentum and weight decay on all parameters (Sec. 5.1); the epoch sets the rate."""
    return torch.optim.SGD(model.parameters(), lr=config.lr, momentum=config.momentum, weight_decay=config.weight_decay)


def train_step(model, optimiser, x, y, table, config, generator, robust_counts, clean_counts):
    """One step on one batch. The robust count sees the training forward, before the update: that is t_k's definition.

    Args:
        model: in train mode.
        x, y: (B, C, H, W) in [0, 1] and (B,).
        table: (4, K) class-wise calibration, from `Calibration.to`.
        generator: of this step's attack.
        robust_counts, clean_counts: `ClassCounts` of the epoch.
    Returns:
        The loss, detached, still on the device.
    """
    loss, adv_logits = OBJECTIVES[config.objective](model, x, y, Row(table, y), config, generator)
    optimiser.zero_grad(set_to_none=True)
    loss.backward()
    optimiser.step()
    robust_counts.add(adv_logits, y)
    if config.clean_forward != "off":
        with torch.no_grad(), in_mode(model, config.clean_forward == "train"):
            clean_counts.add(model(x), y)
    return loss.detach()
