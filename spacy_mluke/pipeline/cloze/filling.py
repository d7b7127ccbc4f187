"""Predict the fillers of masks: entities, words, or both."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Dict, List, Optional, Sequence, Tuple

import numpy

from ...annotate.fillers import Filler
from ...checkpoint.load import LoadedEncoder
from ...encoder.access import load_model
from ...errors import Errors
from ...heads.entity_rows import EntityRows, rank_with_rows
from ...heads.mask_states import predict_masks
from ...heads.masked_entities import MaskedModel, check_entity_head, rank_entities
from ...heads.masked_words import check_word_head, piece_log_probs, rank_pieces
from ...kb.candidate_sources import CandidateSource
from ...types import Counts, DeviceFloats2d, Floats2d, Ints1d, Ints2d
from ...vocabulary.entity_names import key_of, name_in, title_of
from .masked_texts import MaskedText, mask_input

MODES = ("entity", "word", "both")
# Pieces to rank for each filler: some pieces are not words, and several may have the same text.
_SPARE = 4


@dataclass
class Choice:
    """The fillers to choose from."""

    mode: str  # one of MODES
    top_k: int
    entity_ids: Optional[Ints1d] = None  # None for all
    words: Optional[Sequence[str]] = None  # None for all wordpieces
    keys: Dict[int, str] = field(default_factory=dict)  # the component's labels by entity id
    source: Optional[CandidateSource] = None  # the knowledge base whose ids the fillers get
    further: Optional[EntityRows] = None  # entities beside those of the vocabulary


@dataclass
class Filled:
    """Fillers of the masks of some texts."""

    fillers: List[List[List[Filler]]]  # for each text, for each mask, best first
    counts: Counts  # `blank_spans` are masks that could not be filled


def fill_masks(model: MaskedModel, texts: Sequence[MaskedText], choice: Choice) -> Filled:
    """Return the best fillers of the masks of texts.

    model (MaskedModel): `spacy-mluke.MaskedEntity.v1`, with the heads that the mode needs.
    texts (Sequence[MaskedText]): The texts.
    choice (Choice): The fillers to choose from.
    RETURNS (Filled): The fillers.
    """
    total = sum(len(text.masks) for text in texts)
    if not total:
        return Filled([[] for _ in texts], Counts())
    encoder = model.get_ref("encoder")
    open_words = choice.mode != "entity" and choice.words is None
    states = predict_masks(encoder, mask_input(texts, [1] * total), int(open_words))
    kept = numpy.flatnonzero(states.kept)
    lang_of = [text.lang for text in texts for _ in text.masks]
    found: List[List[Filler]] = [[] for _ in range(total)]
    loaded = load_model(encoder)
    if choice.mode != "word" and len(kept):
        ids, scores = _rank(model, states.entities, choice)
        for mask, own_ids, own_scores in zip(kept.tolist(), ids.tolist(), numpy.exp(scores).tolist(), strict=True):
            pairs = zip(own_ids, own_scores, strict=True)
            found[mask] += [_entity_filler(loaded, i, score, lang_of[mask], choice) for i, score in pairs]
    if open_words and len(kept):
        ids, scores = rank_pieces(loaded, states.pieces, choice.top_k * _SPARE)
        for mask, own_ids, own_scores in zip(kept.tolist(), ids.tolist(), numpy.exp(scores).tolist(), strict=True):
            found[mask] += _piece_fillers(loaded, own_ids, own_scores, choice.top_k)
    elif choice.mode != "entity" and choice.words:
        for mask, own in zip(kept.tolist(), _score_words(model, texts, kept, choice.words), strict=True):
            found[mask] += own
    ranked = [sorted(own, key=_by_score)[: choice.top_k] for own in found]
    counts = Counts(spans=total, blank_spans=total - len(kept))
    by_mask = iter(ranked)
    return Filled([[next(by_mask) for _ in text.masks] for text in texts], counts)


def _rank(model: MaskedModel, states: DeviceFloats2d, choice: Choice) -> Tuple[Ints2d, Floats2d]:
    if choice.further is None:
        return rank_entities(model, states, choice.top_k, choice.entity_ids)
    return rank_with_rows(model, states, choice.top_k, choice.further, choice.entity_ids)


def _score_words(
    model: MaskedModel, texts: Sequence[MaskedText], kept: Ints1d, words: Sequence[str]
) -> List[List[Filler]]:
    """Score each word at each mask. The mask gets as many <mask> pieces as the word has, and other masks get one.

    A word's score is the mean log-probability of its pieces, as in mLAMA (Kassner et al., 2021), here as a probability.
    """
    encoder = model.get_ref("encoder")
    loaded = load_model(encoder)
    pieces = _word_pieces(loaded, words)
    where = [(text, mask) for text in texts for mask in range(len(text.masks))]
    scores = numpy.full((len(kept), len(words)), -numpy.inf)
    for length in sorted({len(own) for own in pieces} - {0}):
        which = [i for i, own in enumerate(pieces) if len(own) == length]
        # One copy of the text for each mask, because the text's other masks keep one piece.
        masked = [where[i] for i in kept.tolist()]
        own = numpy.concatenate([numpy.arange(len(text.masks)) == mask for text, mask in masked])
        inputs = mask_input([text for text, _ in masked], numpy.where(own, length, 1).tolist())
        states = predict_masks(encoder, inputs, length)
        width = states.pieces.shape[1]
        # All masks of these texts have wordpieces.
        rows = states.pieces.reshape((-1, length, width))[own[states.kept]]
        unique, inverse = numpy.unique(numpy.asarray([pieces[i] for i in which]), return_inverse=True)
        probs = piece_log_probs(loaded, rows.reshape((-1, width)), unique).reshape((len(kept), length, len(unique)))
        inverse = inverse.reshape((len(which), length))
        scores[:, which] = numpy.mean([probs[:, i, inverse[:, i]] for i in range(length)], axis=0)
    return [
        [
            Filler(word, "", float(numpy.exp(score)))
            for word, score in zip(words, row, strict=True)
            if score > -numpy.inf
        ]
        for row in scores
    ]


def _word_pieces(loaded: LoadedEncoder, words: Sequence[str]) -> List[List[int]]:
    """Return the pieces of each word within a text, without empty pieces."""
    found = loaded.wordpieces.encode([" " + word for word in words])
    return [text.ids[text.offsets[:, 1] > text.offsets[:, 0]].tolist() for text in found]


def _piece_fillers(loaded: LoadedEncoder, ids: List[int], scores: List[float], top_k: int) -> List[Filler]:
    fillers: Dict[str, Filler] = {}
    for piece_id, score in zip(ids, scores, strict=True):
        text = loaded.wordpieces.text(piece_id).strip()
        if text and len(fillers) < top_k:
            fillers.setdefault(text, Filler(text, "", score))
    return list(fillers.values())


def _entity_filler(loaded: LoadedEncoder, entity_id: int, score: float, lang: str, choice: Choice) -> Filler:
    n_own = loaded.config.entity_vocab_size
    if choice.further is not None and entity_id >= n_own:
        own_id = choice.further.ids[entity_id - n_own]
        entity = None if choice.source is None else choice.source.get(own_id)
        return Filler(own_id if entity is None else entity.name(lang), own_id, score, own_id)
    names = loaded.entities.names(entity_id)
    if not names:
        # A row of the embedding table without a name.
        return Filler(f"#{entity_id}", f"#{entity_id}", score, f"#{entity_id}")
    key = key_of(names)
    name = name_in(names, lang)
    own = choice.keys.get(entity_id) or key or name_in(names, "")
    found = None if choice.source is None else choice.source.get(own)
    return Filler(title_of(name, key), name, score, own if found is None else found.id)


def check_heads(loaded: LoadedEncoder, mode: str, name: str) -> None:
    """Check that an encoder can fill masks.

    loaded (LoadedEncoder): The encoder.
    mode (str): One of MODES.
    name (str): The component's name, for the message.
    RAISES (ValueError): ML221 if it lacks a head, ML222 if its vocabulary has no entities.
    """
    if mode != "word":
        check_entity_head(loaded, name)
        if loaded.config.entity_vocab_size <= len(set(loaded.entities.special)):
            raise ValueError(Errors.ML222.format(name=loaded.source))
    if mode != "entity":
        check_word_head(loaded, name)


def _by_score(filler: Filler) -> float:
    return -filler.score
