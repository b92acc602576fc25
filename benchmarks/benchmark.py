"""`Benchmark`, the frame of all seven: a question, what measures it, its table; its command line and its JSON."""

import inspect
import json
import os
import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import click
import torch

from benchmarks.cases import METHODS, Setup
from benchmarks.sides import HOW_TO_GET, released_code
from cfa_nb.data.batches import DTYPES
from cfa_nb.files import write
from cfa_nb.processor import level
from cfa_nb.runs.provenance import commit, hardware

RESULTS = Path(__file__).resolve().parent / "results"

#: All options, by the keyword that takes them; a keyword that is not here can be set from Python alone.
OPTIONS = {
    "authors": dict(help="A checkout of the authors' released code."),
    "device": dict(help="cpu or cuda."),
    "threads": dict(type=click.IntRange(min=1), help="Threads of PyTorch on the CPU."),
    "precision": dict(type=click.Choice(list(DTYPES)), help="Of our side; the authors' is fp32."),
    "quick": dict(help="Smaller and fewer: for a look, not for publication."),
    "out": dict(help="Where the JSON goes (benchmarks/results; --quick: quick below it)."),
    "model": dict(help="A network: prn18, or such as w16d2x16."),
    "batch": dict(type=int, help="Images a batch."),
    "pairs": dict(type=int, help="Timings of each side."),
    "methods": dict(type=click.Choice(list(METHODS)), multiple=True, help="What is trained."),
    "steps": dict(type=int, help="Batches a timing."),
    "readme": dict(help="Measure nothing: write README.md from the published results."),
}


def options(function: Callable) -> list[click.Option]:
    """A function's keywords as options of a command, with their defaults."""
    defaults = {name: p.default for name, p in inspect.signature(function).parameters.items() if name in OPTIONS}
    kinds = {name: dict(default=default, is_flag=default is False) for name, default in defaults.items()}
    return [click.Option([f"--{name}"], show_default=True, **kind, **OPTIONS[name]) for name, kind in kinds.items()]


@dataclass(frozen=True)
class Benchmark:
    """A question, what measures it, and the table of its answer.

    doc: a title, a question; then, after a blank line, a note below the table. measure: called with a `Setup`; its
    keywords are options; gives {"rows": [...]}, and what holds for all rows. line: called with a row and the result;
    gives {heading: cell}, or None. compares: whether the released code may take part. caption: above the table.
    """

    name: str
    doc: str
    measure: Callable[..., dict]
    line: Callable[[dict, dict], dict[str, str] | None]
    compares: bool = True
    caption: str = ""

    def main(self, words: Sequence[str] | None = None, standalone_mode: bool = True):
        """The command; run from Python (`standalone_mode=False`) the result comes back."""
        command = click.Command(self.name, callback=self.run, help=self.doc)
        command.params = options(self.run)[not self.compares :] + options(self.measure)
        return command.main(words, f"python -m benchmarks.{self.name}", standalone_mode=standalone_mode)

    def run(self, authors=None, device="cpu", threads=1, precision="fp32", quick=False, out=None, **own) -> dict:
        """Measures, saves the result and prints its page."""
        if device != "cpu" and not torch.cuda.is_available():
            raise click.BadParameter("PyTorch sees no CUDA device here; leave it out", param_hint="--device")
        torch.set_num_threads(threads)
        code = released_code(authors, device) if authors else None
        answer = self.measure(Setup(device, precision, quick, code), **own)
        shared = dict(authors=authors and "CFA", device=device, threads=threads, precision=precision, quick=quick)
        result = dict(benchmark=self.name, command=self.command_line(shared | own), quick=quick)
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        environment = dict(hardware=hardware(device), device=device, threads=threads, commit=commit(), date=now)
        environment |= dict(torch=torch.__version__, cpu_level=level(), tf32=torch.backends.cudnn.allow_tf32)
        environment |= dict(load_1min=round(os.getloadavg()[0], 2))
        result |= dict(environment=environment, authors=code and code.version) | answer
        path = Path(out or (RESULTS / "quick" if quick else RESULTS)) / f"{self.name}-{device.split(':')[0]}.json"
        write(path, (json.dumps(result, indent=1) + "\n").encode())
        left_out = f"\n\nThe authors' code is left out. To compare: {HOW_TO_GET}" if self.compares and not code else ""
        click.echo(f"\n{self.page(result)}{left_out}\n")
        return result

    def command_line(self, values: dict) -> str:
        """What others can type, with the values that are not the defaults."""
        words = []
        for option in options(self.run) + options(self.measure):
            value = values.get(option.name, option.default)
            if value is True:
                words.append(f"--{option.name}")
            elif value != option.default:
                words += [w for v in (value if option.multiple else [value]) for w in (f"--{option.name}", str(v))]
        return shlex.join(["python", "-m", f"benchmarks.{self.name}", *words])

    def page(self, result: dict) -> str:
        """A result as Markdown: title, where it was measured, table, note."""
        (title, _), note = self.doc.split(". ", 1), self.doc.split("\n\n", 1)[1]
        e, authors = result["environment"], f" Authors' code: {result['authors']}." if result["authors"] else ""
        place = f"{e['hardware']}, {e['threads']} thread{'s' * (e['threads'] != 1)}, PyTorch {e['torch']}, commit "
        place += f"{e['commit']}, {e['date']}, load {e['load_1min']}{', --quick' * result['quick']}.{authors}"
        table = self.caption.format(**result) + markdown([self.line(row, result) for row in result["rows"]])
        return f"### {title}\n\n`{result['command']}`  \n{place}\n\n{table}\n\n{' '.join(note.split())}"


def markdown(lines: Sequence[dict[str, str] | None]) -> str:
    """An aligned table of lines {heading: cell}; all but the first column stand right."""
    lines = [line for line in lines if line]
    cells = [[*lines[0]], *([*line.values()] for line in lines)]
    widths = [max(3, *map(len, column)) for column in zip(*cells)]
    cells.insert(1, ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])])
    return "\n".join(f"| {' | '.join([c[0].ljust(widths[0]), *map(str.rjust, c[1:], widths[1:])])} |" for c in cells)


def seconds(value: float) -> str:
    """Such as "12.3 s", "512 ms", "31 us": three digits and a unit."""
    factor, unit = next((f, u) for f, u in ((1, "s"), (1e3, "ms"), (1e6, "us")) if value * f >= 1 or u == "us")
    return f"{value * factor:.3g} {unit}"
