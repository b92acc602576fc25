"""Do two sides compute the same? Asked in float64 before anything is timed: a ratio of unequal work means nothing."""

from dataclasses import dataclass

import torch
from torch.overrides import TorchFunctionMode

from benchmarks import workloads
from benchmarks.sides import AUTHORS, sides
from cfa_nb.rng import stream

CLOSE = 1e-9  # of the largest movement of any weight, and of any running statistic


@dataclass(frozen=True)
class Equality:
    """How far two outcomes lie apart.

    difference: of weights over their largest movement, or of running statistics over theirs, whichever is larger.
    same_counts: whether hits per class and BatchNorm's counters agree.
    """

    difference: float
    same_counts: bool

    @property
    def equal(self):
        """True if the difference is rounding alone."""
        return self.difference <= CLOSE and self.same_counts

    def __str__(self):
        counts = "" if self.same_counts else ", other counts"
        return f"{'yes' if self.equal else 'NO'} ({self.difference:.1e}{counts})"


class GivenNoise(TorchFunctionMode):
    """The released code draws from the global generator; here it is handed the numbers that our step draws.

    Args:
        noise: tensors, one for each call of `torch.rand_like` and `torch.randn`.
    """

    def __init__(self, noise):
        super().__init__()
        self.noise = iter(noise)

    def __torch_function__(self, func, types, args=(), kwargs=None):
        if func in (torch.rand_like, torch.randn):
            return next(self.noise)
        return func(*args, **(kwargs or {}))


def check(reference, others, code, workload, method, start, device="cpu"):
    """{name: Equality} of each other side with the reference, after one step each in float64."""
    config = workload.config(method, precision="fp64")
    batches = workloads.batches(workload, 1, device, torch.float64)
    first, *rest = sides([reference, *others], code, workload, config, start, device)
    expected = _step(first, batches)
    kinds = first.kinds()
    return {side.name: compare(kinds, first.start, expected, _step(side, batches)) for side in rest}


def _step(side, batches):
    if side.name != AUTHORS:
        return side.train(batches, seed=0), side.state()
    with GivenNoise([_noise(side, x, i) for i, (x, _) in enumerate(batches)]):
        return side.train(batches), side.state()


def _noise(side, x, step):
    draw = torch.randn if side.config.objective == "trades" else torch.rand
    generator = stream(0, "attack", 1, step, side.device)
    return draw(x.shape, generator=generator, dtype=x.dtype, device=x.device)


def compare(kinds, start, a, b):
    """`Equality` of two outcomes (hits, tensors) that began at `start`; `kinds` as `Side.kinds` gives them."""
    (hits_a, state_a), (hits_b, state_b) = a, b
    apart = [_apart(kind, kinds, start, state_a, state_b) for kind in ("weight", "statistic")]
    counters = all(_distance(x, y) == 0 for x, y, kind in zip(state_a, state_b, kinds) if kind == "counter")
    return Equality(max(apart), hits_a == hits_b and counters)


def _apart(kind, kinds, start, state_a, state_b):
    """Largest difference over largest movement among the tensors of one kind; not finite if nothing moved."""
    chosen = [t for t in zip(start, state_a, state_b, kinds) if t[3] == kind]
    moved = max(_distance(s, a) for s, a, _, _ in chosen)
    return max(_distance(a, b) for _, a, b, _ in chosen) / moved if moved else float("inf")


def _distance(a, b):
    return float((a.double() - b.double()).abs().max())
