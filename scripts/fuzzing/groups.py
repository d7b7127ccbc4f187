"""Checks of marked texts and questions, and that the rest of a batch has no influence."""

from __future__ import annotations

import random
from typing import Any, Dict, List

import numpy

from spacy_mluke.align import align_marked, align_questions
from spacy_mluke.tokenization.interface import Wordpieces
from spacy_mluke.types import AlignedBatch

from .cases import Broken
from .documents import FuzzDoc, ragged, random_limit

ENTITY_IDS = [7, 8]


def check_marked(rng: random.Random, docs: List[FuzzDoc], wordpieces: Wordpieces, segmentation: str) -> None:
    """Mark groups of spans; every group with visible characters has a sequence with markers around its spans.

    rng (random.Random): Random numbers.
    docs (List[FuzzDoc]): The documents.
    wordpieces (Wordpieces): The vocabulary.
    segmentation (str): As for `align_marked`.
    RAISES (Broken): If a check fails.
    """
    size = rng.choice((1, 2))
    window = rng.choice((2 + 6 * size, 16, 20, 40, 512))
    special = wordpieces.special
    markers = [special.ent, special.ent2][:size]
    assert all(marker is not None for marker in markers)
    groups = []
    for doc in docs:
        spans = doc.spans or [(0, 0)]
        picked = [[rng.choice(spans) for _ in range(size)] for _ in range(rng.choice((0, 1, 3)))]
        groups.append(numpy.array(picked, dtype="int32").reshape((-1, size, 2)))
    options: Dict[str, Any] = {
        "marker_ids": markers,
        "entity_ids": ENTITY_IDS[:size],
        "segmentation": segmentation,
        "window": window,
        "max_mention_length": rng.choice((1, 5, 30)),
    }
    batch = align_marked([doc.doc for doc in docs], groups, wordpieces, **options)
    sequences = sequences_of(batch)
    n_sequence = 0
    for number, (found, group) in enumerate(zip(batch.docs, groups, strict=True)):
        rows = found.span_rows.reshape((-1, size)).tolist()
        _hold(len(rows) == len(group), f"document {number}: groups")
        own = []
        for entity_rows in rows:
            if entity_rows[0] < 0:
                _hold(set(entity_rows) == {-1}, f"document {number}: half a group")
                continue
            _hold(entity_rows == list(range(n_sequence * size, (n_sequence + 1) * size)), f"document {number}: rows")
            _check_sequence(
                sequences[n_sequence], markers, window, wordpieces, f"document {number}, sequence {n_sequence}"
            )
            own.append(sequences[n_sequence])
            n_sequence += 1
        if number == 0 or rng.random() < 0.05:
            alone = align_marked([docs[number].doc], [group], wordpieces, **options)
            _hold(sequences_of(alone) == own, f"document {number}: its sequence differs between alone and in a batch")
            _hold((alone.docs[0].span_rows < 0).tolist() == (found.span_rows < 0).tolist(), f"document {number}: blank")
    _hold(n_sequence == len(sequences), "number of sequences")


def _check_sequence(found: Dict[str, Any], markers: List[Any], window: int, wordpieces: Wordpieces, where: str) -> None:
    ids = found["pieces"]
    _hold(len(ids) <= window, f"{where}: {len(ids)} pieces in a window of {window}")
    _hold(ids[0] == wordpieces.bos_id and ids[-1] == wordpieces.eos_id, f"{where}: special pieces")
    for marker, (start, end) in zip(markers, found["bounds"], strict=True):
        _hold(ids.count(marker) == 2, f"{where}: markers")
        _hold(ids[start] == marker and ids[end - 1] == marker, f"{where}: an entity without markers at its bounds")
        inner = [piece for piece in ids[start:end] if piece not in markers]
        _hold(bool(inner), f"{where}: nothing between the markers")


def check_questions(rng: random.Random, docs: List[FuzzDoc], wordpieces: Wordpieces, segmentation: str) -> None:
    """Encode questions with documents; every piece of a document is in a window of every question about it.

    rng (random.Random): Random numbers.
    docs (List[FuzzDoc]): The documents; the first ones are also the questions.
    wordpieces (Wordpieces): The vocabulary.
    segmentation (str): As for `align_questions`.
    RAISES (Broken): If a check fails.
    """
    asked = docs[: rng.randint(1, 6)]
    owners = numpy.array([rng.randrange(len(docs)) for _ in asked], dtype="int64")
    options: Dict[str, Any] = {
        "default_entity_id": ENTITY_IDS[0],
        "segmentation": segmentation,
        "window": rng.choice((6, 7, 9, 12, 20, 60, 512)),
        "overlap": rng.choice((0, 1, 4, 128)),
        "max_entities": random_limit(rng),
        "max_mention_length": rng.choice((1, 5, 30)),
    }

    def read(questions: List[FuzzDoc], about: Any, texts: List[FuzzDoc]) -> Any:
        return align_questions(
            [doc.doc for doc in questions], [doc.doc for doc in texts], about, wordpieces,
            question_spans=ragged([doc.spans for doc in questions]), doc_spans=ragged([doc.spans for doc in texts]),
            **options,
        )  # fmt: skip

    batch = read(asked, owners, docs)
    sequences = sequences_of(batch)
    offsets = batch.offsets.tolist()
    ends = numpy.cumsum(batch.piece_lengths).tolist()
    for number, question in enumerate(asked):
        rows = [i for i, n in enumerate(batch.questions.tolist()) if n == number]
        _hold(bool(rows), f"question {number} has no sequence")
        alone = read([question], numpy.zeros(1, dtype="int64"), [docs[owners[number]]])
        _hold(
            sequences_of(alone) == [sequences[i] for i in rows],
            f"question {number}: its sequence differs between alone and in a batch",
        )
        seen = set()
        for i in rows:
            found = sequences[i]
            _hold(len(found["pieces"]) <= options["window"], f"question {number}: longer than a window")
            start, end = batch.context[i].tolist()
            seen |= set(range(int(batch.starts[i]), int(batch.starts[i]) + end - start))
            first = ends[i] - len(found["pieces"])
            text = docs[owners[number]].text
            for at in range(first, ends[i]):
                a, b = offsets[at]
                is_own = start <= at - first < end
                _hold(0 <= a <= b <= len(text) if is_own else (a, b) == (-1, -1), f"question {number}: offsets")
        _hold(seen == set(range(len(seen))), f"question {number}: pieces that are in no window")


def sequences_of(batch: AlignedBatch) -> List[Dict[str, Any]]:
    """Return the pieces and entities of each sequence, as lists."""
    pieces = numpy.cumsum(batch.piece_lengths).tolist()
    entities = numpy.cumsum(batch.entity_lengths).tolist()
    ids, bounds, names = batch.piece_ids.tolist(), batch.entity_bounds.tolist(), batch.entity_ids.tolist()
    found, a, b = [], 0, 0
    for piece_end, entity_end in zip(pieces, entities, strict=True):
        found.append({"pieces": ids[a:piece_end], "bounds": bounds[b:entity_end], "entities": names[b:entity_end]})
        a, b = piece_end, entity_end
    return found


def _hold(is_so: bool, what: str) -> None:
    if not is_so:
        raise Broken(what)
