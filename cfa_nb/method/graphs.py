"""A training step, or the attack on a batch of test images, captured as one CUDA graph: 1,200 kernels for one launch.

What changes from step to step is read from device tensors (the batch's positions, class-wise values, rate) or from
generators that are registered with the graph and seeded anew before each replay, so that a replay draws exactly what
the eager step would.
"""

import sys
from collections.abc import Callable

import torch
import torch.nn as nn
from torch import Tensor

from cfa_nb.config import TrainConfig
from cfa_nb.data.dataset import Split
from cfa_nb.method.evaluate import EpochEvaluation
from cfa_nb.method.fast import Frozen, fast_networks
from cfa_nb.method.step import Epoch
from cfa_nb.rng import stream_seed

SAME_STEP = 0.1  # rounding turns the sign of some gradients near 0; a wrong margin, class or start goes further
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

    def __init__(self, body: Callable, size: int, device: torch.device, mutable: list[Tensor], generators: int):
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

    def replay(self, index: Tensor, seeds: list[int]) -> None:
        """Runs on the images at `index` (B,), with the generators' seeds; returns at once."""
        self.index.copy_(index)
        for generator, seed in zip(self.generators, seeds):
            generator.manual_seed(seed)
        self.graph.replay()


class GraphEpoch(Epoch):
    """Replays the step: one capture for full batches and one for the smaller last one.

    The first step is made twice from the same state, one by one and captured. Where they differ, or capturing fails,
    all steps are made one by one: slower, and right.
    """

    def __init__(self, model: nn.Module, config: TrainConfig, split: Split, num_classes: int):
        super().__init__(model, config, split, num_classes)
        self.one_by_one, self.captured, self.compared = True, {}, False
        self.fast_networks = fast_networks(model, bf16=config.precision == "bf16", compiled=True)

    def run_step(self, epoch: int, number: int, index: Tensor) -> None:
        """One replay on the images at `index`."""
        if not self.compared:
            self.compared = True
            problem = self._problem(epoch, number, index)
            self.one_by_one = bool(problem)
            if problem:
                print(f"cfa_nb: {problem}; all steps are made one by one", file=sys.stderr, flush=True)
        if self.one_by_one:
            super().run_step(epoch, number, index)
        else:
            self._replay(epoch, number, index)

    def _problem(self, epoch, number, index):
        """What is wrong with the captured step, or ""; weights and counts stay as they were."""
        start = self._state()
        super().run_step(epoch, number, index)
        plain = self._state()
        self._restore(start)
        try:
            self._replay(epoch, number, index)
            gap = distance(start, plain, self._state())
        except RuntimeError as error:
            reason = str(error).partition("\n")[0]
            return f"a captured step fails ({type(error).__name__}: {reason})"
        finally:
            self._restore(start)
        return "" if gap <= SAME_STEP else f"a captured step goes elsewhere than a plain one (by {gap:.0%} of its way)"

    def _replay(self, epoch, number, index):
        if len(index) not in self.captured:
            self.captured[len(index)] = Captured(self._fast_body, len(index), self.device, self.mutable(), generators=2)
        seeds = [stream_seed(self.config.seed, purpose, epoch, number) for purpose in ("augment", "attack")]
        self.captured[len(index)].replay(index, seeds)

    def _fast_body(self, index, augment, attack):
        plain, self.networks = self.networks, self.fast_networks
        try:
            self.step_body(index, augment, attack)
        finally:
            self.networks = plain

    def mutable(self) -> list[Tensor]:
        """Every tensor that a step changes: restored after the warm-up that precedes a capture."""
        return [tensor for part in self._parts() for tensor in part]

    def _parts(self):
        """The same: weights, BatchNorm's statistics, momentum, counters."""
        buffers = list(self.model.buffers())
        statistics = [b for b in buffers if b.is_floating_point()]
        counters = [self.robust.counts, self.clean.counts, self.loss]
        whole = [b for b in buffers if not b.is_floating_point()] + counters
        return list(self.model.parameters()), statistics, self.update.momentum, whole

    def _state(self):
        return [[t.detach().clone() for t in part] for part in self._parts()]

    def _restore(self, state):
        with torch.no_grad():
            torch._foreach_copy_(self.mutable(), [t for part in state for t in part])


def distance(start: list[list[Tensor]], plain: list[list[Tensor]], fast: list[list[Tensor]]) -> float:
    """How far apart two steps from `start` end, in units of the way of the plain one; of all parts the largest."""
    gaps = [0.0]
    for part in zip(start, plain, fast):
        before, one, other = (
            torch.cat([t.flatten().double() for t in tensors] or [torch.zeros(0)]) for tensors in part
        )
        if not torch.equal(one, other):
            gaps.append(float((other - one).norm() / (one - before).norm()))
    return max(gaps)


class GraphEvaluation(EpochEvaluation):
    """The evaluation after an epoch, replayed. The network's weights change in place, so a capture stays right."""

    def __init__(self, model: nn.Module, *about):
        super().__init__(model, *about)
        self.view, self.captured = Frozen(model, compiled=True), {}

    def run_batch(self, epoch: int, number: int, index: Tensor) -> None:
        """One replay on the images at `index`."""
        if len(index) not in self.captured:
            mutable = [self.clean.counts, self.robust.counts]
            self.captured[len(index)] = Captured(self.body, len(index), self.device, mutable, generators=1)
        self.captured[len(index)].replay(index, [stream_seed(self.config.seed, self.purpose, epoch, number)])
