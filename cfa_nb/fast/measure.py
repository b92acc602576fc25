"""The evaluation after an epoch, clean and PGD, for one network and one split: eager, or as a replayed CUDA graph.

Networks are measured where they lie: their weights change in place, so a graph that was captured once stays right.
"""

import torch

from cfa_nb.attacks import cross_entropy, pgd, uniform_start
from cfa_nb.data.batches import to_float
from cfa_nb.evaluate import BATCH, epoch_measure
from cfa_nb.fast.graph import Captured
from cfa_nb.fast.views import Frozen
from cfa_nb.metrics import ClassCounts
from cfa_nb.model import dtype_of, in_mode
from cfa_nb.record import Measured
from cfa_nb.rng import stream_seed


class EagerMeasure:
    """`cfa_nb.evaluate.epoch_measure` of one network on one split.

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
