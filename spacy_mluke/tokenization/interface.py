"""The interface of wordpiece vocabularies: text in, ids with character offsets out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, Iterable, List, Mapping, Optional, Sequence, Union

import numpy

from ..ragged import row_offsets
from ..storage.files import write_files
from ..types import Bools1d, Ints1d, Ints2d, TextPieces
from .characters import code_points
from .special_pieces import SpecialIds

Flags = Union[Sequence[bool], Bools1d]


@dataclass(frozen=True)
class RaggedPieces:
    """The wordpieces of many texts, end to end, without special pieces."""

    ids: Ints1d  # (n_pieces,) int32
    offsets: Ints2d  # (n_pieces, 2) int64: characters of the joined text; start == end for a piece without characters
    lengths: Ints1d  # (n_texts,) int64


class Wordpieces(ABC):
    """A wordpiece vocabulary. It never changes, so copies share it. Its files are parsed at first use.

    files (Mapping[str, bytes]): The vocabulary's files by name.
    max_ids (Optional[int]): Number of rows of the checkpoint's word table, if known. Markers beyond it do not exist.
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
        """Maximum number of rows without a piece that a word table may have: some are padded to a round number."""
        return 127

    @abstractmethod
    def encode_segments(
        self, text: str, codes: Ints1d, split_points: Ints1d, *, joined: Optional[Bools1d] = None
    ) -> RaggedPieces:
        """Encode the segments between the split points of one text, each by itself, in one call of the library.

        text (str): The text, without lone surrogates.
        codes (Ints1d): Its code points. Shape: (n_chars,), uint32.
        split_points (Ints1d): Rising character positions; the first is 0 and the last the text's end. Shape:
            (n_segments + 1,).
        joined (Optional[Bools1d]): Whether each segment continues the word before it, so that no "▁" is put in front of
            it. Shape: (n_segments,), bool.
        RETURNS (RaggedPieces): The pieces of each segment; offsets count from the start of the text.
        """

    @abstractmethod
    def piece(self, piece_id: int) -> str:
        """Return a piece as the vocabulary writes it.

        piece_id (int): Its id.
        RETURNS (str): The piece; "▁" (or "Ġ" in byte-level vocabularies) stands for the space before a word.
        """

    def text(self, piece_id: int) -> str:
        """Return the text of a piece.

        piece_id (int): Its id.
        RETURNS (str): Its characters, with a space before a word. Parts of a character become U+FFFD.
        """
        return self.piece(piece_id).replace("\u2581", " ")

    def pieces(self, piece_ids: Iterable[int]) -> List[str]:
        """Return many pieces as the vocabulary writes them.

        piece_ids (Iterable[int]): Their ids.
        RETURNS (List[str]): The pieces.
        """
        ids = list(piece_ids)
        known = {piece_id: self.piece(int(piece_id)) for piece_id in set(ids)}
        return [known[piece_id] for piece_id in ids]

    def encode_ragged(self, texts: Sequence[str], *, joined: Optional[Flags] = None) -> RaggedPieces:
        """Encode texts, each by itself, into arrays that lie end to end.

        texts (Sequence[str]): The texts.
        joined (Optional[Flags]): As for `encode`.
        RETURNS (RaggedPieces): The pieces; offsets count from the start of the first text.
        """
        split_points = row_offsets(numpy.fromiter(map(len, texts), dtype="int64", count=len(texts)))
        text, codes = code_points("".join(texts))
        flags = None if joined is None else numpy.asarray(joined, dtype=bool)
        return self.encode_segments(text, codes, split_points, joined=flags)

    def encode(self, texts: Sequence[str], *, joined: Optional[Flags] = None) -> List[TextPieces]:
        """Encode texts, each by itself, in one call of the library.

        texts (Sequence[str]): The texts.
        joined (Optional[Flags]): Whether each text continues the word before it, so that no "▁" is put in front of it.
            LUKE and mLUKE were pretrained with this segmentation.
        RETURNS (List[TextPieces]): Ids and offsets of each text.
        """
        found = self.encode_ragged(texts, joined=joined)
        bounds = row_offsets(found.lengths)
        encoded = []
        text_start = 0
        for text, start, end in zip(texts, bounds[:-1], bounds[1:], strict=True):
            offsets = (found.offsets[start:end] - text_start).astype("int32")
            encoded.append(TextPieces(ids=found.ids[start:end], offsets=offsets))
            text_start += len(text)
        return encoded

    def to_dir(self, path: Union[str, Path]) -> None:
        """Write the vocabulary's files in the form that Hugging Face's tokenizers read.

        path (Union[str, Path]): The directory; created if missing.
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
        """Id of <unk>, the piece of unknown characters."""
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
