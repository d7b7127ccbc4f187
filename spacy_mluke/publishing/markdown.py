"""Tables in Markdown."""

from __future__ import annotations

from typing import Iterable, List, Sequence


def render_table(header: Sequence[str], rows: Iterable[Sequence[object]], *, is_text: bool = False) -> List[str]:
    """Render a table: the first column to the left, the others to the right.

    header (Sequence[str]): The header.
    rows (Iterable[Sequence[object]]): The cells.
    is_text (bool): Whether all columns are to the left.
    RETURNS (List[str]): Lines.
    """
    lines = [header, ["---", *["---" if is_text else "---:"] * (len(header) - 1)], *rows]
    return ["| " + " | ".join(_cell(cell) for cell in line) + " |" for line in lines]


def _cell(cell: object) -> str:
    if isinstance(cell, int):
        return f"{cell:,}"
    return " ".join(str(cell).split()).replace("|", "\\|")
