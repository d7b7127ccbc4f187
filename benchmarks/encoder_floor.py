"""Measure the encoder, on random input, against the bare matrix products and against a padded LukeModel.

    python -m benchmarks.encoder_floor --size small --rounds 7

Weights and wordpieces are random: only shapes matter. Prints rows (wordpieces and entities) a second of the matrix
products and of the encoder, and their ratio; then seconds of the encoder and of LukeModel for the same sequences.
"""

from __future__ import annotations

import functools
import random
from typing import Callable, Dict, List, Sequence, Tuple

import torch
import torch.nn.functional as F
import typer
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence
from wasabi import msg

from spacy_mluke.network.config import EncoderConfig
from spacy_mluke.network.transformer import LukeEncoder

from .timing import take_turns

SIZES = {"base": (768, 3072), "small": (384, 1536)}
# Mean number of wordpieces and entities in a sequence.
TEXTS = {"paragraphs": [(170, 20)], "sentences": [(30, 4)], "both": [(170, 20), (30, 4)]}
MAX_MENTION_LENGTH = 30
VOCAB_SIZE = 1000
Shapes = List[Tuple[int, int]]

ROUNDS = typer.Option(7, help="Number of rounds")
N_ROWS = typer.Option([512, 1024, 2048], help="Number of wordpieces and entities in a call")
SIZE = typer.Option(list(SIZES), help="Sizes to measure")
VISIBILITY = typer.Option("joint", help="Attention: joint or isolated")
ENTITY_AWARE = typer.Option(False, help="With entity-aware queries, as in LUKE but not in mLUKE")
REFERENCE = typer.Option(48, help="Number of sequences for the comparison with LukeModel; 0: no comparison")


def main(
    rounds: int = ROUNDS,
    n_rows: List[int] = N_ROWS,
    size: List[str] = SIZE,
    visibility: str = VISIBILITY,
    entity_aware: bool = ENTITY_AWARE,
    reference: int = REFERENCE,
) -> None:
    """Measure rows per second and the ratio to the matrix products, and compare with a padded LukeModel."""
    torch.set_grad_enabled(False)
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads, float32, {rounds} rounds")
    table = []
    for name in size:
        config = make_config(name, entity_aware)
        encoder = LukeEncoder(config, visibility=visibility).eval()
        for text in ("paragraphs", "sentences"):
            for limit in n_rows:
                shapes = make_shapes(text, n_rows=limit)
                total = sum(map(sum, shapes))
                systems = {"floor": make_floor(config, total), "ours": make_call(encoder, shapes)}
                timings = take_turns(systems, rounds, warm_up=1)
                ratio = timings.ratio("floor", "ours")
                floor, ours = timings.median("floor"), timings.median("ours")
                row = [name, text, f"{total}", f"{total / floor:,.0f}", f"{total / ours:,.0f}", f"{100 * ratio:.0f} %"]
                table.append(row)
    header = ["size", "texts", "rows", "floor rows/s", "our rows/s", "ratio"]
    msg.table(table, header=header, divider=True, aligns=["l", "l", "r", "r", "r", "r"])
    if reference:
        for name in size:
            compare(name, entity_aware, visibility, reference, rounds)


def compare(size: str, entity_aware: bool, visibility: str, n_sequences: int, rounds: int) -> None:
    """Print seconds of the encoder and of a LukeModel for the same sequences, paragraphs and sentences mixed."""
    from transformers import LukeConfig, LukeModel

    config = make_config(size, entity_aware)
    shapes = make_shapes("both", n_sequences=n_sequences)
    by_length = sorted(shapes, key=sum, reverse=True)
    encoder = LukeEncoder(config, visibility=visibility).eval()
    model = LukeModel(LukeConfig(**config.to_dict())).eval()
    batches = [make_call(encoder, batch) for batch in fill_batches(by_length, 1024)]
    systems: Dict[str, List[Callable[[], object]]] = {"ours": batches}
    for n in (4, 8, 16, 32):
        batches = [make_padded_call(model, by_length[i : i + n]) for i in range(0, n_sequences, n)]
        systems[f"LukeModel, sorted, batches of {n}"] = batches
    batches = [make_padded_call(model, shapes[i : i + 32]) for i in range(0, n_sequences, 32)]
    systems["LukeModel, batches of 32 in arrival order"] = batches
    runs = {name: functools.partial(_run_all, calls) for name, calls in systems.items()}
    timings = take_turns(runs, min(rounds, 3), warm_up=1)
    table = [[name, f"{timings.median(name):.2f}", f"{timings.ratio(name, 'ours'):.2f}"] for name in systems]
    print(f"mluke-{size}'s size, {n_sequences} paragraphs and sentences, {sum(map(sum, shapes))} rows")
    msg.table(table, header=["", "seconds", "relative"], divider=True, aligns=["l", "r", "r"])


def make_config(size: str, entity_aware: bool) -> EncoderConfig:
    """Return a config of mluke-base's or mluke-small's size, with a short vocabulary."""
    width, inner = SIZES[size]
    return EncoderConfig(
        vocab_size=VOCAB_SIZE,
        entity_vocab_size=4,
        hidden_size=width,
        entity_emb_size=256,
        num_hidden_layers=12,
        num_attention_heads=12,
        intermediate_size=inner,
        max_position_embeddings=514,
        type_vocab_size=1,
        layer_norm_eps=1e-5,
        use_entity_aware_attention=entity_aware,
    )


def make_shapes(text: str, *, n_rows: int = 0, n_sequences: int = 0) -> Shapes:
    """Return numbers of wordpieces and entities of random sequences, whose lengths vary as in real text.

    text (str): A key of TEXTS.
    n_rows (int): About how many rows the sequences have in total, if `n_sequences` is 0.
    n_sequences (int): Number of sequences.
    RETURNS (Shapes): Number of wordpieces and of entities, by sequence.
    """
    rng = random.Random(0)
    shapes: Shapes = []
    while len(shapes) < n_sequences or sum(map(sum, shapes)) < n_rows * 0.9:
        pieces, entities = TEXTS[text][len(shapes) % len(TEXTS[text])]
        scatter = min(2.0, max(0.4, rng.gauss(1, 0.35)))
        shapes.append((max(4, round(pieces * scatter)), round(entities * scatter)))
    return shapes


def fill_batches(shapes: Shapes, n_rows: int) -> List[Shapes]:
    """Split a list of sequences into batches of at most `n_rows` rows."""
    batches: List[Shapes] = [[]]
    for shape in shapes:
        if batches[-1] and sum(map(sum, batches[-1])) + sum(shape) > n_rows:
            batches.append([])
        batches[-1].append(shape)
    return batches


def make_floor(config: EncoderConfig, n_rows: int) -> Callable[[], object]:
    """Return a function that computes only the matrix products of the layers, with PyTorch."""
    width, inner = config.hidden_size, config.intermediate_size
    sizes = [(3 * width, width), (width, width), (inner, width), (width, inner)]
    layers = [[(torch.randn(s), torch.randn(s[0])) for s in sizes] for _ in range(config.num_hidden_layers)]
    inputs = {n: torch.randn(n_rows, n) for n in (width, inner)}

    def run() -> None:
        for layer in layers:
            for weight, bias in layer:
                F.linear(inputs[weight.shape[1]], weight, bias)

    return run


def make_call(encoder: LukeEncoder, shapes: Shapes) -> Callable[[], object]:
    """Return a function that runs the encoder on random sequences."""
    ids, entity_ids, bounds = make_inputs(shapes)
    arguments = (
        torch.cat(ids),
        [w for w, _ in shapes],
        torch.cat(entity_ids),
        torch.cat(bounds),
        [e for _, e in shapes],
    )

    def run() -> None:
        encoder(*arguments, max_mention_length=MAX_MENTION_LENGTH)

    return run


def make_padded_call(model: torch.nn.Module, shapes: Shapes) -> Callable[[], object]:
    """Return a function that runs a LukeModel on random sequences, padded to the longest."""
    ids, entity_ids, bounds = make_inputs(shapes)
    positions = [torch.full((len(b), MAX_MENTION_LENGTH), -1) for b in bounds]
    for rows, mentions in zip(positions, bounds, strict=True):
        for row, (start, end) in zip(rows, mentions.tolist(), strict=True):
            row[: end - start] = torch.arange(start, end)
    inputs = {
        "input_ids": pad_sequence(ids, batch_first=True, padding_value=1),
        "attention_mask": pad_sequence([torch.ones(len(i)) for i in ids], batch_first=True),
        "entity_ids": pad_sequence(entity_ids, batch_first=True),
        "entity_attention_mask": pad_sequence([torch.ones(len(i)) for i in entity_ids], batch_first=True),
        "entity_position_ids": pad_sequence(positions, batch_first=True, padding_value=-1),
    }

    def run() -> None:
        model(**inputs)

    return run


def make_inputs(shapes: Shapes) -> Tuple[List[Tensor], List[Tensor], List[Tensor]]:
    """Return random wordpieces, entities and mentions of up to four wordpieces, for each sequence."""
    ids = [torch.randint(3, VOCAB_SIZE, (w,)) for w, _ in shapes]
    entity_ids = [torch.zeros(e, dtype=torch.int64) for _, e in shapes]
    bounds = []
    for w, e in shapes:
        starts = torch.randint(0, w, (e,))
        bounds.append(torch.stack([starts, (starts + torch.randint(1, 5, (e,))).clamp(max=w)], 1))
    return ids, entity_ids, bounds


def _run_all(calls: Sequence[Callable[[], object]]) -> None:
    for call in calls:
        call()


if __name__ == "__main__":
    typer.run(main)
