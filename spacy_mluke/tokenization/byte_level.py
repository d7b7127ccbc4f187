"""Encode text with the byte-level BPE of RoBERTa: the wordpieces of English LUKE."""

from __future__ import annotations

import re
import warnings
from itertools import chain, pairwise
from typing import TYPE_CHECKING, Dict, List, Mapping, Optional, Tuple

import numpy

from ..errors import Errors, Warnings
from ..types import Bools1d, Ints1d
from .characters import VisibleText, is_space
from .interface import RaggedPieces, Wordpieces
from .special_pieces import AddedTokens, SpecialIds, check_id, check_special
from .vocabulary_files import MERGES, VOCAB, read_json

if TYPE_CHECKING:
    from tokenizers import Tokenizer

# Pieces that no merge produces: special pieces, and those that pad RoBERTa's table.
_NOT_MERGED = re.compile(r"<.*>|\[.*\]|madeupword\d+", re.DOTALL)
# With a larger fraction of pieces that no merge produces, the merges are incomplete or another vocabulary's.
_MAX_WITHOUT_MERGE = 0.01


class ByteLevelPieces(Wordpieces):
    """A byte-level BPE vocabulary. "Ġ" in a piece stands for a space, which belongs to the word after it.

    files (Mapping[str, bytes]): vocab.json, merges.txt, and settings if there are any (`add_prefix_space` in
        tokenizer_config.json puts a space in front of every text).
    max_ids (Optional[int]): Number of rows of the checkpoint's word table, if known.
    """

    def __init__(self, files: Mapping[str, bytes], *, max_ids: Optional[int] = None) -> None:
        super().__init__(files, max_ids=max_ids)
        self._tokenizer: Optional[Tokenizer] = None
        self._special: Optional[SpecialIds] = None
        self._names: Dict[int, str] = {}
        self._add_prefix_space = False

    @property
    def special(self) -> SpecialIds:
        self._open()
        assert self._special is not None
        return self._special

    @property
    def vocab_size(self) -> int:
        self._open()
        return max(self._names) + 1

    def encode_segments(
        self, text: str, codes: Ints1d, split_points: Ints1d, *, joined: Optional[Bools1d] = None
    ) -> RaggedPieces:
        tokenizer = self._open()
        segments = [text[start:end] for start, end in pairwise(split_points.tolist())]
        prefixed = numpy.zeros(len(segments), dtype="int64")
        if self._add_prefix_space:
            for i, segment in enumerate(segments):
                if segment and not segment[0].isspace() and not (joined is not None and joined[i]):
                    segments[i] = " " + segment
                    prefixed[i] = 1
        encodings = tokenizer.encode_batch(segments, add_special_tokens=False)
        segment_ids = [encoding.ids for encoding in encodings]
        lengths = numpy.fromiter(map(len, segment_ids), dtype="int64", count=len(segment_ids))
        total = int(lengths.sum())
        ids = numpy.fromiter(chain.from_iterable(segment_ids), dtype="int32", count=total)
        pairs = chain.from_iterable(encoding.offsets for encoding in encodings)
        flat = numpy.fromiter(chain.from_iterable(pairs), dtype="int64", count=2 * total)
        chars = numpy.maximum(flat.reshape((-1, 2)) - prefixed.repeat(lengths)[:, None], 0)
        chars += split_points[:-1].repeat(lengths)[:, None]
        visible = VisibleText(~is_space(codes))
        offsets = visible.bounds(visible.rank[chars[:, 0]], visible.rank[chars[:, 1]], split_points[1:].repeat(lengths))
        # Merges could produce a special piece from text that spells it. Text must never become one.
        special = self.special
        forbidden = [special.bos, special.pad, special.eos, special.mask, special.ent, special.ent2]
        ids[numpy.isin(ids, [piece_id for piece_id in forbidden if piece_id is not None])] = special.unk
        return RaggedPieces(ids, offsets, lengths)

    def piece(self, piece_id: int) -> str:
        self._open()
        return self._names[piece_id]

    def text(self, piece_id: int) -> str:
        from tokenizers.decoders import ByteLevel

        return ByteLevel().decode([self.piece(piece_id)])

    def _open(self) -> Tokenizer:
        """Return the tokenizer; parse the vocabulary at the first call."""
        if self._tokenizer is None:
            from tokenizers import Tokenizer
            from tokenizers.models import BPE
            from tokenizers.pre_tokenizers import ByteLevel

            vocab: Dict[str, int] = read_json(self.files, VOCAB, unique=True)
            _check_ids(vocab)
            added = AddedTokens(self.files, self.max_ids)
            self._add_prefix_space = bool(added.config.get("add_prefix_space", False))
            try:
                lines = self.files[MERGES].decode("utf8").split("\n")
                merges = [tuple(line.split()) for line in lines if line and not line.startswith("#version")]
                unk = added.name("unk_token", "<unk>")
                # No special piece is added to this tokenizer, so it cannot produce one from text.
                tokenizer = Tokenizer(BPE(vocab=vocab, merges=merges, unk_token=unk))
                special = SpecialIds(
                    bos=vocab[added.name("bos_token", "<s>")],
                    pad=vocab[added.name("pad_token", "<pad>")],
                    eos=vocab[added.name("eos_token", "</s>")],
                    unk=vocab[unk],
                    mask=vocab[added.name("mask_token", "<mask>")],
                    ent=added.id("entity_token_1", "<ent>", len(vocab)),
                    ent2=added.id("entity_token_2", "<ent2>", len(vocab) + 1),
                )
            except KeyError as err:
                raise ValueError(
                    Errors.ML006.format(name=VOCAB, reason=f"it does not contain the piece {err}")
                ) from err
            except Exception as err:  # tokenizers raises a plain Exception for merges that are not in the vocabulary
                raise ValueError(Errors.ML006.format(name=MERGES, reason=str(err).partition("\n")[0])) from err
            check_special(special, VOCAB)
            _check_merges(vocab, merges, special)
            tokenizer.pre_tokenizer = ByteLevel(add_prefix_space=False)
            self._names = {piece_id: piece for piece, piece_id in vocab.items()}
            for key, name, piece_id in (
                ("entity_token_1", "<ent>", special.ent),
                ("entity_token_2", "<ent2>", special.ent2),
            ):
                if piece_id is not None:
                    self._names[piece_id] = added.name(key, name)
            self._special = special
            self._tokenizer = tokenizer
        return self._tokenizer


def _check_ids(vocab: Dict[str, int]) -> None:
    """Check that every piece has a different id.

    RAISES (ValueError): ML006 if two have the same id.
    """
    names: Dict[int, str] = {}
    for name, piece_id in vocab.items():
        check_id(name, piece_id, VOCAB)
        if piece_id in names:
            reason = f"'{names[piece_id]}' and '{name}' have the same id, {piece_id}"
            raise ValueError(Errors.ML006.format(name=VOCAB, reason=reason))
        names[piece_id] = name


def _check_merges(vocab: Dict[str, int], merges: List[Tuple[str, ...]], special: SpecialIds) -> None:
    """Check that merges produce the pieces that need one: a file truncated between two lines parses without an error.

    RAISES (ValueError): ML006 if no merge produces more than 1 % of the pieces; for fewer, it warns (ML118).
    """
    produced = {"".join(pair) for pair in merges}
    special_ids = set(vars(special).values())
    missing = [
        name
        for name, piece_id in vocab.items()
        if len(name) > 1 and name not in produced and piece_id not in special_ids and not _NOT_MERGED.fullmatch(name)
    ]
    if len(missing) > len(vocab) * _MAX_WITHOUT_MERGE:
        reason = f"no merge produces {len(missing):,} of the {len(vocab):,} pieces of {VOCAB}, such as {missing[0]!r}"
        raise ValueError(Errors.ML006.format(name=MERGES, reason=reason))
    if missing:
        text = Warnings.ML118.format(n=len(missing), total=len(vocab), vocab=VOCAB, merges=MERGES, example=missing[0])
        warnings.warn(text, stacklevel=2)
