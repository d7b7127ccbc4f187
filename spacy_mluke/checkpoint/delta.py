"""Save a trained encoder as what differs from its base: a directory that `open_checkpoint` reads.

A delta has a config.json, which names the base with a checksum of its content, and the tensors that training has
changed (delta_files.py). Word table, wordpieces and, unless entities were added, the entity vocabulary are the base's.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional, Tuple, Union

import torch
from torch import Tensor

from ..errors import Errors
from ..network.codecs import BLOCK_WEIGHTS
from ..network.config import EncoderConfig
from ..network.mapped_table import MappedEntityTable
from ..network.quantized_table import Q4Embedding
from ..tokenization.load import load_wordpieces
from ..vocabulary.entity_vocabulary import EntityVocabulary
from .base import reference_name
from .config_file import CONFIG, read_config
from .delta_files import DELTA_FILE, Change, write_changes
from .directory import Checkpoint, open_checkpoint
from .heads import masked_heads
from .hub import BUNDLED, resolve
from .load import LoadedEncoder
from .own_section import ADDED, BASE, DELTA, DELTA_FORMAT, OWN, SOURCE
from .save import published_config, write_json
from .tensor_names import ENTITIES, WORDS

# Storages of differences, from the smallest file to the largest.
COMPACT = ("q4", "q6", "q8", "f16")
_EXACT = {torch.float32: "f32", torch.bfloat16: "bf16", torch.float16: "f16"}
# Sizes in a config.json that decide which shapes an encoder's tensors have.
_SIZES = ("vocab_size", "hidden_size", "entity_emb_size", "num_hidden_layers", "intermediate_size")
_Tensor = Union[Tensor, MappedEntityTable]


def find_bundled_base(loaded: LoadedEncoder) -> Optional[Checkpoint]:
    """Return the bundled checkpoint that an encoder can be saved as a delta of.

    loaded (LoadedEncoder): The encoder.
    RETURNS (Optional[Checkpoint]): None if it has other sizes, words or wordpieces than the bundled ones.
    """
    for name in BUNDLED:
        # Sizes first: opening a checkpoint decodes its weights.
        if _has_sizes(loaded.config, read_config(resolve(name))):
            base = open_checkpoint(name)
            if reason_against_delta(loaded, base) is None:
                return base
    return None


def _has_sizes(config: EncoderConfig, other: EncoderConfig) -> bool:
    return all(getattr(config, size) == getattr(other, size) for size in _SIZES)


def reason_against_delta(loaded: LoadedEncoder, base: Checkpoint) -> Optional[str]:
    """Return why an encoder cannot be saved as a delta of a checkpoint.

    loaded (LoadedEncoder): The encoder.
    base (Checkpoint): The checkpoint.
    RETURNS (Optional[str]): The end of a sentence; None if it can.
    """
    if base.base is not None:
        return "that checkpoint is itself a delta"
    if not _has_sizes(loaded.config, base.config):
        return "the two have different sizes"
    words = loaded.network.embeddings.word_embeddings
    theirs = base.words
    if isinstance(words, Q4Embedding) != (theirs is not None):
        return "only one of the two has a word table in 4 bits"
    if isinstance(words, Q4Embedding) and theirs is not None and not torch.equal(words.blocks.cpu(), theirs.blocks):
        return "the two have different word tables"
    if loaded.wordpieces.files != load_wordpieces(base.path).files:
        return "the two have different wordpieces"
    mine = dict(named_tensors(loaded))
    for name, tensor in base_tensors(loaded, base).items():
        grows = name == ENTITIES or name.endswith("predictions.bias")
        shape = tuple(mine[name].shape) if name in mine else None
        fits = shape == tuple(tensor.shape)
        if not fits and not (shape and grows and shape[0] > len(tensor) and shape[1:] == tuple(tensor.shape[1:])):
            return f"'{name}' of the base is missing or has another shape"
    return None


def base_tensors(loaded: LoadedEncoder, base: Checkpoint) -> Dict[str, Tensor]:
    """Return the tensors of a checkpoint that can differ from those of an encoder.

    loaded (LoadedEncoder): The encoder.
    base (Checkpoint): The checkpoint.
    RETURNS (Dict[str, Tensor]): By name; without a quantized word table.
    """
    tensors = {**base.tensors.encoder, **masked_heads(base.heads, loaded.config)}
    return {name: tensor for name, tensor in tensors.items() if base.words is None or name != WORDS}


def named_tensors(loaded: LoadedEncoder) -> Iterator[Tuple[str, _Tensor]]:
    """Yield the weights of an encoder and its heads, but for a quantized word table.

    loaded (LoadedEncoder): The encoder.
    YIELDS (Tuple[str, Union[Tensor, MappedEntityTable]]): The published name, without the encoder's prefix, and the
        weights; a mapped entity table as a whole.
    """
    table = loaded.network.entity_embeddings.entity_embeddings
    for name, parameter in loaded.named_parameters():
        if isinstance(table, MappedEntityTable) and parameter is table.special:
            yield ENTITIES, table
        else:
            yield name, parameter.detach()


def compact_delta(loaded: LoadedEncoder, path: Path, base: Union[str, Path], storage: str) -> None:
    """Write rounded differences between an encoder and the checkpoint that it was trained from.

    loaded (LoadedEncoder): The encoder.
    path (Path): The directory, created if missing.
    base (Union[str, Path]): The checkpoint: "mluke-small", a directory or a hub name.
    storage (str): Storage of the differences, one of COMPACT.
    RAISES (ValueError): ML056 if the encoder was not trained from that checkpoint.
    """
    checkpoint = open_checkpoint(base)
    reason = reason_against_delta(loaded, checkpoint)
    if reason is not None:
        raise ValueError(Errors.ML056.format(name=loaded.source, base=base, reason=reason))
    save_delta(loaded, path, checkpoint, storage)


def save_delta(loaded: LoadedEncoder, path: Path, base: Checkpoint, storage: Optional[str] = None) -> None:
    """Write what differs between an encoder and its base.

    loaded (LoadedEncoder): The encoder, for which `reason_against_delta` gives no reason.
    path (Path): The directory, created if missing.
    base (Checkpoint): The checkpoint that it was trained from.
    storage (Optional[str]): Storage of the differences of matrices, one of COMPACT: rounded. Vectors, such as biases,
        are saved as they are. None to save all weights as they are, so that loading gives exactly this encoder.
    """
    path.mkdir(parents=True, exist_ok=True)
    theirs = base_tensors(loaded, base)
    changes: Dict[str, Change] = {}
    for name, tensor in named_tensors(loaded):
        change = _change(tensor, theirs.get(name), storage)
        if change is not None:
            changes[name] = change
    own: Dict[str, Any] = {
        "format": DELTA_FORMAT,
        BASE: {"name": reference_name(base.name, base.path), "checksum": base.checksum()},
    }
    own.update({key: value for key, value in loaded.config.extra.get(OWN, {}).items() if key in (ADDED, SOURCE)})
    if changes:
        own[DELTA] = DELTA_FILE
        write_changes(path / DELTA_FILE, changes)
    if not loaded.entities.is_same(EntityVocabulary.from_dir(base.path)):
        loaded.entities.to_dir(path)
    write_json(path / CONFIG, {**published_config(loaded), OWN: own})


def _change(mine: _Tensor, base: Optional[Tensor], storage: Optional[str]) -> Optional[Change]:
    """Return what to save of a tensor; None if it equals the base's."""
    if isinstance(mine, Tensor) and (base is None or mine.dim() != 2):
        is_same = base is not None and mine.shape == base.shape and torch.equal(mine.cpu(), base.to(mine.dtype))
        return None if is_same else Change(mine.cpu(), _EXACT[mine.dtype])
    assert base is not None
    rows, values, differences = _changed_rows(mine, base)
    if not rows:
        return None
    kept: Optional[List[int]] = rows
    # Most rows of a matrix change together. Of a table, training may change only those of the training texts.
    if isinstance(mine, Tensor) and mine.shape == base.shape and 2 * len(rows) > len(base):
        kept, values, differences = None, mine.cpu(), mine.cpu().float() - base.float()
    if storage is None:
        return Change(values, _EXACT[mine.dtype], rows=kept)
    # Blocks need a multiple of 32 columns. 8 bits are coded by rows, of any length.
    fitting = storage if storage in ("q8", "f16") or values.shape[1] % BLOCK_WEIGHTS == 0 else "q8"
    return Change(differences, fitting, is_difference=True, rows=kept)


def _changed_rows(mine: _Tensor, base: Tensor) -> Tuple[List[int], Tensor, Tensor]:
    """Return the rows that differ, their values, and their differences from the base. Added rows differ from zero."""
    rows: List[int] = []
    values, differences = [], []
    start = 0
    for part in mine.parts() if isinstance(mine, MappedEntityTable) else [mine.cpu()]:
        theirs = base[start : start + len(part)]
        missing = len(part) - len(theirs)
        theirs = torch.cat([theirs, theirs.new_zeros(missing, theirs.shape[1])]) if missing else theirs
        differ = (part != theirs.to(part.dtype)).any(dim=1)
        differ[len(part) - missing :] = True
        ids = differ.nonzero().flatten()
        rows += (ids + start).tolist()
        values.append(part[ids])
        differences.append(part[ids].float() - theirs[ids].float())
        start += len(part)
    return rows, torch.cat(values), torch.cat(differences)
