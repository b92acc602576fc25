"""From last epoch's class accuracies to each class's margin and beta for the next one: CCM (Eq. 6), CCR (Eq. 7).

A new class-wise calibrator is one function below `@calibrator`; its name is what `TrainConfig.calibrator` takes.
`cfa` is the paper's; those that it is compared with stand in `cfa_nb.method.rivals`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch

from cfa_nb.config import TrainConfig
from cfa_nb.method import entered


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


#: By name; each is called as function(config, past) -> `Calibration` with a `Past`.
CALIBRATORS: dict[str, Callable] = {}
calibrator = entered(CALIBRATORS, "a calibrator")


@calibrator
def cfa(config: TrainConfig, past: Past) -> Calibration:
    """CCM and CCR, whichever the config asks for."""
    calibration = uniform(config, len(past.t))
    if config.ccm:
        calibration = replace(calibration, eps=class_margins(past.t, config.eps, config.lambda_1))
    if config.ccr:
        calibration = replace(calibration, beta=class_betas(past.t, config.beta, config.lambda_2))
    return calibration


def next_calibration(config: TrainConfig, num_classes: int, epoch: int, past: Past) -> Calibration:
    """What AT, TRADES and FAT train an epoch (from 1) with."""
    if epoch < config.calibration_start or not past.train_robust:
        return uniform(config, num_classes)
    calibration = CALIBRATORS[config.calibrator](config, past)
    if not isinstance(calibration, Calibration):
        raise TypeError(f"calibrator {config.calibrator!r} must give a Calibration, not {type(calibration).__name__}")
    return calibration
