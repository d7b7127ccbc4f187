"""`EntityIndex`: an index of the mentions of an annotated corpus."""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path
from typing import Any, Callable, Collection, Dict, Iterable, List, Optional, Tuple, Union

import numpy
from spacy.language import Language
from spacy.tokens import Span

from ..bulk.vectors import describe_encoder
from ..errors import Errors, check_at_least, check_fraction
from ..storage.folders import replacing_folder
from ..types import Floats1d, Ints1d
from .build import OnBlock, build_index
from .hits import EntityHit, HitFilter
from .index_files import DATABASE, FILES, MENTION, MENTIONS, VECTORS, IndexDatabase, map_array, split_kinds
from .ranking import BestRows

# Vectors of a block stay in the processor's cache while they are converted and multiplied.
_BLOCK = 4096
CONTEXT = 60


class EntityIndex:
    """The mentions of an annotated corpus: found by the id of their entity, or by similar vectors, in any language.

    The files of the index are read from disk as they are needed. Threads and processes may share them.

    path (Union[str, Path]): A folder that `EntityIndex.build` or `EntityIndex.to_disk` wrote.
    RAISES (ValueError): ML431 if the folder is missing, damaged, or not an index.
    """

    def __init__(self, path: Union[str, Path]):
        self.path = Path(path)
        self._folder: Optional[tempfile.TemporaryDirectory] = None
        if not (self.path / DATABASE).is_file():
            raise ValueError(Errors.ML431.format(path=path, reason=f"it has no {DATABASE}"))
        self._database = IndexDatabase(self.path / DATABASE)
        try:
            meta = {key: json.loads(value) for key, value in self._database.read_meta().items()}
            self.n_mentions, self.n_docs = int(meta["n_mentions"]), int(meta["n_docs"])
            self.width: Optional[int] = None if meta["width"] is None else int(meta["width"])
            self.encoder: str = str(meta["encoder"])
        except (KeyError, TypeError, ValueError, RecursionError) as error:
            if str(error).startswith("[ML"):
                raise
            raise ValueError(Errors.ML431.format(path=path, reason=f"{type(error).__name__}: {error}")) from error
        langs = self._database.query("SELECT num, lang, n_mentions FROM languages ORDER BY num")
        self._langs: Dict[int, str] = {num: lang for num, lang, _ in langs}
        self.languages: Dict[str, int] = {lang: n for _, lang, n in langs}  # number of mentions by language
        self._kinds = {
            num: split_kinds(labels) for num, labels in self._database.query("SELECT num, labels FROM kinds")
        }
        self._mentions = map_array(self.path, MENTIONS, MENTION, (self.n_mentions,))
        self._vectors: Any = None
        if self.width is not None:
            self._vectors = map_array(self.path, VECTORS, "int8", (self.n_mentions, self.width))

    def __len__(self) -> int:
        """Number of mentions."""
        return self.n_mentions

    @classmethod
    def build(
        cls,
        corpus: Union[str, Path],
        path: Optional[Union[str, Path]] = None,
        *,
        lang_key: str = "lang",
        on_block: Optional[OnBlock] = None,
    ) -> EntityIndex:
        """Build the index of an annotated corpus. The corpus is streamed: memory does not grow with it, except for the
        distinct ids and types of entities.

        corpus (Union[str, Path]): Output of `python -m spacy_mluke annotate`: a folder or a file, Parquet or DocBin.
        path (Optional[Union[str, Path]]): The folder to write; an index in it is replaced. None for a temporary folder,
            which is deleted with the index.
        lang_key (str): Key of a document's `meta` with its language. A document without it has the language of the
            pipeline that annotated it, which may be "xx".
        on_block (Optional[Callable]): Called after each block with its number of documents.
        RETURNS (EntityIndex): The index.
        RAISES (ValueError): ML430 if the corpus cannot be read, ML432 and ML433 if its files have vectors of several
            encoders, ML360 if the folder cannot be written, ML283 if pyarrow is missing.
        """
        temporary = tempfile.TemporaryDirectory(prefix="spacy_mluke_") if path is None else None
        folder = Path(path) if path is not None else Path(temporary.name) / "index"  # type: ignore[union-attr]
        build_index(Path(corpus), folder, lang_key=lang_key, on_block=on_block)
        index = cls(folder)
        index._folder = temporary
        return index

    def to_disk(self, path: Union[str, Path]) -> None:
        """Copy the index to a folder. An index in it is replaced.

        path (Union[str, Path]): The folder.
        RAISES (ValueError): ML360 if it cannot be written.
        """
        if Path(path).exists() and self.path.samefile(path):
            return
        with replacing_folder(Path(path), own=FILES, first=VECTORS) as aside:
            for name in FILES:
                shutil.copyfile(self.path / name, aside / name)

    # --- what is in the index ---

    def count(self, kb_id: str) -> int:
        """Return the number of mentions of an entity.

        kb_id (str): Its id.
        RETURNS (int): The number; 0 for an unknown id.
        """
        found = self._database.query("SELECT n_mentions FROM entities WHERE id = ? AND num > 0", (kb_id,))
        return found[0][0] if found else 0

    def most_frequent(self, limit: int = 10) -> List[Tuple[str, int]]:
        """Return the entities with the most mentions.

        limit (int): Maximum number of entities.
        RETURNS (List[Tuple[str, int]]): Their ids and numbers of mentions.
        """
        query = "SELECT id, n_mentions FROM entities WHERE num > 0 ORDER BY n_mentions DESC, id LIMIT ?"
        return [(kb_id, n) for kb_id, n in self._database.query(query, (limit,))]

    # --- searching ---

    def find(self, kb_id: Union[str, Iterable[str]], *, context: int = CONTEXT, **options: Any) -> List[EntityHit]:
        """Return the mentions of an entity, those with the most probable links first.

        kb_id (Union[str, Iterable[str]]): Its id, or several ids that mean it.
        context (int): Maximum number of characters before and after a mention in the result.
        **options (Any): `limit`, `per_lang`, `langs`, `types`, `min_score`, `min_link_score`, as in `nearest`.
        RETURNS (List[EntityHit]): The mentions; empty for an unknown id.
        RAISES (ValueError): ML310, ML071 for options with wrong values.
        """
        numbers = self._numbers([kb_id] if isinstance(kb_id, str) else kb_id)

        def score(rows: Any, part: slice) -> Tuple[Any, Any]:
            is_it = numpy.isin(rows["entity"], numbers)
            return is_it, numpy.nan_to_num(rows["link_score"], nan=-1.0)

        check_at_least("context", context, 0)
        rows = self._search(score, **options)
        return [self._hit(row, None, context) for row in rows]

    def nearest(
        self,
        vector: Floats1d,
        *,
        kb_id: Union[str, Iterable[str]] = (),
        limit: int = 10,
        per_lang: Optional[int] = None,
        langs: Collection[str] = (),
        types: Collection[str] = (),
        min_score: float = 0.0,
        min_link_score: float = 0.0,
        context: int = CONTEXT,
    ) -> List[EntityHit]:
        """Return the mentions whose vectors have the highest cosine with a vector. All vectors are compared.

        vector (Floats1d): As from `span._.mluke_vector`. Shape: (width,).
        kb_id (Union[str, Iterable[str]]): Ids of an entity: its mentions come before all others.
        limit (int): Maximum number of mentions.
        per_lang (Optional[int]): Maximum number of mentions in each language; None for no maximum.
        langs (Collection[str]): Languages of the documents; empty for all.
        types (Collection[str]): Labels of the mentions, or finer types of their entities; empty for all.
        min_score (float): Minimum probability of a mention. Above 0, mentions without a probability are skipped.
        min_link_score (float): Minimum probability of its link. Above 0, mentions without one are skipped.
        context (int): Maximum number of characters before and after a mention in the result.
        RETURNS (List[EntityHit]): The mentions, the most similar first.
        RAISES (ValueError): ML429 if the index has no vectors, ML433 for a vector of another length; ML310, ML071 for
            options with wrong values.
        """
        query = self._unit(vector)
        numbers = self._numbers([kb_id] if isinstance(kb_id, str) else kb_id)

        def score(rows: Any, part: slice) -> Tuple[Any, Any]:
            similarity = (self._vectors[part].astype("float32") @ query) * rows["scale"]
            # A cosine is at most 1: mentions with the id come first.
            bonus = 4.0 * numpy.isin(rows["entity"], numbers) if len(numbers) else 0.0
            return rows["scale"] > 0, similarity + bonus

        check_at_least("context", context, 0)
        conditions = {"langs": langs, "types": types, "min_score": min_score, "min_link_score": min_link_score}
        hits = []
        for row in self._search(score, limit=limit, per_lang=per_lang, **conditions):
            similarity = (self._vectors[row].astype("float32") @ query) * self._mentions["scale"][row]
            hits.append(self._hit(row, float(similarity), context))
        return hits

    def like(self, span: Span, **options: Any) -> List[EntityHit]:
        """Return the mentions that are most like a span: those linked to the same entity, then those with the most
        similar vectors.

        span (Span): A span with a vector: an entity of a document that a pipeline with `mluke` has read. Check the
            pipeline with `check_encoder`.
        **options (Any): `limit`, `per_lang`, `langs`, `types`, `min_score`, `min_link_score`, `context`, as in
            `nearest`.
        RETURNS (List[EntityHit]): The mentions.
        RAISES (ValueError): ML434 for a span without a vector; other errors as `nearest`.
        """
        vector = span._.mluke_vector if span.has_extension("mluke_vector") else None
        if vector is None:
            reason = "it has no vector; 'mluke' encodes the entities of a document"
            raise ValueError(Errors.ML434.format(query=span.text, reason=reason))
        return self.nearest(vector, kb_id=span.kb_id_, **options)

    def check_encoder(self, nlp: Language) -> None:
        """Check that a pipeline's vectors can be compared with those of the index.

        nlp (Language): The pipeline.
        RAISES (ValueError): ML429 if the index has no vectors, ML432 if they come from another encoder than the
            pipeline's; ML434 if the pipeline has no `mluke`. An index of files that do not name their encoder is
            compared by width: ML433.
        """
        if self.width is None:
            raise ValueError(Errors.ML429.format(path=self.path))
        width, encoder = describe_encoder(nlp)
        if width is None:
            reason = "the pipeline has no 'mluke', which makes vectors"
            raise ValueError(Errors.ML434.format(query=nlp.meta["name"], reason=reason))
        if self.encoder and encoder != self.encoder:
            what = "the pipeline"
            raise ValueError(Errors.ML432.format(path=self.path, theirs=self.encoder, what=what, ours=encoder))
        if width != self.width:
            raise ValueError(Errors.ML433.format(path=self.path, theirs=self.width, what="the pipeline", ours=width))

    def _unit(self, vector: Floats1d) -> Floats1d:
        if self.width is None:
            raise ValueError(Errors.ML429.format(path=self.path))
        query = numpy.asarray(vector, dtype="float32").reshape(-1)
        if len(query) != self.width:
            what = "the query's vector"
            raise ValueError(Errors.ML433.format(path=self.path, theirs=self.width, what=what, ours=len(query)))
        return query / max(float(numpy.linalg.norm(query)), 1e-12)

    def _numbers(self, kb_ids: Iterable[str]) -> Ints1d:
        query = "SELECT num FROM entities WHERE id = ? AND num > 0"
        found = [row[0] for kb_id in kb_ids for row in self._database.query(query, (kb_id,))]
        return numpy.asarray(found, dtype="uint32")

    def _search(
        self,
        score: Callable[[Any, slice], Tuple[Any, Any]],
        *,
        limit: int = 10,
        per_lang: Optional[int] = None,
        **conditions: Any,
    ) -> List[int]:
        """Return the rows with the highest scores."""
        check_at_least("limit", limit, 1)
        if per_lang is not None:
            check_at_least("per_lang", per_lang, 1)
        accepts = self._condition(HitFilter(**conditions))
        best = BestRows(limit, per_lang)
        for start in range(0, self.n_mentions, _BLOCK):
            part = slice(start, start + _BLOCK)
            rows = self._mentions[part]
            is_candidate, scores = score(rows, part)
            kept = numpy.flatnonzero(is_candidate & accepts(rows))
            best.add(kept + start, scores[kept], rows["lang"][kept])
        return best.sorted()

    def _condition(self, wanted: HitFilter) -> Callable[[Any], Any]:
        for name in ("min_score", "min_link_score"):
            check_fraction(name, getattr(wanted, name))
        langs = [num for num, lang in self._langs.items() if lang in wanted.langs]
        kinds = [num for num, labels in self._kinds.items() if not set(wanted.types).isdisjoint(labels)]

        def accepts(rows: Any) -> Any:
            kept = numpy.ones(len(rows), dtype=bool)
            if wanted.langs:
                kept &= numpy.isin(rows["lang"], langs)
            if wanted.types:
                kept &= numpy.isin(rows["kind"], kinds)
            if wanted.min_score > 0:
                kept &= rows["score"] >= wanted.min_score  # NaN is not
            if wanted.min_link_score > 0:
                kept &= rows["link_score"] >= wanted.min_link_score
            return kept

        return accepts

    def _hit(self, row: int, similarity: Optional[float], context: int) -> EntityHit:
        mention = self._mentions[row]
        documents = self._database.query("SELECT id, text FROM documents WHERE num = ?", (int(mention["doc"]),))
        entities = self._database.query("SELECT id FROM entities WHERE num = ?", (int(mention["entity"]),))
        kinds = self._kinds.get(int(mention["kind"]))
        start, end = int(mention["start"]), int(mention["end"])
        if not documents or not entities or kinds is None or not 0 <= start <= end <= len(documents[0][1]):
            raise self._database.damaged(f"mention {row} has no document, id or label, or is outside of its document")
        ((doc_id, text),) = documents
        return EntityHit(
            doc_id=doc_id,
            lang=self._langs.get(int(mention["lang"]), ""),
            start=start,
            end=end,
            text=text[start:end],
            before=text[max(0, start - context) : start],
            after=text[end : end + context],
            label=kinds[0],
            types=tuple(kinds[1:]),
            kb_id=entities[0][0],
            score=_number(mention["score"]),
            link_score=_number(mention["link_score"]),
            similarity=similarity,
        )


def _number(value: Any) -> Optional[float]:
    return None if numpy.isnan(value) else float(value)


def is_index(path: Path) -> bool:
    """Return whether a folder has the files of an index.

    path (Path): Any path.
    RETURNS (bool): Whether it has.
    """
    return all((path / name).is_file() for name in FILES)
