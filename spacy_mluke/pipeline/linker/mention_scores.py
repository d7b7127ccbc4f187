"""Compute the probabilities of mentions' candidates: all mentions at once, or the most confident first."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Dict, List, Optional, Sequence, Tuple

import numpy
from spacy.tokens import Doc
from thinc.api import Ragged
from thinc.util import to_numpy

from ...encoder.inputs import MentionInput
from ...heads.losses import softmax
from ...heads.masked_entities import MaskedModel
from ...types import Counts, Floats1d, Ints1d

# Minimum prior, so that a candidate whose prior is 0 stays possible.
PRIOR_FLOOR = 1e-6


@dataclass
class Mention:
    """A mention with its candidates."""

    doc: int  # index of the document in the batch
    start: int  # token bounds
    end: int
    ids: List[str]  # ids of the candidates in the knowledge base
    priors: Floats1d  # (n_candidates,)
    entity_ids: Ints1d  # (n_candidates,) int64: ids in the encoder's vocabulary; -1 if it lacks the candidate
    visible: int = -1  # id of the entity that the encoder reads at the mention; -1 for [MASK]
    nil: float = 0.0  # probability that it means none of its candidates
    types: List[str] = field(default_factory=list)  # types of the candidates in the knowledge base

    @property
    def known(self) -> Any:
        """Candidates that are in the encoder's vocabulary. Shape: (n_candidates,), bool."""
        return self.entity_ids >= 0

    @property
    def is_open(self) -> bool:
        """Whether the encoder must compare candidates: at least two are in its vocabulary."""
        return int(self.known.sum()) > 1

    def probabilities(self, logits: Floats1d, prior_weight: float) -> Floats1d:
        """Return the probabilities of the candidates.

        Candidates that the encoder's vocabulary lacks keep their prior. The remaining probability is distributed over
        the other candidates by their logits and priors.

        logits (Floats1d): Logits of the known candidates. Shape: (n_known,).
        prior_weight (float): Weight of the logarithm of a prior, which is added to the logit.
        RETURNS (Floats1d): Probabilities, which sum to 1. Shape: (n_candidates,).
        """
        priors = numpy.maximum(self.priors, PRIOR_FLOOR).astype("float64")
        found = priors / priors.sum()
        if len(logits):
            found[self.known] = found[self.known].sum() * softmax(logits + prior_weight * numpy.log(priors[self.known]))
        return found


def temper(scores: Floats1d, temperature: float) -> Floats1d:
    """Return the probabilities of a mention's candidates at a temperature. Their order does not change.

    scores (Floats1d): The probabilities at temperature 1. Shape: (n_candidates,).
    temperature (float): The temperature.
    RETURNS (Floats1d): Probabilities, which sum to 1. Shape: (n_candidates,).
    """
    if temperature == 1.0 or not len(scores):
        return scores
    with numpy.errstate(divide="ignore"):
        return softmax(numpy.log(scores) / temperature)


def mention_input(docs: Sequence[Doc], mentions: Sequence[Mention]) -> Tuple[MentionInput, List[int]]:
    """Make the model's input. Mentions that are neither visible nor open are read as [MASK], and are not scored.

    docs (Sequence[Doc]): The documents.
    mentions (Sequence[Mention]): Their mentions, document after document.
    RETURNS (Tuple[MentionInput, List[int]]): The input, without documents that have no mention to score; and the
        indices of its mentions.
    """
    open_docs = {mention.doc for mention in mentions if mention.visible < 0 and mention.is_open}
    used = [i for i, mention in enumerate(mentions) if mention.doc in open_docs]
    kept = [mentions[i] for i in used]
    entity_ids = [m.entity_ids[m.known] if m.visible < 0 and m.is_open else m.entity_ids[:0] for m in kept]
    bounds = numpy.asarray([(m.start, m.end) for m in kept], dtype="int32").reshape((-1, 2))
    n_mentions = Counter(m.doc for m in kept)  # in the order of the documents
    lengths = numpy.asarray(list(n_mentions.values()), dtype="int32")
    inputs = MentionInput(
        docs=[docs[i] for i in n_mentions],
        spans=Ragged(bounds, lengths),  # type: ignore[arg-type]
        entity_ids=numpy.asarray([m.visible for m in kept], dtype="int64"),
        candidates=numpy.concatenate([numpy.zeros(0, dtype="int64"), *entity_ids]),
        candidate_lengths=numpy.asarray([len(own) for own in entity_ids], dtype="int64"),
    )
    return inputs, used


def link_locally(
    model: MaskedModel, docs: Sequence[Doc], mentions: Sequence[Mention], prior_weight: float
) -> Tuple[List[Floats1d], Counts]:
    """Score all mentions in one forward pass, in which unlinked mentions are [MASK].

    model (MaskedModel): Encoder and head.
    docs (Sequence[Doc]): The documents.
    mentions (Sequence[Mention]): Their mentions, document after document.
    prior_weight (float): Weight of the logarithm of a prior, which is added to the logit.
    RETURNS (Tuple[List[Floats1d], Counts]): Probabilities of each mention's candidates, and counts for warnings.
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
    temperature: float = 1.0,
) -> Tuple[List[Floats1d], Counts]:
    """Score mentions one after the other, the most confident of a document first. The encoder then reads the entity of
    a linked mention instead of [MASK] (Yamada et al., 2020, "Global Entity Disambiguation with BERT").

    Each step is one forward pass over all documents with open mentions, so the number of steps is the largest number of
    mentions in a document.

    model (MaskedModel): Encoder and head.
    docs (Sequence[Doc]): The documents.
    mentions (Sequence[Mention]): Their mentions, document after document. Their `visible` is set.
    prior_weight (float): Weight of the logarithm of a prior, which is added to the logit.
    threshold (Optional[float]): Mentions whose best candidate is less probable stay [MASK].
    temperature (float): Temperature of the probabilities that are compared with the threshold.
    RETURNS (Tuple[List[Floats1d], Counts]): Probabilities of each mention's candidates at the step that linked it, at
        temperature 1, and the counts of the first forward pass.
    """
    scores = [mention.probabilities(mention.priors[:0], prior_weight) for mention in mentions]
    left = {i for i, mention in enumerate(mentions) if mention.visible < 0 and mention.is_open}
    for mention in mentions:
        # A mention with a single candidate would be linked first.
        if mention.visible < 0 and len(mention.entity_ids) == 1:
            mention.visible = int(mention.entity_ids[0])
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
            _link(mentions[i], temper(found[i], temperature), threshold)
        left.difference_update(best.values())
    return scores, counts or Counts()


def _link(mention: Mention, scores: Floats1d, threshold: Optional[float]) -> None:
    """Make the most probable entity of a mention visible in the next steps."""
    if threshold is None or scores.max() >= threshold:
        mention.visible = int(mention.entity_ids[scores.argmax()])
    if mention.visible < 0:
        # It stays [MASK], and is not scored again.
        mention.entity_ids = numpy.full_like(mention.entity_ids, -1)
