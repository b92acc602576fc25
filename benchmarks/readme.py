"""Writes the results section of `README.md` from the JSON files: `python -m benchmarks.readme`."""

from pathlib import Path

from benchmarks import autoattack, epoch, floor, passes, scaling, step, target
from benchmarks.report import where
from benchmarks.results import RESULTS, read
from cfa_nb.files import write

BENCHMARKS = (step, passes, floor, epoch, target, scaling, autoattack)  # in the order of the page
README = Path(__file__).resolve().parent / "README.md"
BEGIN, END = "<!-- results: written by benchmarks/readme.py -->", "<!-- end of results -->"
NOTHING = "Nothing is published yet: `python -m benchmarks.all --authors CFA` on a machine that does nothing else."


def main():
    """Rewrites the section in place."""
    text = README.read_text(encoding="utf-8")
    write(README, replaced(text, section(RESULTS)).encode())


def replaced(text, results):
    """The page with other results between its two markers.

    Raises:
        ValueError: if the markers are not there once each, in order.
    """
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end or BEGIN in rest or END in before + after:
        raise ValueError(f"the page must hold {BEGIN!r} and then {END!r}, once each; put them back")
    return f"{before}{BEGIN}\n\n{results}\n\n{END}{after}"


def section(folder):
    """All results of a folder, in the page's order, as Markdown."""
    parts = [_part(module, found) for module in BENCHMARKS for found in _results(module.NAME, folder)]
    return "\n\n".join(parts) or NOTHING


def _results(name, folder):
    return [read(path) for path in sorted(Path(folder).glob(f"{name}-*.json"))]


def _part(module, found):
    authors = f" Authors' code: {found['authors']}." if found["authors"] else ""
    about = f"`{found['command']}`  \n{where(found)}.{authors}"
    return f"### {module.TITLE}\n\n{about}\n\n{module.table(found)}\n\n{module.NOTE}"


if __name__ == "__main__":
    main()
