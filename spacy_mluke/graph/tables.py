"""Write a graph as Parquet files, one for each kind of element."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, Iterable

from ..bulk.parquet_files import parquet
from .elements import Document, Entity, Evidence, Mention, Relation
from .identifiers import entity_iri
from .merged import MergedGraph
from .staging import batches

_ROWS = 16_384  # of a row group
_COUNTS = ("n_names", "n_mentions", "n_documents", "n_texts", "n_tokens", "n_characters")
FILES = {
    "entities.parquet": Entity,
    "relations.parquet": Relation,
    "documents.parquet": Document,
    "mentions.parquet": Mention,
    "evidence.parquet": Evidence,
}
_PROVENANCE = (Document, Mention, Evidence)


def write_tables(graph: MergedGraph, folder: Path) -> None:
    """Write a graph as Parquet files.

    graph (MergedGraph): The graph.
    folder (Path): The folder.
    RAISES (ValueError): ML283 if pyarrow is not installed.
    """
    base = graph.options.base
    rows: Dict[str, Iterable[Any]] = {
        "entities.parquet": ((*entity, entity_iri(entity.key, base)) for entity in graph.entities()),
        "relations.parquet": graph.relations(),
        "documents.parquet": graph.documents(),
        "mentions.parquet": graph.mentions(),
        "evidence.parquet": graph.evidence(),
    }
    for name, kind in FILES.items():
        if graph.options.provenance or kind not in _PROVENANCE:
            _write(folder / name, _schema(kind), rows[name])


def _schema(kind: Any) -> Any:
    parquet()
    import pyarrow as pa

    types = []
    for name in kind._fields:
        if name in ("names", "types"):
            types.append((name, pa.list_(pa.string())))
        elif name in _COUNTS:
            types.append((name, pa.int64()))
        elif name.endswith(("start", "end")):
            types.append((name, pa.int32()))
        elif name.endswith(("probability", "confidence")):
            types.append((name, pa.float64()))
        else:
            types.append((name, pa.string()))
    if kind is Entity:
        types.append(("iri", pa.string()))
    return pa.schema(types)


def _write(path: Path, schema: Any, rows: Iterable[Any]) -> None:
    import pyarrow as pa

    with parquet().ParquetWriter(path, schema, compression="zstd") as writer:
        for batch in batches(rows, _ROWS):
            columns = [
                pa.array(values, field.type) for values, field in zip(zip(*batch, strict=True), schema, strict=True)
            ]
            writer.write_table(pa.Table.from_arrays(columns, schema=schema))
