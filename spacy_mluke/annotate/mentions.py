"""Mentions that were found by their characters, as entities of a Doc."""

from __future__ import annotations

from itertools import pairwise
from typing import Any, Dict, Iterable, List, Optional, Sequence, Tuple

import numpy
from spacy.attrs import LENGTH, SPACY
from spacy.tokens import Doc, Span

from ..types import Ints1d
from .named_entities import pick_flat

Chars = Tuple[int, int]


def token_edges(doc: Doc) -> Tuple[Ints1d, Ints1d]:
    """Characters that tokens begin and end at.

    doc (Doc): The document.
    RETURNS (Tuple[Ints1d, Ints1d]): In text order. Shapes: (n_tokens,) each.
    """
    # Not token by token: of a long document, that would take longer than all else.
    sizes = doc.to_array([LENGTH, SPACY]).astype("int64").reshape((-1, 2))
    heads = numpy.concatenate([[0], sizes.sum(axis=1).cumsum()])[:-1]
    return heads, heads + sizes[:, 0]


def split_tokens(doc: Doc, cuts: Iterable[int]) -> None:
    """Split tokens at characters, so that what begins or ends there becomes a span.

    doc (Doc): The document, changed in place.
    cuts (Iterable[int]): Characters inside tokens.
    """
    starts, ends = token_edges(doc)
    inside: Dict[int, List[int]] = {}
    for cut in sorted(set(cuts)):
        i = int(numpy.searchsorted(starts, cut, side="right")) - 1
        if starts[i] < cut < ends[i]:
            inside.setdefault(i, []).append(cut - int(starts[i]))
    if not inside:
        return
    tokens = [doc[i] for i in inside]
    with doc.retokenize() as retokenizer:
        for token, own in zip(tokens, inside.values(), strict=True):
            orths = [token.text[start:end] for start, end in pairwise([0, *own, len(token)])]
            heads: Any = [(token, 0)] * len(orths)
            retokenizer.split(token, orths, heads=heads)


def mention_span(doc: Doc, place: Chars) -> Optional[Span]:
    """The span that stands at a place.

    doc (Doc): The document.
    place (Chars): First character and end.
    RETURNS (Optional[Span]): None if it begins or ends inside a token.
    """
    return doc.char_span(*place, alignment_mode="strict")


def write_mentions(doc: Doc, spans: Sequence[Span], *, overwrite: bool) -> None:
    """Add mentions to `doc.ents`.

    doc (Doc): The document.
    spans (Sequence[Span]): Mentions with their labels, none overlapping another.
    overwrite (bool): Whether entities that stand there give way to mentions that overlap them; if not, those mentions
        are left out.
    """
    bounds = [(span.start, span.end) for span in spans]
    standing = [(ent.start, ent.end) for ent in doc.ents]
    if overwrite:
        found, kept = list(range(len(spans))), pick_flat(standing, len(doc), bounds)
    else:
        found, kept = pick_flat(bounds, len(doc), standing), list(range(len(standing)))
    ents = list(doc.ents)
    doc.set_ents([*(ents[i] for i in kept), *(spans[i] for i in found)], default="outside")
