"""Make training examples of texts with named entities."""

from __future__ import annotations

from typing import List, Optional

import spacy
from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Example
from spacy.util import filter_spans

from scripts.xx_mluke_small.sentences import NamedText
from spacy_mluke.extensions import install_extensions

_TOKENIZER = {
    "@tokenizers": "spacy-mluke.PieceTokenizer.v1",
    "base": {"@tokenizers": "spacy.Tokenizer.v1"},
    "name": "mluke-small",
    "split_particles": True,
}


def make_blank() -> Language:
    """Return a pipeline without components for texts in any language.

    Its tokenizer splits scripts without spaces at wordpieces and particles, because names begin and end inside the
    tokens that spaCy's tokenizer makes there.

    RETURNS (Language): The pipeline.
    """
    install_extensions()
    return spacy.blank("xx", config={"nlp": {"tokenizer": _TOKENIZER}})


def make_example(nlp: Language, item: NamedText, labels: Optional[List[str]]) -> Example:
    """Return a text as an example for `mluke_ner`.

    nlp (Language): Its tokenizer is used.
    item (NamedText): The text and its named entities. Bounds inside a token are extended to the token.
    labels (Optional[List[str]]): Labels that the annotators marked; other labels are unknown. None: all.
    RETURNS (Example): The example.
    """
    predicted = nlp.make_doc(item.text)
    reference = Doc(
        nlp.vocab,
        words=[token.text for token in predicted],
        spaces=[bool(token.whitespace_) for token in predicted],
    )
    spans = []
    for start, end, label in item.spans:
        span = reference.char_span(start, end, label=label, alignment_mode="expand")
        if span is not None and len(span):
            spans.append(span)
    reference.set_ents(filter_spans(spans), default="outside")
    reference._.mluke_annotated_labels = labels
    return Example(predicted, reference)
