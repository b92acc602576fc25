"""Tables in Markdown that also read well in a terminal."""


def markdown(header, rows):
    """Aligned Markdown of strings; numbers (all but the first column) stand right.

    Raises:
        ValueError: if a row is not as long as the header.
    """
    rows = list(rows)
    for row in rows:
        if len(row) != len(header):
            raise ValueError(f"a row has {len(row)} cells under {len(header)} columns: {row}")
    widths = [max(3, *(len(cell) for cell in column)) for column in zip(header, *rows)]
    rule = ["-" * widths[0]] + ["-" * (w - 1) + ":" for w in widths[1:]]
    return "\n".join(_line(cells, widths) for cells in (header, rule, *rows))


def _line(cells, widths):
    first = cells[0].ljust(widths[0])
    return "| " + " | ".join([first, *(c.rjust(w) for c, w in zip(cells[1:], widths[1:]))]) + " |"


def seconds(value):
    """Such as "12.3 s", "512 ms", "31 us": three digits and a unit."""
    for factor, unit in ((1, "s"), (1e3, "ms"), (1e6, "us")):
        if value * factor >= 1 or unit == "us":
            return f"{value * factor:.3g} {unit}"
