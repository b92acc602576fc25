"""Results on disk: one JSON file a benchmark and device, with everything that its table is computed from."""

import json
from dataclasses import asdict, is_dataclass
from pathlib import Path

from benchmarks.environment import environment
from cfa_nb.files import write

RESULTS = Path(__file__).resolve().parent / "results"


def result(name, options, rows, **facts):
    """What a benchmark found.

    Args:
        name: of the benchmark, "step".
        options: from `benchmarks.options.parse`.
        rows: list of dictionaries, with raw timings.
        facts: anything that belongs to all rows.
    """
    about = {"command": options.command, "quick": options.quick}
    return {"benchmark": name, **about, "environment": environment(options.device), **facts, "rows": rows}


def save(found, folder):
    """Writes `<benchmark>-<device>.json`; the path comes back."""
    device = found["environment"]["device"].split(":")[0]
    path = Path(folder) / f"{found['benchmark']}-{device}.json"
    write(path, (json.dumps(found, indent=1, default=_plain) + "\n").encode())
    return path


def read(path):
    """A result as it was saved; raises `ValueError` if the file is none."""
    try:
        found = json.loads(Path(path).read_text())
    except ValueError as error:
        raise ValueError(f"{path} is not JSON ({error}); delete it and measure again") from error
    if not {"benchmark", "command", "environment", "rows"} <= set(found):
        raise ValueError(f"{path} is no benchmark result; delete it and measure again")
    return found


def _plain(value):
    if is_dataclass(value):
        return asdict(value)
    raise TypeError(f"{value!r} has no place in a result")
