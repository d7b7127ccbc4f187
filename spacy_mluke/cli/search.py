"""`search`: find an entity in an annotated corpus, in any language."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Dict, List, Optional, Tuple

import typer

if TYPE_CHECKING:
    from ..search.hits import EntityHit
    from ..search.index import EntityIndex

CORPUS = typer.Argument(..., help="Output of annotate (a folder, a Parquet or .spacy file), or a saved index")
QUERY = typer.Argument(None, help="An id, a name, or a sentence with a mention in [brackets]. None: show what is in it")
MENTION = typer.Option(None, "--mention", help="QUERY is a sentence; this is its mention: words, or START:END")
BY = typer.Option("auto", "--by", help="What QUERY is: id, name, mention; auto: decide by brackets and by known ids")
SAVE = typer.Option(None, "--save", help="Folder to save the index in; pass it as CORPUS in later searches")
LIMIT = typer.Option(10, "--limit", min=1, help="Maximum number of mentions")
PER_LANG = typer.Option(None, "--per-lang", min=1, help="Maximum number of mentions in each language")
LANGS = typer.Option([], "--lang", "-l", help="Language of the documents. Can be repeated. Default: all")
TYPES = typer.Option([], "--type", help="Label or finer type of the mentions. Can be repeated. Default: all")
MIN_SCORE = typer.Option(0.0, "--min-score", help="Minimum probability of the mention")
MIN_LINK = typer.Option(0.0, "--min-link-score", help="Minimum probability of the link")
FORMAT = typer.Option("table", "--format", "-f", help="table or json")
LANG_KEY = typer.Option("lang", "--lang-key", help="Key of a document's meta with its language")
PIPELINE = typer.Option(
    None, "--pipeline", help="Pipeline that encodes the mention. Default: spacy_mluke.load(vectors=True) with the store"
)
STORE = typer.Option("knowledge", "--store", help="Entity store of names and ids: world, knowledge or a file")
CONTEXT = typer.Option(40, "--context", min=0, help="Number of characters shown before and after a mention")


def search(
    corpus: Path = CORPUS,
    query: Optional[str] = QUERY,
    mention: Optional[str] = MENTION,
    by: str = BY,
    save: Optional[Path] = SAVE,
    limit: int = LIMIT,
    per_lang: Optional[int] = PER_LANG,
    lang: List[str] = LANGS,
    type: List[str] = TYPES,
    min_score: float = MIN_SCORE,
    min_link_score: float = MIN_LINK,
    format: str = FORMAT,
    lang_key: str = LANG_KEY,
    pipeline: Optional[str] = PIPELINE,
    store: str = STORE,
    context: int = CONTEXT,
) -> None:
    """Find an entity in an annotated corpus, in any language.

    By id, all mentions that are linked to it; by name, those of the most likely entity with that name; by a mention in
    a sentence, those that are linked to the same entity, then those with the most similar vectors.
    """
    from ..errors import check_choice
    from ._common import warnings_shown

    check_choice("format", format, ["table", "json"])
    check_choice("by", by, ["auto", "id", "name", "mention"])
    index = _open(corpus, save, lang_key)
    if query is None:
        _show_content(index, format)
        return
    options: Dict[str, Any] = {
        "limit": limit,
        "per_lang": per_lang,
        "langs": lang,
        "types": type,
        "min_score": min_score,
        "min_link_score": min_link_score,
        "context": context,
    }
    marked = None if by in ("id", "name") else _mention_of(query, mention, by)
    if marked is not None:
        # Messages go to the standard output, which is only for the object.
        with warnings_shown() if format == "table" else contextlib.nullcontext():
            about, hits = _like(index, pipeline, store, marked, options)
    elif by == "id" or (by == "auto" and index.count(query)):
        about, hits = {"id": query, "mentions": index.count(query)}, index.find(query, **options)
    else:
        about, hits = _named(index, store, query, options)
    if format == "json":
        typer.echo(json.dumps({"query": about, "hits": [hit.to_dict() for hit in hits]}, ensure_ascii=False, indent=1))
    else:
        _show(about, hits)


def _open(corpus: Path, save: Optional[Path], lang_key: str) -> EntityIndex:
    from tqdm import tqdm

    from ..search.index import EntityIndex, is_index

    if is_index(corpus):
        index = EntityIndex(corpus)
        if save is not None:
            index.to_disk(save)
        return index
    with tqdm(desc="Indexing", unit=" docs", disable=None) as bar:
        return EntityIndex.build(corpus, save, lang_key=lang_key, on_block=bar.update)


def _mention_of(query: str, mention: Optional[str], by: str) -> Optional[Tuple[str, int, int]]:
    from ..errors import Errors
    from ..search.query import split_brackets
    from ._common import find_mention

    if mention is not None:
        return query, *find_mention(query, mention)
    marked = split_brackets(query)
    if marked is None and by == "mention":
        reason = "mark its mention with square brackets, or pass --mention"
        raise ValueError(Errors.ML434.format(query=query, reason=reason))
    return marked


def _like(
    index: EntityIndex, pipeline: Optional[str], store: str, marked: Tuple[str, int, int], options: Dict[str, Any]
) -> Tuple[Dict[str, Any], List[EntityHit]]:
    from ..kb.bundled import open_store
    from ..pipeline.load import load
    from ..pipeline.ready_made import load_saved
    from ..search.corpus import NO_ID
    from ..search.query import all_ids, encode_mention

    nlp = load(vectors=True, relations=False, store=store) if pipeline is None else load_saved(pipeline)
    index.check_encoder(nlp)
    span = encode_mention(nlp, *marked)
    kb_id = "" if span.kb_id_ in NO_ID else span.kb_id_
    # The corpus may be linked to another store, whose ids are those of another register.
    ids = all_ids(open_store(store), kb_id) if kb_id else []
    about = {"mention": span.text, "label": span.label_, "id": kb_id}
    return about, index.nearest(span._.mluke_vector, kb_id=ids, **options)


def _named(
    index: EntityIndex, store: str, name: str, options: Dict[str, Any]
) -> Tuple[Dict[str, Any], List[EntityHit]]:
    """Search for the most likely entity with a name that is in the corpus."""
    from ..kb.bundled import open_store
    from ..search.query import find_ids

    opened = open_store(store)
    found = find_ids(opened, name)
    counts = [sum(index.count(kb_id) for kb_id in ids) for ids in found]
    best = next((i for i, n in enumerate(counts) if n), 0)
    others = [
        {"id": ids[0], "name": opened.name(ids[0], "en"), "mentions": n}
        for i, (ids, n) in enumerate(zip(found, counts, strict=True))
        if n and i != best
    ]
    ids = found[best]
    about = {"name": name, "id": ids[0], "mentions": counts[best], "others": others}
    return about, index.find(ids, **options)


def _show_content(index: EntityIndex, format: str) -> None:
    from wasabi import msg

    from ._common import shown

    frequent = index.most_frequent(10)
    if format == "json":
        content = {
            "documents": index.n_docs,
            "mentions": len(index),
            "languages": index.languages,
            "width": index.width,
            "encoder": index.encoder,
            "entities": dict(frequent),
        }
        typer.echo(json.dumps(content, ensure_ascii=False, indent=1))
        return
    languages = ", ".join(f"{shown(lang)} {n:,}" for lang, n in sorted(index.languages.items()))
    msg.good(f"{len(index):,} mentions in {index.n_docs:,} documents: {languages}")
    msg.text(f"Vectors: {index.width} numbers" if index.width else "Vectors: none")
    msg.table([(shown(kb_id), n) for kb_id, n in frequent], header=("entity", "mentions"), divider=True)


def _show(about: Dict[str, Any], hits: List[EntityHit]) -> None:
    from wasabi import msg

    from ._common import shown

    for other in about.pop("others", ()):
        msg.info(shown(f"Also in the corpus: {other['id']} ({other['name']}), {other['mentions']} mentions"))
    title = ", ".join(f"{key}: {value}" for key, value in about.items() if value != "")
    msg.divider(shown(title))
    if not hits:
        msg.warn("No mention found")
        return
    rows = []
    for hit in hits:
        value = hit.similarity if hit.similarity is not None else hit.link_score
        text = shown(f"{hit.before}[{hit.text}]{hit.after}".replace("\n", " "))
        place = f"{shown(hit.doc_id)} {hit.start}-{hit.end}"
        rows.append(("" if value is None else f"{value:.3f}", shown(hit.lang), hit.label, hit.kb_id, place, text))
    header = ("cosine" if hits[0].similarity is not None else "link", "lang", "label", "id", "document", "text")
    msg.table(rows, header=header, divider=True)
