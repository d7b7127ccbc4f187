"""Gold classes of candidate spans."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable, Dict, List, Optional, Sequence, Tuple

import numpy
from spacy.attrs import ENT_IOB, IS_SPACE
from spacy.tokens import Doc, Span
from spacy.training import Example

from ...errors import Errors
from ...ragged import row_offsets
from ...suggesters.candidates import CandidateSpans, span_keys
from ...types import Bools1d, Bools2d, Ints1d

UNKNOWN = -1  # class of a candidate that is not annotated


@dataclass
class GoldEntities:
    """The gold entities of one example, on the tokens of the predicted document."""

    labels: Dict[Tuple[int, int], str]  # by token bounds
    n_lost: int  # entities whose bounds are not token bounds of the predicted document
    unknown: Bools1d  # (n_tokens,): tokens without annotation

    @property
    def n_entities(self) -> int:
        return len(self.labels) + self.n_lost


@dataclass
class CandidateClasses:
    """The gold classes of candidates."""

    class_ids: Ints1d  # (n_spans,): class of each candidate; UNKNOWN if it contains a token without annotation
    n_entities: int
    n_missed: int  # gold entities that are not among the candidates


def reference_spans(doc: Doc, spans_key: Optional[str]) -> Optional[List[Span]]:
    """Return the gold entities of a reference document.

    doc (Doc): The reference.
    spans_key (Optional[str]): Key in `doc.spans` of nested entities. If it is None, or the document lacks that group,
        the entities are `doc.ents`.
    RETURNS (Optional[List[Span]]): None if the document is not annotated.
    """
    if spans_key is not None and spans_key in doc.spans:
        return list(doc.spans[spans_key])
    return list(doc.ents) if doc.has_annotation("ENT_IOB") else None


def find_gold(eg: Example, spans_key: Optional[str], n: int = 0) -> Optional[GoldEntities]:
    """Align the gold entities of an example with the tokens of the predicted document.

    Tokens are unknown if the reference does not annotate them, and where an entity cannot be aligned.

    eg (Example): The example.
    spans_key (Optional[str]): As for `reference_spans`.
    n (int): The example's index, for the message.
    RETURNS (Optional[GoldEntities]): None if the reference is not annotated.
    RAISES (ValueError): ML203 if a span has two labels.
    """
    spans = reference_spans(eg.reference, spans_key)
    if spans is None:
        return None
    unclear = numpy.zeros(len(eg.reference), dtype=bool)
    if spans_key is None or spans_key not in eg.reference.spans:
        attrs = eg.reference.to_array([ENT_IOB, IS_SPACE])
        unclear = (attrs[:, 0] == 0) & (attrs[:, 1] == 0)
    labels: Dict[Tuple[int, int], str] = {}
    n_lost = 0
    for span in spans:
        aligned = eg.get_aligned_spans_y2x([span], allow_overlap=True)
        if not aligned:
            unclear[span.start : span.end] = True
            n_lost += 1
            continue
        bounds = (aligned[0].start, aligned[0].end)
        if labels.setdefault(bounds, span.label_) != span.label_:
            raise ValueError(Errors.ML203.format(span=repr(span.text), n=n, first=labels[bounds], second=span.label_))
    unknown = numpy.zeros(len(eg.predicted), dtype=bool)
    if unclear.any():
        aligned_tokens = eg.alignment.y2x
        unknown[aligned_tokens.data[unclear.repeat(aligned_tokens.lengths)]] = True
    return GoldEntities(labels, n_lost, unknown)


def find_gold_classes(
    gold: Sequence[Optional[GoldEntities]], spans: CandidateSpans, class_id: Callable[[str], int], negative: int
) -> CandidateClasses:
    """Return the gold class of each candidate.

    gold (Sequence[Optional[GoldEntities]]): Entities of each document; None if it is not annotated.
    spans (CandidateSpans): The candidates, as returned by `suggest_candidates`.
    class_id (Callable[[str], int]): Returns the class of a label.
    negative (int): The negative class.
    RETURNS (CandidateClasses): The classes.
    """
    bounds, docs = spans.bounds, spans.docs
    class_ids = numpy.full(len(bounds), negative, dtype="int64")
    unknown = [numpy.ones(1, bool) if found is None else found.unknown for found in gold]
    is_known = numpy.asarray([found is not None for found in gold], dtype=bool)
    if any(found.any() for found in unknown):
        class_ids[~is_known[docs]] = UNKNOWN
        # Number of unknown tokens before each token of the concatenated documents.
        sizes = numpy.asarray([len(found) for found in unknown], dtype="int64")
        before = row_offsets(numpy.concatenate(unknown).astype("int64"))
        firsts = row_offsets(sizes)[:-1][docs]
        on = numpy.flatnonzero(class_ids != UNKNOWN)
        has_unknown = before[firsts[on] + bounds[on, 1]] > before[firsts[on] + bounds[on, 0]]
        class_ids[on[has_unknown]] = UNKNOWN
    known = [(n, found) for n, found in enumerate(gold) if found is not None]
    entities = [(n, *place, class_id(label)) for n, found in known for place, label in found.labels.items()]
    n_entities = sum(found.n_entities for _, found in known)
    n_missed = sum(found.n_lost for _, found in known)
    if entities:
        table = numpy.asarray(entities, dtype="int64")
        keys = spans.keys
        wanted = span_keys(table[:, 0], table[:, 1:3])
        places = numpy.searchsorted(keys, wanted)
        found_at = numpy.minimum(places, len(keys) - 1)
        hits = keys[found_at] == wanted if len(keys) else numpy.zeros(len(wanted), dtype=bool)
        class_ids[found_at[hits]] = table[hits, 3]
        n_missed += int((~hits).sum())
    return CandidateClasses(class_ids, n_entities, n_missed)


def find_alternatives(
    examples: Sequence[Example], owners: Ints1d, classes: Sequence[str], negative: int
) -> Optional[Bools2d]:
    """Return the labels that candidates without one may have: those that their document's annotators did not mark
    (`doc._.mluke_annotated_labels`).

    examples (Sequence[Example]): Annotated examples.
    owners (Ints1d): The example of each candidate. Shape: (n_spans,).
    classes (Sequence[str]): Names of the classes.
    negative (int): The negative class.
    RETURNS (Optional[Bools2d]): Shape: (n_spans, n_classes). None if all labels are annotated everywhere.
    """
    annotated = [eg.reference._.mluke_annotated_labels for eg in examples]
    if all(labels is None for labels in annotated):
        return None
    known = [set(classes if labels is None else labels) for labels in annotated]
    rows = [[i != negative and label not in own for i, label in enumerate(classes)] for own in known]
    return numpy.asarray(rows, dtype=bool)[owners]
