"""A training step, or the attack on a batch of test images, captured as one CUDA graph: 1,200 kernels for one launch.

What changes from step to step is read from device tensors (the batch's positions, class-wise values, rate) or from
generators that are registered with the graph and seeded anew before each replay, so that a replay draws exactly what
the eager step would.
"""

import torch

WARM_UP = 3  # compilation, autotuning and library workspaces must be over before a capture


class Captured:
    """`body(index, *generators)` for one batch size.

    Args:
        body: works on the images at positions (B,), with one or more generators; it may not wait for the device.
        size: B.
        device: a CUDA device.
        mutable: the tensors that `body` changes; warm-up and capture leave them as they were.
        generators: how many it draws from.
    """

    def __init__(self, body, size, device, mutable, generators):
        self.index = torch.zeros(size, dtype=torch.int64, device=device)
        self.generators = [torch.Generator(device) for _ in range(generators)]
        before = [t.detach().clone() for t in mutable]
        self._warm_up(body)
        self.graph = torch.cuda.CUDAGraph()
        for generator in self.generators:
            self.graph.register_generator_state(generator)
        with torch.cuda.graph(self.graph):
            body(self.index, *self.generators)
        with torch.no_grad():
            torch._foreach_copy_(mutable, before)

    def _warm_up(self, body):
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(WARM_UP):
                body(self.index, *self.generators)
        torch.cuda.current_stream().wait_stream(side)

    def replay(self, index, seeds):
        """Runs on the images at `index` (B,), with the generators' seeds; returns at once."""
        self.index.copy_(index)
        for generator, seed in zip(self.generators, seeds):
            generator.manual_seed(seed)
        self.graph.replay()
