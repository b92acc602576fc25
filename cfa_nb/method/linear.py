"""A linear layer that gives the same bits on every processor that `cfa_nb.processor` holds at its level.

MKL, which torch multiplies matrices with, has one kernel for Intel's processors and another one for AMD's. numpy's
OpenBLAS has the one that it is told. Two functions make the product, since a single one would compute the weights'
gradient at every step of an attack, to throw it away.
"""

import torch
import torch.nn as nn


class ProductOfInput(torch.autograd.Function):
    """x W' by numpy's OpenBLAS; gradients flow into x."""

    @staticmethod
    def forward(ctx, x, weight):
        ctx.save_for_backward(weight)
        return torch.from_numpy(x.numpy() @ weight.numpy().T)

    @staticmethod
    def backward(ctx, gradient):
        (weight,) = ctx.saved_tensors
        return torch.from_numpy(gradient.numpy() @ weight.numpy()), None


class BiasOfWeights(torch.autograd.Function):
    """The bias, for each image; gradients flow into it and, as of x W' + b, into the weights."""

    @staticmethod
    def forward(ctx, x, weight, bias):
        ctx.save_for_backward(x)
        return bias.expand(len(x), -1)

    @staticmethod
    def backward(ctx, gradient):
        (x,) = ctx.saved_tensors
        return None, torch.from_numpy(gradient.numpy().T @ x.numpy()), gradient.sum(dim=0)


class Linear(nn.Linear):
    """x W' + b as torch has it on a GPU; on a CPU by numpy."""

    def forward(self, x):
        if x.device.type != "cpu":
            return super().forward(x)
        bias = BiasOfWeights.apply(x.detach(), self.weight, self.bias)
        return ProductOfInput.apply(x, self.weight.detach()).add_(bias)
