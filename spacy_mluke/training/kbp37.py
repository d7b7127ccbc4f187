"""KBP37 and RELX: relation classification, sentences with two marked entities."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Iterable, Iterator, Optional, Tuple, Union

import numpy
from spacy.language import Language
from spacy.tokens import Doc, Span

from ..annotate.mentions import split_tokens
from ..annotate.relations import Relation
from ..errors import Errors
from ..extensions import install_extensions
from .corpus_files import read_lines

NO_RELATION = "no_relation"
ENTITY = "ENTITY"  # these corpora have no entity types
_TAG = re.compile(r"\s*</?e[12]>\s*")
_MARKED = re.compile(r"<e1>(.*?)</e1>.*?<e2>(.*?)</e2>", re.DOTALL)


@dataclass(frozen=True)
class MarkedSentence:
    """A sentence of the corpus."""

    text: str  # without tags
    head: Tuple[int, int]  # characters of e1 in the text
    tail: Tuple[int, int]  # characters of e2
    label: str  # with its direction, such as "per:employee_of(e1,e2)"


def read_kbp37(path: Union[str, Path]) -> Iterator[MarkedSentence]:
    """Read a file of KBP37 or RELX.

    path (Union[str, Path]): Pairs of lines: a sentence's id, a tab and its text in quotes; then its label.
    YIELDS (MarkedSentence): The sentences.
    RAISES (ValueError): ML088 for a line that is neither, ML321 if the file is not UTF-8.
    """
    marked: Optional[Tuple[str, int]] = None
    number = 0
    for number, full_line in read_lines(path):
        line = full_line.strip()
        if not line:
            continue
        if marked is None:
            _, tab, text = line.partition("\t")
            if not tab or not _MARKED.search(text):
                raise ValueError(Errors.ML088.format(path=path, line=number, reason="it is not a sentence"))
            marked = text.strip().removeprefix('"').removesuffix('"').strip(), number
            continue
        yield parse_marked(marked[0], line)
        marked = None
    if marked is not None:
        raise ValueError(Errors.ML088.format(path=path, line=number, reason="the sentence has no label"))


def parse_marked(marked: str, label: str) -> MarkedSentence:
    """Remove the tags from a sentence.

    marked (str): Text with <e1> </e1> and, after it, <e2> </e2>.
    label (str): Its relation.
    RETURNS (MarkedSentence): Spaces beside a tag become one space, or none if there is none outside of the tag.
    """
    text = ""
    places = []
    end = 0
    for tag in _TAG.finditer(marked):
        text += marked[end : tag.start()]
        is_closing = "</" in tag.group()
        # "a <e1> b </e1>, c": remove the spaces inside the tags, keep the one outside.
        outside = tag.group().rpartition(">")[2] if is_closing else tag.group().partition("<")[0]
        if is_closing:
            places.append(len(text))
        if outside and text:
            text += " "
        if not is_closing:
            places.append(len(text))
        end = tag.end()
    text = (text + marked[end:]).rstrip()
    return MarkedSentence(text, (places[0], places[1]), (places[2], places[3]), label)


def make_doc(nlp: Language, sentence: MarkedSentence, *, split: bool = False) -> Optional[Doc]:
    """Return a sentence as a document with two entities and the relation between them.

    e1 is the head and e2 the tail, as in the training of the published models; the label contains the direction. The
    label "no_relation" becomes no relation.

    nlp (Language): Its tokenizer is used.
    sentence (MarkedSentence): The sentence.
    split (bool): Whether to split tokens where entities begin and end ("l'Inde"). Otherwise entities are extended to
        whole tokens.
    RETURNS (Optional[Doc]): None if both entities share a token, or one is empty: KBP37 has some such sentences.
    """
    install_extensions()
    doc = nlp.make_doc(sentence.text)
    if split:
        split_tokens(doc, (*sentence.head, *sentence.tail))
    spans = [doc.char_span(*place, label=ENTITY, alignment_mode="expand") for place in (sentence.head, sentence.tail)]
    found = [span for span in spans if isinstance(span, Span)]
    if len(found) != 2 or not all(map(len, found)) or found[0].end > found[1].start:
        return None
    doc.ents = found
    head, tail = found
    doc._.mluke_relations = [Relation(head, tail, sentence.label)] if sentence.label != NO_RELATION else []
    return doc


def make_doc_without_entities(nlp: Language, sentence: MarkedSentence) -> Doc:
    """Return a sentence as a document without entities, so that its relation counts as a miss.

    nlp (Language): Its tokenizer is used.
    sentence (MarkedSentence): The sentence; its entities overlap, or one is empty.
    RETURNS (Doc): The document. Its relation is between the tokens at the marked positions.
    """
    install_extensions()
    doc = nlp.make_doc(sentence.text)
    doc.ents = []
    starts = [token.idx for token in doc[1:]]
    places = numpy.searchsorted(starts, [sentence.head[0], sentence.tail[0]], side="right").tolist()
    head, tail = (Span(doc, i, i + 1, label=ENTITY) for i in places)
    doc._.mluke_relations = [Relation(head, tail, sentence.label)] if sentence.label != NO_RELATION else []
    return doc


def make_docs(nlp: Language, sentences: Iterable[MarkedSentence], *, keep_missed: bool = False) -> Iterator[Doc]:
    """Convert sentences to documents.

    nlp (Language): Its tokenizer is used.
    sentences (Iterable[MarkedSentence]): The sentences.
    keep_missed (bool): True for scoring: entities are exactly as marked, and tokens are split for that; sentences whose
        entities overlap or are empty become documents without entities, so that their relations are misses. False for
        training: entities are extended to whole tokens, and sentences whose entities share a token are skipped.
    YIELDS (Doc): Documents with entities and relations.
    """
    for sentence in sentences:
        doc = make_doc(nlp, sentence, split=keep_missed)
        if doc is not None:
            yield doc
        elif keep_missed:
            yield make_doc_without_entities(nlp, sentence)
