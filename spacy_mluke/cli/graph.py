"""`graph`: merge the entities and relations of annotated documents into a graph."""

from __future__ import annotations

import time
from pathlib import Path
from typing import List, Optional

import typer

ANNOTATED = typer.Argument(..., help="Parquet or DocBins of `annotate`: a file, or a folder of files", exists=True)
OUT = typer.Argument(..., help="File to write; a folder for neo4j and parquet")
FORMAT = typer.Option(None, "--format", "-f", help="jsonld, turtle, graphml, neo4j or parquet. Default: by suffix")
UNLINKED = typer.Option(
    "merge", "--unlinked", help="Mentions without a link: merge them by name and type, within a document, or skip them"
)
MIN_PROBABILITY = typer.Option(0.0, "--min-probability", help="Minimum probability of a relation's mention")
MIN_MENTION = typer.Option(0.0, "--min-mention-probability", help="Minimum probability of an entity's mention")
MIN_SUPPORT = typer.Option(1, "--min-support", min=1, help="Minimum number of documents with a relation")
MIN_ENTITY = typer.Option(1, "--min-entity-support", min=1, help="Minimum number of documents with an entity")
TYPES = typer.Option([], "--type", help="Label of mentions to keep, such as PER; repeatable. Default: all")
RELATIONS = typer.Option([], "--relation", help="Relation to keep, such as P19 or country; repeatable. Default: all")
ONLY_RELATED = typer.Option(False, "--only-related", help="Leave out entities without a relation")
PROVENANCE = typer.Option(True, "--provenance/--no-provenance", help="Write documents, mentions and evidence")
BASE = typer.Option("https://example.org/graph/", "--base", help="Beginning of IRIs of your own entities and documents")


def graph(
    annotated: Path = ANNOTATED,
    out: Path = OUT,
    format: Optional[str] = FORMAT,
    unlinked: str = UNLINKED,
    min_probability: float = MIN_PROBABILITY,
    min_mention_probability: float = MIN_MENTION,
    min_support: int = MIN_SUPPORT,
    min_entity_support: int = MIN_ENTITY,
    type: List[str] = TYPES,
    relation: List[str] = RELATIONS,
    only_related: bool = ONLY_RELATED,
    provenance: bool = PROVENANCE,
    base: str = BASE,
) -> None:
    """Merge the entities and relations of annotated documents into a graph.

    Mentions of one entity become one node, and relations between them one edge, with the number of documents that
    support it and a confidence. The documents may be larger than memory.
    """
    import warnings

    from wasabi import msg

    from ..graph.build import build_graph
    from ._common import counted, shown

    started = time.perf_counter()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        summary = build_graph(
            annotated,
            out,
            format=format,
            unlinked=unlinked,
            min_probability=min_probability,
            min_mention_probability=min_mention_probability,
            min_support=min_support,
            min_entity_support=min_entity_support,
            types=type,
            relations=relation,
            only_related=only_related,
            provenance=provenance,
            base=base,
        )
    for warning in caught:
        if issubclass(warning.category, UserWarning):
            msg.warn(shown(str(warning.message)))
    for reason, n in summary.skipped.items():
        msg.info(f"Skipped: {n:,} {reason}")
    if summary.n_added_mentions:
        msg.info(f"Added: {summary.n_added_mentions:,} ends of relations that are no entities of their documents")
    msg.good(
        f"{summary.n_entities:,} entities ({summary.n_linked:,} linked) from {summary.n_mentions:,} mentions, "
        f"{counted(summary.n_relations, 'relation')} from {counted(summary.n_relation_mentions, 'prediction')}, "
        f"in {counted(summary.n_documents, 'document')} "
        f"({time.perf_counter() - started:.1f} s): {out}"
    )
