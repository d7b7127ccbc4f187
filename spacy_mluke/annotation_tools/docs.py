"""Documents of annotation tools as Docs: tokens, token boundaries, overlapping entities."""

from __future__ import annotations

from collections import Counter
from typing import Any, Dict, List, Optional, Sequence, Tuple

import numpy
from spacy.language import Language
from spacy.tokens import Doc, Span, SpanGroup
from spacy.util import filter_spans

from ..annotate.links import NIL
from ..annotate.relations import Relation, set_relations
from ..errors import Errors, check_choice
from ..extensions import install_extensions
from ..training.jsonl import make_doc
from .documents import ToolDocument, ToolEntity, own_kb_id, restore_nil, stripped
from .offsets import match_texts

ALIGNMENTS = ("expand", "contract", "strict", "raise")


class DocMaker:
    """Makes Docs of documents of a tool.

    nlp (Language): Its tokenizer is used for documents without tokens.
    alignment (str): What to do with an entity that does not begin and end with tokens: "expand" and "contract" move it
        to the tokens around or inside it, "strict" skips it, "raise" raises an error.
    spans_key (str): Key in `doc.spans` of the group that gets all entities of a document, if some overlap or have
        probabilities.
    references (Optional[Sequence[Doc]]): The documents that were exported, with their texts and tokens. Their ids are
        as in `ids_of`.
    counts (Counter[str]): Counts what was changed or skipped.
    RAISES (ValueError): ML070 for an unknown alignment.
    """

    def __init__(
        self,
        nlp: Language,
        *,
        alignment: str,
        spans_key: str,
        counts: Counter[str],
        references: Optional[Sequence[Doc]] = None,
    ):
        check_choice("alignment", alignment, ALIGNMENTS)
        install_extensions()
        self.nlp = nlp
        self.alignment = alignment
        self.spans_key = spans_key
        self.counts = counts
        self.by_id: Optional[Dict[str, Doc]] = None
        if references is not None:
            self.by_id = dict(zip(ids_of(references), references, strict=True))

    def make(self, document: ToolDocument) -> Doc:
        """Make the Doc of a document.

        document (ToolDocument): The document.
        RETURNS (Doc): The Doc, with entities, links and relations. Of overlapping entities, `doc.ents` has the longest.
        RAISES (ValueError): ML471 for an entity that is not on tokens, with alignment "raise"; ML474 if there are
            references, and none has the document's id and text.
        """
        doc = self._tokenize(document) if self.by_id is None else self._from_reference(document)
        spans = [self._span(doc, document, entity) for entity in document.entities]
        labelled = [
            (span, entity.score)
            for span, entity in zip(spans, document.entities, strict=True)
            if span is not None and entity.label
        ]
        self._set_entities(doc, labelled)
        relations = []
        for relation in document.relations:
            head, tail = spans[relation.head], spans[relation.tail]
            if head is None or tail is None:
                self.counts["relations skipped with their head or tail"] += 1
            else:
                relations.append(Relation(head, tail, relation.label, relation.score))
        set_relations(doc, relations)
        if document.id:
            doc.user_data["id"] = document.id
        return doc

    def _tokenize(self, document: ToolDocument) -> Doc:
        record = {"text": document.text, "tokens": document.tokens}
        return make_doc(self.nlp, record, f"document '{document.id}'", skipped=Counter())

    def _from_reference(self, document: ToolDocument) -> Doc:
        assert self.by_id is not None
        reference = self.by_id.get(document.id)
        if reference is None:
            raise ValueError(Errors.ML474.format(id=document.id, reason="no exported document has this id"))
        convert = match_texts(document.text, reference.text)
        if convert is None:
            raise ValueError(Errors.ML474.format(id=document.id, reason="its text is another one"))
        if document.text != reference.text:
            self.counts["texts that the tool changed, mapped to the exported ones"] += 1
            for entity in document.entities:
                entity.start, entity.end = convert(entity.start, entity.end)
        group = reference.spans.get(self.spans_key, ())
        spans = [span for span in [*reference.ents, *group] if span.kb_id_ == NIL]
        nil = [(span.start_char, span.end_char, span.label_) for span in spans]
        restore_nil(document.entities, reference.text, nil)
        words = [token.text for token in reference]
        return Doc(self.nlp.vocab, words=words, spaces=[bool(token.whitespace_) for token in reference])

    def _span(self, doc: Doc, document: ToolDocument, entity: ToolEntity) -> Optional[Span]:
        """The span of an entity on the tokens of a document; None if it is skipped."""
        options: Dict[str, Any] = {"label": entity.label, "kb_id": own_kb_id(entity.kb_id)}
        span: Optional[Span] = doc.char_span(entity.start, entity.end, **options)
        if span is not None and len(span):
            return span
        # Annotators often select the space beside a word.
        start, end = stripped(doc.text, entity.start, entity.end)
        if start == end:
            self.counts["entities skipped because they have no text"] += 1
            return None
        span = doc.char_span(start, end, **options)
        if span is not None:
            self.counts["entities without the whitespace at their ends"] += 1
            return span
        if self.alignment == "raise":
            around: Any = doc.char_span(start, end, alignment_mode="expand")
            message = Errors.ML471.format(id=document.id, text=doc.text[start:end][:50], tokens=around.text[:80])
            raise ValueError(message)
        span = doc.char_span(start, end, alignment_mode=self.alignment, **options)
        if span is None or not len(span):
            self.counts["entities skipped because they are not on tokens"] += 1
            return None
        self.counts[f"entities moved to tokens ({self.alignment})"] += 1
        return span

    def _set_entities(self, doc: Doc, scored: List[Tuple[Span, Optional[float]]]) -> None:
        unique: Dict[Span, Optional[float]] = {}
        for span, score in scored:
            self.counts["entities that occur twice"] += span in unique
            unique.setdefault(span, score)
        flat = filter_spans(unique)
        doc.set_ents(flat, default="outside")
        overlapping = len(unique) - len(flat)
        self.counts[f"overlapping entities that are only in doc.spans['{self.spans_key}']"] += overlapping
        if overlapping or any(score is not None for score in unique.values()):
            ordered = sorted(unique, key=lambda span: (span.start, span.end, span.label_))
            group = SpanGroup(doc, name=self.spans_key, spans=ordered)
            scores = [unique[span] for span in ordered]
            if any(score is not None for score in scores):
                # Entities that a person or a rule has added are certain.
                known = [1.0 if score is None else score for score in scores]
                group.attrs["scores"] = numpy.asarray(known, dtype="float32")
            doc.spans[self.spans_key] = group


def ids_of(docs: Sequence[Doc]) -> List[str]:
    """Return an id for each document: `doc.user_data["id"]`, or else its number from 0.

    docs (Sequence[Doc]): The documents.
    RETURNS (List[str]): The ids. One that occurs twice has its document's number added.
    """
    found: Dict[str, None] = {}
    for i, doc in enumerate(docs):
        own = str(doc.user_data.get("id", i))
        found[own if own not in found else f"{own}-{i}"] = None
    return list(found)
