"""The requests that heads and components make."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Callable, Dict, List, Optional, Sequence, cast

import numpy
from spacy.tokens import Doc
from thinc.types import Ragged
from thinc.util import to_numpy

from ..align import align, align_marked, align_questions
from ..align.boundaries import keep_opening_markers
from ..checkpoint.load import LoadedEncoder
from ..errors import Errors
from ..types import AlignedBatch, Bools1d, Ints1d, Ints3d, QuestionBatch
from .access import load_model
from .request import EncoderModel, EncoderRequest


@dataclass
class EncoderInput(EncoderRequest):
    """Documents, with entity spans in them."""

    docs: List[Doc]
    spans: Ragged  # token bounds of the entities, int32, (n_spans, 2); a length for each document
    with_tokens: bool = True  # whether to return the states of the documents' wordpieces, each once
    # Whether to return, instead, the states of all wordpieces of all sequences, in the order of the AlignedBatch.
    with_all_pieces: bool = False
    split_tokens: bool = False  # whether to split text at all tokens, so that wordpieces do not depend on the spans
    with_entities: bool = True  # whether to encode the spans as entities; if not, they only mark positions

    def align(self, encoder: EncoderModel) -> AlignedBatch:
        """Return the sequences that the encoder reads.

        RAISES (ValueError): ML315 for entities that the entity table has no row for; ML001, ML003, ML007, ML070,
            ML071 as `align.documents.align`.
        """
        loaded = load_model(encoder)
        entity_ids = None
        if encoder.attrs["entity_input"] == "kb_id":
            entity_ids = entity_ids_from_kb_ids(loaded, self.docs, self.spans)
        return self._align(encoder, loaded, entity_ids=entity_ids)

    def _align(self, encoder: EncoderModel, loaded: LoadedEncoder, **options: Any) -> AlignedBatch:
        # Spans that are not encoded, or few of which are, do not need more than one sequence for each window.
        one_sequence = not self.with_entities or self.selector is not None
        batch = align(
            self.docs,
            self.spans,
            loaded.wordpieces,
            default_entity_id=loaded.entities.mask_id,
            split_tokens=self.split_tokens,
            overlap=encoder.attrs["overlap"],
            max_entities=None if one_sequence else _max_entities(encoder),
            with_tokens=self.with_tokens,
            with_all_pieces=self.with_all_pieces,
            **_common(encoder, loaded),
            **options,
        )
        batch.with_entities = self.with_entities
        return batch


@dataclass
class MentionInput(EncoderInput):
    """Mentions whose entities, and optionally words, are masked. Masked heads predict them.

    Mentions of one document are read together; masked words of two mentions must not overlap.
    """

    with_tokens: bool = False
    # (n_spans,) int64: the entity visible at each mention; -1 for [MASK]. None: all are [MASK].
    entity_ids: Optional[Ints1d] = None
    # (n_spans,): `<mask>` pieces that replace the mention's words; 0 keeps the words. None: all words stay.
    mask_lengths: Optional[Ints1d] = None
    # int64 ids of the entities to compare, for the head. With lengths, (n_spans,), the candidates of each mention,
    # concatenated; without, the same candidates for each [MASK]. None: all entities.
    candidates: Optional[Ints1d] = None
    candidate_lengths: Optional[Ints1d] = None
    # Changes the aligned pieces in place before they are read: masks words, for instance.
    edit: Optional[Callable[[AlignedBatch], None]] = None

    @property
    def needed(self) -> Optional[Bools1d]:
        """Mentions that need a state: those with candidates; without `candidate_lengths`, those that are [MASK].

        None means all mentions. Shape: (n_spans,)."""
        if self.candidate_lengths is not None:
            return numpy.asarray(self.candidate_lengths) > 0
        return None if self.entity_ids is None else numpy.asarray(self.entity_ids) < 0

    def align(self, encoder: EncoderModel) -> AlignedBatch:
        """Return the sequences that the encoder reads.

        RAISES (ValueError): As `EncoderInput.align`; ML220 if masked spans overlap.
        """
        loaded = load_model(encoder)
        check_entity_ids(loaded, self.candidates)
        entity_ids = None
        if self.entity_ids is not None:
            check_entity_ids(loaded, self.entity_ids)
            entity_ids = numpy.where(self.entity_ids < 0, loaded.entities.mask_id, self.entity_ids)
        batch = self._align(
            encoder, loaded, entity_ids=entity_ids, mask_lengths=self.mask_lengths, needed_spans=self.needed
        )
        if self.edit is not None:
            self.edit(batch)
        return batch


@dataclass
class MarkedInput(EncoderRequest):
    """Groups of spans that are read together: one span for typing, head and tail for relations.

    The component's encoder reads one sequence for each group, a text with markers around its spans; a listener finds
    the spans among those of the shared forward pass.
    """

    docs: List[Doc]
    groups: Sequence[Ints3d]  # for each document, token bounds: (n_groups, size, 2)
    size: int  # spans of a group: 1 or 2
    # Whether to encode the spans as entities. If not, the output has the states of the markers that open the spans, as
    # piece_states, in place of entity_states. A listener cannot do that.
    with_entities: bool = True

    def align(self, encoder: EncoderModel) -> AlignedBatch:
        """Return the sequences that the encoder reads."""
        loaded = load_model(encoder)
        marked = align_marked(
            self.docs,
            self.groups,
            loaded.wordpieces,
            marker_ids=[loaded.wordpieces.ent_id, loaded.wordpieces.ent2_id][: self.size],
            entity_ids=[loaded.entities.mask_id, loaded.entities.mask2_id][: self.size],
            **_common(encoder, loaded),
        )
        return marked if self.with_entities else keep_opening_markers(marked)


@dataclass
class QuestionInput(EncoderRequest):
    """Questions and the documents that answer them: one sequence for each question and window of its document."""

    questions: List[Doc]
    docs: List[Doc]  # each once, however many questions there are about it
    doc_indices: Ints1d  # (n_questions,): index in `docs` of each question's document
    question_spans: Ragged  # token bounds of the entities of the questions, int32
    doc_spans: Ragged

    def align(self, encoder: EncoderModel) -> QuestionBatch:
        """Return the sequences that the encoder reads.

        RAISES (ValueError): ML315 for entities that the entity table has no row for.
        """
        loaded = load_model(encoder)
        uses_kb_ids = encoder.attrs["entity_input"] == "kb_id"
        return align_questions(
            self.questions,
            self.docs,
            self.doc_indices,
            loaded.wordpieces,
            default_entity_id=loaded.entities.mask_id,
            question_spans=self.question_spans,
            doc_spans=self.doc_spans,
            question_entity_ids=entity_ids_from_kb_ids(loaded, self.questions, self.question_spans)
            if uses_kb_ids
            else None,
            doc_entity_ids=entity_ids_from_kb_ids(loaded, self.docs, self.doc_spans) if uses_kb_ids else None,
            overlap=encoder.attrs["overlap"],
            max_entities=_max_entities(encoder),
            **_common(encoder, loaded),
        )


@dataclass
class AlignedInput(EncoderRequest):
    """Sequences that are aligned already."""

    batch: AlignedBatch

    def align(self, encoder: EncoderModel) -> AlignedBatch:
        """Return the sequences as they are."""
        return self.batch


def no_spans(n_docs: int) -> Ragged:
    """Return an empty Ragged of spans: for plain lists of documents, which spaCy's tools pass to any model.

    n_docs (int): How many documents.
    RETURNS (Ragged): Token bounds of no span, int32.
    """
    return Ragged(cast(Any, numpy.zeros((0, 2), dtype="int32")), cast(Any, numpy.zeros(n_docs, dtype="int32")))


def check_entity_ids(loaded: LoadedEncoder, ids: Optional[Ints1d]) -> None:
    """Check that the entity table has rows for ids; negative ids mean [MASK].

    loaded (LoadedEncoder): The encoder.
    ids (Optional[Ints1d]): Entity ids. None for none.
    RAISES (ValueError): ML315 for ids without a row.
    """
    n_rows = loaded.config.entity_vocab_size
    if ids is not None and len(ids) and numpy.max(ids) >= n_rows:
        wrong = numpy.unique(ids[numpy.asarray(ids) >= n_rows])[:5].tolist()
        raise ValueError(Errors.ML315.format(ids=", ".join(map(str, wrong)), n=n_rows, last=n_rows - 1))


def entity_ids_from_kb_ids(loaded: LoadedEncoder, docs: Sequence[Doc], spans: Ragged) -> Ints1d:
    """Look up the `kb_id_` of each span in the entity vocabulary.

    loaded (LoadedEncoder): The encoder.
    docs (Sequence[Doc]): The documents. The kb_id of a span is that of the entity in `doc.ents` with the same bounds.
    spans (Ragged): Token bounds of the spans.
    RETURNS (Ints1d): Entity ids: [MASK] for a span without a kb_id, [UNK] for a kb_id that the vocabulary lacks.
        Shape: (n_spans,), int64.
    RAISES (ValueError): ML315 for entities that the entity table has no row for.
    """
    entities = loaded.entities
    bounds, lengths = to_numpy(spans.dataXd), to_numpy(spans.lengths)
    ids = numpy.full(len(bounds), entities.mask_id, dtype="int64")
    start = 0
    rows: List[int] = []
    names: List[str] = []
    for doc, length in zip(docs, lengths, strict=True):
        known = {(ent.start, ent.end): ent.kb_id_ for ent in doc.ents if ent.kb_id}
        for row in range(start, start + int(length)):
            name = known.get((int(bounds[row, 0]), int(bounds[row, 1])))
            if name:
                rows.append(row)
                names.append(name)
        start += int(length)
    if names:
        ids[rows] = entities.ids(names)
        check_entity_ids(loaded, ids)
    return ids


def _common(encoder: EncoderModel, loaded: LoadedEncoder) -> Dict[str, Any]:
    """Options of the encoder that every kind of alignment takes."""
    return {
        "segmentation": encoder.attrs["segmentation"],
        # A checkpoint with a shorter position table has shorter windows.
        "window": min(encoder.attrs["window"], loaded.config.max_position_embeddings - 2),
        "max_mention_length": encoder.attrs["max_mention_length"],
    }


def _max_entities(encoder: EncoderModel) -> Optional[int]:
    return encoder.attrs["max_entities"] or None
