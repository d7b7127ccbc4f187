"""Read tables of entities: which columns there are, and the rows of a store that a line makes."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any, Dict, Iterator, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from ..errors import Errors, did_you_mean
from .store_format import ALIAS, CROSS_REFERENCE, KINDS, NAME, WEAK
from .store_rows import AnyRow, StoreClass, StoreDescription, StoreFact, StoreRow, problem_of

# Columns of a table with a name on each line, in the order that a table without a header has.
COLUMNS = ("id", "language", "name", "type", "prior", "kind", "entity_prior")
# Other columns. Those that end in ":" are followed by a language or a property.
MORE = ("description", "types", "xref", "fact:", *(f"{kind}:" for kind in KINDS), "description:")
SKIPPED = "-"  # a column that is not read
_MANY = "|"  # between several values of a cell
# Words of other registers for kinds of names. An acronym is an alias that is linked, but not searched.
_KINDS: Dict[str, Tuple[str, ...]] = {"label": (NAME,), "acronym": (ALIAS, WEAK)}


class Column(NamedTuple):
    """A column of a table."""

    name: str  # "id", or "name:en"
    prefix: str = ""  # what is put before each value


def parse_columns(names: Sequence[str], path: object, line: int) -> List[Column]:
    """Read the names of a table's columns.

    names (Sequence[str]): The names: "id", "name:en"; "id=ror:" for a column whose values get a prefix; "-" for a
        column that is not read.
    path (object): The table, for messages.
    line (int): The line of the names.
    RETURNS (List[Column]): The columns.
    RAISES (ValueError): ML231 for a name that is not allowed, or is there twice.
    """
    found: List[Column] = []
    for name in names:
        plain, _, prefix = name.strip().partition("=")
        if plain != SKIPPED and not _is_column(plain):
            reason = f"there is no column '{plain}'.{did_you_mean(plain, (*COLUMNS, *MORE))}"
            raise ValueError(Errors.ML231.format(path=path, line=line, reason=reason))
        if plain != SKIPPED and any(plain == column.name for column in found):
            raise ValueError(Errors.ML231.format(path=path, line=line, reason=f"the column '{plain}' is there twice"))
        found.append(Column(plain, prefix))
    if not any(column.name == "id" for column in found):
        raise ValueError(Errors.ML231.format(path=path, line=line, reason="there is no column 'id'"))
    return found


def rows_of(cells: Mapping[Column, Any]) -> Iterator[AnyRow]:
    """Return the rows of a store that a line of a table makes.

    cells (Mapping[Column, Any]): The values by column. A value may be a list.
    YIELDS (AnyRow): The rows, not yet checked.
    """
    plain: Dict[str, Any] = {}
    values: Dict[str, List[Any]] = {}
    for column, value in cells.items():
        plain[column.name] = column.prefix + value if column.prefix and isinstance(value, str) and value else value
        if column.name not in COLUMNS:
            values[column.name] = [column.prefix + one if isinstance(one, str) else one for one in _split(value)]
    entity_id, kind = plain.get("id"), plain.get("type") or ""
    lang = plain.get("language") or ""
    entity_prior = _number(plain.get("entity_prior"))
    prior = _number(plain.get("prior"))
    has_names = False
    if "name" in plain:
        for one in _KINDS.get(plain.get("kind") or "", (plain.get("kind") or "",)):
            yield StoreRow(entity_id, lang, plain["name"], kind, prior, one, entity_prior)  # type: ignore[arg-type]
        has_names = True
    elif entity_prior is None:
        # An entity on each line: the prior is that of the entity.
        entity_prior = prior
    for name, own in values.items():
        head, colon, rest = name.partition(":")
        if colon and head in KINDS:
            for one in own:
                has_names = True
                yield StoreRow(entity_id, rest, one, kind, None, head, entity_prior)  # type: ignore[arg-type]
        elif name == "xref":
            for one in own:
                yield StoreRow(entity_id, "", one, kind, None, CROSS_REFERENCE, entity_prior)  # type: ignore[arg-type]
        elif head == "fact":
            yield from (StoreFact(entity_id, rest, one) for one in own)  # type: ignore[arg-type]
        elif name == "types":
            yield from (StoreClass(entity_id, one) for one in own)  # type: ignore[arg-type]
        elif head == "description" and plain[name]:
            yield StoreDescription(entity_id, rest or lang, plain[name])  # type: ignore[arg-type]
    if not has_names:
        yield StoreRow(entity_id, lang, "", kind)  # type: ignore[arg-type]


def checked(rows: Iterator[AnyRow], path: object, line: int) -> List[AnyRow]:
    """Return rows that have no problems.

    rows (Iterator[AnyRow]): The rows of a line.
    path (object): The source, for messages.
    line (int): The line.
    RETURNS (List[AnyRow]): The rows.
    RAISES (ValueError): ML231 for a row with a problem.
    """
    found = list(rows)
    for row in found:
        reason = problem_of(row)
        if reason:
            raise ValueError(Errors.ML231.format(path=path, line=line, reason=reason))
    return found


def read_table(
    lines: Iterator[str], path: Path, delimiter: str, columns: Optional[Sequence[str]] = None
) -> Iterator[AnyRow]:
    """Read a table of text.

    lines (Iterator[str]): The lines.
    path (Path): The file, for messages.
    delimiter (str): What is between cells.
    columns (Optional[Sequence[str]]): Names of the columns; None for those of the header, or the usual ones.
    YIELDS (AnyRow): The rows.
    RAISES (ValueError): ML231 for a line that cannot be read; csv.Error for one that is not a line of a table.
    """
    own = parse_columns(columns or COLUMNS, path, 0)
    least = 1 if columns else 3
    # With tabs, cells are not quoted: a name may begin with a quotation mark.
    quoting: Any = csv.QUOTE_NONE if delimiter == "\t" else csv.QUOTE_MINIMAL
    reader = csv.reader(lines, delimiter=delimiter, quoting=quoting)
    for cells in reader:
        line = reader.line_num
        if line == 1 and columns is None and cells and cells[0] == COLUMNS[0]:
            own, least = parse_columns(cells, path, line), 1
        elif line == 1 and columns is None and sum(map(_is_column, cells)) > 1:
            reason = f"it looks like a header, and the first column of a header is 'id', not '{cells[0]:.40}'"
            raise ValueError(Errors.ML231.format(path=path, line=line, reason=reason))
        elif any(cells):
            if not least <= len(cells) <= len(own):
                wanted = f"{least} to {len(own)}" if least < len(own) else f"{len(own)}"
                reason = f"it has {len(cells)} cells, not {wanted}{_hint(cells, delimiter)}"
                raise ValueError(Errors.ML231.format(path=path, line=line, reason=reason))
            row = {column: cell for column, cell in zip(own, cells, strict=False) if column.name != SKIPPED}
            yield from checked(rows_of(row), path, line)


def read_parquet(path: Path, columns: Optional[Sequence[str]] = None) -> Iterator[AnyRow]:
    """Read a table of Parquet, whose columns have the names of those in text. Cells may be lists.

    path (Path): The file.
    columns (Optional[Sequence[str]]): Names of the columns, instead of those of the file.
    YIELDS (AnyRow): The rows.
    RAISES (ValueError): ML231 for a row that cannot be read, ML424 if pyarrow is missing.
    """
    try:
        from pyarrow import ArrowException, parquet
    except ImportError as err:
        raise ValueError(Errors.ML424.format(path=path)) from err
    line = 0
    try:
        with parquet.ParquetFile(path) as file:
            names = list(columns or file.schema_arrow.names)
            own = parse_columns(names, path, 0)
            if len(own) != len(file.schema_arrow.names):
                reason = f"it has {len(file.schema_arrow.names)} columns, not {len(own)}"
                raise ValueError(Errors.ML231.format(path=path, line=0, reason=reason))
            for batch in file.iter_batches():
                for values in zip(*(column.to_pylist() for column in batch.columns), strict=True):
                    line += 1
                    row = {column: value for column, value in zip(own, values, strict=True) if column.name != SKIPPED}
                    yield from checked(rows_of(row), path, line)
    except (ArrowException, OSError) as err:
        raise ValueError(Errors.ML231.format(path=path, line=line + 1, reason=err)) from err


def _is_column(name: str) -> bool:
    head, colon, rest = name.partition(":")
    return f"{head}:" in MORE and bool(rest) if colon else name in (*COLUMNS, *MORE)


def _split(value: Any) -> List[Any]:
    """Values of a cell."""
    if value is None:
        return []
    if isinstance(value, (list, tuple)):
        return list(value)
    if isinstance(value, str):
        return [part.strip() for part in value.split(_MANY) if part.strip()]
    return [value]


def _number(value: Any) -> Any:
    return None if value == "" else value


def _hint(cells: Sequence[str], delimiter: str) -> str:
    """Why a line may have too few cells."""
    other = next((mark for mark in ("\t", ";", ",") if mark != delimiter and mark in "".join(cells)), None)
    if len(cells) > 1 or other is None:
        return ""
    names = {"\t": "tabs", ";": "semicolons", ",": "commas"}
    return f": between the cells of this file are {names[delimiter]}, perhaps yours has {names[other]}"
