"""An epoch of steps: `EagerEpoch` on any device, `GraphEpoch` replays captured steps on a GPU.

Both draw the same random numbers from the streams keyed by (seed, purpose, epoch, step), and wait for the device once,
at the epoch's end.
"""

import torch

from cfa_nb.data.batches import DTYPES, Batches, take
from cfa_nb.fast.graph import Captured
from cfa_nb.fast.step import FastStep
from cfa_nb.metrics import ClassCounts
from cfa_nb.rng import stream, stream_seed


class EagerEpoch:
    """Runs the steps one by one.

    Args:
        model, optimiser: as `FastStep` takes them.
        config: the run's `TrainConfig`.
        split: training images and labels, on the model's device.
        num_classes: K.
    """

    compiled = False

    def __init__(self, model, optimiser, config, split, num_classes):
        self.config, self.split, self.device = config, split, split.labels.device
        self.step = FastStep(model, optimiser, config, self.compiled)
        self.table = torch.zeros(4, num_classes, dtype=DTYPES[config.precision], device=self.device)
        self.robust, self.clean = (ClassCounts(num_classes, self.device) for _ in range(2))
        self.number, self.broken = (torch.zeros((), dtype=torch.int64, device=self.device) for _ in range(2))

    def run(self, epoch, calibration):
        """One epoch at `config.lr_at(epoch)` with these class-wise values.

        Returns:
            `ClassAccuracy` on adversarial and on clean training images, and the number (from 1) of the first step
            whose loss was not finite, or 0.
        """
        self.step.sgd.set_lr(self.config.lr_at(epoch))
        self.table.copy_(calibration.to(self.device, self.table.dtype))
        for state in (self.robust, self.clean):
            state.reset()
        self.number.zero_(), self.broken.zero_()
        for number, index in enumerate(Batches(self.split, self.config, epoch).order()):
            self.run_step(epoch, number, index)
        return self.robust.result(), self.clean.result(), int(self.broken)

    def run_step(self, epoch, number, index):
        """One step on the images at `index`."""
        self.body(index, *(stream(self.config.seed, p, epoch, number, self.device) for p in ("augment", "attack")))

    def body(self, index, augment, attack):
        """All that a step does, from the images' positions and two generators; the host learns nothing of it."""
        x, y = take(self.split, index, self.config, augment)
        loss = self.step(x, y, self.table, attack, self.robust, self.clean)
        self.number += 1
        self.broken.copy_(torch.where((self.broken == 0) & ~loss.isfinite(), self.number, self.broken))


class GraphEpoch(EagerEpoch):
    """Replays the step as one CUDA graph, one capture for full batches and one for the smaller last one."""

    compiled = True

    def __init__(self, *args):
        super().__init__(*args)
        self.captured = {}

    def run_step(self, epoch, number, index):
        if len(index) not in self.captured:
            self.captured[len(index)] = Captured(self.body, len(index), self.device, self.mutable(), generators=2)
        seeds = [stream_seed(self.config.seed, purpose, epoch, number) for purpose in ("augment", "attack")]
        self.captured[len(index)].replay(index, seeds)

    def mutable(self):
        """Every tensor that a step changes: restored after the warm-up that precedes a capture."""
        model, counts = self.step.model, (self.robust.counts, self.clean.counts)
        return [*model.parameters(), *model.buffers(), *self.step.sgd.momentum, *counts, self.number, self.broken]


def epoch_runner(model, optimiser, config, split, num_classes):
    """The runner for the device that the images live on."""
    kind = GraphEpoch if split.labels.device.type == "cuda" else EagerEpoch
    return kind(model, optimiser, config, split, num_classes)
