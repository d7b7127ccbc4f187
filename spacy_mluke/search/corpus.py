"""Read the mentions of annotated corpora, in blocks of a few hundred documents."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional, Tuple

import numpy

from ..bulk.input_files import kind_of
from ..bulk.job import METADATA_FOLDER
from ..bulk.parquet_files import parquet
from ..bulk.rows import doc_to_record
from ..errors import Errors
from ..types import Floats2d

_COLUMNS = ("id", "text", "lang", "entities", "meta")
_FIELDS = ("start", "end", "label", "kb_id", "score", "types", "candidates")
_MAX_DOCS = 256  # of a block
# What the linker writes for a mention whose entity is not in the knowledge base.
NO_ID = ("", "NIL")


@dataclass
class Mention:
    """A mention of a block, without its vector."""

    doc: int  # number of its document in the block
    start: int
    end: int
    kinds: Tuple[str, ...]  # its label, and finer types of its entity
    kb_id: str  # "" without a link
    score: float  # NaN if there is none
    link_score: float  # NaN if there is none


@dataclass
class Block:
    """The documents of a block, and their mentions."""

    docs: List[Tuple[str, str, str]] = field(default_factory=list)  # id, language, text
    mentions: List[Mention] = field(default_factory=list)
    vectors: Optional[Floats2d] = None  # (n_mentions, width); zeros for a mention without a vector
    width: Optional[int] = None  # of the file's vectors; None without vectors
    encoder: str = ""  # that the vectors come from; "" if the file does not say


def find_corpus(path: Path) -> List[Path]:
    """Return the files of an annotated corpus.

    path (Path): A file, or a folder of files at any depth.
    RETURNS (List[Path]): Parquet and DocBin files, sorted by name.
    RAISES (ValueError): ML430 if there is none.
    """
    found = [path]
    if path.is_dir():
        inside = ((one, one.relative_to(path).parts) for one in path.rglob("*"))
        found = sorted(one for one, parts in inside if METADATA_FOLDER not in parts and parts[-1][0] not in "._")
    found = [one for one in found if one.is_file() and kind_of(one) in ("parquet", "docbin")]
    if not found:
        reason = "it has no Parquet and no DocBin file" if path.exists() else "it does not exist"
        raise ValueError(Errors.ML430.format(path=path, reason=reason))
    return found


def read_blocks(path: Path, *, lang_key: str = "lang") -> Iterator[Block]:
    """Read an annotated file.

    path (Path): A file that `annotate` wrote.
    lang_key (str): Key of a document's `meta` with its language. A document without it has the language of the
        pipeline, which may be "xx".
    YIELDS (Block): Blocks of documents, in the order of the file.
    RAISES (ValueError): ML430 if it cannot be read, or is not output of `annotate`; ML283 if pyarrow is missing.
    """
    read = _read_parquet if kind_of(path) == "parquet" else _read_docbin
    try:
        yield from read(path, lang_key)
    except Exception as error:  # a damaged file raises errors of many kinds
        if isinstance(error, (MemoryError, RecursionError)) or str(error).startswith("[ML"):
            raise
        raise ValueError(Errors.ML430.format(path=path, reason=f"{type(error).__name__}: {error}")) from error


def _read_parquet(path: Path, lang_key: str) -> Iterator[Block]:
    with parquet().ParquetFile(path) as file:
        schema = file.schema_arrow
        missing = [name for name in _COLUMNS if name not in schema.names]
        if missing:
            reason = f"it has no column '{missing[0]}', so it is not output of annotate"
            raise ValueError(Errors.ML430.format(path=path, reason=reason))
        encoder = (schema.metadata or {}).get(b"encoder", b"").decode("utf8")
        for batch in file.iter_batches(batch_size=_MAX_DOCS, columns=list(_COLUMNS)):
            yield _parquet_block(batch, encoder, lang_key)


def _parquet_block(batch: Any, encoder: str, lang_key: str) -> Block:
    block = Block(encoder=encoder)
    texts, langs, metas = (batch.column(name).to_pylist() for name in ("text", "lang", "meta"))
    for doc_id, text, lang, meta in zip(batch.column("id").to_pylist(), texts, langs, metas, strict=True):
        block.docs.append((doc_id or "", _lang_of(json.loads(meta) if meta else {}, lang_key, lang), text or ""))
    column = batch.column("entities")
    lengths = column.value_lengths().fill_null(0).to_numpy(zero_copy_only=False)
    flat = column.flatten()
    docs = numpy.repeat(numpy.arange(len(lengths)), lengths).tolist()
    for doc, *own in zip(docs, *(flat.field(name).to_pylist() for name in _FIELDS), strict=True):
        block.mentions.append(_mention(doc, dict(zip(_FIELDS, own, strict=True))))
    names = [flat.type.field(i).name for i in range(flat.type.num_fields)]
    if "vector" in names:
        vectors = flat.field("vector")
        block.width = vectors.type.list_size
        block.vectors = numpy.zeros((len(flat), block.width), dtype="float32")
        there = vectors.is_valid().to_numpy(zero_copy_only=False)
        block.vectors[there] = vectors.drop_null().flatten().to_numpy().reshape((-1, block.width))
    return block


def _read_docbin(path: Path, lang_key: str) -> Iterator[Block]:
    import spacy
    from spacy.tokens import DocBin

    from ..extensions import install_extensions

    install_extensions()
    docs = DocBin(store_user_data=True).from_disk(path).get_docs(spacy.blank("xx").vocab)
    start = 0
    # A document with token states is large: only those of a block are in memory, besides the packed file.
    while found := list(islice(docs, _MAX_DOCS)):
        block = Block()
        vectors: List[Any] = []
        for number, doc in enumerate(found):
            user_data: Dict[Any, Any] = doc.user_data
            record = doc_to_record(doc, with_vectors=True)
            lang = _lang_of(user_data.get("meta") or {}, lang_key, record["lang"])
            block.docs.append((str(user_data.get("id", f"{path.name}:{start + number}")), lang, record["text"]))
            block.mentions += [_mention(number, entity) for entity in record["entities"]]
            vectors += [entity["vector"] for entity in record["entities"]]
        block.width = next((len(vector) for vector in vectors if vector is not None), None)
        if block.width is not None:
            empty = [0.0] * block.width
            block.vectors = numpy.asarray([empty if one is None else one for one in vectors], dtype="float32")
        yield block
        start += len(found)


def _lang_of(meta: Any, key: str, default: str) -> str:
    found = meta.get(key) if isinstance(meta, dict) else None
    return found if isinstance(found, str) and found else default or ""


def _mention(doc: int, entity: Dict[str, Any]) -> Mention:
    kb_id = entity["kb_id"] if entity["kb_id"] and entity["kb_id"] not in NO_ID else ""
    links = [one["score"] for one in entity["candidates"] or () if kb_id and one["entity"] == kb_id]
    return Mention(
        doc,
        entity["start"],
        entity["end"],
        (entity["label"] or "", *(one["label"] for one in entity["types"] or ())),
        kb_id,
        numpy.nan if entity["score"] is None else entity["score"],
        links[0] if links else numpy.nan,
    )
