"""Cells of tables: text for the page that carries its numbers, for the published file.

cell = Cell("67.5 ± 0.2", mean=67.5, std=0.2)
with_numbers(pd.DataFrame({"AT": [cell]}, dtype=object))    # columns "AT: mean", "AT: std"
"""

import pandas as pd


class Cell(str):
    """What a reader sees of some numbers."""

    numbers: dict[str, float | str]

    def __new__(cls, text: str, **numbers: float | str) -> "Cell":
        """The text, and its numbers by name; a unit may stand among them."""
        cell = super().__new__(cls, text)
        cell.numbers = numbers
        return cell


def with_numbers(table: pd.DataFrame) -> pd.DataFrame:
    """The same table with a column for each number of its cells; columns of words stay as they are.

    Args:
        table: of dtype object where it holds `Cell`.
    """
    columns = {}
    for name, cells in table.items():
        numbers = [getattr(cell, "numbers", {}) for cell in cells]
        parts = dict.fromkeys(part for of_cell in numbers for part in of_cell)
        columns |= {f"{name}: {part}": [of_cell.get(part) for of_cell in numbers] for part in parts} or {name: cells}
    return pd.DataFrame(columns)
