"""Mentions and their candidates -> probabilities: masked-entity disambiguation, in one pass or most confident first."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any, Dict, List, Optional, Sequence, Tuple

import numpy
from spacy.tokens import Doc
from thinc.api import Ragged
from thinc.util import to_numpy

from ...encoder.inputs import MentionInput
from ...heads.losses import softmax
from ...heads.masked_entities import MaskedModel
from ...types import Counts, Floats1d, Ints1d

# A candidate that the knowledge base gives no chance is not ruled out.
PRIOR_FLOOR = 1e-6


@dataclass
class Mention:
    """A mention, what it may mean, and where that stands in the encoder's vocabulary."""

    doc: int  # which document of the batch
    start: int  # token bounds
    end: int
    ids: List[str]  # of the candidates, in the knowledge base
    priors: Floats1d  # (n_candidates,)
    rows: Ints1d  # (n_candidates,) int64: entity ids of the encoder; -1 for one that its vocabulary lacks
    shown: int = -1  # the entity that stands for it in the input; -1 for [MASK]

    @property
    def known(self) -> Any:
        """Which candidates the encoder knows. Shape: (n_candidates,), bool."""
        return self.rows >= 0

    @property
    def is_open(self) -> bool:
        """Whether the encoder has anything to say: one that knows a single candidate would give it all that it has."""
        return int(self.known.sum()) > 1

    def probabilities(self, logits: Floats1d, prior_weight: float) -> Floats1d:
        """How likely each candidate is: among those that the encoder knows, by logit and prior; what it does not know
        keeps its share of the priors.

        logits (Floats1d): Of the candidates that it knows. Shape: (n_known,).
        prior_weight (float): What the logarithm of a prior counts beside a logit.
        RETURNS (Floats1d): They sum to 1. Shape: (n_candidates,).
        """
        priors = numpy.maximum(self.priors, PRIOR_FLOOR).astype("float64")
        found = priors / priors.sum()
        if len(logits):
            found[self.known] = found[self.known].sum() * softmax(logits + prior_weight * numpy.log(priors[self.known]))
        return found


def mention_input(docs: Sequence[Doc], mentions: Sequence[Mention]) -> Tuple[MentionInput, List[int]]:
    """What the model takes. Mentions that are neither shown nor open are [MASK], too, and are not asked for.

    docs (Sequence[Doc]): The documents.
    mentions (Sequence[Mention]): Their mentions, document after document.
    RETURNS (Tuple[MentionInput, List[int]]): The input, without documents that ask nothing; and the mentions in it.
    """
    asking = {mention.doc for mention in mentions if mention.shown < 0 and mention.is_open}
    used = [i for i, mention in enumerate(mentions) if mention.doc in asking]
    kept = [mentions[i] for i in used]
    rows = [m.rows[m.known] if m.shown < 0 and m.is_open else m.rows[:0] for m in kept]
    bounds = numpy.asarray([(m.start, m.end) for m in kept], dtype="int32").reshape((-1, 2))
    n_mentions = Counter(m.doc for m in kept)  # in the order of the documents
    lengths = numpy.asarray(list(n_mentions.values()), dtype="int32")
    inputs = MentionInput(
        docs=[docs[i] for i in n_mentions],
        spans=Ragged(bounds, lengths),  # type: ignore[arg-type]
        entity_ids=numpy.asarray([m.shown for m in kept], dtype="int64"),
        candidates=numpy.concatenate([numpy.zeros(0, dtype="int64"), *rows]),
        candidate_lengths=numpy.asarray([len(own) for own in rows], dtype="int64"),
    )
    return inputs, used


def link_locally(
    model: MaskedModel, docs: Sequence[Doc], mentions: Sequence[Mention], prior_weight: float
) -> Tuple[List[Floats1d], Counts]:
    """Score all mentions in one pass: each sees the other mentions' words and [MASK].

    model (MaskedModel): Encoder and head.
    docs (Sequence[Doc]): The documents.
    mentions (Sequence[Mention]): Their mentions, document after document.
    prior_weight (float): What the logarithm of a prior counts beside a logit.
    RETURNS (Tuple[List[Floats1d], Counts]): Probabilities of each mention's candidates, and what alignment left out.
    """
    scores = [mention.probabilities(mention.priors[:0], prior_weight) for mention in mentions]
    inputs, used = mention_input(docs, mentions)
    if not used:
        return scores, Counts()
    output = model.predict(inputs)
    logits = numpy.split(to_numpy(output.logits).astype("float64"), numpy.cumsum(output.lengths)[:-1])
    for i, own, has_state in zip(used, logits, output.kept, strict=True):
        if len(own) and has_state:
            scores[i] = mentions[i].probabilities(own, prior_weight)
    return scores, output.counts


def link_globally(
    model: MaskedModel,
    docs: Sequence[Doc],
    mentions: Sequence[Mention],
    prior_weight: float,
    threshold: Optional[float] = None,
) -> Tuple[List[Floats1d], Counts]:
    """Score mentions one after the other, the most confident of a document first: once it is resolved, its entity
    stands in the input in place of [MASK] (Yamada et al., 2020, "Global Entity Disambiguation with BERT").

    Each step is one pass over all documents that still have open mentions, so a batch takes as many steps as its
    document with the most.

    model (MaskedModel): Encoder and head.
    docs (Sequence[Doc]): The documents.
    mentions (Sequence[Mention]): Their mentions, document after document. `shown` is set.
    prior_weight (float): What the logarithm of a prior counts beside a logit.
    threshold (Optional[float]): What is less probable stays [MASK].
    RETURNS (Tuple[List[Floats1d], Counts]): Probabilities of each mention's candidates when it was resolved, and what
        alignment left out in the first pass.
    """
    scores = [mention.probabilities(mention.priors[:0], prior_weight) for mention in mentions]
    left = {i for i, mention in enumerate(mentions) if mention.shown < 0 and mention.is_open}
    for mention in mentions:
        # What may mean one thing only would come first.
        if mention.shown < 0 and len(mention.rows) == 1:
            mention.shown = int(mention.rows[0])
    counts: Optional[Counts] = None
    while left:
        found, step = link_locally(model, docs, mentions, prior_weight)
        counts = counts or step
        best: Dict[int, int] = {}
        for i in sorted(left):
            rival = best.setdefault(mentions[i].doc, i)
            if found[i].max() > found[rival].max():
                best[mentions[i].doc] = i
        for i in best.values():
            scores[i] = found[i]
            _resolve(mentions[i], found[i], threshold)
        left.difference_update(best.values())
    return scores, counts or Counts()


def _resolve(mention: Mention, scores: Floats1d, threshold: Optional[float]) -> None:
    """Let a mention's most probable entity stand for it from now on."""
    if threshold is None or scores.max() >= threshold:
        mention.shown = int(mention.rows[scores.argmax()])
    if mention.shown < 0:
        # It stays [MASK], and is not asked for again.
        mention.rows = numpy.full_like(mention.rows, -1)
