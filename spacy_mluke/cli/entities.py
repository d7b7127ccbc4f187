"""`entities`: build an entity store, look up names in it, write it as JSON lines."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Iterable, List, Optional

import typer

if TYPE_CHECKING:
    from ..kb.store_rows import AnyRow
    from ..kb.store_union import AnyStore

SOURCES = typer.Argument(..., help="Tables, JSON lines, Wikidata dumps, an entity_vocab.json or checkpoints")
TARGET = typer.Argument(..., help="The file to write")
STORE = typer.Argument(..., help="An entity store")
NAMES = typer.Argument(..., help="Names; with --id, entity ids")
LANGUAGES = typer.Option([], "--lang", "-l", help="Language of names to include. Can be repeated. Default: all")
LANG = typer.Option(None, "--lang", "-l", help="Language of the names")
BY_ID = typer.Option(False, "--id", "-i", help="Show the entities with these ids")
COLUMNS = typer.Option(None, "--columns", help="Columns of tables without a header, with commas between them")
TYPE = typer.Option("", "--type", help="Type of entities that have none")
FORCE = typer.Option(False, "--force", "-F", help="Replace an existing file")
LISTED = 12


def entities() -> None:
    """Build an entity store, look up names in it, or write it as JSON lines."""


def build(
    sources: List[Path] = SOURCES,
    target: Path = TARGET,
    lang: List[str] = LANGUAGES,
    columns: Optional[str] = COLUMNS,
    entity_type: str = TYPE,
    force: bool = FORCE,
) -> None:
    """Build an entity store from one or several sources.

    Tables (.tsv, .csv, .parquet) have a name on each line: id, language, name, type, prior. Or an entity, with a
    header: id, type, name:en, alias:en, description:en, types, xref, fact:maker. Each of the JSON lines (.jsonl,
    .json) has a name, an entity or an entity of Wikidata. Files may be compressed, except Parquet.
    """
    import time
    from itertools import chain

    from wasabi import msg

    from ..checkpoint.base import find_entities
    from ..kb.store_build import build_store
    from ..kb.store_rows import with_type
    from ..kb.store_sources import read_rows
    from ._common import progress_bar

    started = time.perf_counter()
    _check_free(target, force)
    places = [find_entities(source) if source.is_dir() else source for source in sources]
    names = None if columns is None else columns.split(",")
    rows: Iterable[AnyRow] = chain.from_iterable(
        read_rows(place, languages=lang or None, columns=names) for place in places
    )
    if entity_type:
        rows = (with_type(row, entity_type) for row in rows)
    with progress_bar() as progress:
        store = build_store(rows, target, source=", ".join(map(str, sources)), is_checked=True, progress=progress)
    seconds = time.perf_counter() - started
    msg.good(f"Wrote {target}: {_counts(store)}, {target.stat().st_size / 1e6:,.1f} MB in {seconds:.1f} s")


def export(store: Path = STORE, target: Path = TARGET, force: bool = FORCE) -> None:
    """Write an entity store as JSON lines, one entity on each, from which `build` makes the same store."""
    from wasabi import msg

    from ..kb.bundled import open_store
    from ..kb.store_sources import dump_line
    from ..storage.files import writing

    opened = open_store(store)
    _check_free(target, force)
    with writing(target) as aside, aside.open("w", encoding="utf8", newline="\n") as file:
        for entity in opened:
            more = opened.descriptions(entity.id), opened.classes(entity.id), opened.facts(entity.id)
            file.write(f"{dump_line(entity, *more)}\n")
    msg.good(f"Wrote {target}: {_counts(opened)}")


def find(
    store: Path = STORE,
    names: List[str] = NAMES,
    lang: Optional[str] = LANG,
    by_id: bool = BY_ID,
) -> None:
    """Show the candidate entities of names, the most likely first."""
    from wasabi import msg

    from ..kb.bundled import open_store
    from ._common import shown

    opened = open_store(store)
    for name in names:
        msg.divider(shown(name))
        if by_id:
            found = [(opened[name], "")] if name in opened else []
        else:
            matches = opened.candidates(name, lang)
            found = [(opened[match.id], f"{match.prior:.3f}") for match in matches[:LISTED]]
        rows = [(shown(entity.id), prior, shown(entity.type), shown(entity.name(lang))) for entity, prior in found]
        msg.table(rows) if rows else msg.warn("No entity found")
        if by_id:
            for entity, _ in found:
                names_of = [(shown(n.lang), n.kind, shown(n.name), n.prior or "") for n in entity.names]
                msg.table(names_of)
        elif len(matches) > LISTED:
            msg.text(f"and {len(matches) - LISTED} more")


def _check_free(target: Path, force: bool) -> None:
    from ..errors import Errors

    if target.exists() and not force:
        raise ValueError(Errors.ML235.format(path=target))


def _counts(store: AnyStore) -> str:
    languages = sum(bool(lang) for lang in store.languages)
    return f"{len(store):,} entities, {store.n_names:,} names in {languages} languages"


SUBCOMMANDS = (build, export, find)
