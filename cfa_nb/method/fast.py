"""Faster views of a network, on the same weights: `Trained` for the loss, `Frozen` for the attack.

    networks = fast_networks(model, bf16=True, compiled=True)     # a `Networks` for `train_step`

Compiled code holds a joint backward: the gradient of a compiled network with respect to its input computes every
weight gradient as well, to throw it away. So the attack calls the network on detached parameters; toggling
`requires_grad` instead would recompile, or reuse the wrong graph.
"""

import torch
import torch.nn as nn
from torch import Tensor
from torch.func import functional_call

from cfa_nb.method.objectives import Networks


def fast_networks(model: nn.Module, bf16: bool = False, compiled: bool = False) -> Networks:
    """The network's two views; run eagerly in fp32 a view would be the network itself, and is."""
    if not (bf16 or compiled):
        return Networks(model)
    return Networks(Trained(model, bf16, compiled), Frozen(model, bf16, compiled))


class Trained:
    """Gradients flow into the network's parameters; `training` and `train` are the network's own.

    Args:
        model: the network.
        bf16: convolutions in bf16; weights, statistics, images and losses stay fp32.
        compiled: through torch.compile, without its CUDA graphs: the whole step becomes one graph of its own.
    """

    def __init__(self, model: nn.Module, bf16: bool = False, compiled: bool = False):
        self.model, self.bf16 = model, bf16
        self.names = [name for name, _ in model.named_parameters()]
        self._call = torch.compile(self._functional, dynamic=False) if compiled else self._functional

    @property
    def training(self) -> bool:
        return self.model.training

    def train(self, mode: bool = True) -> None:
        self.model.train(mode)

    def __call__(self, x: Tensor) -> Tensor:
        return self._call(x, self.weights())

    def weights(self) -> list[Tensor]:
        """The parameters as they are now, convolution kernels in bf16 if asked for."""
        return self._cast(self.model.parameters())

    def _cast(self, parameters):
        return [p.to(torch.bfloat16) if self.bf16 and p.ndim == 4 else p for p in parameters]

    def _functional(self, x, weights):
        return functional_call(self.model, dict(zip(self.names, weights)), (x,))


class Frozen(Trained):
    """Gradients flow into the input alone. `refresh` after the weights changed: the cast is made once a step."""

    def __init__(self, model: nn.Module, bf16: bool = False, compiled: bool = False):
        super().__init__(model, bf16, compiled)
        self.refresh()

    def refresh(self) -> None:
        """Takes the weights as they are now; without bf16 they are the same storage."""
        self._weights = self._cast([p.detach() for p in self.model.parameters()])

    def weights(self) -> list[Tensor]:
        """The weights of the last `refresh`."""
        return self._weights
