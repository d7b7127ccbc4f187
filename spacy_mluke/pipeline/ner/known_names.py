"""What a knowledge base and annotated texts say about names, as evidence for `mluke_ner`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, Iterable, List, Optional, Sequence, Tuple, Union

import numpy
from spacy.tokens import Doc
from spacy.training import Example
from spacy.util import minibatch
from thinc.util import to_numpy

from ...errors import Errors
from ...heads.feature_weights import fit_feature_weights
from ...heads.losses import softmax
from ...kb.bundled import open_store
from ...kb.known_names import KnownNames, NameEvidence, are_mixed_case, name_at
from ...kb.name_lexicon import NameLexicon
from ...storage.files import replacing
from ...suggesters.candidates import CandidateSpans
from ...types import Bools1d, Bools2d, Floats2d, Ints1d
from ..base.serialization import Part
from .gold_entities import UNKNOWN, CandidateClasses, find_alternatives, find_gold, find_gold_classes
from .pruning import PrunablePipe

FILE = "known_names.npz"
_DOCS = 64
_CERTAIN = 0.99


class KnownNamesPipe(PrunablePipe):
    """Base of `EntityRecognizer`: adds to the logits of candidates what is known about their names."""

    # None: logits are those of the head.
    evidence: Optional[NameEvidence] = None

    def learn_known_names(
        self,
        examples: Iterable[Example],
        known: Union[str, Path, KnownNames],
        *,
        labels: Optional[Sequence[str]] = None,
        lexicon: Optional[NameLexicon] = None,
    ) -> int:
        """Learn what known names say about the labels: a few weights, which are added to the logits from then on.

        Encoder and head do not change. Candidates that the head holds for no entity with certainty are skipped. With a
        lexicon, ordinary words ("to", "of the") are no entities.

        examples (Iterable[Example]): Annotated examples, some thousand sentences.
        known (Union[str, Path, KnownNames]): The names, or an entity store with them: "knowledge", or its path.
        labels (Optional[Sequence[str]]): Labels that get weights; None for all. Those of which the knowledge base says
            nothing, such as dates, are better left out.
        lexicon (Optional[NameLexicon]): What annotated texts say about words, such as `NameLexicon.of(texts)`. The
            examples must not be among these texts: their own names would be known too well. None: that of `known`.
        RETURNS (int): Number of candidates used.
        RAISES (ValueError): ML076 for a label that the component does not have; ML469 if no example is annotated, or no
            entity is among the candidates.
        """
        if not isinstance(known, KnownNames):
            known = KnownNames.of(open_store(known).entities())
        if lexicon is not None:
            known = replace(known, lexicon=lexicon)
        before, self.evidence = self.evidence, None
        try:
            parts = [self._known_candidates(batch) for batch in minibatch(examples, _DOCS)]
        finally:
            self.evidence = before
        logits = [part[0] for part in parts]
        truth: List[Bools2d] = [part[1] for part in parts]
        names = [name for part in parts for name in part[2]]
        if not any((~rows[:, self.negative_id]).any() for rows in truth):
            n = sum(part[3] for part in parts)
            raise ValueError(Errors.ML469.format(name=self.name, n=n, where=self.gold_hint))
        is_mixed = numpy.concatenate([part[4] for part in parts])
        chosen = list(self.labels if labels is None else labels)
        columns = [self.class_id(label) for label in chosen]
        items = numpy.concatenate(logits), known.features(names, is_mixed), numpy.concatenate(truth)
        evidence = NameEvidence(known, chosen, fit_feature_weights(*items, columns))
        self.evidence = evidence.without_ordinary_words(self.cfg["negative_label"])
        return len(names)

    def annotated_candidates(self, examples: List[Example], prediction: Any) -> Tuple[Ints1d, Bools2d]:
        """Return which candidates were classified and are annotated, and the right classes of each.

        examples (List[Example]): Annotated examples.
        prediction (Prediction): The prediction, as returned by `predict`.
        RETURNS (Tuple[Ints1d, Bools2d]): Rows of the prediction, and the classes. Shapes: (n,) and (n, n_classes).
        """
        spans, logits = CandidateSpans.from_ragged(prediction[0]), to_numpy(prediction[1])
        class_ids = self.gold_classes(examples, spans).class_ids
        counted = numpy.flatnonzero((class_ids != UNKNOWN) & numpy.isfinite(logits[:, 0]))
        truth = class_ids[counted, None] == numpy.arange(len(self.classes))
        alternatives = find_alternatives(examples, spans.docs[counted], self.classes, self.negative_id)
        if alternatives is not None:
            truth |= alternatives & truth[:, [self.negative_id]]
        return counted, truth

    def gold_classes(self, examples: List[Example], spans: CandidateSpans) -> CandidateClasses:
        """Return the gold class of each candidate.

        examples (List[Example]): Annotated examples.
        spans (CandidateSpans): Candidates of their predicted documents.
        RETURNS (CandidateClasses): The classes.
        RAISES (ValueError): ML076 for a label that the component does not have.
        """
        gold = [find_gold(eg, self.gold_key, n) for n, eg in enumerate(examples)]
        return find_gold_classes(gold, spans, self.class_id, self.negative_id)

    def _known_candidates(self, batch: Iterable[Example]) -> Tuple[Floats2d, Bools2d, List[str], int, Bools1d]:
        examples = list(batch)
        docs = [eg.predicted for eg in examples]
        prediction = self.predict(docs)
        rows, truth = self.annotated_candidates(examples, prediction)
        uncertain = softmax(prediction[1][rows])[:, self.negative_id] < _CERTAIN
        rows, truth = rows[uncertain], truth[uncertain]
        spans = CandidateSpans.from_ragged(prediction[0])
        names, is_mixed = candidate_names(docs, spans, rows)
        return prediction[1][rows], truth, names, len(examples), is_mixed

    def add_evidence(self, docs: Sequence[Doc], spans: CandidateSpans, logits: Floats2d) -> Floats2d:
        """Add what is known about the names of candidates to their logits.

        docs (Sequence[Doc]): The documents.
        spans (CandidateSpans): The candidates.
        logits (Floats2d): Logits of the head, changed in place. Shape: (n_spans, n_classes).
        RETURNS (Floats2d): The logits.
        """
        if self.evidence is not None:
            rows = numpy.flatnonzero(numpy.isfinite(logits[:, 0]))
            names, is_mixed = candidate_names(docs, spans, rows)
            logits[rows] += self.evidence.logits(names, self.classes, is_mixed)
        return logits

    def parts(self, exclude: Sequence[str], place: Optional[Path] = None) -> List[Part]:
        own = Part(FILE, self._write_evidence, self._read_evidence, self._evidence_bytes, self._evidence_from_bytes)
        return [*super().parts(exclude, place), own]

    def _write_evidence(self, path: Path) -> None:
        if self.evidence is not None:
            with replacing(path) as aside:
                aside.write_bytes(self.evidence.to_bytes())

    def _read_evidence(self, path: Path) -> None:
        self.evidence = NameEvidence.from_bytes(path.read_bytes(), f"'{path}'") if path.is_file() else None

    def _evidence_bytes(self) -> bytes:
        return b"" if self.evidence is None else self.evidence.to_bytes()

    def _evidence_from_bytes(self, data: bytes) -> None:
        self.evidence = NameEvidence.from_bytes(data, "the bytes") if data else None


def candidate_names(docs: Sequence[Any], spans: CandidateSpans, rows: Ints1d) -> Tuple[List[str], Bools1d]:
    """Return the text of candidates, and whether they are in texts of mixed case.

    docs (Sequence[Doc]): The documents.
    spans (CandidateSpans): The candidates.
    rows (Ints1d): Which candidates.
    RETURNS (Tuple[List[str], Bools1d]): The text of each, as from `name_at`, and as from `are_mixed_case`. Shape: (n,).
    """
    texts, owners = [doc.text for doc in docs], spans.docs[rows]
    places = zip(spans.bounds[rows].tolist(), owners.tolist(), strict=True)
    found = [(texts[doc], docs[doc][start:end]) for (start, end), doc in places]
    names = [name_at(text, span.start_char, span.end_char) for text, span in found]
    return names, are_mixed_case(texts, owners)
