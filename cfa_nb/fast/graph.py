"""A training step captured as one CUDA graph: some 1,200 kernels for one launch.

What changes from step to step is read from device tensors (the batch's positions, class-wise values, rate) or from
generators that are registered with the graph and seeded anew before each replay, so that a replay draws exactly what
the eager step would.
"""

import torch

WARM_UP = 3  # compilation, autotuning and library workspaces must be over before a capture


class CapturedStep:
    """`body(index, augment, attack)` for one batch size.

    Args:
        body: runs a step from positions (B,) and two generators; nothing in it may wait for the device.
        size: B.
        device: a CUDA device.
        mutable: the tensors that a step changes; warm-up and capture leave them as they were.
    """

    def __init__(self, body, size, device, mutable):
        self.index = torch.zeros(size, dtype=torch.int64, device=device)
        self.generators = [torch.Generator(device) for _ in range(2)]
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
        """One step on the images at `index` (B,), with the generators' seeds; returns at once."""
        self.index.copy_(index)
        for generator, seed in zip(self.generators, seeds):
            generator.manual_seed(seed)
        self.graph.replay()
