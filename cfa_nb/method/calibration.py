"""From last epoch's class accuracies to each class's margin, beta and weights for the next one.

`uniform` gives every class the same; `class_margins` is CCM (Eq. 6), `class_betas` is CCR (Eq. 7), `Frl` the rival;
`mean_margin`, `shuffled_margins` and `damped_ccm` are controls: what of CCM is it that helps?
A new class-wise calibrator is one function below `@calibrator`; its name is what `TrainConfig.calibrator` takes.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from cfa_nb.config import TrainConfig


@dataclass(frozen=True)
class Calibration:
    """What each class is trained with in one epoch: K numbers each, plain floats on the host."""

    eps: tuple[float, ...]  # margin, pixel units
    beta: tuple[float, ...]  # TRADES' regularisation
    ce_weight: tuple[float, ...]  # FRL: weight of the natural loss
    kl_weight: tuple[float, ...]  # FRL: weight of the boundary loss

    def to(self, device, dtype: torch.dtype = torch.float32) -> torch.Tensor:
        """(4, K) tensor of eps, beta, ce_weight, kl_weight: one copy to the device an epoch."""
        return torch.tensor([self.eps, self.beta, self.ce_weight, self.kl_weight], dtype=dtype, device=device)


def uniform(config: TrainConfig, num_classes: int) -> Calibration:
    """Every class the same: the plain methods, and CCM and CCR before `calibration_start`."""
    same = (1 / num_classes,) * num_classes
    return Calibration((config.eps,) * num_classes, (config.beta,) * num_classes, same, same)


def class_margins(train_robust_acc: Sequence[float], eps: float, lambda_1: float) -> tuple[float, ...]:
    """Calibrated margin of each class for the next epoch: (lambda_1 + t_k) * eps (CFA, Eq. 6).

    Args:
        train_robust_acc: K values t_k in [0, 1], on the last epoch's adversarial images.
        eps: the original margin in pixel units, 8 / 255 in the paper.
        lambda_1: base perturbation budget; 0.5 for AT, 0.3 for TRADES, 0.7 for FAT (Sec. 5.1).
    Returns:
        K margins in pixel units.
    Raises:
        ValueError: if a t_k lies outside [0, 1] (percentages were passed, most likely).
    """
    return tuple((lambda_1 + t) * eps for t in _fractions(train_robust_acc))


def class_betas(train_robust_acc: Sequence[float], beta: float, lambda_2: float) -> tuple[float, ...]:
    """Calibrated regularisation of each class for the next epoch: (lambda_2 + t_k) * beta (CFA, Eq. 7).

    Algorithm 1 prints `* eps` here; Eq. 7 and the released code have beta.

    Args:
        train_robust_acc: K values t_k in [0, 1].
        beta: TRADES' original regularisation, 6 in the paper.
        lambda_2: 0.5 in the paper.
    Raises:
        ValueError: if a t_k lies outside [0, 1].
    """
    return tuple((lambda_2 + t) * beta for t in _fractions(train_robust_acc))


def _fractions(accuracies):
    for t in accuracies:
        if not 0 <= t <= 1:
            raise ValueError(f"train robust accuracies are fractions in [0, 1] of classes that have images, got {t}")
    return accuracies


@dataclass(frozen=True)
class Frl:
    """State of fair robust learning (Xu et al., 2021; reweight and remargin): one multiplier a class and constraint.

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


@dataclass(frozen=True)
class Past:
    """What a calibrator looks at before an epoch.

    train_robust: t_k of all epochs so far, K values each, last epoch's at the end.
    parent_eps: the K margins with which the run's parent, if it has one, trained the coming epoch.
    """

    train_robust: Sequence[Sequence[float]]
    parent_eps: Sequence[float] | None = None

    @property
    def t(self) -> Sequence[float]:
        """Last epoch's t_k."""
        return self.train_robust[-1]


CALIBRATORS: dict[str, Callable] = {}


def calibrator(function: Callable) -> Callable:
    """Enters a calibrator, called as function(config, past) -> `Calibration` with a `Past`, under its name.

    Raises:
        ValueError: if the name is taken.
    """
    if function.__name__ in CALIBRATORS:
        raise ValueError(f"there is a calibrator {function.__name__!r} already; name yours otherwise")
    CALIBRATORS[function.__name__] = function
    return function


@calibrator
def cfa(config: TrainConfig, past: Past) -> Calibration:
    """CCM and CCR, whichever the config asks for."""
    calibration = uniform(config, len(past.t))
    if config.ccm:
        calibration = replace(calibration, eps=class_margins(past.t, config.eps, config.lambda_1))
    if config.ccr:
        calibration = replace(calibration, beta=class_betas(past.t, config.beta, config.lambda_2))
    return calibration


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


def next_calibration(config: TrainConfig, num_classes: int, epoch: int, past: Past | None) -> Calibration:
    """What AT, TRADES and FAT train an epoch (from 1) with, given what happened before (None before the first)."""
    if past is None or epoch < config.calibration_start:
        return uniform(config, num_classes)
    return CALIBRATORS[config.calibrator](config, past)
