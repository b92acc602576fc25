"""SGD with momentum whose learning rate lives on the device: a rate frozen into a captured graph would never change."""

import torch


class DeviceSgd:
    """Updates the parameters of a `torch.optim.SGD`, whose momentum buffers it shares, so that checkpoints stay alike.

    Args:
        optimiser: from `cfa_nb.step.sgd`.
    """

    def __init__(self, optimiser):
        (group,) = optimiser.param_groups
        self.group, self.parameters = group, group["params"]
        self.lr = torch.tensor(float(group["lr"]), dtype=self.parameters[0].dtype, device=self.parameters[0].device)
        self.momentum = [self._buffer(optimiser.state[p], p) for p in self.parameters]

    @staticmethod
    def _buffer(state, parameter):
        """The momentum, begun at zero: its first update then is the gradient itself, as in torch."""
        if state.get("momentum_buffer") is None:
            state["momentum_buffer"] = torch.zeros_like(parameter, memory_format=torch.preserve_format)
        return state["momentum_buffer"]

    def set_lr(self, lr):
        """The rate of the coming steps."""
        self.lr.fill_(lr)

    @torch.no_grad()
    def step(self, gradients):
        """v <- momentum v + (gradient + weight_decay w),  w <- w - lr v; `gradients` are used up."""
        torch._foreach_add_(gradients, self.parameters, alpha=self.group["weight_decay"])
        torch._foreach_mul_(self.momentum, self.group["momentum"])
        torch._foreach_add_(self.momentum, gradients)
        torch._foreach_sub_(self.parameters, torch._foreach_mul(self.momentum, self.lr))
