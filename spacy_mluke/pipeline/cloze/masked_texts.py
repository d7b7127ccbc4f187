"""Texts with masks and linked mentions: the input of masked-entity models."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from typing import Any, List, Optional, Sequence, Tuple

import numpy
from spacy.tokens import Doc

from ...align.masked_docs import build_masked_docs
from ...annotate.fillers import Chars
from ...checkpoint.load import LoadedEncoder
from ...encoder.inputs import MentionInput
from ...kb.candidate_sources import CandidateSource
from ...kb.vocabulary_matching import find_entity as find_matching

Linked = Tuple[int, int, int]  # first character, end, and the entity's id in the vocabulary


@dataclass(frozen=True)
class MaskedText:
    """A text with masks."""

    text: str
    masks: Sequence[Chars]  # first character and end of each, in order
    lang: str = ""  # for the names of entities
    linked: Sequence[Linked] = ()  # mentions that are read with their entity; without overlaps


def find_linked(
    doc: Doc, loaded: LoadedEncoder, masks: Sequence[Chars], source: Optional[CandidateSource] = None
) -> List[Linked]:
    """Return the mentions of a document that are read with their entity: the `[X]` of a cloze (Ri et al., 2022,
    section 5).

    doc (Doc): The document; its entities with a `kb_id_` are linked.
    loaded (LoadedEncoder): The encoder; entities that its vocabulary lacks are read as words.
    masks (Sequence[Chars]): Masks of the text; entities that overlap one are skipped.
    source (Optional[CandidateSource]): The knowledge base whose ids the entities have.
    RETURNS (List[Linked]): In text order.
    """
    found = []
    starts, ends = [first for first, _ in masks], [last for _, last in masks]
    for ent in doc.ents:
        start, end = ent.start_char, ent.end_char
        # Does a mask overlap? More masks start before its end than end before its start. Masks are sorted and disjoint.
        if not ent.kb_id or bisect_left(starts, end) > bisect_right(ends, start):
            continue
        entity_id = find_entity(loaded, ent.kb_id_, [doc.lang_], source)
        if entity_id is not None:
            found.append((start, end, entity_id))
    return found


def mask_input(texts: Sequence[MaskedText], mask_lengths: Sequence[int], **candidates: Any) -> MentionInput:
    """Make the input of a masked model: [MASK] entities over `<mask>` pieces, and the entities of linked mentions.

    texts (Sequence[MaskedText]): The texts.
    mask_lengths (Sequence[int]): Number of `<mask>` pieces of each mask of all texts.
    **candidates (Any): Entities to score, as for MentionInput.
    RETURNS (MentionInput): Masks and linked mentions of each text, in text order; linked mentions have an entity id.
    """
    lengths = iter(mask_lengths)
    places: List[List[Chars]] = []
    rows: List[Tuple[int, int]] = []  # entity id and `<mask>` pieces of each span
    for text in texts:
        masks = [(start, end, -1, next(lengths)) for start, end in text.masks]
        spans = sorted([*masks, *[(start, end, entity_id, 0) for start, end, entity_id in text.linked]])
        places.append([(start, end) for start, end, _, _ in spans])
        rows += [(entity_id, length) for _, _, entity_id, length in spans]
    docs, spans_of = build_masked_docs([text.text for text in texts], places)
    ids, pieces = numpy.asarray(rows, dtype="int64").reshape((-1, 2)).T
    return MentionInput(docs, spans_of, entity_ids=ids, mask_lengths=pieces, **candidates)


def find_entity(
    loaded: LoadedEncoder, candidate: str, langs: Sequence[str], source: Optional[CandidateSource] = None
) -> Optional[int]:
    """Look up an entity in the encoder's vocabulary.

    loaded (LoadedEncoder): The encoder.
    candidate (str): A name in the vocabulary, a title, or an id of the knowledge base.
    langs (Sequence[str]): Languages of the title; English titles are always found.
    source (Optional[CandidateSource]): The knowledge base. Its entities are found by their ids in other registers.
    RETURNS (Optional[int]): The entity's id; None if there is none, or if it is a special entity.
    """
    for name in (candidate, *[f"{lang}:{candidate}" for lang in (*langs, "en")]):
        found = loaded.entities.get(name)
        if found is not None and found not in loaded.entities.special:
            return found
    entity = None if source is None else source.get(candidate)
    match = None if entity is None else find_matching(loaded.entities, entity.id, entity)
    # A name may be that of another entity.
    return None if match is None or match.by_name else match.id
