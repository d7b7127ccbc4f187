"""`info`: show the content of a checkpoint."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Dict, Iterable, List, Tuple

import typer

if TYPE_CHECKING:
    from ..checkpoint.directory import Checkpoint
    from ..vocabulary.entity_vocabulary import EntityVocabulary

NAME = typer.Argument("mluke-small", help="Checkpoint: mluke-small, a directory or a hub name")
ENTITIES = typer.Option(False, "--entities", help="Count entity names, building their database if it is missing")

Rows = List[Tuple[str, str]]


def info(name: str = NAME, entities: bool = ENTITIES) -> None:
    """Show the sizes, files, vocabularies, special ids and heads of a checkpoint."""
    from wasabi import msg

    from ._common import progress_bar

    with progress_bar() as progress:
        from ..checkpoint.directory import open_checkpoint
        from ..vocabulary.entity_vocabulary import EntityVocabulary

        checkpoint = open_checkpoint(name)
        vocabulary = EntityVocabulary.from_dir(checkpoint.entities_path)
        if entities and not vocabulary.is_ready:
            vocabulary.open(progress)
        sections = {
            f"Checkpoint {name}": describe_files(checkpoint),
            "Encoder": describe_encoder(checkpoint),
            "Wordpieces": describe_wordpieces(checkpoint),
            "Entities": describe_entities(checkpoint, vocabulary),
            "Heads and other tensors": describe_rest(checkpoint),
        }
    for title, rows in sections.items():
        msg.divider(title)
        msg.table(rows)


def describe_files(checkpoint: Checkpoint) -> Rows:
    """Describe the kind of checkpoint and its files.

    checkpoint (Checkpoint): The checkpoint.
    RETURNS (Rows): Labels and texts.
    """
    from ..vocabulary.special_entities import NAMES

    files = [f"{file.name} ({_megabytes(file.stat().st_size)})" for file in checkpoint.files] or ["none"]
    lite = checkpoint.config.entity_vocab_size <= len(NAMES)
    family = f"LUKE with {_pieces_kind(checkpoint.wordpieces_path)}, "
    family += "lite: special entities only" if lite else "full: named entities"
    rows = [("family", family), ("directory", str(checkpoint.path)), ("weights", ", ".join(files))]
    if checkpoint.base is not None:
        rows.append(("trained from", f"{checkpoint.base.path}, which has all weights that are not in these files"))
    if checkpoint.source is not None:
        rows.append(("from the hub", "{name} at commit {commit}".format(**checkpoint.source)))
    return rows


def describe_encoder(checkpoint: Checkpoint) -> Rows:
    """Describe the sizes of the encoder.

    checkpoint (Checkpoint): The checkpoint.
    RETURNS (Rows): Labels and texts.
    """
    from ..checkpoint.tensor_names import ENTITIES, WORDS
    from ..network.precision import choose_dtype

    config, tensors = checkpoint.config, checkpoint.tensors.encoder
    sizes = {name: tensor.numel() for name, tensor in tensors.items()}
    # Quantized word embeddings are a tensor without storage (on the meta device).
    types = {str(t.dtype).removeprefix("torch.") for t in tensors.values() if not t.is_meta}
    quantized = ["4 bits (words)"] if checkpoint.words is not None else []
    rest = sum(sizes.values()) - sizes[WORDS] - sizes[ENTITIES]
    return [
        ("layers", f"{config.num_hidden_layers} of width {config.hidden_size}"),
        ("attention", f"{config.num_attention_heads} heads, {_aware(config.use_entity_aware_attention)}"),
        ("feed-forward", f"{config.intermediate_size}, {config.hidden_act}"),
        ("positions", str(config.max_position_embeddings)),
        ("parameters", f"{sum(sizes.values()):,}"),
        ("  words", f"{sizes[WORDS]:,} ({config.vocab_size:,} x {config.hidden_size})"),
        ("  entities", f"{sizes[ENTITIES]:,} ({config.entity_vocab_size:,} x {config.entity_emb_size})"),
        ("  layers and the rest", f"{rest:,}"),
        ("types", ", ".join(sorted(types) + quantized)),
        ('dtype = "auto"', f"predicts in {choose_dtype(config)} on this CPU"),
    ]


def describe_wordpieces(checkpoint: Checkpoint) -> Rows:
    """Describe the wordpiece vocabulary.

    checkpoint (Checkpoint): The checkpoint.
    RETURNS (Rows): Labels and texts.
    """
    from ..tokenization.load import load_wordpieces

    pieces = load_wordpieces(checkpoint.wordpieces_path)
    names = {
        "<s>": pieces.bos_id,
        "<pad>": pieces.pad_id,
        "</s>": pieces.eos_id,
        "<unk>": pieces.unk_id,
        "<mask>": pieces.mask_id,
        "<ent>": pieces.ent_id,
        "<ent2>": pieces.ent2_id,
    }
    return [
        ("pieces", f"{pieces.vocab_size:,}"),
        ("special", ", ".join(f"{name} {'none' if i is None else i}" for name, i in names.items())),
    ]


def describe_entities(checkpoint: Checkpoint, vocabulary: EntityVocabulary) -> Rows:
    """Describe the entity vocabulary.

    checkpoint (Checkpoint): The checkpoint.
    vocabulary (EntityVocabulary): The entity vocabulary of the checkpoint.
    RETURNS (Rows): Labels and texts.
    """
    from ..vocabulary.special_entities import NAMES

    special = ", ".join(f"{name} {getattr(vocabulary.special, field)}" for field, name in NAMES.items())
    rows = [("ids", f"{checkpoint.config.entity_vocab_size:,}"), ("special", special)]
    if not vocabulary.is_ready:
        return [*rows, ("names", "not in a database yet; --entities builds it, and so does the first look-up")]
    languages = vocabulary.languages
    counts = ", ".join(f"{code} {n:,}" for code, n in languages.items())
    return [
        *rows,
        ("names", f"{len(vocabulary):,}"),
        ("languages", f"{len(languages)}: {counts}" if languages else "unknown: the names have no language"),
    ]


def describe_rest(checkpoint: Checkpoint) -> Rows:
    """Describe the tensors that the encoder does not use.

    checkpoint (Checkpoint): The checkpoint.
    RETURNS (Rows): Labels and texts.
    """
    return [
        ("heads", ", ".join(_by_part(checkpoint.heads)) or "none"),
        ("unused tensors", ", ".join(_by_part(checkpoint.tensors.unused)) or "none"),
    ]


def _by_part(names: Iterable[str]) -> List[str]:
    """Return tensor names without layer numbers and last parts, each with its frequency."""
    parts: Dict[str, int] = Counter()
    for name in names:
        owner = name.rpartition(".")[0] or name
        parts[".".join("*" if part.isdigit() else part for part in owner.split("."))] += 1
    return [f"{part} ({n})" for part, n in sorted(parts.items())]


def _pieces_kind(path: Path) -> str:
    from ..tokenization.vocabulary_files import SENTENCEPIECE

    return "sentencepiece" if (path / SENTENCEPIECE).is_file() else "byte-level BPE"


def _aware(value: bool) -> str:
    return "entity-aware queries" if value else "the same queries for words and entities"


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.1f} MB"
