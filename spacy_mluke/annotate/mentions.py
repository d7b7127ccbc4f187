"""Write mentions, found by their characters, to `doc.ents`."""

from __future__ import annotations

from contextlib import suppress
from itertools import pairwise
from typing import Any, Dict, Iterable, List, Optional, Sequence, Tuple

import numpy
from spacy.attrs import LENGTH, SPACY
from spacy.tokens import Doc, Span

from ..ragged import row_offsets
from ..types import Ints1d
from .named_entities import blocked_tokens
from .selection import pick_flat

Chars = Tuple[int, int]


def token_edges(doc: Doc) -> Tuple[Ints1d, Ints1d]:
    """Return the first character and the end of every token.

    doc (Doc): The document.
    RETURNS (Tuple[Ints1d, Ints1d]): In text order. Shapes: (n_tokens,) each.
    """
    # Vectorized: a loop over the tokens of a long document would take longer than everything else.
    sizes = doc.to_array([LENGTH, SPACY]).astype("int64").reshape((-1, 2))
    heads = numpy.concatenate([[0], sizes.sum(axis=1).cumsum()])[:-1]
    return heads, heads + sizes[:, 0]


def inside_tokens(starts: Ints1d, ends: Ints1d, chars: Ints1d) -> Tuple[Ints1d, Ints1d]:
    """Select the characters that are inside tokens: neither the first character of a token nor between tokens.

    starts (Ints1d): First character of every token, as returned by `token_edges`.
    ends (Ints1d): End of every token.
    chars (Ints1d): Character positions, not negative.
    RETURNS (Tuple[Ints1d, Ints1d]): Those positions, and the number of the token of each. Shapes: (n_inside,) each.
    """
    owners = numpy.searchsorted(starts, chars, side="right") - 1
    is_inside = (owners >= 0) & (chars > starts[owners]) & (chars < ends[owners])
    return chars[is_inside], owners[is_inside]


def split_tokens(doc: Doc, cuts: Iterable[int]) -> None:
    """Split tokens at characters, so that spans can begin and end there. The spans of `doc.spans` keep their text.

    doc (Doc): The document, changed in place.
    cuts (Iterable[int]): Characters; those that are not inside a token change nothing.
    """
    if not len(doc):
        return
    starts, ends = token_edges(doc)
    chars, owners = inside_tokens(starts, ends, numpy.unique(numpy.fromiter(cuts, dtype="int64")))
    inside: Dict[int, List[int]] = {}
    for i, char in zip(owners.tolist(), (chars - starts[owners]).tolist(), strict=True):
        inside.setdefault(i, []).append(char)
    if not inside:
        return
    tokens = [doc[i] for i in inside]
    groups = _readable_groups(doc)
    with doc.retokenize() as retokenizer:
        for token, own in zip(tokens, inside.values(), strict=True):
            orths = [token.text[start:end] for start, end in pairwise([0, *own, len(token)])]
            heads: Any = [(token, 0)] * len(orths)
            retokenizer.split(token, orths, heads=heads)
    n_parts = numpy.ones(len(starts), dtype="int64")
    numpy.add.at(n_parts, owners, 1)
    places = row_offsets(n_parts).tolist()  # the first new token of each old token, and the end
    # spaCy moves the spans of entities only.
    for group, spans in groups:
        for i, (start, end, label, kb_id, span_id) in enumerate(spans):
            group[i] = Span(doc, places[start], places[end], label=label, kb_id=kb_id, span_id=span_id)


def _readable_groups(doc: Doc) -> List[Tuple[Any, List[Tuple[int, int, int, int, int]]]]:
    """The groups of `doc.spans`, each once, with first token, end, label, link and id of their spans. Without those
    that end after the document: spaCy leaves them so when tokens are merged."""
    found = []
    for group in {id(group): group for group in doc.spans.values()}.values():
        with suppress(IndexError):
            found.append((group, [(span.start, span.end, span.label, span.kb_id, span.id) for span in group]))
    return found


def mention_span(doc: Doc, place: Chars) -> Optional[Span]:
    """Return the span with the given character bounds.

    doc (Doc): The document.
    place (Chars): First character and end.
    RETURNS (Optional[Span]): None if a bound is inside a token.
    """
    return doc.char_span(*place, alignment_mode="strict")


def write_mentions(doc: Doc, spans: Sequence[Span], *, overwrite: bool) -> None:
    """Add mentions to `doc.ents`.

    doc (Doc): The document.
    spans (Sequence[Span]): Mentions with their labels, without overlaps.
    overwrite (bool): Whether mentions replace existing entities and blocked tokens (see `Doc.set_ents`) that they
        overlap. If not, those mentions are skipped.
    """
    bounds = [(span.start, span.end) for span in spans]
    ents, blocked = list(doc.ents), blocked_tokens(doc)
    existing = [*((ent.start, ent.end) for ent in ents), *blocked]
    if overwrite:
        found, kept = list(range(len(spans))), pick_flat(existing, len(doc), bounds)
    else:
        found, kept = pick_flat(bounds, len(doc), existing), list(range(len(existing)))
    still_blocked = [doc[slice(*existing[i])] for i in kept if i >= len(ents)]
    kept_ents = [ents[i] for i in kept if i < len(ents)]
    doc.set_ents([*kept_ents, *(spans[i] for i in found)], blocked=still_blocked, default="outside")
