"""Score groups of mentions: types of one mention, relations of two."""

from __future__ import annotations

from typing import Any, List, Sequence, Tuple, cast

import numpy

from ..align import align, align_marked
from ..align.boundaries import edge_pieces
from ..heads.mention_numbers import number_mentions
from ..ragged import Spans
from ..types import Floats2d, Ints1d, Ints3d, PassageStates
from .sessions import Graph, OnnxEncoder
from .texts import TokenizedText

# Pairs whose features are in memory together: 32 kB each with 256 columns.
_MAX_PAIRS = 2_000


class GroupScorer:
    """Scores groups of mentions of texts.

    encoder (OnnxEncoder): The encoder.
    head (Graph): The head.
    """

    def __init__(self, encoder: OnnxEncoder, head: Graph):
        self.encoder = encoder
        self.head = head

    def score(self, texts: Sequence[TokenizedText], groups: Sequence[Ints3d], task: str) -> Tuple[Floats2d, Ints1d]:
        """Score groups.

        texts (Sequence[TokenizedText]): The texts.
        groups (Sequence[Ints3d]): Token bounds of the groups of each text. Shape of each: (n_groups, size, 2).
        task (str): "types", "pairs": a text is read once for each group, with markers around its mentions;
            "mention_pairs": it is read once for all pairs.
        RETURNS (Tuple[Floats2d, Ints1d]): Logits of the groups that have wordpieces, (n_kept, n_classes), and their
            numbers, (n_kept,).
        """
        if task == "mention_pairs":
            return self._score_passages(texts, groups)
        size = 1 if task == "types" else 2
        options = self.encoder.alignment()
        ids = self.encoder.settings["entities"]["ids"]
        wordpieces = self.encoder.wordpieces
        batch = align_marked(
            cast(Any, texts),
            groups,
            wordpieces,
            marker_ids=[wordpieces.ent_id, wordpieces.ent2_id][:size],
            entity_ids=[ids["mask"], ids["mask2"]][:size],
            **{name: options[name] for name in ("segmentation", "window", "max_mention_length")},
        )
        _, states = self.encoder.run(batch)
        rows = batch.span_rows.reshape((-1, size))
        kept = numpy.flatnonzero((rows >= 0).all(axis=1))
        (logits,) = self.head(states=states[rows[kept].ravel()].reshape((len(kept), size * self.encoder.width)))
        return logits, kept

    def _score_passages(self, texts: Sequence[TokenizedText], groups: Sequence[Ints3d]) -> Tuple[Floats2d, Ints1d]:
        numbered = [number_mentions(own) for own in groups]
        bounds = numpy.concatenate([numpy.zeros((0, 2), dtype="int32"), *[mentions for mentions, _ in numbered]])
        lengths = numpy.asarray([len(mentions) for mentions, _ in numbered], dtype="int32")
        # Split at all tokens, as `mluke_ner` reads its candidates.
        batch = align(
            cast(Any, texts),
            Spans(bounds.astype("int32"), lengths),
            self.encoder.wordpieces,
            split_tokens=True,
            **self.encoder.alignment(),
        )
        piece_states, entity_states = self.encoder.run(batch)
        found: List[Floats2d] = []
        kept: List[Ints1d] = []
        n_before = 0
        for doc, (_, pairs) in zip(batch.docs, numbered, strict=True):
            has_state = doc.span_rows >= 0
            states = numpy.zeros((len(has_state), self.encoder.width), dtype="float32")
            states[has_state] = entity_states[doc.span_rows[has_state]]
            pieces = piece_states[doc.piece_rows]
            passage = PassageStates(pieces, doc.token_bounds, doc.span_bounds, states, has_state)
            numbers = numpy.flatnonzero(has_state[pairs].all(axis=1))
            kept.append(n_before + numbers)
            found += self._pair_logits(passage, pairs[numbers])
            n_before += len(pairs)
        joined = numpy.concatenate([numpy.zeros(0, dtype="int64"), *kept])
        return numpy.concatenate(found) if found else numpy.zeros((0, 0), dtype="float32"), joined

    def _pair_logits(self, passage: PassageStates, pairs: Any) -> List[Floats2d]:
        if not len(pairs):
            return []
        firsts, lasts = edge_pieces(passage)
        pieces = passage.piece_states
        mentions = numpy.concatenate([passage.entity_states, pieces[firsts], pieces[lasts]], axis=1)
        given = {"piece_states": pieces, "mention_states": mentions}
        if "places" in self.head.inputs:
            given["places"] = firsts
        return [
            self.head(pairs=pairs[start : start + _MAX_PAIRS], **given)[0] for start in range(0, len(pairs), _MAX_PAIRS)
        ]
