"""Wordpieces of English LUKE: byte-level BPE, as RoBERTa has it."""

from __future__ import annotations

import re
import warnings
from itertools import chain, pairwise
from typing import TYPE_CHECKING, Dict, List, Mapping, Optional, Tuple

import numpy

from ..errors import Errors, Warnings
from ..types import Bools1d, Ints1d
from .characters import VisibleText, is_space
from .wordpieces import (
    MERGES,
    VOCAB,
    AddedTokens,
    RaggedPieces,
    SpecialIds,
    Wordpieces,
    check_id,
    check_special,
    read_json,
)

if TYPE_CHECKING:
    from tokenizers import Tokenizer

# Pieces that no merge makes, by their looks: special ones, and those that filled RoBERTa's table up.
_NOT_MERGED = re.compile(r"<.*>|\[.*\]|madeupword\d+", re.DOTALL)
# Share of a vocabulary that no merge makes, from which on its merges are another's, or cut short.
_TOO_MANY = 0.01


class ByteLevelPieces(Wordpieces):
    """A byte-level BPE vocabulary. "Ġ" in a piece stands for a space, which belongs to the word after it.

    files (Mapping[str, bytes]): vocab.json and merges.txt, and settings if there are any (`add_prefix_space` of
        tokenizer_config.json puts a space in front of every text).
    max_ids (Optional[int]): Rows of the checkpoint's embedding table, if known.
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

    def encode_cuts(self, text: str, codes: Ints1d, cuts: Ints1d, *, joined: Optional[Bools1d] = None) -> RaggedPieces:
        tokenizer = self._open()
        bounds = cuts.tolist()
        segments = [text[start:end] for start, end in pairwise(bounds)]
        prefixed = numpy.zeros(len(segments), dtype="int64")
        if self._add_prefix_space:
            for i, segment in enumerate(segments):
                if segment and not segment[0].isspace() and not (joined is not None and joined[i]):
                    segments[i] = " " + segment
                    prefixed[i] = 1
        encodings = tokenizer.encode_batch(segments, add_special_tokens=False)
        rows = [encoding.ids for encoding in encodings]
        lengths = numpy.fromiter(map(len, rows), dtype="int64", count=len(rows))
        total = int(lengths.sum())
        ids = numpy.fromiter(chain.from_iterable(rows), dtype="int32", count=total)
        pairs = chain.from_iterable(encoding.offsets for encoding in encodings)
        flat = numpy.fromiter(chain.from_iterable(pairs), dtype="int64", count=2 * total)
        chars = numpy.maximum(flat.reshape((-1, 2)) - prefixed.repeat(lengths)[:, None], 0)
        chars += cuts[:-1].repeat(lengths)[:, None]
        shown = VisibleText(~is_space(codes))
        offsets = shown.bounds(shown.rank[chars[:, 0]], shown.rank[chars[:, 1]], cuts[1:].repeat(lengths))
        # Merges could spell a special piece; text that does is text all the same.
        special = self.special
        written = [special.bos, special.pad, special.eos, special.mask, special.ent, special.ent2]
        ids[numpy.isin(ids, [piece_id for piece_id in written if piece_id is not None])] = special.unk
        return RaggedPieces(ids, offsets, lengths)

    def piece(self, piece_id: int) -> str:
        self._open()
        return self._names[piece_id]

    def text(self, piece_id: int) -> str:
        from tokenizers.decoders import ByteLevel

        return ByteLevel().decode([self.piece(piece_id)])

    def _open(self) -> Tokenizer:
        """Parse the vocabulary, once."""
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
                # No special piece is added to this tokenizer: it cannot read one from text.
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
                raise ValueError(Errors.ML006.format(name=VOCAB, reason=f"it has no piece {err}")) from err
            except Exception as err:  # tokenizers raises plain Exception for merges that the vocabulary lacks
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
    """See that every piece has an id of its own.

    RAISES (ValueError): ML006.
    """
    names: Dict[int, str] = {}
    for name, piece_id in vocab.items():
        check_id(name, piece_id, VOCAB)
        if piece_id in names:
            reason = f"'{names[piece_id]}' and '{name}' have the same id, {piece_id}"
            raise ValueError(Errors.ML006.format(name=VOCAB, reason=reason))
        names[piece_id] = name


def _check_merges(vocab: Dict[str, int], merges: List[Tuple[str, ...]], special: SpecialIds) -> None:
    """See that there are merges for the pieces that need one: a file that is cut short between two lines looks whole.

    RAISES (ValueError): ML006 if more than 1 % of them have none; of fewer, it warns (ML118).
    """
    made = {"".join(pair) for pair in merges}
    written = set(vars(special).values())
    missing = [
        name
        for name, piece_id in vocab.items()
        if len(name) > 1 and name not in made and piece_id not in written and not _NOT_MERGED.fullmatch(name)
    ]
    if len(missing) > len(vocab) * _TOO_MANY:
        reason = (
            f"it makes {len(missing):,} of the {len(vocab):,} pieces of {VOCAB} no more, {missing[0]!r} for instance"
        )
        raise ValueError(Errors.ML006.format(name=MERGES, reason=reason))
    if missing:
        text = Warnings.ML118.format(n=len(missing), total=len(vocab), vocab=VOCAB, merges=MERGES, example=missing[0])
        warnings.warn(text, stacklevel=2)
