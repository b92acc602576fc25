"""`Benchmark`, the frame of all seven: a question, what measures it, its table; its command line and its JSON.

STEP = Benchmark("step", __doc__, measure, columns)
STEP.main()     # python -m benchmarks.step --authors CFA
"""

import inspect
import json
import os
import platform
import shlex
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import click
import torch
from click.core import ParameterSource

from benchmarks.authors import HOW_TO_GET, load
from benchmarks.cases import METHODS, Setup
from cfa_nb.config import KINDS
from cfa_nb.data.batches import DTYPES
from cfa_nb.files import write
from cfa_nb.runs.provenance import commit, hardware

RESULTS = Path(__file__).resolve().parent / "results"


class Words(click.Choice):
    """Some of these words, with commas between them."""

    def convert(self, value, param, ctx):
        convert = super().convert
        return tuple(convert(word, param, ctx) for word in value.split(","))


#: All options, by the keyword that takes them.
OPTIONS = {
    "authors": (str, "A checkout of the authors' released code."),
    "device": (str, "cpu or cuda."),
    "threads": (click.IntRange(min=1), "Threads of PyTorch on the CPU."),
    "precision": (click.Choice(list(DTYPES)), "Of our side; the authors' is fp32."),
    "quick": (bool, "Smaller and fewer: for a look, not for publication."),
    "out": (str, "Where the JSON goes (benchmarks/results; --quick: quick below it)."),
    "model": (str, "A network: prn18, or such as w16d2x16."),
    "batch": (int, "Images a batch."),
    "pairs": (int, "Timings of each side."),
    "methods": (Words(METHODS), "What is trained."),
    "steps": (int, "Batches a timing."),
    "images": (int, "Images in all."),
    "accuracy": (float, "PGD accuracy to reach."),
    "epochs": (int, "Of training, at most."),
    "seeds": (int, "Runs of each side."),
    "repeats": (int, "Timings of each point."),
    "axes": (Words(["width", "batch", "steps", "threads", "runs"]), "What is changed."),
    "kinds": (Words(KINDS), "Of attacks."),
    "readme": (bool, "Measure nothing: write README.md from the published results."),
}


def options(function: Callable) -> list[click.Option]:
    """A function's keywords as options of a command, with their defaults."""
    defaults = {name: p.default for name, p in inspect.signature(function).parameters.items() if name in OPTIONS}
    kinds = {name: dict(default=d, is_flag=d is False, show_default=d is not False) for name, d in defaults.items()}
    return [click.Option([f"--{n}"], type=OPTIONS[n][0], help=OPTIONS[n][1], **kind) for n, kind in kinds.items()]


def typed(**changes: str | None) -> list[str]:
    """The options that the running command was given, as words; `authors="CFA"` shows another value, None hides it."""
    context, words = click.get_current_context(), []
    for option in context.command.params:
        if context.get_parameter_source(option.name) is ParameterSource.COMMANDLINE:
            value = changes.get(option.name, context.params[option.name])
            text = ",".join(value) if isinstance(value, tuple) else str(value)
            words += [] if value is None else [option.opts[0]] if option.is_flag else [option.opts[0], text]
    return words


@dataclass(frozen=True)
class Benchmark:
    """A question, what measures it, and the table of its answer.

    doc: four paragraphs: the title, the question, the command, and a note below the table. measure: called with a
    `Setup`; its keywords are options; gives {"rows": [...]}, and what holds for all rows. columns: {heading:
    cell(line, result)}. compares: whether the released code may take part. lines: what the table's lines are made of.
    """

    name: str
    doc: str
    measure: Callable[..., dict]
    columns: dict[str, Callable]
    compares: bool = True
    lines: Callable[[dict], Iterable] = lambda result: result["rows"]
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
        code = load(authors, device) if authors else None
        answer = self.measure(Setup(device, precision, quick, code), **own)
        command = shlex.join(["python", "-m", f"benchmarks.{self.name}", *typed(authors="CFA", out=None)])
        result = dict(benchmark=self.name, command=command, quick=quick, environment=environment(device))
        result |= dict(authors=code and code.version) | answer
        path = Path(out or (RESULTS / "quick" if quick else RESULTS)) / f"{self.name}-{device.split(':')[0]}.json"
        write(path, (json.dumps(result, indent=1) + "\n").encode())
        left_out = f"\n\nThe authors' code is left out. To compare: {HOW_TO_GET}" if self.compares and not code else ""
        click.echo(f"\n{self.page(result)}{left_out}\n")
        return result

    def page(self, result: dict) -> str:
        """A result as Markdown: title, where it was measured, table, note."""
        title, _, _, note = self.doc.split("\n\n")
        e, authors = result["environment"], f" Authors' code: {result['authors']}." if result["authors"] else ""
        place = f"{e['hardware']}, {e['threads']} thread{'s' * (e['threads'] != 1)}, PyTorch {e['torch']}, commit "
        place += f"{e['commit']}, {e['date']}, load {e['load_1min']}{', --quick' * result['quick']}.{authors}"
        lines = [[cell(line, result) for cell in self.columns.values()] for line in self.lines(result)]
        table = self.caption.format(**result) + markdown(self.columns, lines)
        return f"### {title[:-1]}\n\n`{result['command']}`  \n{place}\n\n{table}\n\n{' '.join(note.split())}"


def environment(device: str) -> dict:
    """Where and when something is measured, with the load that others put on the machine."""
    versions = dict(python=platform.python_version(), torch=torch.__version__, commit=commit())
    machine = dict(hardware=hardware(device), device=device, threads=torch.get_num_threads())
    now = dict(date=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"), load_1min=round(os.getloadavg()[0], 2))
    return machine | versions | now


def field(name: str) -> Callable[[dict, dict], str]:
    """A cell: the row's value of this name."""
    return lambda row, result: str(row[name])


WHO = {"network": field("network"), "method": field("method"), "step": field("side")}


def markdown(headings: Iterable[str], lines: Sequence[Sequence[str]]) -> str:
    """An aligned table; all but the first column stand right."""
    widths = [max(3, *map(len, column)) for column in zip(headings, *lines)]
    rule = ["-" * widths[0], *("-" * (w - 1) + ":" for w in widths[1:])]
    cells = [[line[0].ljust(widths[0]), *map(str.rjust, line[1:], widths[1:])] for line in ([*headings], rule, *lines)]
    return "\n".join(f"| {' | '.join(line)} |" for line in cells)


def seconds(value: float) -> str:
    """Such as "12.3 s", "512 ms", "31 us": three digits and a unit."""
    factor, unit = next((f, u) for f, u in ((1, "s"), (1e3, "ms"), (1e6, "us")) if value * f >= 1 or u == "us")
    return f"{value * factor:.3g} {unit}"
