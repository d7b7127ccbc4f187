"""`debug-align`: show the wordpieces of a text, and the positions of its entities."""

from __future__ import annotations

import itertools
from typing import Any, Dict, List, Optional, Tuple, cast

import numpy
import typer
from spacy.tokens import Doc
from wasabi import msg

from ._common import find_mention

TEXT = typer.Argument(..., help="The text")
SPANS = typer.Option([], "--span", "-s", help="A mention: its text, or START:END in characters. Can be repeated")
NAME = typer.Option("mluke-small", "--name", help="Checkpoint: mluke-small, a directory or a hub name")
LANG = typer.Option("xx", "--lang", "-l", help="Language of the tokenizer")
SEGMENTATION = typer.Option("published", help="How text around entities is split: published, pretraining or plain")
WINDOW = typer.Option(512, help="Maximum number of wordpieces in a window")
OVERLAP = typer.Option(128, help="Number of wordpieces that neighbouring windows share")
MAX_ENTITIES = typer.Option(128, help="Maximum number of entities in a sequence")


def debug_align(
    text: str = TEXT,
    span: List[str] = SPANS,
    name: str = NAME,
    lang: str = LANG,
    segmentation: str = SEGMENTATION,
    window: int = WINDOW,
    overlap: int = OVERLAP,
    max_entities: int = MAX_ENTITIES,
) -> None:
    """Show tokens, wordpieces, offsets, entities and windows of a text."""
    import spacy
    from thinc.api import Ragged

    from ..align import align
    from ..checkpoint.base import find_wordpieces
    from ..tokenization.load import load_wordpieces
    from .demo_texts import make_doc

    nlp = spacy.blank(lang)
    mentions = sorted({find_mention(text, mention) for mention in span})
    wordpieces = load_wordpieces(find_wordpieces(name))
    doc = make_doc(nlp, text, mentions) if _no_overlap(mentions) else nlp.make_doc(text)
    found = (doc.char_span(start, end, alignment_mode="expand") for start, end in mentions)
    bounds = [(s.start, s.end) for s in found if s is not None]
    rows = numpy.asarray(bounds, dtype="int32").reshape((-1, 2))
    spans = Ragged(cast(Any, rows), cast(Any, numpy.asarray([len(bounds)], dtype="int32")))
    batch = align(
        [doc],
        spans,
        wordpieces,
        default_entity_id=0,
        segmentation=segmentation,
        window=window,
        overlap=overlap,
        max_entities=max_entities,
    )
    aligned = batch.docs[0]
    strings = wordpieces.pieces(batch.piece_ids[aligned.piece_rows].tolist())
    print_tokens(doc, aligned.token_bounds, strings, aligned.piece_offsets, bounds)
    print_sequences(batch.piece_lengths, batch.entity_lengths, batch.entity_bounds, entity_texts(doc, aligned, bounds))


def print_tokens(
    doc: Doc,
    token_bounds: numpy.ndarray,
    strings: List[str],
    offsets: numpy.ndarray,
    bounds: List[Tuple[int, int]],
) -> None:
    """Print a row for each token: its wordpieces, their character offsets, and its entities."""
    rows = []
    for token, (start, end) in zip(doc, token_bounds.tolist(), strict=True):
        owners = [str(i + 1) for i, (first, last) in enumerate(bounds) if first <= token.i < last]
        characters = " ".join(f"{a}-{b}" for a, b in offsets[start:end].tolist())
        rows.append(
            (token.i, repr(token.text), " ".join(strings[start:end]) or "-", characters or "-", ",".join(owners))
        )
    msg.divider("Tokens")
    msg.table(rows, header=("", "token", "wordpieces", "characters", "entity"), divider=True)


def print_sequences(
    piece_lengths: numpy.ndarray,
    entity_lengths: numpy.ndarray,
    entity_bounds: numpy.ndarray,
    texts: Dict[int, str],
) -> None:
    """Print a row for each sequence: its size, and the positions of its entities, where <s> is 0."""
    msg.divider("Sequences")
    rows = []
    row = 0
    for i, (n_pieces, n_entities) in enumerate(zip(piece_lengths.tolist(), entity_lengths.tolist(), strict=True)):
        positions = [
            f"{texts[row + k]} [{start}-{end - 1}]"
            for k, (start, end) in enumerate(entity_bounds[row : row + n_entities].tolist())
        ]
        rows.append((i + 1, n_pieces, n_entities, ", ".join(positions)))
        row += n_entities
    msg.table(rows, header=("", "wordpieces", "entities", "positions"), divider=True)


def entity_texts(doc: Doc, aligned: object, bounds: List[Tuple[int, int]]) -> Dict[int, str]:
    """Return the texts of the batch's entities, by row."""
    span_rows: Optional[numpy.ndarray] = getattr(aligned, "span_rows", None)
    assert span_rows is not None
    return {int(row): doc[a:b].text for row, (a, b) in zip(span_rows.tolist(), bounds, strict=True) if row >= 0}


def _no_overlap(mentions: List[Tuple[int, int]]) -> bool:
    return all(end <= start for (_, end), (start, _) in itertools.pairwise(mentions))
