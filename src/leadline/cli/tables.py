"""Tables for people: whole in every terminal, since half a price or half of an order's name is a wrong one.

Rule: nothing is cut. Columns that say nothing are left out; what does not fit side by side stands in lines.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from decimal import Context, Decimal
from typing import NamedTuple

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

_BETWEEN = "  "
_DIGITS = Context(prec=8)


class Column(NamedTuple):
    """A column's name; numbers stand to the right."""

    name: str
    number: bool = False


class Row(NamedTuple):
    """The cells of one row, the first of which names it, and a style that makes it stand out."""

    cells: Sequence[str]
    style: str = ""


def show(columns: Sequence[Column], rows: Sequence[Row]) -> None:
    """Print a table as wide as the terminal allows, and as it needs where there is none."""
    console = Console(highlight=False)
    for line in lines(columns, rows, console.width if sys.stdout.isatty() else None):
        console.print(line, soft_wrap=True)


def lines(columns: Sequence[Column], rows: Sequence[Row], width: int | None) -> Iterator[Text]:
    """The lines of a table; None allows any width."""
    used = [number for number in range(len(columns)) if any(row.cells[number] for row in rows)]
    names = [columns[number].name for number in used]
    needs = [
        max(cell_len(text) for text in (columns[number].name, *(row.cells[number] for row in rows)))
        for number in used
    ]
    if width is not None and sum(needs) + len(_BETWEEN) * (len(used) - 1) > width:
        yield from _one_below_another(names, [Row([row.cells[at] for at in used], row.style) for row in rows])
        return
    yield Text(_side_by_side(names, needs, [columns[at] for at in used]), style="dim")
    for row in rows:
        cells = [row.cells[at] for at in used]
        yield Text(_side_by_side(cells, needs, [columns[at] for at in used]), style=row.style)


def digits(number: Decimal | None) -> str:
    """A number without the zeros at its end; nothing where there is none."""
    return "" if number is None else format(number.normalize(), "f")


def rounded(number: Decimal | None) -> str:
    """The same to eight digits: of what is calculated anew every second the others say nothing."""
    return digits(None if number is None else _DIGITS.create_decimal(number))


def _side_by_side(cells: Sequence[str], needs: Sequence[int], columns: Sequence[Column]) -> str:
    padded = []
    for cell, need, column in zip(cells, needs, columns, strict=True):
        gap = " " * (need - cell_len(cell))
        padded.append(gap + cell if column.number else cell + gap)
    return _BETWEEN.join(padded).rstrip()


def _one_below_another(names: Sequence[str], rows: Sequence[Row]) -> Iterator[Text]:
    need = max(cell_len(name) for name in names[1:])
    for row in rows:
        yield Text(row.cells[0], style=f"bold {row.style}".strip())
        for name, cell in zip(names[1:], row.cells[1:], strict=True):
            if cell:
                yield Text(f"  {name:<{need}}  ").append(cell, style=row.style)
