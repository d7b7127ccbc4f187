"""CoNLL-2003 and WikiNEuRal: one token per line, its entity tag in the last column, a blank line after a sentence."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from pathlib import Path
from typing import Iterable, Iterator, List, Sequence, Tuple, Union

from spacy.language import Language
from spacy.tokens import Doc, Span

from ..errors import Errors, check_choice
from .corpus_files import read_lines
from .entity_tags import parse_tag, tagged_spans

SPACES = ("all", "punctuation", "none")
_DOCUMENT_START = "-DOCSTART-"


@dataclass
class TaggedSentence:
    """A sentence of the corpus."""

    words: List[str]
    spans: List[Tuple[int, int, str]]  # first token, end and label
    is_document_start: bool  # whether a -DOCSTART- line precedes it


def read_conll(path: Union[str, Path]) -> Iterator[TaggedSentence]:
    """Read a file of CoNLL-2003 (token, part of speech, chunk, tag; separated by spaces) or WikiNEuRal (index, token,
    tag; separated by tabs).

    The tag is the last column. The token is the first column, or the second if the first is the token's number.

    path (Union[str, Path]): The file.
    YIELDS (TaggedSentence): The sentences.
    RAISES (ValueError): ML247 for a line without a token and a tag, ML321 if the file is not UTF-8.
    """
    words: List[str] = []
    tags: List[str] = []
    starts_document = False
    for number, full_line in read_lines(path):
        line = full_line.rstrip("\r\n")
        is_start = line.startswith(_DOCUMENT_START)
        if line.strip() and not is_start:
            word, tag = _parse_line(line, len(words), f"'{path}', line {number}")
            words.append(word)
            tags.append(tag)
            continue
        if words:
            yield TaggedSentence(words, tagged_spans(tags), starts_document)
            words, tags, starts_document = [], [], False
        starts_document = starts_document or is_start
    if words:
        yield TaggedSentence(words, tagged_spans(tags), starts_document)


def _parse_line(line: str, index: int, place: str) -> Tuple[str, str]:
    # Split at tabs or plain spaces only: a token may contain other whitespace.
    columns = line.split("\t") if "\t" in line else line.split(" ")
    columns = [column.strip() for column in columns if column.strip()]
    if len(columns) > 2 and columns[0] in (str(index), str(index + 1)) and "\t" in line:
        columns = columns[1:]
    if len(columns) < 2:
        raise ValueError(Errors.ML247.format(place=place, reason="no token and tag"))
    if parse_tag(columns[-1]) is None:
        raise ValueError(Errors.ML247.format(place=place, reason=f"'{columns[-1]}' is not a tag"))
    return columns[0], columns[-1]


def group_sentences(sentences: Iterable[TaggedSentence], n_sentences: int = 1) -> Iterator[List[TaggedSentence]]:
    """Group sentences into documents.

    sentences (Iterable[TaggedSentence]): The sentences.
    n_sentences (int): Maximum number of sentences per document; a document also ends where one ends in the corpus. 0
        for the documents of the corpus.
    YIELDS (List[TaggedSentence]): The sentences of a document.
    """
    group: List[TaggedSentence] = []
    for sentence in sentences:
        if group and (sentence.is_document_start or len(group) == n_sentences):
            yield group
            group = []
        group.append(sentence)
    if group:
        yield group


def make_conll_doc(nlp: Language, sentences: Sequence[TaggedSentence], *, spaces: str = "all") -> Doc:
    """Return a document with entities and sentence starts.

    nlp (Language): Its vocabulary is used.
    sentences (Sequence[TaggedSentence]): The sentences.
    spaces (str): Where to put spaces between tokens, which the corpus does not say: "all"; "punctuation": everywhere
        except before a punctuation mark or an apostrophe, as LUKE reads CoNLL-2003; "none", for Chinese and Japanese.
    RETURNS (Doc): The document.
    RAISES (ValueError): ML070 for an unknown value of `spaces`.
    """
    check_choice("spaces", spaces, SPACES)
    words = [word for sentence in sentences for word in sentence.words]
    starts: List[Union[bool, int, None]] = [i == 0 for sentence in sentences for i in range(len(sentence.words))]
    space_before = [_has_space_before(word, spaces) for word in words[1:]]
    doc = Doc(nlp.vocab, words=words, spaces=[*space_before, False], sent_starts=starts)
    ents: List[Span] = []
    first = 0
    for sentence in sentences:
        ents.extend(Span(doc, first + start, first + end, label=label) for start, end, label in sentence.spans)
        first += len(sentence.words)
    doc.set_ents(ents)
    return doc


def _has_space_before(word: str, spaces: str) -> bool:
    if spaces != "punctuation":
        return spaces == "all"
    return not (word.startswith("'") or (len(word) == 1 and unicodedata.category(word).startswith("P")))
