"""From last epoch's class accuracies to each class's margin, beta and weights for the next one.

`uniform` gives every class the same; `class_margins` is CCM (Eq. 6), `class_betas` is CCR (Eq. 7), `Frl` the rival.
A new class-wise calibrator is one function below `@calibrator`; its name is what `TrainConfig.calibrator` takes.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

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


CALIBRATORS: dict[str, Callable] = {}


def calibrator(function: Callable) -> Callable:
    """Enters a calibrator, called as function(config, train_robust_acc) -> `Calibration`, under its name.

    Raises:
        ValueError: if the name is taken.
    """
    if function.__name__ in CALIBRATORS:
        raise ValueError(f"there is a calibrator {function.__name__!r} already; name yours otherwise")
    CALIBRATORS[function.__name__] = function
    return function


@calibrator
def cfa(config: TrainConfig, train_robust_acc: Sequence[float]) -> Calibration:
    """CCM and CCR, whichever the config asks for."""
    calibration = uniform(config, len(train_robust_acc))
    if config.ccm:
        calibration = replace(calibration, eps=class_margins(train_robust_acc, config.eps, config.lambda_1))
    if config.ccr:
        calibration = replace(calibration, beta=class_betas(train_robust_acc, config.beta, config.lambda_2))
    return calibration


def next_calibration(
    config: TrainConfig, num_classes: int, epoch: int, train_robust_acc: Sequence[float] | None
) -> Calibration:
    """What AT, TRADES and FAT train an epoch (from 1) with, given last epoch's t_k (None before the first)."""
    if train_robust_acc is None or epoch < config.calibration_start:
        return uniform(config, num_classes)
    return CALIBRATORS[config.calibrator](config, train_robust_acc)
