"""What a benchmark leaves: its JSON, and its table on the screen."""

from benchmarks.options import hint
from benchmarks.results import result, save


def finish(module, options, rows, **facts):
    """Saves what a benchmark found and prints it; the result comes back.

    Args:
        module: the benchmark's, with NAME, TITLE and `table(result)`.
        options: from `benchmarks.options.parse`.
        rows, facts: see `benchmarks.results.result`.
    """
    authors = options.code.version if options.code else None
    found = result(module.NAME, options, rows, authors=authors, **facts)
    save(found, options.out)
    print(f"\n{module.TITLE}\n{where(found)}\n\n{module.table(found)}\n\n{hint(options)}".rstrip(), flush=True)
    return found


def where(found):
    """One line: on what, with what, when."""
    e = found["environment"]
    threads = f"{e['threads']} thread{'s' * (e['threads'] != 1)}"
    load = f", load {e['load_1min']}" if e["load_1min"] is not None else ""
    facts = f"{e['hardware']}, {threads}, PyTorch {e['torch']}, commit {e['commit']}, {e['date']}{load}"
    return facts + (", --quick" if found["quick"] else "")
