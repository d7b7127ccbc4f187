"""`spacy_mluke.build_graph`: a graph of entities and relations from annotated documents."""

from __future__ import annotations

import contextlib
import sqlite3
import tempfile
import warnings
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable, Dict, Iterator, List, Optional, Sequence, Tuple, Union

from ..errors import Errors, Warnings, check_choice
from ..storage.files import writing
from ..storage.folders import replacing_folder
from ..storage.sqlite import configure_for_writing
from . import neo4j, tables
from .documents import Source, Unread, find_annotated, read_annotated
from .elements import Document, Entity, Evidence, Mention, Relation
from .graphml import write_graphml
from .jsonld import write_jsonld
from .merged import MergedGraph
from .merging import merge
from .options import DEFAULT_BASE, GraphOptions
from .staging import stage
from .turtle import write_turtle

SUFFIXES = {".jsonld": "jsonld", ".ttl": "turtle", ".graphml": "graphml"}
_FILES: Dict[str, Callable[[MergedGraph, Path], Optional[int]]] = {
    "jsonld": write_jsonld,
    "turtle": write_turtle,
    "graphml": write_graphml,
}
_FOLDERS: Dict[str, Tuple[Callable[[MergedGraph, Path], Optional[int]], List[str]]] = {
    "neo4j": (neo4j.write_neo4j, [*neo4j.FILES.values(), neo4j.ARGUMENTS]),
    "parquet": (tables.write_tables, list(tables.FILES)),
}
FORMATS = (*_FILES, *_FOLDERS)
_CACHE_KIB = 64 * 1024


@dataclass(frozen=True)
class GraphSummary:
    """What a graph contains, and what was left out."""

    n_documents: int
    n_mentions: int  # of the entities in the graph
    n_entities: int
    n_linked: int  # entities with a kb_id
    n_relations: int
    n_relation_mentions: int  # of the relations in the graph
    n_added_mentions: int = 0  # ends of relations that are no entities of their documents
    n_same_ids: int = 0  # documents that have the id of another one
    n_unread: int = 0  # documents that cannot be read
    n_replaced: int = 0  # characters that the format cannot contain
    skipped: Dict[str, int] = field(default_factory=dict)  # what was left out -> how often
    unread_files: Dict[str, str] = field(default_factory=dict)  # files that cannot be read -> reason


def build_graph(
    source: Source,
    target: Union[str, Path],
    *,
    format: Optional[str] = None,
    unlinked: str = "merge",
    min_probability: float = 0.0,
    min_mention_probability: float = 0.0,
    min_support: int = 1,
    min_entity_support: int = 1,
    types: Sequence[str] = (),
    relations: Sequence[str] = (),
    only_related: bool = False,
    provenance: bool = True,
    base: str = DEFAULT_BASE,
) -> GraphSummary:
    """Merge the entities and relations of annotated documents into a graph, and write it.

    Memory is bounded for any number of documents: they are merged in a temporary SQLite file beside the target. The
    same documents give the same bytes, whatever their order and their files.

    source (Source): A file or folder that `annotate` wrote (Parquet or DocBins), or an iterable of Doc objects. A
        Doc's id is `doc.user_data["id"]`, else its number.
    target (Union[str, Path]): File to write, a folder for "neo4j" and "parquet". It is replaced when the graph is
        complete.
    format (Optional[str]): "jsonld", "turtle", "graphml", "neo4j" or "parquet"; None: by the suffix of `target`
        (.jsonld, .ttl, .graphml).
    unlinked (str): What becomes of mentions without a link: "merge" those with one name and type, merge them within
        a "document" only, or "skip" them.
    min_probability (float): Minimum probability of a relation's mention.
    min_mention_probability (float): Minimum probability of an entity's mention. Those without one are kept.
    min_support (int): Minimum number of documents with a relation.
    min_entity_support (int): Minimum number of documents with an entity.
    types (Sequence[str]): Labels of mentions to keep, such as "PER"; none for all.
    relations (Sequence[str]): Relations to keep, as labels or Wikidata properties; none for all.
    only_related (bool): Whether to leave out entities without a relation.
    provenance (bool): Whether to write documents, mentions and evidence of relations.
    base (str): Beginning of IRIs that Wikidata, GeoNames and Wikipedia do not have.
    RETURNS (GraphSummary): Counts.
    RAISES (ValueError): ML070, ML071, ML310 or ML464 for an option, ML283 without pyarrow, ML360 if the target cannot
        be written, ML460 to ML463 for source and target, ML465 if the temporary file cannot be written, ML466 if a
        document is no Doc, ML467 if no document can be read.
    """
    options = GraphOptions(
        unlinked=unlinked,
        min_probability=min_probability,
        min_mention_probability=min_mention_probability,
        min_support=min_support,
        min_entity_support=min_entity_support,
        types=types,
        relations=relations,
        only_related=only_related,
        provenance=provenance,
        base=base,
    )
    target = Path(target)
    name = _format_of(target, format)
    unread = Unread()
    skipped: Counter[str] = Counter()
    paths = find_annotated(Path(source), unread) if isinstance(source, (str, Path)) else []
    _check_target(target, source, paths)
    with _temporary_database(target) as connection:
        n_docs = stage(connection, read_annotated(source, paths, unread), options, skipped)
        if not n_docs and (unread.n_docs or unread.files):
            reason = unread.reason or "; ".join(f"{path}: {why}" for path, why in unread.files.items())
            raise ValueError(Errors.ML467.format(n=unread.n_docs, reason=reason))
        merge(connection, options, skipped)
        graph = MergedGraph(connection, options)
        n_replaced = _write(graph, name, target)
        summary = GraphSummary(
            n_documents=graph.count(Document),
            n_mentions=graph.count(Mention),
            n_entities=graph.count(Entity),
            n_linked=graph.count_linked(),
            n_relations=graph.count(Relation),
            n_relation_mentions=graph.count(Evidence),
            n_added_mentions=skipped.pop("added", 0),
            n_same_ids=skipped.pop("same id", 0),
            n_unread=unread.n_docs,
            n_replaced=n_replaced,
            skipped={reason: n for reason, n in sorted(skipped.items()) if n},
            unread_files=unread.files,
        )
    _warn(summary)
    return summary


def _format_of(target: Path, format: Optional[str]) -> str:
    if format is not None:
        check_choice("format", format, FORMATS)
        return format
    found = SUFFIXES.get(target.suffix.lower())
    if found is None:
        suffixes, formats = ", ".join(SUFFIXES), ", ".join(FORMATS)
        raise ValueError(Errors.ML460.format(path=target, suffixes=suffixes, formats=formats))
    return found


def _check_target(target: Path, source: Source, paths: List[Path]) -> None:
    """Check that the graph does not replace the documents, and is not read as documents the next time."""
    if not isinstance(source, (str, Path)):
        return
    own = target.resolve()
    is_inside = Path(source).is_dir() and own.is_relative_to(Path(source).resolve())
    if is_inside or any(path.resolve().is_relative_to(own) for path in paths):
        raise ValueError(Errors.ML463.format(path=target))


@contextlib.contextmanager
def _temporary_database(target: Path) -> Iterator[sqlite3.Connection]:
    folder = target.absolute().parent
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with (
            tempfile.TemporaryDirectory(prefix=f".{target.name}.", dir=folder) as aside,
            contextlib.closing(sqlite3.connect(Path(aside) / "graph.sqlite")) as connection,
        ):
            configure_for_writing(connection, cache_kib=_CACHE_KIB)
            yield connection
    except (OSError, sqlite3.OperationalError) as error:
        raise ValueError(Errors.ML465.format(reason=error, folder=folder)) from error


def _write(graph: MergedGraph, format: str, target: Path) -> int:
    if format in _FILES:
        with writing(target) as path:
            return _FILES[format](graph, path) or 0
    write, names = _FOLDERS[format]
    with replacing_folder(target, own=names) as folder:
        return write(graph, folder) or 0


def _warn(summary: GraphSummary) -> None:
    """Warn once about each kind of problem, with counts."""
    if summary.n_unread or summary.unread_files:
        names = ", ".join(sorted(summary.unread_files)[:5]) or "none"
        found = {"n": summary.n_unread, "n_files": len(summary.unread_files), "names": names}
        warnings.warn(Warnings.ML137.format(**found), stacklevel=3)
    if summary.n_same_ids:
        warnings.warn(Warnings.ML138.format(n=summary.n_same_ids, total=summary.n_documents), stacklevel=3)
    if summary.n_replaced:
        warnings.warn(Warnings.ML139.format(n=summary.n_replaced), stacklevel=3)
