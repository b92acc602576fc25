"""Source code on a page: functions as they run, and an algorithm beside the lines that carry it out."""

import ast
import inspect
from collections.abc import Callable, Sequence
from html import escape
from textwrap import dedent


def listing(*functions: Callable) -> str:
    """The source of functions as a block of code in Markdown; of a docstring the first line."""
    return "```python\n" + "\n\n".join("\n".join(_source(f)) for f in functions) + "\n```"


def _source(function):
    """Lines of a function's source, without what its docstring says after the first line."""
    lines = dedent(inspect.getsource(function)).rstrip().splitlines()
    node = ast.parse("\n".join(lines)).body[0]
    docstring = ast.get_docstring(node)
    if docstring is None or "\n" not in docstring:
        return lines
    first = node.body[0]
    short = " " * first.col_offset + f'"""{docstring.splitlines()[0]}"""'
    return [*lines[: first.lineno - 1], short, *lines[first.end_lineno :]]


def algorithm_beside(function: Callable, parts: Sequence[tuple[str, str]]) -> str:
    """A table in HTML: steps of an algorithm to the left, to the right the lines of a function that carry them out.

    Args:
        function: the real one.
        parts: (first words of the line at which a step begins, the step in HTML), in order.
    Raises:
        ValueError: if there is no such line, or they come in another order.
    """
    lines = _source(function)
    begins = [_line(lines, words) for words, _ in parts]
    if begins != sorted(set(begins)):
        raise ValueError(f"the steps are not in the order of the lines of {function.__qualname__}: {begins}")
    rows = []
    for (_, step), begin, end in zip(parts, begins, [*begins[1:], len(lines)]):
        code = escape("\n".join(lines[begin:end]))
        rows.append(f'<tr><td {_STEP}>{step}</td><td {_LEFT}><pre style="{_CODE}">{code}</pre></td></tr>')
    head = f"<tr><th {_LEFT}>Algorithm 1</th><th {_LEFT}>the code that runs</th></tr>"
    return f"<table><thead>{head}</thead><tbody>{''.join(rows)}</tbody></table>"


_LEFT = 'style="text-align:left; vertical-align:top"'
_STEP = 'style="text-align:left; vertical-align:top; width:13em; min-width:13em"'
_CODE = "margin:0; background:none; font-family:monospace; font-size:90%; white-space:pre-wrap"


def _line(lines, words):
    for number, line in enumerate(lines):
        if line.strip().startswith(words):
            return number
    raise ValueError(f"no line begins with {words!r}")
