"""KBP37 and RELX: relation classification, one sentence with two marked entities at a time."""

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
from .files import read_lines

NO_RELATION = "no_relation"
ENTITY = "ENTITY"  # these corpora do not say what kind of entity it is
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

    path (Union[str, Path]): A line with a sentence's id, a tab and its text in quotes, then one with its label.
    YIELDS (MarkedSentence): The sentences.
    RAISES (ValueError): ML088 for a line that is neither, ML321 for a file that is not in UTF-8.
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
                raise ValueError(Errors.ML088.format(path=path, line=number, reason="no sentence"))
            marked = text.strip().removeprefix('"').removesuffix('"').strip(), number
            continue
        yield parse_marked(marked[0], line)
        marked = None
    if marked is not None:
        raise ValueError(Errors.ML088.format(path=path, line=number, reason="a sentence without a label"))


def parse_marked(marked: str, label: str) -> MarkedSentence:
    """Take the tags out of a sentence.

    marked (str): Text with <e1> </e1> and, behind it, <e2> </e2>.
    label (str): Its relation.
    RETURNS (MarkedSentence): Spaces beside tags become one, or none where the sentence has none around the tag.
    """
    text = ""
    places = []
    end = 0
    for tag in _TAG.finditer(marked):
        text += marked[end : tag.start()]
        is_closing = "</" in tag.group()
        # Of "a <e1> b </e1>, c", the space inside the tags goes, and that outside stays.
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


def make_doc(nlp: Language, sentence: MarkedSentence, *, cut: bool = False) -> Optional[Doc]:
    """Make a document with two entities, and the relation between them, of a sentence.

    e1 is the head and e2 the tail, as the published models were trained; the label says which way the relation runs.
    "no_relation" is no relation.

    nlp (Language): Its tokenizer.
    sentence (MarkedSentence): The sentence.
    cut (bool): Whether tokens are cut where entities begin and end ("l'Inde"). Otherwise these stand on whole tokens.
    RETURNS (Optional[Doc]): None if both entities would share a token, or one is empty: KBP37 has some of these.
    """
    install_extensions()
    doc = nlp.make_doc(sentence.text)
    if cut:
        split_tokens(doc, (*sentence.head, *sentence.tail))
    spans = [doc.char_span(*place, label=ENTITY, alignment_mode="expand") for place in (sentence.head, sentence.tail)]
    found = [span for span in spans if isinstance(span, Span)]
    if len(found) != 2 or not all(map(len, found)) or found[0].end > found[1].start:
        return None
    doc.ents = found
    head, tail = found
    doc._.mluke_relations = [Relation(head, tail, sentence.label)] if sentence.label != NO_RELATION else []
    return doc


def make_missed_doc(nlp: Language, sentence: MarkedSentence) -> Doc:
    """Make a document of a sentence whose entities cannot be given: it has none, and its relation is a miss.

    nlp (Language): Its tokenizer.
    sentence (MarkedSentence): The sentence.
    RETURNS (Doc): The document. The relation is between the tokens where its entities are said to be.
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
    """Make documents of sentences.

    nlp (Language): Its tokenizer.
    sentences (Iterable[MarkedSentence]): The sentences.
    keep_missed (bool): To score with: entities are just what the corpus marks, tokens are cut for that; sentences whose
        entities overlap, or are empty, are kept without entities, so that their relations are misses. Otherwise
        entities stand on whole tokens, and sentences where they would share one are left out.
    YIELDS (Doc): Documents with entities and relations.
    """
    for sentence in sentences:
        doc = make_doc(nlp, sentence, cut=keep_missed)
        if doc is not None:
            yield doc
        elif keep_missed:
            yield make_missed_doc(nlp, sentence)
