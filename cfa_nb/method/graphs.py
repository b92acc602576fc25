"""A training step, or the attack on a batch of test images, captured as one CUDA graph: 1,200 kernels for one launch.

What changes from step to step is read from device tensors (the batch's positions, class-wise values, rate) or from
generators that are registered with the graph and seeded anew before each replay, so that a replay draws exactly what
the eager step would.
"""

import torch

from cfa_nb.data.batches import DTYPES, Batches, take, to_float
from cfa_nb.method.attacks import cross_entropy, pgd, uniform_start
from cfa_nb.method.evaluate import BATCH, epoch_measure
from cfa_nb.method.fast import FastStep, Frozen
from cfa_nb.method.metrics import ClassCounts, Measured
from cfa_nb.method.model import dtype_of, in_mode
from cfa_nb.rng import stream, stream_seed

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


class EagerMeasure:
    """`cfa_nb.method.evaluate.epoch_measure` of one network on one split.

    Args:
        model: whose weights change in place.
        split: images uint8 and labels, on the model's device.
        config: the run's `TrainConfig`.
        num_classes: K.
        purpose: names the stream of the attack's random numbers.
    """

    def __init__(self, model, split, config, num_classes, purpose):
        self.model, self.split, self.config, self.num_classes = model, split, config, num_classes
        self.purpose = purpose

    def __call__(self, epoch):
        """The `Measured` of the weights as they are now."""
        return epoch_measure(self.model, self.split, self.config, self.num_classes, epoch, self.purpose)


class GraphMeasure(EagerMeasure):
    """The same with the attack on a batch captured: two captures, one for full batches and one for the last."""

    def __init__(self, *args):
        super().__init__(*args)
        device = self.split.labels.device
        self.view = Frozen(self.model, compiled=True)
        self.clean, self.robust = (ClassCounts(self.num_classes, device) for _ in range(2))
        self.captured = {}

    def __call__(self, epoch):
        for counts in (self.clean, self.robust):
            counts.reset()
        everything = torch.arange(len(self.split), device=self.split.labels.device)
        for number, index in enumerate(everything.split(BATCH)):
            seed = stream_seed(self.config.seed, self.purpose, epoch, number)
            self._graph(len(index)).replay(index, [seed])
        share = self.config.worst_share
        return Measured(*(counts.result().with_share(share) for counts in (self.clean, self.robust)))

    def _graph(self, size):
        if size not in self.captured:
            mutable = [self.clean.counts, self.robust.counts]
            self.captured[size] = Captured(self.body, size, self.split.labels.device, mutable, generators=1)
        return self.captured[size]

    def body(self, index, generator):
        """Clean and PGD hits of the images at these positions, in eval mode at the evaluation's margin."""
        x, y, c = to_float(self.split.images[index], dtype_of(self.model)), self.split.labels[index], self.config
        with in_mode(self.model, False):
            start = uniform_start(x, c.eval_eps, generator)
            loss = cross_entropy(y)
            x_adv = pgd(self.view, x, loss, eps=c.eval_eps, alpha=c.eval_alpha, steps=c.eval_steps, start=start)
            with torch.no_grad():
                self.clean.add(self.view(x), y)
                self.robust.add(self.view(x_adv), y)


def measure_on(model, split, config, num_classes, purpose):
    """The evaluation for the device that the images live on."""
    kind = GraphMeasure if split.labels.device.type == "cuda" else EagerMeasure
    return kind(model, split, config, num_classes, purpose)
