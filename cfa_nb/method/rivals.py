"""What CFA is compared with: fair robust learning, FRL (Xu et al., 2021), and three controls.

FRL gives each class weights and a margin from its validation errors: `Frl` is its state, `frl` its loss.
The controls ask what of CCM it is that helps: `mean_margin`, `shuffled_margins`, `damped_ccm`.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch.nn.functional as F

from cfa_nb.config import TrainConfig
from cfa_nb.method.attacks import kl
from cfa_nb.method.calibration import Calibration, Past, calibrator, class_margins, uniform
from cfa_nb.method.objectives import kl_attack, objective


@dataclass(frozen=True)
class Frl:
    """State of FRL in its form "reweight and remargin": one multiplier a class and constraint.

    A class may exceed the mean clean error, and the mean boundary error, by `frl_tolerance`. What it exceeds more
    raises its weight, and for the boundary error its margin.
    """

    clean: tuple[float, ...]  # lambda^0, of the clean error's constraint
    boundary: tuple[float, ...]  # lambda^1, of the boundary error's
    margin: tuple[float, ...]  # lambda^2, log margin factor / 2

    @classmethod
    def start(cls, num_classes: int) -> "Frl":
        """All multipliers 0: plain TRADES with equal weights."""
        return cls(*[(0.0,) * num_classes] * 3)

    def update(self, clean_acc: Sequence[float], robust_acc: Sequence[float], config: TrainConfig) -> "Frl":
        """The next state, from K validation accuracies, clean and robust."""
        excess_clean = _excess([1 - c for c in clean_acc], config.frl_tolerance)
        excess_boundary = _excess([c - r for c, r in zip(clean_acc, robust_acc)], config.frl_tolerance)
        rate, limit = config.frl_weight_rate, config.frl_weight_limit
        return Frl(
            limited([m + rate * g for m, g in zip(self.clean, excess_clean)], limit),
            limited([m + 2 * rate * g for m, g in zip(self.boundary, excess_boundary)], limit),
            tuple(m + config.frl_margin_rate * g for m, g in zip(self.margin, excess_boundary)),
        )

    def calibration(self, config: TrainConfig) -> Calibration:
        """Weights 1/K + lambda_k - mean(lambda), margins exp(2 lambda^2_k) eps within [0.98, frl_margin_max] eps.

        The released code of FRL lets a margin shrink by 2 % at most.
        """
        factors = [min(max(math.exp(2 * m), 0.98), config.frl_margin_max) for m in self.margin]
        return replace(
            uniform(config, len(self.clean)),
            eps=tuple(f * config.eps for f in factors),
            ce_weight=_weights(self.clean),
            kl_weight=_weights(self.boundary),
        )


def _excess(errors, tolerance):
    """By how much each class's error exceeds the mean plus the tolerance; all are fractions."""
    mean = sum(errors) / len(errors)
    return [e - mean - tolerance for e in errors]


def limited(multipliers: Sequence[float], limit: float) -> tuple[float, ...]:
    """Clipped at 0 and, where their sum exceeds `limit`, scaled down to it: keeps all weights positive."""
    clipped = [max(m, 0.0) for m in multipliers]
    total = sum(clipped)
    return tuple(m * limit / total if total > limit else m for m in clipped)


def _weights(multipliers):
    mean = sum(multipliers) / len(multipliers)
    return tuple(1 / len(multipliers) + m - mean for m in multipliers)


@objective
def frl(networks, x, y, image, config, generator):
    """TRADES with class weights on both terms and class margins. Arguments as in `at`.

    The attack's step is a quarter of the batch's largest margin, as in its released code.
    """
    x_adv = kl_attack(networks.attacked, x, image, image.eps.max() / 4, config, generator)
    clean_logits, logits = networks.trained(x), networks.trained(x_adv)
    natural = F.cross_entropy(clean_logits, y, reduction="none")
    boundary = kl(clean_logits, logits)
    loss = _weighted_mean(natural, image.ce_weight) + config.beta * _weighted_mean(boundary, image.kl_weight)
    return loss, logits.detach()


def _weighted_mean(values, weights):
    return (weights * values).sum() / weights.sum()


@calibrator
def mean_margin(config: TrainConfig, past: Past) -> Calibration:
    """Control: all classes at the mean of the parent's margins: CCM's budget without its assignment."""
    mean = sum(past.parent_eps) / len(past.parent_eps)
    return replace(uniform(config, len(past.t)), eps=(mean,) * len(past.t))


@calibrator
def shuffled_margins(config: TrainConfig, past: Past) -> Calibration:
    """Control: the parent's margins, each given to another class; the seed draws to which, once for the whole run."""
    order = [int(k) for k in np.random.default_rng(config.seed).permutation(len(past.t))]
    owner = dict(zip(order, order[1:] + order[:1]))  # the next one in a random circle: no class keeps its own
    return replace(uniform(config, len(past.t)), eps=tuple(past.parent_eps[owner[k]] for k in range(len(past.t))))


@calibrator
def damped_ccm(config: TrainConfig, past: Past) -> Calibration:
    """Control: CCM from a running mean of t_k, half old and half new, which calms a margin that swings."""
    t = past.train_robust[0]
    for new in past.train_robust[1:]:
        t = [(a + b) / 2 for a, b in zip(t, new)]
    return replace(uniform(config, len(t)), eps=class_margins(t, config.eps, config.lambda_1))
