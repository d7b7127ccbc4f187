"""Wordpiece vocabularies: text -> ids with character offsets."""

from __future__ import annotations

import hashlib
import os
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any, Dict, Iterable, List, Mapping, Optional, Sequence, Union
from weakref import WeakValueDictionary

import numpy

from ..errors import Errors
from ..ragged import row_offsets
from ..storage.files import write_files
from ..storage.untrusted import parse_json, read_untrusted
from ..types import Bools1d, Ints1d, Ints2d, TextPieces
from .characters import code_points

SENTENCEPIECE = "sentencepiece.bpe.model"
VOCAB, MERGES = "vocab.json", "merges.txt"
# Settings beside the vocabulary. They are kept as they came, so that a saved directory opens as the first one did.
SETTINGS = ("added_tokens.json", "tokenizer_config.json", "special_tokens_map.json")
_MAX_BYTES = 256 << 20  # of any of these files; XLM-R's vocabulary has 5 million


# Vocabularies in use, by the digests of their files.
_shared: WeakValueDictionary[Any, Wordpieces] = WeakValueDictionary()
_sharing = Lock()

Flags = Union[Sequence[bool], Bools1d]


@dataclass(frozen=True)
class RaggedPieces:
    """The wordpieces of many texts, end to end, without special ones."""

    ids: Ints1d  # (n_pieces,) int32
    offsets: Ints2d  # (n_pieces, 2) int64: characters of the joined text; start == end if no character shows
    lengths: Ints1d  # (n_texts,) int64


@dataclass(frozen=True)
class SpecialIds:
    """Ids that only we may write: text never produces one, whatever it says (<unk> stands for unknown characters)."""

    bos: int
    pad: int
    eos: int
    unk: int
    mask: int
    ent: Optional[int]
    ent2: Optional[int]


class Wordpieces(ABC):
    """A wordpiece vocabulary. It never changes, so copies share it; what it reads from files, it reads at first use.

    files (Mapping[str, bytes]): The vocabulary's files by name.
    max_ids (Optional[int]): Rows of the checkpoint's embedding table, if known: markers beyond it do not exist.
    """

    def __init__(self, files: Mapping[str, bytes], *, max_ids: Optional[int] = None) -> None:
        self.files: Dict[str, bytes] = dict(files)
        self.max_ids = max_ids

    @property
    @abstractmethod
    def special(self) -> SpecialIds:
        """Ids of the special pieces."""

    @property
    @abstractmethod
    def vocab_size(self) -> int:
        """One more than the largest id, markers included."""

    @property
    def max_spare_ids(self) -> int:
        """How many more rows than ids a checkpoint may have: some word tables are filled up to a round number."""
        return 127

    @abstractmethod
    def encode_cuts(self, text: str, codes: Ints1d, cuts: Ints1d, *, joined: Optional[Bools1d] = None) -> RaggedPieces:
        """Encode the segments between the cuts of one text, each by itself, in one call of the library.

        text (str): The text, without lone surrogates.
        codes (Ints1d): Its code points. Shape: (n_chars,), uint32.
        cuts (Ints1d): Rising character positions; the first is 0 and the last the text's end. Shape: (n_segments +
            1,).
        joined (Optional[Bools1d]): Whether each segment continues the word before it, so that nothing is put in front
            of it. Shape: (n_segments,), bool.
        RETURNS (RaggedPieces): One length for each segment; offsets count from the start of the text.
        """

    @abstractmethod
    def piece(self, piece_id: int) -> str:
        """A piece as text.

        piece_id (int): Its id.
        RETURNS (str): The piece; "▁" (or "Ġ" in byte-level vocabularies) stands for the space before a word.
        """

    def text(self, piece_id: int) -> str:
        """What a piece stands for in a text.

        piece_id (int): Its id.
        RETURNS (str): The characters, a space among them before a word. Parts of a character show as U+FFFD.
        """
        return self.piece(piece_id).replace("\u2581", " ")

    def pieces(self, piece_ids: Iterable[int]) -> List[str]:
        """Many pieces as text.

        piece_ids (Iterable[int]): Their ids.
        RETURNS (List[str]): The pieces.
        """
        ids = list(piece_ids)
        known = {piece_id: self.piece(int(piece_id)) for piece_id in set(ids)}
        return [known[piece_id] for piece_id in ids]

    def encode_flat(self, texts: Sequence[str], *, joined: Optional[Flags] = None) -> RaggedPieces:
        """Encode texts, each by itself, without building an object for each.

        texts (Sequence[str]): The texts.
        joined (Optional[Flags]): As for `encode`.
        RETURNS (RaggedPieces): Offsets count from the start of the first text.
        """
        cuts = row_offsets(numpy.fromiter(map(len, texts), dtype="int64", count=len(texts)))
        text, codes = code_points("".join(texts))
        flags = None if joined is None else numpy.asarray(joined, dtype=bool)
        return self.encode_cuts(text, codes, cuts, joined=flags)

    def encode(self, texts: Sequence[str], *, joined: Optional[Flags] = None) -> List[TextPieces]:
        """Encode texts, each by itself, in one call of the library.

        texts (Sequence[str]): The texts.
        joined (Optional[Flags]): Whether each text continues the word before it, so that no "▁" is put in front of it:
            the segmentation of pretraining.
        RETURNS (List[TextPieces]): Ids and offsets of each text.
        """
        flat = self.encode_flat(texts, joined=joined)
        starts = row_offsets(flat.lengths)
        found = []
        base = 0
        for text, start, end in zip(texts, starts[:-1], starts[1:], strict=True):
            offsets = (flat.offsets[start:end] - base).astype("int32")
            found.append(TextPieces(ids=flat.ids[start:end], offsets=offsets))
            base += len(text)
        return found

    def to_dir(self, path: Union[str, Path]) -> None:
        """Write the vocabulary's files, as Hugging Face's tokenizers read them.

        path (Union[str, Path]): The directory; it is made if it is missing.
        """
        write_files(Path(path), self.files)

    @property
    def bos_id(self) -> int:
        """Id of <s>."""
        return self.special.bos

    @property
    def pad_id(self) -> int:
        """Id of <pad>."""
        return self.special.pad

    @property
    def eos_id(self) -> int:
        """Id of </s>."""
        return self.special.eos

    @property
    def unk_id(self) -> int:
        """Id of <unk>, the piece of characters that the vocabulary does not know."""
        return self.special.unk

    @property
    def mask_id(self) -> int:
        """Id of <mask>."""
        return self.special.mask

    @property
    def ent_id(self) -> Optional[int]:
        """Id of <ent>, the marker around the first span; None if the checkpoint has none."""
        return self.special.ent

    @property
    def ent2_id(self) -> Optional[int]:
        """Id of <ent2>, the marker around the second span; None if the checkpoint has none."""
        return self.special.ent2

    def __deepcopy__(self, memo: Dict[int, Any]) -> Wordpieces:
        return self

    def __getstate__(self) -> Dict[str, Any]:
        return {"files": self.files, "max_ids": self.max_ids}

    def __setstate__(self, state: Dict[str, Any]) -> None:
        self.__init__(state["files"], max_ids=state["max_ids"])  # type: ignore[misc]


def load_wordpieces(directory: Union[str, Path]) -> Wordpieces:
    """Open the wordpiece vocabulary of a checkpoint.

    directory (Union[str, Path]): A directory in Hugging Face format. sentencepiece.bpe.model is looked for first
        (mLUKE, Japanese LUKE), then vocab.json with merges.txt (LUKE). Markers are looked up by name in
        added_tokens.json and tokenizer_config.json.
    RETURNS (Wordpieces): The vocabulary. Those that are alive and equal are one: parsing XLM-R's takes most of a
        second.
    RAISES (ValueError): ML005 if there is none; ML006 if a file is damaged (vocabularies are parsed at first use).
    """
    path = Path(directory)
    if (path / SENTENCEPIECE).is_file():
        names = [SENTENCEPIECE]
    elif (path / VOCAB).is_file() and (path / MERGES).is_file():
        names = [VOCAB, MERGES]
    else:
        raise ValueError(Errors.ML005.format(path=path))
    # One that is there but no file is an error, not a missing one.
    names += [name for name in SETTINGS if os.path.lexists(path / name)]
    files = {name: _read(path / name) for name in names}
    max_ids = None
    if (path / "config.json").is_file():
        found = read_json({"config.json": _read(path / "config.json")}, "config.json").get("vocab_size")
        max_ids = found if isinstance(found, int) else None
    digests = tuple((name, hashlib.sha256(data).digest()) for name, data in files.items())
    with _sharing:
        found_before = _shared.get((digests, max_ids))
        if found_before is not None:
            return found_before
        opened = _shared[digests, max_ids] = _open_vocabulary(files, max_ids)
        return opened


def _read(file: Path) -> bytes:
    try:
        return read_untrusted(file, most=_MAX_BYTES)
    except (OSError, ValueError) as err:
        raise ValueError(Errors.ML006.format(name=file, reason=err)) from err


def _open_vocabulary(files: Mapping[str, bytes], max_ids: Optional[int]) -> Wordpieces:
    if SENTENCEPIECE in files:
        from .sentencepieces import SentencePieces

        return SentencePieces(files, max_ids=max_ids)
    from .byte_level import ByteLevelPieces

    return ByteLevelPieces(files, max_ids=max_ids)


def read_json(files: Mapping[str, bytes], name: str, *, unique: bool = False) -> Dict[str, Any]:
    """Read one of a vocabulary's JSON files.

    files (Mapping[str, bytes]): Files by name.
    name (str): Which one.
    unique (bool): Whether a name that stands in it twice is an error.
    RETURNS (Dict[str, Any]): Its content; empty if the file is missing.
    RAISES (ValueError): ML006 if it is no JSON object.
    """
    if name not in files:
        return {}
    try:
        found = parse_json(files[name], unique=unique)
    except ValueError as err:
        raise ValueError(Errors.ML006.format(name=name, reason=err)) from err
    if not isinstance(found, dict):
        raise ValueError(Errors.ML006.format(name=name, reason="it holds no JSON object"))
    return found


class AddedTokens:
    """Ids of the pieces that were added to a vocabulary, by name.

    files (Mapping[str, bytes]): Files by name.
    max_ids (Optional[int]): Ids from here on do not exist.
    """

    def __init__(self, files: Mapping[str, bytes], max_ids: Optional[int]) -> None:
        self.config = read_json(files, "tokenizer_config.json")
        self.max_ids = max_ids
        named: Dict[str, Any] = {}
        try:
            for piece_id, token in self.config.get("added_tokens_decoder", {}).items():
                named[token["content"]] = int(piece_id)
        except (AttributeError, KeyError, TypeError, ValueError) as err:
            raise ValueError(Errors.ML006.format(name="tokenizer_config.json", reason=repr(err))) from err
        named.update(read_json(files, "added_tokens.json", unique=True))
        for name, piece_id in named.items():
            check_id(name, piece_id, "added_tokens.json")
        self.ids: Dict[str, int] = named

    def name(self, key: str, default: str) -> str:
        """What a special piece is called here.

        key (str): Its key in tokenizer_config.json.
        default (str): Its usual name.
        RETURNS (str): The name.
        """
        found = self.config.get(key, default)
        if isinstance(found, dict):
            found = found.get("content")
        return str(found or default)

    def has(self, key: str, name: str) -> bool:
        """Whether the files say which id a piece has.

        key (str): Its key in tokenizer_config.json.
        name (str): Its usual name.
        RETURNS (bool): Whether they do.
        """
        return self.name(key, name) in self.ids

    def id(self, key: str, name: str, default: int) -> Optional[int]:
        """The id of a special piece.

        key (str): Its key in tokenizer_config.json.
        name (str): Its usual name.
        default (int): Its id where no file names it: where Hugging Face's tokenizers would add it.
        RETURNS (Optional[int]): None if the checkpoint has no row for it.
        """
        found = self.ids.get(self.name(key, name), default)
        return found if self.max_ids is None or found < self.max_ids else None


def check_id(name: str, piece_id: Any, file: str) -> None:
    """See that an id is one.

    name (str): The piece.
    piece_id (Any): Its id, as the file has it.
    file (str): The file, for the message.
    RAISES (ValueError): ML006 if it is no whole number of 0 to 2^31 - 1.
    """
    if not isinstance(piece_id, int) or isinstance(piece_id, bool) or not 0 <= piece_id < 1 << 31:
        raise ValueError(Errors.ML006.format(name=file, reason=f"the id of '{name}' is {repr(piece_id)[:40]}"))


def check_special(special: SpecialIds, file: str) -> None:
    """See that special pieces can be told apart.

    special (SpecialIds): Their ids.
    file (str): The file to name in the message.
    RAISES (ValueError): ML006 if two have the same id.
    """
    names: Dict[int, str] = {}
    for field, piece_id in vars(special).items():
        if piece_id is None:
            continue
        if piece_id in names:
            reason = f"the special pieces '{names[piece_id]}' and '{field}' have the same id, {piece_id}"
            raise ValueError(Errors.ML006.format(name=file, reason=reason))
        names[piece_id] = field
