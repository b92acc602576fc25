"""Sides against each other on the same batches: first whether they compute the same, then how long they take."""

from dataclasses import dataclass

from benchmarks import equality, workloads
from benchmarks.sides import names, sides
from benchmarks.timing import interleaved


@dataclass(frozen=True)
class Lane:
    """What a race says of one side: `same` is None for the reference, `timings` empty for one that is not equal."""

    name: str
    same: equality.Equality | None
    timings: list

    def to_row(self):
        """The part of a result's row that belongs to the side."""
        same = dict(equal=None, equality="reference")
        if self.same is not None:
            same = dict(equal=self.same.equal, equality=str(self.same))
        return {"side": self.name, **same, "timings": self.timings}


def race(workload, method, start, rounds, options, steps=1):
    """The `Lane` of every side, the reference first.

    Args:
        workload, method: what is trained.
        start: weights and buffers that every timing begins with.
        rounds: timings of each side, of `steps` batches each.
        options: device, precision and the authors' code.
    """
    same = admit(workload, method, start, options)
    timings = time_sides(fit(same), workload, method, start, rounds, options, steps)
    return [Lane(name, equal, timings.get(name, [])) for name, equal in same.items()]


def admit(workload, method, start, options):
    """{name: Equality} of every side with the reference, which comes first, with None."""
    reference, *others = names(options.code)
    checked = for_equality(workload, options.device)
    return {reference: None} | equality.check(reference, others, options.code, checked, method, start, options.device)


def fit(same):
    """The names of those that may be timed."""
    return [name for name, equal in same.items() if equal is None or equal.equal]


def reference_of(row, rows):
    """The row that another one's ratio is taken to: the first of its network and method."""
    return next(r for r in rows if (r["network"], r["method"]) == (row["network"], row["method"]))


def for_equality(workload, device):
    """A quarter of the batch on a CPU, whose float64 convolutions are slow."""
    return workload.with_batch(max(2, workload.batch // 4)) if device == "cpu" else workload


def time_sides(chosen, workload, method, start, rounds, options, steps=1):
    """{name: timings} of these sides, interleaved."""
    config = workload.config(method, precision=options.precision)
    batches = workloads.batches(workload, steps, options.device)
    raced = sides(chosen, options.code, workload, config, start, options.device)
    work = {side.name: (side.reset, lambda side=side: side.train(batches)) for side in raced}
    return interleaved(work, rounds, options.device)
