"""What a batch is trained on: `at` (Eq. 1), `trades` (Eqs. 3, 8), `fat`, `plain`: to (loss, adversarial logits).

All have one signature. The forward pass that is differentiated runs in train mode; the attack's mode is
`config.attack_bn`. A new objective is one function below `@objective`; its name is what `TrainConfig.objective` takes.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from cfa_nb.config import TrainConfig
from cfa_nb.method import entered
from cfa_nb.method.attacks import cross_entropy, friendly_pgd, gaussian_start, kl, kl_to, pgd, uniform_start
from cfa_nb.method.model import in_mode

OBJECTIVES: dict[str, Callable] = {}
objective = entered(OBJECTIVES, "an objective")


class Networks:
    """One network as the two halves of a training step see it, both in train mode.

    trained: gradients flow into its weights. attacked: the attack needs the images' gradients alone; None: the network
    itself, as on a CPU; `cfa_nb.method.fast` has faster views of it.
    """

    def __init__(self, trained: Callable[[Tensor], Tensor], attacked: Callable[[Tensor], Tensor] | None = None):
        self.trained, self.attacked = trained, trained if attacked is None else attacked

    def refresh(self) -> None:
        """Lets the attack see the weights as they are now: a view may hold a copy of them in another precision."""
        if self.attacked is not self.trained:
            self.attacked.refresh()


class PerImage:
    """Each image's own `eps`, `beta`, `ce_weight` and `kl_weight`, (B,) tensors: those of its class.

    Args:
        class_values: (4, K) from `Calibration.to`.
        y: (B,) labels.
    """

    def __init__(self, class_values: Tensor, y: Tensor):
        self.eps, self.beta, self.ce_weight, self.kl_weight = class_values[:, y]


@objective
def at(networks: Networks, x: Tensor, y: Tensor, image: PerImage, config: TrainConfig, generator: torch.Generator):
    """Cross-entropy on PGD images (Eq. 1; Madry et al., 2018).

    Args:
        networks: the network, for the attack and for the loss.
        x, y: (B, C, H, W) in [0, 1] and (B,).
        image: each image's margin and weights.
        config: the run's numbers.
        generator: for the attack's start.
    Returns:
        loss (scalar, with graph) and adversarial logits (B, K), detached.
    """
    start = uniform_start(x, image.eps, generator)
    x_adv = pgd(networks.attacked, x, cross_entropy(y), start=start, **_attack(image, config))
    logits = networks.trained(x_adv)
    return F.cross_entropy(logits, y), logits.detach()


@objective
def plain(networks, x, y, image, config, generator):
    """Cross-entropy on clean images: an undefended network, to compare with. Arguments as in `at`."""
    logits = networks.trained(x)
    return F.cross_entropy(logits, y), logits.detach()


@objective
def fat(networks, x, y, image, config, generator):
    """Cross-entropy on friendly adversarial images (Zhang et al., 2020). Arguments as in `at`."""
    start = uniform_start(x, image.eps, generator)
    stop = dict(tau=config.fat_tau, rule=config.fat_rule, omega=config.fat_omega, generator=generator)
    x_adv = friendly_pgd(networks.attacked, x, y, start=start, **stop, **_attack(image, config))
    if config.repeat_forwards:
        _move_statistics(networks.trained, x_adv)
    logits = networks.trained(x_adv)
    return F.cross_entropy(logits, y), logits.detach()


@objective
def trades(networks, x, y, image, config, generator):
    """Natural loss plus beta times the KL to the attack's output, over 1 + beta (Eq. 8), or not (Eq. 3). As in `at`."""
    x_adv = kl_attack(networks.attacked, x, image, config.alpha, config, generator)
    clean_logits, logits = networks.trained(x), networks.trained(x_adv)
    if config.repeat_forwards:
        _move_statistics(networks.trained, x)
    weight = 1 / (1 + image.beta) if config.trades_normalized else torch.ones_like(image.beta)
    losses = F.cross_entropy(clean_logits, y, reduction="none") + image.beta * kl(clean_logits, logits)
    return (weight * losses).mean(), logits.detach()


def _attack(image, config):
    return dict(eps=image.eps, alpha=config.alpha, steps=config.steps, mode=config.attack_bn)


def kl_attack(model: Callable, x: Tensor, image: PerImage, alpha, config: TrainConfig, generator) -> Tensor:
    """TRADES' attack: PGD of step `alpha` on the KL to the clean output, which is computed once."""
    with torch.no_grad(), in_mode(model, config.attack_bn):
        clean_logits = model(x)
    start = gaussian_start(x, generator)
    return pgd(model, x, kl_to(clean_logits), start=start, **{**_attack(image, config), "alpha": alpha})


def _move_statistics(model, x):
    """One more pass in train mode, for BatchNorm's running statistics alone."""
    with torch.no_grad():
        model(x)
