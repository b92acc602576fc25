"""A linear layer that gives the same bits on every processor that `cfa_nb.processor` holds at its level.

MKL, which torch multiplies matrices with, has one kernel for Intel's processors and another one for AMD's. numpy's
OpenBLAS has the one that it is told.
"""

import torch
import torch.nn as nn


class Affine(torch.autograd.Function):
    """x W' + b by numpy's OpenBLAS; frozen weights cost no gradient of theirs."""

    @staticmethod
    def forward(ctx, x, weight, bias):
        ctx.save_for_backward(x, weight)
        return torch.from_numpy(x.numpy() @ weight.numpy().T).add_(bias)

    @staticmethod
    def backward(ctx, gradient):
        x, weight = ctx.saved_tensors
        of_x, of_weight, of_bias = ctx.needs_input_grad
        return (
            torch.from_numpy(gradient.numpy() @ weight.numpy()) if of_x else None,
            torch.from_numpy(gradient.numpy().T @ x.numpy()) if of_weight else None,
            gradient.sum(dim=0) if of_bias else None,
        )


class Linear(nn.Linear):
    """x W' + b as torch has it on a GPU; on a CPU by numpy."""

    def forward(self, x):
        return super().forward(x) if x.device.type != "cpu" else Affine.apply(x, self.weight, self.bias)
