"""What one more forward pass of the same batch would do to BatchNorm's running statistics, without the pass.

A pass in train mode moves a statistic r0 to r1 = (1 - m) r0 + m s, with the batch's own s. A later pass of the same
batch moves r to (1 - m) r + m s, and m s = r1 - (1 - m) r0 is known.
"""

import torch
from torch.nn.modules.batchnorm import _BatchNorm


class RepeatedPass:
    """Remembers what a pass did, to do it again.

    Args:
        model: a network whose BatchNorm layers have one momentum; without any, nothing is done.
    """

    def __init__(self, model):
        layers = [m for m in model.modules() if isinstance(m, _BatchNorm)]
        self.buffers = [b for m in layers for b in (m.running_mean, m.running_var)]
        self.counters = [m.num_batches_tracked for m in layers]
        self.keep = 1 - layers[0].momentum if layers else 1.0

    @torch.no_grad()
    def before(self):
        """Call before the pass."""
        self.moved = [self.keep * b for b in self.buffers]

    @torch.no_grad()
    def after(self):
        """Call after the pass: keeps m s of each statistic."""
        self.moved = [b - m for b, m in zip(self.buffers, self.moved)]

    @torch.no_grad()
    def again(self):
        """The statistics as if the pass were made once more; after the backward pass, which still needs them."""
        for buffer, moved in zip(self.buffers, self.moved):
            buffer.mul_(self.keep).add_(moved)
        for counter in self.counters:
            counter.add_(1)
