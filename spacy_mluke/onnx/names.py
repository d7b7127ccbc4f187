"""Classify candidate spans with an exported encoder and head."""

from __future__ import annotations

from typing import Any, List, Mapping, Optional, Sequence, Tuple, cast

import numpy

from ..align import align
from ..align.boundaries import boundary_rows
from ..heads.candidate_selection import Pruning, select_candidates
from ..kb.known_names import NameEvidence, are_mixed_case, name_at
from ..ragged import Spans
from ..suggesters.candidates import CandidateSpans
from ..suggesters.ngram_spans import ngram_spans
from ..types import AlignedBatch, Floats1d, Floats2d, Ints1d
from .mentions import characters, token_bounds
from .sessions import Graph, OnnxEncoder
from .texts import TokenizedText


def candidate_spans(
    texts: Sequence[TokenizedText],
    options: Mapping[str, Any],
    given: Optional[Sequence[Sequence[Tuple[int, int]]]] = None,
) -> CandidateSpans:
    """Return the candidate spans of texts.

    texts (Sequence[TokenizedText]): The texts.
    options (Mapping[str, Any]): Options of `spacy-mluke.sentence_ngrams.v1`.
    given (Optional[Sequence[Sequence[Tuple[int, int]]]]): Candidates by characters, in place of those.
    RETURNS (CandidateSpans): The candidates.
    RAISES (ValueError): ML486 for candidates outside the text.
    """
    if given is None:
        return ngram_spans(cast(Any, texts), **options)
    bounds = [
        sorted({token_bounds(text, n, mention) for mention in own})
        for n, (text, own) in enumerate(zip(texts, given, strict=True))
    ]
    lengths = numpy.asarray([len(own) for own in bounds], dtype="int64")
    joined = numpy.asarray([pair for own in bounds for pair in own], dtype="int64")
    return CandidateSpans(joined.reshape((-1, 2)), lengths)


def pruning_of(options: Mapping[str, Any], negative: int) -> Optional[Pruning]:
    """Return which candidates a component classifies.

    options (Mapping[str, Any]): Its options. Exports of earlier versions lack some.
    negative (int): Its negative class.
    RETURNS (Optional[Pruning]): None if it classifies all.
    """
    limit = options["max_candidates_per_piece"]
    if limit is None:
        return None
    return Pruning(limit, options.get("least_likelihood", 0.0), options.get("candidate_weights"), negative)


class SpanClassifier:
    """Classifies candidate spans.

    encoder (OnnxEncoder): The encoder.
    head (Graph): The head.
    classes (Sequence[str]): Names of the classes.
    with_entities (bool): Whether candidates are encoded as entities.
    pruner (Optional[Graph]): The graph that scores where names begin and end; None to classify all candidates.
    lengths (Optional[Floats1d]): Log-probabilities of lengths of names, for the pruner.
    pruning (Optional[Pruning]): Which candidates to classify; None for all.
    evidence (Optional[NameEvidence]): What is known about names.
    """

    def __init__(
        self,
        encoder: OnnxEncoder,
        head: Graph,
        classes: Sequence[str],
        *,
        with_entities: bool,
        pruner: Optional[Graph],
        lengths: Optional[Floats1d],
        pruning: Optional[Pruning],
        evidence: Optional[NameEvidence],
    ):
        self.encoder = encoder
        self.head = head
        self.classes = classes
        self.with_entities = with_entities
        self.pruner = pruner
        self.lengths = lengths
        self.pruning = pruning
        self.evidence = evidence

    def classify(self, texts: Sequence[TokenizedText], spans: CandidateSpans) -> Floats2d:
        """Return the logits of candidates.

        texts (Sequence[TokenizedText]): The texts.
        spans (CandidateSpans): The candidates.
        RETURNS (Floats2d): NaN for one without wordpieces, -inf for one that was not selected. Shape: (n_spans,
            n_classes).
        """
        is_pruned = self.pruning is not None
        one_sequence = is_pruned or not self.with_entities
        options = self.encoder.alignment(**({"max_entities": None} if one_sequence else {}))
        batch = align(
            cast(Any, texts),
            Spans(spans.bounds.astype("int32"), spans.lengths),
            self.encoder.wordpieces,
            split_tokens=True,
            with_tokens=False,
            **options,
        )
        batch.with_entities = self.with_entities
        found = self.encoder.reduce(batch, self._logits, len(self.classes), self._select if is_pruned else None)
        rows = batch.span_rows
        logits = numpy.full((len(rows), len(self.classes)), numpy.nan, dtype="float32")
        logits[rows >= 0] = found[rows[rows >= 0]]
        if self.evidence is not None:
            known = numpy.flatnonzero(numpy.isfinite(logits[:, 0]))
            is_mixed = are_mixed_case((text.text for text in texts), spans.docs[known])
            logits[known] += self.evidence.logits(_names(texts, spans, known), self.classes, is_mixed)
        return logits

    def _logits(self, batch: AlignedBatch, pieces: Floats2d, entities: Floats2d) -> Floats2d:
        firsts, lasts = boundary_rows(batch).T
        states = [pieces[firsts], pieces[lasts], *([entities] if self.with_entities else [])]
        (logits,) = self.head(states=numpy.concatenate(states, axis=1))
        return logits

    def _select(self, batch: AlignedBatch, pieces: Floats2d) -> Ints1d:
        assert self.pruner is not None and self.lengths is not None and self.pruning is not None
        (logits,) = self.pruner(states=pieces)
        return select_candidates(logits, self.lengths, batch, self.pruning)


def _names(texts: Sequence[TokenizedText], spans: CandidateSpans, rows: Ints1d) -> List[str]:
    """The text of candidates."""
    found = []
    for (start, end), owner in zip(spans.bounds[rows].tolist(), spans.docs[rows].tolist(), strict=True):
        first, last = characters(texts[owner], (start, end))
        found.append(name_at(texts[owner].text, first, last))
    return found
