"""All benchmarks, one after the other, and the page of their published results; --readme writes that page alone."""

import json
import re
from pathlib import Path

import click

from benchmarks import autoattack, epoch, floor, passes, scaling, step, target
from benchmarks.benchmark import RESULTS, Benchmark, options
from cfa_nb.files import write

#: In the order of the page.
BENCHMARKS = (step.STEP, passes.PASSES, floor.FLOOR, epoch.EPOCH, target.TARGET, scaling.SCALING, autoattack.AUTOATTACK)
README = Path(__file__).resolve().parent / "README.md"
BEGIN, END = "<!-- results: written by benchmarks/all.py -->", "<!-- end of results -->"


def run(readme: bool = False, authors: str | None = None, **shared) -> None:
    """Runs all benchmarks; a full run, whose results are published, ends by writing them into `README.md`."""
    for benchmark in BENCHMARKS if not readme else ():
        benchmark.run(authors if benchmark.compares else None, **shared)
    if readme or not (shared["quick"] or shared["out"]):
        write(README, replaced(README.read_text(encoding="utf-8"), section(RESULTS)).encode())


def replaced(page: str, results: str) -> str:
    """The page with other results between its two markers; raises `ValueError` if they are not there once, in order."""
    parts = re.split(f"({BEGIN}|{END})", page)
    if parts[1::2] != [BEGIN, END]:
        raise ValueError(f"the page must hold {BEGIN!r} and then {END!r}, once each; put them back")
    return f"{parts[0]}{BEGIN}\n\n{results}\n\n{END}{parts[-1]}"


def section(folder: Path) -> str:
    """All results of a folder, in the page's order, as Markdown."""
    results = [(b, path) for b in BENCHMARKS for path in sorted(folder.glob(f"{b.name}-*.json"))]
    return "\n\n".join(benchmark.page(json.loads(path.read_text())) for benchmark, path in results)


if __name__ == "__main__":
    parameters = options(Benchmark.run) + options(run)[:1]
    click.Command("all", params=parameters, callback=run, help=__doc__).main(prog_name="python -m benchmarks.all")
