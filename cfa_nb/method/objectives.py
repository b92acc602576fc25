"""What a batch is trained on: `at`, `trades`, `fat`, `frl`, from a batch to (loss, adversarial logits).

All have one signature. `row` holds each image's own eps, beta and weights, (B,) each, looked up by its class. The
forward pass that is differentiated runs in train mode; the attack's mode is `config.attack_bn`.
"""

import torch
import torch.nn.functional as F

from cfa_nb.method.attacks import cross_entropy, friendly_pgd, gaussian_start, kl_to, pgd, uniform_start
from cfa_nb.method.model import in_mode


class Row:
    """Each image's own calibration: `eps`, `beta`, `ce_weight`, `kl_weight`, (B,) tensors.

    Args:
        table: (4, K) from `Calibration.to`.
        y: (B,) labels.
    """

    def __init__(self, table, y):
        self.eps, self.beta, self.ce_weight, self.kl_weight = table[:, y]


def at(model, x, y, row, config, generator, attacked=None):
    """Cross-entropy on PGD images (Eq. 1; Madry et al., 2018).

    Args:
        model: in train mode.
        x, y: (B, C, H, W) in [0, 1] and (B,).
        row: the images' `Row`.
        config: the run's `TrainConfig`.
        generator: for the attack's start.
        attacked: the network as the attack sees it (`cfa_nb.method.fast`); None: `model` itself.
    Returns:
        loss (scalar, with graph) and adversarial logits (B, K), detached.
    """
    start = uniform_start(x, row.eps, generator)
    x_adv = pgd(attacked or model, x, cross_entropy(y), start=start, **_attack(row, config))
    logits = model(x_adv)
    return F.cross_entropy(logits, y), logits.detach()


def fat(model, x, y, row, config, generator, attacked=None):
    """Cross-entropy on friendly adversarial images (Zhang et al., 2020). Arguments as in `at`."""
    start = uniform_start(x, row.eps, generator)
    stop = dict(tau=config.fat_tau, rule=config.fat_rule, omega=config.fat_omega, generator=generator)
    x_adv = friendly_pgd(attacked or model, x, y, start=start, **stop, **_attack(row, config))
    if config.repeat_forwards:
        _move_statistics(model, x_adv)
    logits = model(x_adv)
    return F.cross_entropy(logits, y), logits.detach()


def trades(model, x, y, row, config, generator, attacked=None):
    """Natural loss plus beta times the KL to the attack's output, over 1 + beta (Eq. 8), or not (Eq. 3). As in `at`."""
    x_adv = _kl_attack(attacked or model, x, row, config.alpha, config, generator)
    clean_logits, logits = model(x), model(x_adv)
    if config.repeat_forwards:
        _move_statistics(model, x)
    weight = 1 / (1 + row.beta) if config.trades_normalized else torch.ones_like(row.beta)
    per_image = F.cross_entropy(clean_logits, y, reduction="none") + row.beta * kl(clean_logits, logits)
    return (weight * per_image).mean(), logits.detach()


def frl(model, x, y, row, config, generator, attacked=None):
    """TRADES with class weights on both terms and class margins (Xu et al., 2021). Arguments as in `at`.

    The attack's step is a quarter of the batch's largest margin, as in its released code.
    """
    x_adv = _kl_attack(attacked or model, x, row, row.eps.max() / 4, config, generator)
    clean_logits, logits = model(x), model(x_adv)
    natural = F.cross_entropy(clean_logits, y, reduction="none")
    boundary = kl(clean_logits, logits)
    loss = _weighted_mean(natural, row.ce_weight) + config.beta * _weighted_mean(boundary, row.kl_weight)
    return loss, logits.detach()


def kl(clean_logits, adversarial_logits):
    """KL(clean || adversarial) of each image, (B,); gradients flow into both. From log-probabilities: always finite."""
    log_p, log_q = F.log_softmax(clean_logits, dim=1), F.log_softmax(adversarial_logits, dim=1)
    return (log_p.exp() * (log_p - log_q)).sum(dim=1)


def _attack(row, config):
    return dict(eps=row.eps, alpha=config.alpha, steps=config.steps, mode=config.attack_bn)


def _kl_attack(model, x, row, alpha, config, generator):
    """PGD on the KL to the clean output, which does not change in eval mode and is computed once."""
    with torch.no_grad(), in_mode(model, config.attack_bn == "train"):
        clean_logits = model(x)
    start = gaussian_start(x, generator)
    return pgd(model, x, kl_to(clean_logits), start=start, **{**_attack(row, config), "alpha": alpha})


def _move_statistics(model, x):
    """One more pass in train mode, for BatchNorm's running statistics alone."""
    with torch.no_grad():
        model(x)


def _weighted_mean(values, weights):
    return (weights * values).sum() / weights.sum()


OBJECTIVES = {"at": at, "trades": trades, "fat": fat, "frl": frl}
