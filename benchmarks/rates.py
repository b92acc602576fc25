"""This machine's matrix rate: operations a second of matrix products, and of a network's own convolutions."""

import time

import torch
import torch.nn as nn
import torch.nn.functional as F

from benchmarks.timing import synchronise

PRODUCTS = {"cpu": (512, 1024, 2048), "cuda": (4096, 8192)}  # sides of square matrices


def best_rate(work, flops, device, repeats=5):
    """Operations a second of the fastest of some repeats; one call before them is not counted."""
    calls = 10 if torch.device(device).type == "cuda" else 1
    fastest = float("inf")
    for repeat in range(repeats + 1):
        synchronise(device)
        started = time.perf_counter()
        for _ in range(calls):
            work()
        synchronise(device)
        if repeat:
            fastest = min(fastest, (time.perf_counter() - started) / calls)
    return flops / fastest


def product_rate(device, dtype):
    """Operations a second of the best square matrix product."""
    sides = PRODUCTS[torch.device(device).type]
    return max(_product(side, device, dtype) for side in sides)


def _product(side, device, dtype):
    a, b = (torch.randn(side, side, device=device, dtype=dtype) for _ in range(2))
    return best_rate(lambda: a @ b, 2 * side**3, device)


@torch.no_grad()
def convolution_rates(model, x, dtype):
    """[(what, operations, rate)] of a forward of each kind of convolution in the model, in its faster memory layout."""
    found = []
    for shape, layer in _convolutions(model, x).items():
        weight = layer.weight.detach().to(dtype)
        image = torch.randn(shape[0], device=x.device, dtype=dtype)
        flops = 2 * len(x) * weight.numel() * (shape[0][2] // layer.stride[0]) * (shape[0][3] // layer.stride[1])
        found.append((_name(layer, shape[0]), flops, max(_convolution(image, weight, layer, flops))))
    return found


def _convolutions(model, x):
    """{(input shape, weight shape): layer} of one forward."""
    seen = {}

    def note(layer, inputs, _):
        seen[tuple(inputs[0].shape), tuple(layer.weight.shape)] = layer

    handles = [m.register_forward_hook(note) for m in model.modules() if isinstance(m, nn.Conv2d)]
    model(x)
    for handle in handles:
        handle.remove()
    return seen


def _convolution(image, weight, layer, flops):
    for layout in (torch.contiguous_format, torch.channels_last):
        a, w = image.contiguous(memory_format=layout), weight.contiguous(memory_format=layout)

        def work(a=a, w=w):
            F.conv2d(a, w, None, layer.stride, layer.padding)

        yield best_rate(work, flops, image.device, repeats=3)


def _name(layer, shape):
    kernel, stride = layer.kernel_size[0], layer.stride[0]
    return f"{kernel}x{kernel}/{stride}, {layer.in_channels} to {layer.out_channels}, {shape[2]}x{shape[3]}"
