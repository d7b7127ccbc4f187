"""Read Parquet files: rows, and the bounds of rows that cannot be read."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional, Tuple, Union

from ..errors import Errors
from .job import Shard
from .unreadable import Unreadable, as_text, message_of

_MAX_ROWS = 1024  # per batch


def count_rows(path: Path, text_key: str) -> int:
    """Return the number of rows of a file, from its footer.

    path (Path): The file.
    text_key (str): The column with texts.
    RETURNS (int): The number.
    RAISES (ValueError): If there is no such column, or it does not contain texts.
    """
    with parquet().ParquetFile(path) as file:
        schema = file.schema_arrow
        if text_key not in schema.names:
            raise ValueError(f"it has no column '{text_key}', but {', '.join(schema.names)}")
        kind = schema.field(text_key).type
        if not _is_text(getattr(kind, "value_type", kind)):
            raise ValueError(f"its column '{text_key}' does not contain texts, but {kind}")
        return file.metadata.num_rows


def _is_text(kind: Any) -> bool:
    return str(kind) in ("string", "large_string", "string_view", "null")


def read_rows(
    shard: Shard, columns: Optional[List[str]] = None
) -> Iterator[Tuple[int, Union[Dict[str, Any], Unreadable]]]:
    """Read the rows of a shard. If a row group is damaged, the rows before the damage are read, and the rest of the
    group is unreadable.

    shard (Shard): The shard.
    columns (Optional[List[str]]): Columns to read, or parts of them, such as "entities.list.element.start"; None for
        all.
    YIELDS (Tuple[int, Union[Dict[str, Any], Unreadable]]): A row's index in the file, and the row.
    """
    end = shard.first + shard.n_records
    first = 0
    with parquet().ParquetFile(shard.path) as file:
        for group in range(file.num_row_groups):
            n_rows = file.metadata.row_group(group).num_rows
            if first < end and first + n_rows > shard.first:
                index = first
                try:
                    size = min(shard.n_records, _MAX_ROWS)
                    for batch in file.iter_batches(row_groups=[group], batch_size=size, columns=columns):
                        low, high = max(shard.first - index, 0), min(end - index, batch.num_rows)
                        if low < high:
                            yield from _converted(batch.slice(low, high - low), index + low)
                        index += batch.num_rows
                except Exception as error:
                    start, stop = max(index, shard.first), min(first + n_rows, end)
                    reason = f"rows {start} to {stop - 1} cannot be read, in row group {group}: {message_of(error)}"
                    yield start, Unreadable(reason, n_records=stop - start)
            first += n_rows


def _converted(batch: Any, first: int) -> Iterator[Tuple[int, Union[Dict[str, Any], Unreadable]]]:
    try:
        rows: List[Dict[str, Any]] = batch.to_pylist()
    except Exception:
        # A value that has no Python type: convert the rows separately, so that the others can be read.
        for i in range(batch.num_rows):
            yield first + i, _row(batch, i)
        return
    yield from enumerate(rows, start=first)


def _row(batch: Any, i: int) -> Union[Dict[str, Any], Unreadable]:
    row: Dict[str, Any] = {}
    errors: List[str] = []
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        try:
            row[name] = column[i].as_py()
        except Exception as error:
            errors.append(f"column '{name}' ({column.type}): {message_of(error)}")
            row[name] = _raw_text(column[i])
    return Unreadable("; ".join(errors), as_text(row)) if errors else row


def _raw_text(value: Any) -> str:
    try:
        return value.as_buffer().to_pybytes().decode("utf8", errors="backslashreplace")
    except Exception:
        return f"a {value.type}"


def parquet() -> Any:
    """Import pyarrow's module for Parquet, an optional dependency.

    RETURNS (Any): The module.
    RAISES (ValueError): ML283 if pyarrow is not installed.
    """
    try:
        import pyarrow.parquet
    except ImportError as error:
        raise ValueError(Errors.ML283) from error
    return pyarrow.parquet
