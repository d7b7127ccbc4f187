"""Read DocBin files, each document separately, so that a damaged one does not affect the others."""

from __future__ import annotations

import copy
import functools
from pathlib import Path
from typing import TYPE_CHECKING, Any, Iterator, Tuple, Union

from .job import Shard, Stamp, stamp_of
from .unreadable import Unreadable, message_of

if TYPE_CHECKING:
    from spacy.tokens import Doc, DocBin
    from spacy.vocab import Vocab

_LISTS = ("tokens", "spaces", "cats", "flags", "user_data", "span_groups")


def count_docs(path: Path) -> int:
    """Return the number of documents of a file.

    path (Path): The file.
    RETURNS (int): The number.
    """
    return len(_read(str(path), stamp_of(path)))


def read_docs(shard: Shard, vocab: Vocab) -> Iterator[Tuple[int, Union[Doc, Unreadable]]]:
    """Read the documents of a shard.

    shard (Shard): The shard.
    vocab (Vocab): The vocabulary of the documents.
    YIELDS (Tuple[int, Union[Doc, Unreadable]]): A document's index in the file, and the document.
    """
    found = _read(shard.path, stamp_of(Path(shard.path)))
    for string in found.strings:
        try:
            vocab.strings.add(string)
        except Exception:
            # An invalid string: reading the documents that need it will fail.
            continue
    for index in range(shard.first, shard.first + shard.n_records):
        try:
            (doc,) = _one(found, index).get_docs(vocab)
            yield index, _checked(doc)
        except Exception as error:
            yield index, Unreadable(message_of(error))


def _checked(doc: Doc) -> Doc:
    """Check that the text and the dictionaries of a document can be read."""
    if not isinstance(doc.user_data, dict) or not isinstance(doc.cats, dict):
        raise TypeError("its categories or its user data are not a dictionary")
    str(doc.text)
    return doc


def _one(found: DocBin, index: int) -> DocBin:
    """A DocBin with one of the documents, so that the others are not unpacked."""
    part: Any = copy.copy(found)
    part.strings = ()
    for name in _LISTS:
        setattr(part, name, getattr(found, name)[index : index + 1])
    return part


@functools.lru_cache(maxsize=1)
def _read(path: str, _stamp: Stamp) -> DocBin:
    """Read a DocBin. The last one is cached, because shards of one file follow each other."""
    from spacy.tokens import DocBin

    return DocBin().from_disk(path)
