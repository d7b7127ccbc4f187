"""A second, slow and simple implementation of alignment: by document and by character, in plain Python.

It does not use spacy_mluke.align. Wordpieces come from the libraries sentencepiece and tokenizers.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from itertools import pairwise
from typing import Dict, List, Optional, Sequence, Set, Tuple

Bounds = Tuple[int, int]


@dataclass
class Piece:
    """A wordpiece and its character bounds; start == end if it covers no characters."""

    id: int
    start: int
    end: int

    @property
    def is_shown(self) -> bool:
        return self.end > self.start


class SlowSentencePiece:
    """Sentencepiece with XLM-R's ids.

    processor (SentencePieceProcessor): The model.
    """

    def __init__(self, processor) -> None:
        self.processor = processor
        self.bos, self.eos, self.unk = 0, 2, 3
        self.mask = len(processor) + 1
        self._normal: Dict[str, str] = {}

    def encode(self, text: str, is_joined: bool) -> List[Piece]:
        """Return the pieces of a segment, with characters counted from its start."""
        ids = self.processor.encode(text, out_type=int)
        shown = [piece.replace("▁", "") for piece in self.processor.encode(text, out_type=str)]
        ours = [self.unk if piece_id == self.processor.unk_id() else piece_id + 1 for piece_id in ids]
        normal = list(map(self._normalize, text))
        owners = [i for i, found in enumerate(normal) for _ in found]
        if "".join(normal) == "".join(shown):
            pieces, at = [], 0
            for piece_id, surface in zip(ours, shown, strict=True):
                pieces.append(Piece(piece_id, *_covered(owners, at, at + len(surface), len(text))))
                at += len(surface)
        else:
            pieces = self._ask(text, ours, shown, owners)
        if is_joined and pieces:
            name = self.processor.id_to_piece(ids[0]) if pieces[0].id != self.unk else ""
            inside = self.processor.piece_to_id(name[1:]) if name.startswith("▁") and name != "▁" else -1
            if name == "▁":
                del pieces[0]
            elif inside not in (-1, self.processor.unk_id()):
                pieces[0].id = inside + 1
        return pieces

    def is_visible(self, char: str) -> bool:
        return bool(self._normalize(char))

    def _ask(self, text: str, ids: List[int], shown: List[str], owners: List[int]) -> List[Piece]:
        """Return the characters that are merged into one; only the library has this information."""
        pieces = []
        found = self.processor.encode(text, return_type="offset_mapping")["offsets"]
        for piece_id, surface, (start, end) in zip(ids, shown, found, strict=True):
            first, last = bisect_left(owners, start), bisect_left(owners, end)
            if surface and first == last:
                # One of several pieces of a character; only the last piece has its position.
                last = bisect_left(owners, min(end + 1, len(text)))
            pieces.append(Piece(piece_id, *_covered(owners, first, last, len(text))))
        return pieces

    def _normalize(self, char: str) -> str:
        found = self._normal.get(char)
        if found is None:
            found = self._normal[char] = self.processor.normalize(char).replace("▁", "")
        return found


def _covered(owners: List[int], first: int, end: int, length: int) -> Bounds:
    """Return the characters of a range of normalized ones; a partial character at the end belongs to the next piece."""
    if first >= len(owners):
        return length, length
    if end <= first:
        return owners[first], owners[first]
    last = owners[min(end, len(owners)) - 1]
    if end < len(owners) and owners[end] == last and owners[first] != last:
        last = max(owner for owner in owners[first:end] if owner != last)
    return owners[first], last + 1


class SlowByteLevel:
    """Byte-level BPE.

    tokenizer (Tokenizer): The library's tokenizer, without special pieces.
    vocab (Dict[str, int]): Ids by piece.
    """

    def __init__(self, tokenizer, vocab: Dict[str, int]) -> None:
        self.tokenizer = tokenizer
        self.bos, self.eos, self.unk, self.mask = (vocab[name] for name in ("<s>", "</s>", "<unk>", "<mask>"))

    def encode(self, text: str, is_joined: bool) -> List[Piece]:
        """Return the pieces of a segment; a piece covers the characters that its bytes belong to, except spaces."""
        owners = [i for i, char in enumerate(text) for _ in char.encode("utf8")]
        following = [len(text)]  # the next visible character at or after each position, from the right
        for i in range(len(text) - 1, -1, -1):
            following.append(following[-1] if text[i].isspace() else i)
        pieces, at = [], 0
        found = self.tokenizer.encode(text, add_special_tokens=False)
        for piece_id, name in zip(found.ids, found.tokens, strict=True):
            covered = [i for i in owners[at : at + len(name)] if not text[i].isspace()]
            place = following[len(text) - owners[at]]
            pieces.append(Piece(piece_id, covered[0], covered[-1] + 1) if covered else Piece(piece_id, place, place))
            at += len(name)
        return pieces

    def is_visible(self, char: str) -> bool:
        return not char.isspace()


def is_space(char: str) -> bool:
    return char.isspace()


def moved_cut(text: str, at: int) -> int:
    """Move a boundary after a space to before the space."""
    return at - 1 if at > 0 and text[at - 1] == " " else at


@dataclass
class SlowDoc:
    """The wordpieces of a document, and those of its spans and tokens."""

    pieces: List[Piece]
    spans: List[Bounds]  # (0, 0) for a span of whitespace


def read_doc(
    text: str,
    tokens: Sequence[Bounds],
    spans: Sequence[Bounds],
    vocabulary,
    segmentation: str,
    split_tokens: bool,
    masks: Optional[Sequence[int]],
) -> SlowDoc:
    """Split a document into wordpieces.

    text (str): The text.
    tokens (Sequence[Bounds]): Character bounds of the tokens.
    spans (Sequence[Bounds]): Token bounds of the spans.
    vocabulary: A SlowSentencePiece or SlowByteLevel.
    segmentation (str): As for `align`.
    split_tokens (bool): As for `align`.
    masks (Optional[Sequence[int]]): Number of `<mask>` pieces that replace each span's words; 0: no replacement.
    RETURNS (SlowDoc): The pieces.
    """
    chars = [(tokens[a][0], tokens[b - 1][1]) if b > a else (0, 0) for a, b in spans]
    cuts_at = [segmentation != "plain" or bool(masks and masks[i]) for i in range(len(spans))]
    cuts: Set[int] = {0, len(text)}
    if split_tokens and segmentation != "plain" and masks is None:
        cuts |= {moved_cut(text, at) for token in tokens for at in token}
    cuts |= {moved_cut(text, at) for i, bounds in enumerate(chars) if cuts_at[i] for at in bounds}
    places = sorted(cuts)
    pieces: List[Piece] = []
    first_piece = {0: 0}
    joins = segmentation == "pretraining" or (masks is not None and segmentation == "plain")
    for start, end in pairwise(places):
        is_joined = joins and start > 0 and not is_space(text[start]) and not is_space(text[start - 1])
        first_piece[start] = len(pieces)
        pieces += [Piece(p.id, p.start + start, p.end + start) for p in vocabulary.encode(text[start:end], is_joined)]
        first_piece[end] = len(pieces)
    found = []
    for i, (start, end) in enumerate(chars):
        if cuts_at[i]:
            rows = list(range(first_piece[moved_cut(text, start)], first_piece[moved_cut(text, end)]))
        else:
            rows = sharing(pieces, start, end)
        found.append((rows[0], rows[-1] + 1) if any(pieces[row].is_shown for row in rows) else (0, 0))
    if masks is not None:
        return _put_masks(pieces, found, chars, masks, vocabulary.mask)
    return SlowDoc(pieces, found)


def sharing(pieces: Sequence[Piece], start: int, end: int) -> List[int]:
    """Return the pieces from the first to the last one that shares a character with a range."""
    rows = []
    for i, piece in enumerate(pieces):
        if piece.start >= end:
            break
        if piece.end > start and piece.end > piece.start:
            rows.append(i)
    return list(range(rows[0], rows[-1] + 1)) if rows else []


def _put_masks(
    pieces: List[Piece], spans: List[Bounds], chars: Sequence[Bounds], masks: Sequence[int], mask_id: int
) -> SlowDoc:
    """Replace the pieces of masked spans."""
    owner = {}
    for i, (start, end) in enumerate(spans):
        if masks[i]:
            owner.update(dict.fromkeys(range(start, end), i))
    new: List[Piece] = []
    moved: Dict[int, Bounds] = {}  # new positions of the old pieces
    begun: Dict[int, Bounds] = {}
    for row, piece in enumerate(pieces):
        if row not in owner:
            moved[row] = (len(new), len(new) + 1)
            new.append(piece)
            continue
        i = owner[row]
        if i not in begun:
            begun[i] = (len(new), len(new) + masks[i])
            new += [Piece(mask_id, *chars[i]) for _ in range(masks[i])]
        moved[row] = begun[i]
    return SlowDoc(new, [(moved[a][0], moved[b - 1][1]) if b > a else (0, 0) for a, b in spans])


def window_starts(n_pieces: int, room: int, overlap: int, spans: Sequence[Bounds]) -> List[int]:
    """Return windows: evenly distributed ones, and more for spans that are not completely in one of them."""
    if n_pieces <= room:
        return [0]
    step = room - min(overlap, room // 2)
    n_windows = -(-(n_pieces - room) // step) + 1
    starts = [i * (n_pieces - room) // (n_windows - 1) for i in range(n_windows)]
    groups: List[List[int]] = []
    for start, end in sorted({span for span in spans if not any(s <= span[0] and span[1] <= s + room for s in starts)}):
        if groups and max(groups[-1][1], end) - groups[-1][0] <= room:
            groups[-1][1] = max(groups[-1][1], end)
        else:
            groups.append([start, end])
    added = [min(max((start + end - room) // 2, 0), n_pieces - room) for start, end in groups]
    return sorted({*starts, *added})


def best_window(starts: Sequence[int], bounds: Bounds, n_pieces: int, room: int) -> int:
    """Return the window with the most context on the side with less context; the first of equal ones."""
    best, most = -1, -1
    for i, start in enumerate(starts):
        left, right = bounds[0] - start, start + room - bounds[1]
        if left < 0:
            break
        if right < 0:
            continue
        if start == 0:
            left = n_pieces + 1
        if start + room >= n_pieces:
            right = n_pieces + 1
        context = left if left < right else right
        if context > most:
            best, most = i, context
    return best
