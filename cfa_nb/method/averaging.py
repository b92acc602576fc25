"""Running averages of weights beside a run: EMA takes every epoch in, FAWA only the fair ones (Sec. 4.3).

An average is passive: it reads the live network's state after each epoch and never writes to it. BatchNorm's running
statistics are averaged like weights, and not recalibrated (released code).
"""

import torch


class WeightAverage:
    """The average described by a `cfa_nb.config.Average`; `state` is None while there is none.

    Args:
        spec: name, decay, threshold, start and init.
        theta_0: the initial state of the live network, for init "theta_0".
        random_state: another random network's state, for init "random".
    """

    def __init__(self, spec, theta_0=None, random_state=None):
        self.spec = spec
        self.accepted = 0  # epochs taken in so far
        initial = {"first": None, "theta_0": theta_0, "random": random_state}[spec.init]
        self.state = _copy(initial) if initial is not None else None

    def accepts(self, epoch, worst_class_acc):
        """Whether the weights after an epoch (from 1) enter: R_min >= delta (Algorithm 1), not before `start`."""
        return epoch >= self.spec.start and worst_class_acc >= self.spec.threshold

    def update(self, live_state, epoch, worst_class_acc):
        """Takes the live state in, if it is accepted: average <- decay * average + (1 - decay) * live.

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
def blend(average, value, decay):
    """average <- decay * average + (1 - decay) * value, in place; counters (integers) are copied."""
    if average.is_floating_point():
        average.mul_(decay).add_(value, alpha=1 - decay)
    else:
        average.copy_(value)


def _copy(state):
    return {name: value.detach().clone() for name, value in state.items()}
