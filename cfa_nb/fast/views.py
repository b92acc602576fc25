"""Two views of one network, on the same weights: `Frozen` for the attack, `Trained` for the update.

Compiled code holds a joint backward: the gradient of a compiled network with respect to its input computes every
weight gradient as well, to throw it away. So the attack calls the network on detached parameters; toggling
`requires_grad` instead would recompile, or reuse the wrong graph. Run eagerly in fp32, a view is the network itself.
"""

import torch
from torch.func import functional_call


class View:
    """A network called with a given state; `training` and `train` are the network's own.

    Args:
        model: the network.
        bf16: convolutions in bf16; weights, statistics, images and losses stay fp32.
        compiled: through torch.compile, without its CUDA graphs: the whole step becomes one graph of its own.
    """

    def __init__(self, model, bf16=False, compiled=False):
        self.model, self.bf16 = model, bf16
        self.names = [name for name, _ in model.named_parameters()]
        self._call = torch.compile(self._functional, dynamic=False) if compiled else self._functional

    @property
    def training(self):
        return self.model.training

    def train(self, mode=True):
        self.model.train(mode)

    def __call__(self, x):
        return self._call(x, self.state())

    def _functional(self, x, state):
        return functional_call(self.model, dict(zip(self.names, state)), (x,))

    def _cast(self, parameters):
        """Convolution kernels in bf16, the rest as it is."""
        return [p.to(torch.bfloat16) if self.bf16 and p.ndim == 4 else p for p in parameters]


class Trained(View):
    """Gradients flow into the network's parameters."""

    def state(self):
        return self._cast(self.model.parameters())


class Frozen(View):
    """Gradients flow into the input alone. `refresh` after the weights changed: the cast is made once a step."""

    def __init__(self, model, bf16=False, compiled=False):
        super().__init__(model, bf16, compiled)
        self.refresh()

    def refresh(self):
        """Takes the weights as they are now; without bf16 they are the same storage."""
        self._state = self._cast([p.detach() for p in self.model.parameters()])

    def state(self):
        return self._state
