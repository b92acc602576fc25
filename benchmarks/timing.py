"""Interleaved timing: rounds in which every side runs once, so that a slow minute of the machine hits all of them."""

import time
from dataclasses import dataclass
from statistics import median

import torch


def timed(work, device="cpu"):
    """{"wall_s", "cpu_s"} of a call: on the clock and of this process; on a GPU from an idle device to an idle one."""
    synchronise(device)
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    synchronise(device)
    return {"wall_s": time.perf_counter() - wall, "cpu_s": time.process_time() - cpu}


def synchronise(device):
    """Waits for the device."""
    if torch.device(device).type == "cuda":
        torch.cuda.synchronize(device)


def interleaved(sides, rounds, device="cpu"):
    """{name: [`timed` of each round]}; one more round before them is not counted.

    Args:
        sides: {name: (prepare, work)}; only `work` is timed. Each round begins with another side.
        rounds: timings of each side.
    """
    order = list(sides)
    timings = {name: [] for name in sides}
    for round_ in range(rounds + 1):
        for name in order[round_ % len(order) :] + order[: round_ % len(order)]:
            prepare, work = sides[name]
            prepare()
            timing = timed(work, device)
            if round_:
                timings[name].append(timing)
    return timings


def column(timings, clock="wall_s"):
    """The seconds of one clock, from a list of timings."""
    return [t[clock] for t in timings]


def ratios(reference, other):
    """How many times faster `other` is, pair by pair: reference seconds over its own.

    Raises:
        ValueError: if the two lists differ in length: then they are no pairs.
    """
    if len(reference) != len(other):
        raise ValueError(f"pairs are needed, got {len(reference)} and {len(other)} timings")
    return [a / b for a, b in zip(reference, other)]


@dataclass(frozen=True)
class Summary:
    """Median and range of some numbers."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values):
        """Of a list of at least one number."""
        return cls(median(values), min(values), max(values))

    def text(self, digits=2):
        """Such as "1.47 [1.41-1.68]"."""
        return f"{self.median:.{digits}f} [{self.low:.{digits}f}-{self.high:.{digits}f}]"
