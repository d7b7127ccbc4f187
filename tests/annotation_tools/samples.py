"""Documents for round trips through annotation tools."""

from __future__ import annotations

import numpy
import spacy
from hypothesis import strategies as st
from spacy.tokens import Doc, Span, SpanGroup

from spacy_mluke.annotate.relations import Relation, get_relations, set_relations
from spacy_mluke.extensions import install_extensions

# Characters outside the Basic Multilingual Plane are two UTF-16 code units: emoji and rare CJK.
WORDS = [
    "\ufeff",
    "Tokyo",
    "東京",
    "𠮷野家",
    "👩\u200d👩\u200d👧",
    "🇫🇷",
    "القاهرة",
    "e\u0301",
    "<b>&",
    '"',
    "\\n",
    "\r\n",
    "\n",
    "  ",
    "\u00a0",
    "x",
]
LABELS = ["LOC", "PER", 'no-tool\'s "label" <&>']
KB_IDS = ["", "Q1490", "en:New York", "NIL", "geonames:1850147"]
RELATIONS = ["country (P17)", "org:founded_by"]
SPANS_KEY = "mluke_ner"
NLP = spacy.blank("xx")


def make(words, spaces, ents=(), nested=(), relations=()):
    """Make a document. Entities are (start, end, label, kb_id), nested ones the same with a score, relations two
    (start, end), label and score."""
    install_extensions()
    doc = Doc(NLP.vocab, words=words, spaces=spaces)
    doc.set_ents([Span(doc, start, end, label=label, kb_id=kb_id) for start, end, label, kb_id in ents])
    if nested:
        spans = [Span(doc, start, end, label=label, kb_id=kb_id) for start, end, label, kb_id, _ in nested]
        doc.spans[SPANS_KEY] = SpanGroup(doc, name=SPANS_KEY, spans=spans)
        doc.spans[SPANS_KEY].attrs["scores"] = numpy.asarray([score for *_, score in nested], dtype="float32")
    set_relations(doc, [Relation(doc[slice(*h)], doc[slice(*t)], label, score) for h, t, label, score in relations])
    return doc


def facts(doc):
    """Return everything about a document that a round trip keeps."""
    group = doc.spans.get(SPANS_KEY, ())
    scores = group.attrs.get("scores", [None] * len(group)) if group else ()
    return {
        "tokens": [(token.text, token.whitespace_) for token in doc],
        "ents": {key_of(ent) for ent in doc.ents},
        "group": {(*key_of(span), score) for span, score in zip(group, scores, strict=True)},
        "relations": sorted(
            (one.head.start, one.head.end, one.tail.start, one.tail.end, one.label, one.score)
            for one in get_relations(doc)
        ),
    }


def key_of(span):
    return span.start, span.end, span.label_, span.kb_id_


@st.composite
def documents(draw, words=WORDS, edges=WORDS):
    """Documents with entities, nested and crossing entities with probabilities, and relations, also of other spans.

    words (List[str]): Their words.
    edges (List[str]): Words with which a span may begin and end.
    """
    texts = draw(st.lists(st.sampled_from(words), min_size=0, max_size=8))
    spaces = [draw(st.booleans()) for _ in texts]
    bounds = [(i, j) for i in range(len(texts)) for j in range(i + 1, min(i + 4, len(texts) + 1))]
    bounds = [(i, j) for i, j in bounds if "".join(texts[i:j]).strip() and {texts[i], texts[j - 1]} <= set(edges)]
    if not bounds:
        return make(texts, spaces)
    places = st.sampled_from(bounds)
    score = st.floats(0, 1, width=32)
    drawn = draw(st.lists(st.tuples(places, st.sampled_from(LABELS), st.sampled_from(KB_IDS), score), max_size=4))
    unique = {(place, label): (*place, label, kb_id, score) for place, label, kb_id, score in drawn}
    flat = []
    # As spaCy's filter_spans: the longest first.
    for one in sorted(unique.values(), key=lambda one: (one[0] - one[1], one[0])):
        if all(one[1] <= other[0] or other[1] <= one[0] for other in flat):
            flat.append(one)
    # Of two labels of one span, either may be the entity.
    if len({one[:2] for one in unique.values()}) < len(unique):
        flat, unique = [], {}
    facts = draw(
        st.lists(
            st.tuples(places, places, st.sampled_from(RELATIONS), score), max_size=3, unique_by=lambda one: one[:3]
        )
    )
    ents = [one[:4] for one in flat]
    return make(texts, spaces, ents, list(unique.values()), facts)
