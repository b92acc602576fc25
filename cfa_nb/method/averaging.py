"""Running averages of weights beside a run: EMA accepts every epoch, FAWA only the fair ones (Sec. 4.3).

An average is passive: it reads the live network's state after each epoch and never writes to it. BatchNorm's running
statistics are averaged like weights, and not recalibrated (released code).
"""

import torch

from cfa_nb.config import Average


class WeightAverage:
    """The average described by a `cfa_nb.config.Average`; `state` is None while there is none.

    Args:
        spec: name, decay, threshold, start and init.
        initial: the state that it begins with, where `spec.init` asks for one.
    """

    def __init__(self, spec: Average, initial: dict | None = None):
        self.spec = spec
        self.accepted = 0  # epochs so far
        self.state = _copy(initial) if initial is not None else None

    def accepts(self, epoch: int, worst_class_acc: float) -> bool:
        """Whether the weights after an epoch are accepted: R_min >= delta (Algorithm 1), not before `start`."""
        return epoch >= self.spec.start and worst_class_acc >= self.spec.threshold

    def update(self, live_state: dict, epoch: int, worst_class_acc: float) -> bool:
        """Enters the live state, if it is accepted: average <- decay * average + (1 - decay) * live.

        The first acceptance copies the live state, unless the average began at theta_0.

        Returns:
            True if it was accepted; otherwise the average is as before.
        """
        if not self.accepts(epoch, worst_class_acc):
            return False
        if self.accepted == 0 and self.spec.init != "theta_0":
            self.state = _copy(live_state)
        else:
            for name, value in live_state.items():
                blend(self.state[name], value, self.spec.decay)
        self.accepted += 1
        return True


@torch.no_grad()
def blend(average: torch.Tensor, value: torch.Tensor, decay: float) -> None:
    """average <- decay * average + (1 - decay) * value, in place; counters (integers) are copied."""
    if average.is_floating_point():
        average.mul_(decay).add_(value, alpha=1 - decay)
    else:
        average.copy_(value)


def _copy(state):
    return {name: value.detach().clone() for name, value in state.items()}
