"""Reading DocBins: each document by itself, so that one that is damaged hides no other."""

from __future__ import annotations

import copy
import functools
from pathlib import Path
from typing import TYPE_CHECKING, Any, Iterator, Tuple, Union

from .job import Shard, Stamp, stamp_of
from .tables import Unreadable, message_of

if TYPE_CHECKING:
    from spacy.tokens import Doc, DocBin
    from spacy.vocab import Vocab

_LISTS = ("tokens", "spaces", "cats", "flags", "user_data", "span_groups")


def count_docs(path: Path) -> int:
    """Documents of a file.

    path (Path): The file.
    RETURNS (int): How many.
    """
    return len(_read(str(path), stamp_of(path)))


def read_docs(shard: Shard, vocab: Vocab) -> Iterator[Tuple[int, Union[Doc, Unreadable]]]:
    """Read the documents of a shard.

    shard (Shard): The shard.
    vocab (Vocab): For the documents.
    YIELDS (Tuple[int, Union[Doc, Unreadable]]): A document's number in the file, and the document.
    """
    found = _read(shard.path, stamp_of(Path(shard.path)))
    for string in found.strings:
        try:
            vocab.strings.add(string)
        except Exception:
            # A string that is none: the documents that need it say so.
            continue
    for place in range(shard.first, shard.first + shard.n_records):
        try:
            (doc,) = _one(found, place).get_docs(vocab)
            yield place, _checked(doc)
        except Exception as error:
            yield place, Unreadable(message_of(error))


def _checked(doc: Doc) -> Doc:
    """See that the text and the dictionaries of a document can be read."""
    if not isinstance(doc.user_data, dict) or not isinstance(doc.cats, dict):
        raise TypeError("its categories or its user data are no dictionary")
    str(doc.text)
    return doc


def _one(found: DocBin, place: int) -> DocBin:
    """One document of a DocBin: what is not asked for is not unpacked."""
    part: Any = copy.copy(found)
    part.strings = ()
    for name in _LISTS:
        setattr(part, name, getattr(found, name)[place : place + 1])
    return part


@functools.lru_cache(maxsize=1)
def _read(path: str, _stamp: Stamp) -> DocBin:
    """A file of documents; the last one is kept, since its shards follow each other."""
    from spacy.tokens import DocBin

    return DocBin().from_disk(path)
