"""Sides against each other: first whether they compute the same, then, interleaved, how long they take.

Equality is asked in float64 before anything is timed: a ratio of unequal work means nothing. Timings come in rounds in
which every side runs once, so that a slow minute of the machine hits all of them.
"""

import time
from collections.abc import Callable, Sequence
from statistics import median
from unittest.mock import patch

import torch
from torch import Tensor

from benchmarks.benchmark import seconds
from benchmarks.cases import Case
from benchmarks.sides import Side, Theirs, sides
from cfa_nb.rng import stream

CLOSE = 1e-9  # of the largest movement in a tensor


def checked_rows(case: Case) -> list[dict]:
    """The row of every side, the reference first: is it equal to the reference, after one step each in float64?"""
    first, *others = sides(case, precision="fp64")
    start, expected = first.state(), _step(first) if others else None
    answers = {first.name: dict(equal=True, equality="reference")}
    answers |= {side.name: equality(start, expected, _step(side)) for side in others}
    return [dict(network=case.label, method=case.method, side=name, **answer) for name, answer in answers.items()]


def _step(side):
    """(hits, state) after one step; the released code draws from the global generator, and is given our numbers."""
    n = max(2, side.case.batch // 4) if side.device == "cpu" else side.case.batch  # float64 is slow on a CPU
    x, y = (t[:n] for t in side.case.batches(1, torch.float64)[0])
    if not isinstance(side, Theirs):
        return side.train([(x, y)]), side.state()
    draw = torch.randn if side.config.objective == "trades" else torch.rand
    noise = draw(x.shape, generator=stream(0, "attack", 1, 0, x.device), dtype=x.dtype, device=x.device)
    with patch.multiple(torch, rand_like=lambda *_, **__: noise, randn=lambda *_, **__: noise):
        return side.train([(x, y)]), side.state()


def equality(start: list[Tensor], a: tuple, b: tuple) -> dict:
    """{"equal", "equality"} of two outcomes (hits, state) that began at `start`: yes or no, and how far apart.

    The difference is that of a tensor of the state over its largest movement, of all tensors the largest; it is not a
    number where one did not move. Hits per class must be the same.
    """
    (hits_a, state_a), (hits_b, state_b) = a, b
    apart = [(p - q).abs().max() / (p - s).abs().max() for p, q, s in zip(state_a, state_b, start, strict=True)]
    difference, same_hits = float(torch.stack(apart).max()), hits_a == hits_b
    equal = difference <= CLOSE and same_hits
    text = f"{'yes' if equal else 'NO'} ({difference:.1e}{'' if same_hits else ', other hits'})"
    return dict(equal=equal, equality=text)


def timed(work: Callable[[], object], device: str) -> dict[str, float]:
    """{"wall_s", "cpu_s"} of a call: on the clock and of this process; on a GPU from an idle device to an idle one."""
    synchronise = torch.cuda.synchronize if device != "cpu" else lambda: None
    synchronise()
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    synchronise()
    return {"wall_s": time.perf_counter() - wall, "cpu_s": time.process_time() - cpu}


def timed_rows(case: Case, works: Callable[[Side], dict[str, Callable]]) -> list[dict]:
    """`checked_rows` with the interleaved timings {part: [...]} of each side's works; an unequal side has none.

    Each round begins with another side; one round before the others is not counted.
    """
    rows = checked_rows(case)
    runners = [(side, works(side)) for side, row in zip(sides(case), rows) if row["equal"]]
    timings = {side.name: {part: [] for part in parts} for side, parts in runners}
    for number in range(case.pairs + 1):
        for side, parts in runners:
            side.reset()
            for part, work in parts.items():
                timings[side.name][part] += [timed(work, case.setup.device)] * (number > 0)
        runners.append(runners.pop(0))
    return [row | dict(timings=timings.get(row["side"], {})) for row in rows]


def step_rows(case: Case, steps: int = 1) -> list[dict]:
    """`timed_rows` of so many training steps."""
    batches = case.batches(steps)
    rows = timed_rows(case, lambda side: {"steps": lambda: side.train(batches)})
    return [row | dict(steps=steps, timings=row["timings"].get("steps", [])) for row in rows]


def times(row: dict, clock: str = "wall_s") -> list[float]:
    """The seconds of a row's timings on one clock."""
    return [timing[clock] for timing in row["timings"]]


def step_cell(row: dict) -> str:
    """Seconds a step, the median."""
    return seconds(median(times(row)) / row.get("steps", 1)) if row["timings"] else "not timed"


def ratio_cell(row: dict, result: dict, seconds_of: Callable[[dict], list[float]] = times) -> str:
    """How many times faster than the first row of the same network and method, pair by pair: "1.47 [1.41-1.68]"."""
    first = next(r for r in result["rows"] if (r["network"], r["method"]) == (row["network"], row["method"]))
    if row is first or not row["timings"]:
        return "1" if row is first else "-"
    return median_range([a / b for a, b in zip(seconds_of(first), seconds_of(row), strict=True)])


def median_range(values: Sequence[float], digits: int = 2) -> str:
    """Such as "1.47 [1.41-1.68]"; of nothing: "-"."""
    return "-" if not values else f"{median(values):.{digits}f} [{min(values):.{digits}f}-{max(values):.{digits}f}]"


def who(row: dict) -> dict[str, str]:
    """The first cells of a row's line."""
    return {"network": row["network"], "method": row["method"], "step": row["side"]}
