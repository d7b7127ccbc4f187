"""Measure the encoder on a device, and transformers' `LukeModel` with the same weights."""

from __future__ import annotations

import functools
import tempfile
import time
from pathlib import Path
from typing import Callable, Dict, List, Tuple

import numpy
import spacy
import torch
from spacy.tokens import Doc, Span

from spacy_mluke.checkpoint.huggingface import export_huggingface
from spacy_mluke.checkpoint.load import LoadedEncoder, load_encoder

MENTION = 3
# Number of pieces and entities of sequences, as in paragraphs.
SHAPES = [(24, 2), (48, 4), (96, 8), (160, 12)]
ROUNDS = 3
DTYPES = ("float32", "bfloat16")

Item = Tuple[List[int], List[Tuple[int, int]]]  # pieces, and bounds of the entities


def measure_speed(encoder: str, device: torch.device, n_sequences: int) -> Dict[str, float]:
    """Measure sequences a second of both encoders on the same input, and words a second of a pipeline.

    encoder (str): A checkpoint.
    device (torch.device): The device.
    n_sequences (int): Number of sequences in a round.
    RETURNS (Dict[str, float]): Figures by name; the best of three rounds.
    """
    found: Dict[str, float] = {}
    for dtype in DTYPES:
        loaded = load_encoder(encoder, device=device, dtype=getattr(torch, dtype))
        sequences = _sequences(loaded, n_sequences)
        ours = _best(functools.partial(_run_ours, loaded, sequences, device), device)
        theirs = _best(_reference(encoder, sequences, device, dtype), device)
        found[f"{dtype}: sequences a second"] = n_sequences / ours
        found[f"{dtype}: sequences a second of LukeModel"] = n_sequences / theirs
        found[f"{dtype}: times as fast"] = theirs / ours
    found["nlp.pipe: words a second"] = _words_a_second(encoder, n_sequences, device)
    return found


def _sequences(loaded: LoadedEncoder, n: int) -> List[Item]:
    """Return sequences of random pieces, long ones first."""
    rng = numpy.random.default_rng(0)
    most = loaded.config.max_pieces
    found: List[Item] = []
    for i in range(n):
        n_pieces, n_entities = SHAPES[i % len(SHAPES)]
        n_pieces = min(n_pieces, most)
        pieces = rng.integers(4, loaded.wordpieces.mask_id, size=n_pieces).tolist()
        starts = rng.integers(1, n_pieces - MENTION, size=n_entities).tolist()
        found.append((pieces, [(start, start + MENTION) for start in starts]))
    return sorted(found, key=lambda item: -len(item[0]))


def _batches(sequences: List[Item]) -> List[List[Item]]:
    return [sequences[start : start + 32] for start in range(0, len(sequences), 32)]


def _run_ours(loaded: LoadedEncoder, sequences: List[Item], device: torch.device) -> None:
    for batch in _batches(sequences):
        loaded.network(
            torch.tensor([piece for pieces, _ in batch for piece in pieces], device=device),
            [len(pieces) for pieces, _ in batch],
            torch.full((sum(len(bounds) for _, bounds in batch),), loaded.entities.mask_id, device=device),
            torch.tensor([pair for _, bounds in batch for pair in bounds], device=device).view(-1, 2),
            [len(bounds) for _, bounds in batch],
            max_mention_length=30,
        )


def _reference(encoder: str, sequences: List[Item], device: torch.device, dtype: str) -> Callable[[], None]:
    from transformers import LukeModel

    loaded = load_encoder(encoder)
    with tempfile.TemporaryDirectory() as folder:
        export_huggingface(loaded, Path(folder))
        network = LukeModel.from_pretrained(folder).to(device=device, dtype=getattr(torch, dtype)).eval()
    mask, pad = loaded.entities.mask_id, loaded.wordpieces.pad_id

    def run() -> None:
        for batch in _batches(sequences):
            width, most = max(len(pieces) for pieces, _ in batch), max(len(bounds) for _, bounds in batch)
            ids = numpy.full((len(batch), width), pad)
            attended = numpy.zeros((len(batch), width), dtype="int64")
            entity_attended = numpy.zeros((len(batch), most), dtype="int64")
            positions = numpy.full((len(batch), most, 30), -1)
            for i, (pieces, bounds) in enumerate(batch):
                ids[i, : len(pieces)], attended[i, : len(pieces)] = pieces, 1
                entity_attended[i, : len(bounds)] = 1
                for j, (start, end) in enumerate(bounds):
                    positions[i, j, : end - start] = numpy.arange(start, end)
            network(
                input_ids=torch.from_numpy(ids).to(device),
                attention_mask=torch.from_numpy(attended).to(device),
                entity_ids=torch.full((len(batch), most), mask, device=device),
                entity_attention_mask=torch.from_numpy(entity_attended).to(device),
                entity_position_ids=torch.from_numpy(positions).to(device),
            )

    return run


def _best(run: Callable[[], None], device: torch.device) -> float:
    """Return the seconds of the fastest round, after one round of warm-up."""
    times = []
    with torch.no_grad():
        for _ in range(ROUNDS + 1):
            started = time.perf_counter()
            run()
            if device.type == "cuda":
                torch.cuda.synchronize(device)
            times.append(time.perf_counter() - started)
    return min(times[1:])


def _words_a_second(encoder: str, n: int, device: torch.device) -> float:
    nlp = spacy.blank("xx")
    nlp.add_pipe("mluke", config={"model": {"name": encoder}})
    nlp.initialize()

    def run() -> None:
        docs = []
        for i in range(n):
            doc = Doc(nlp.vocab, words=["Tokyo", "is", "the", "capital", "of", "Japan", "."] * (1 + i % 8))
            doc.ents = [Span(doc, start, start + 1, "X") for start in range(0, len(doc), 7)]
            docs.append(doc)
        list(nlp.pipe(docs))

    n_words = sum(7 * (1 + i % 8) for i in range(n))
    return n_words / _best(run, device)
