"""Tables and heat maps."""

from __future__ import annotations

from typing import Any, Iterable, List, Sequence

from .markup import Html, fill, join

N_LEVELS = 10  # of a heat map's colour, beside none: style.css has them


def table(header: Sequence[str], rows: Iterable[Sequence[str]], *, kind: str = "", name: str = "Table") -> Html:
    """Make a table that scrolls horizontally if it is too wide.

    header (Sequence[str]): Names of the columns.
    rows (Iterable[Sequence[str]]): Cells, as text or Html; the first cell is the row's name.
    kind (str): CSS class of the table.
    name (str): Name of the table for screen readers.
    RETURNS (Html): The table.
    """
    head = join(fill('<th scope="col">{}</th>', title) for title in header)
    lines: List[Html] = []
    for first, *cells in rows:
        own = join(fill("<td>{}</td>", cell) for cell in cells)
        lines.append(fill('<tr><th scope="row">{}</th>{}</tr>', first, own))
    return fill(
        '{}<table class="{}"><thead><tr>{}</tr></thead><tbody>{}</tbody></table></div>',
        _scrolling(name),
        kind,
        head,
        join(lines),
    )


def heat_map(
    rows: Sequence[str],
    columns: Sequence[str],
    values: Any,
    shown: Sequence[Sequence[str]],
    *,
    name: str = "Heat map",
) -> Html:
    """Make a table whose cells have a stronger colour for higher values.

    rows (Sequence[str]): Names of the rows.
    columns (Sequence[str]): Names of the columns.
    values (Floats2d): Values, clipped to 0 to 1. Shape: (n_rows, n_columns).
    shown (Sequence[Sequence[str]]): Texts of the cells.
    name (str): Name of the map for screen readers.
    RETURNS (Html): The table.
    """
    head = join(
        fill('<th scope="col"{}><bdi>{}</bdi></th>', Html(' class="mluke-number"' if title.isdigit() else ""), title)
        for title in columns
    )
    lines = []
    for title, own, texts in zip(rows, values, shown, strict=True):
        cells = join(_cell(float(value), text) for value, text in zip(own, texts, strict=True))
        lines.append(fill('<tr><th scope="row"><bdi>{}</bdi></th>{}</tr>', title, cells))
    return fill(
        '{}<table class="mluke-map"><thead><tr><td></td>{}</tr></thead><tbody>{}</tbody></table></div>',
        _scrolling(name),
        head,
        join(lines),
    )


def _scrolling(name: str) -> Html:
    # With a tab stop, the keyboard can scroll it.
    return fill('<div class="mluke-scroll" role="region" aria-label="{}" tabindex="0">', name)


def _cell(value: float, text: str) -> Html:
    level = round(N_LEVELS * min(max(value, 0.0), 1.0)) if value == value else 0  # NaN has no colour
    return fill('<td class="mluke-h{}">{}</td>', level, text)
