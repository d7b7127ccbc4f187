"""Build a search index from an annotated corpus, block after block."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections import Counter
from pathlib import Path
from typing import Any, Callable, Dict, Hashable, List, Optional

import numpy

from ..errors import Errors
from ..storage.folders import replacing_folder
from ..storage.sqlite import configure_for_writing
from .corpus import Block, find_corpus, read_blocks
from .index_files import DATABASE, FILES, MENTION, MENTIONS, SCHEMA, VECTORS, round_vectors

_CACHE_KIB = 16_384
OnBlock = Callable[[int], None]  # called with the number of documents of each block


class _Numbers(Dict[Any, int]):
    """Numbers of values in the order of their first use."""

    def __missing__(self, value: Hashable) -> int:
        self[value] = len(self)
        return self[value]


def build_index(corpus: Path, folder: Path, *, lang_key: str = "lang", on_block: Optional[OnBlock] = None) -> None:
    """Write the index of a corpus. Files are streamed; memory holds a block, and the ids and types of all entities.

    corpus (Path): Output of `annotate`: a folder or a file, Parquet or DocBin.
    folder (Path): The folder to write; an index in it is replaced when the new one is complete.
    lang_key (str): Key of a document's `meta` with its language.
    on_block (Optional[OnBlock]): Called after each block.
    RAISES (ValueError): ML430 if the corpus cannot be read, ML432 and ML433 if its files have vectors of several
        encoders, ML360 if the folder cannot be written.
    """
    paths = find_corpus(corpus)
    with (
        replacing_folder(folder, own=FILES, first=VECTORS) as aside,
        contextlib.closing(sqlite3.connect(aside / DATABASE)) as database,
    ):
        configure_for_writing(database, cache_kib=_CACHE_KIB)
        database.executescript(SCHEMA)
        with (aside / MENTIONS).open("wb") as mentions, (aside / VECTORS).open("wb") as vectors:
            writer = _Writer(database, mentions, vectors)
            for path in paths:
                for block in read_blocks(path, lang_key=lang_key):
                    writer.add(block, path)
                    if on_block is not None:
                        on_block(len(block.docs))
            writer.finish()
        database.commit()


class _Writer:
    """Writes blocks to the three files."""

    def __init__(self, database: sqlite3.Connection, mentions: Any, vectors: Any):
        self.database = database
        self.mentions = mentions
        self.vectors = vectors
        self.entities, self.kinds, self.langs = _Numbers({"": 0}), _Numbers(), _Numbers()
        self.per_entity: Counter[int] = Counter()
        self.per_lang: Counter[int] = Counter()
        self.n_docs = self.n_mentions = 0
        self.width: Optional[int] = None
        self.encoder = ""

    def add(self, block: Block, path: Path) -> None:
        self._check(block, path)
        rows = numpy.zeros(len(block.mentions), dtype=MENTION)
        langs = [self.langs[lang] for _, lang, _ in block.docs]
        for name, values in (
            ("doc", [self.n_docs + mention.doc for mention in block.mentions]),
            ("start", [mention.start for mention in block.mentions]),
            ("end", [mention.end for mention in block.mentions]),
            ("entity", [self.entities[mention.kb_id] for mention in block.mentions]),
            ("kind", [self.kinds["\n".join(mention.kinds)] for mention in block.mentions]),
            ("lang", [langs[mention.doc] for mention in block.mentions]),
            ("score", [mention.score for mention in block.mentions]),
            ("link_score", [mention.link_score for mention in block.mentions]),
        ):
            rows[name] = values
        if self.width is not None:
            given = block.vectors
            # A file may begin with documents without entities, and a DocBin does not say its width.
            self._write_vectors(numpy.zeros((len(rows), self.width), "float32") if given is None else given, rows)
        self.mentions.write(rows.tobytes())
        documents = ((self.n_docs + i, doc_id, text) for i, (doc_id, _, text) in enumerate(block.docs))
        self.database.executemany("INSERT INTO documents VALUES (?, ?, ?)", documents)
        self.per_entity.update(rows["entity"].tolist())
        self.per_lang.update(rows["lang"].tolist())
        self.n_docs += len(block.docs)
        self.n_mentions += len(rows)

    def _check(self, block: Block, path: Path) -> None:
        if block.encoder and self.encoder and block.encoder != self.encoder:
            what = "the files before it"
            raise ValueError(Errors.ML432.format(path=path, theirs=block.encoder, what=what, ours=self.encoder))
        self.encoder = self.encoder or block.encoder
        if block.width is None or self.width == block.width:
            return
        if self.width is not None:
            what = "the corpus before it"
            raise ValueError(Errors.ML433.format(path=path, theirs=block.width, what=what, ours=self.width))
        self.width = block.width
        if self.n_mentions:
            self.vectors.write(bytes(self.n_mentions * self.width))

    def _write_vectors(self, vectors: Any, rows: Any) -> None:
        rounded, rows["scale"] = round_vectors(vectors)
        self.vectors.write(rounded.tobytes())

    def finish(self) -> None:
        entities = [(num, kb_id, self.per_entity[num]) for kb_id, num in self.entities.items()]
        langs = [(num, lang, self.per_lang[num]) for lang, num in self.langs.items()]
        meta: Dict[str, Any] = {
            "n_mentions": self.n_mentions,
            "n_docs": self.n_docs,
            "width": self.width,
            "encoder": self.encoder,
        }
        tables: Dict[str, List[Any]] = {
            "entities VALUES (?, ?, ?)": entities,
            "languages VALUES (?, ?, ?)": langs,
            "kinds VALUES (?, ?)": [(num, labels) for labels, num in self.kinds.items()],
            "meta VALUES (?, ?)": [(key, json.dumps(value)) for key, value in meta.items()],
        }
        for table, values in tables.items():
            self.database.executemany(f"INSERT INTO {table}", values)
