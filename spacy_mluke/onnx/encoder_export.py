"""Export an encoder: its graphs, the tables that they look up, and its part of the manifest."""

from __future__ import annotations

import copy
import hashlib
from dataclasses import dataclass, field
from typing import Any, Dict, List, Tuple

import torch
from torch import Tensor, nn

from ..checkpoint.load import LoadedEncoder
from ..encoder.access import encoder_settings, load_model
from ..encoder.request import EncoderModel
from ..network.codecs import BLOCK_BYTES, BLOCK_WEIGHTS
from ..network.quantized_table import Q4Embedding
from ..network.tables import table_parts
from ..network.transformer import LukeEncoder
from .graphs import EntitiesGraph, JointGraph, PackedRows, PaddedEntities, PaddedWords, Rows, WordsGraph
from .tracing import trace

# Rows of a large table that a graph is traced with.
_TRACED_ROWS = 8
_SPECIAL = ("mask", "unk", "pad", "mask2")
# Sizes of the example that graphs are traced with: sequences, wordpieces, entities.
_EXAMPLE = (2, 5, 3)


@dataclass
class ExportedEncoder:
    """An encoder as ONNX graphs."""

    loaded: LoadedEncoder
    network: LukeEncoder  # in float32, for comparison
    entity_ids: List[int]  # of the exported rows, in the vocabulary
    graphs: Dict[str, Any] = field(default_factory=dict)  # onnx.ModelProto by name
    tables: Dict[str, Any] = field(default_factory=dict)  # arrays in place of those that were traced
    manifest: Dict[str, Any] = field(default_factory=dict)


def export_encoder(model: EncoderModel, *, all_entities: bool) -> ExportedEncoder:
    """Trace an encoder.

    model (EncoderModel): The encoder.
    all_entities (bool): Whether to export all rows of the entity table, not only those of the special entities.
    RETURNS (ExportedEncoder): Its graphs.
    """
    loaded, settings = load_model(model), encoder_settings(model)
    config, network = loaded.config, _float_copy(loaded.network)
    ids = loaded.entities.special._asdict()
    chosen = list(range(config.entity_vocab_size)) if all_entities else [ids[name] for name in _SPECIAL]
    exported = ExportedEncoder(loaded, network, chosen)
    with torch.no_grad():
        words = PaddedWords(network.embeddings, _word_table(network.embeddings.word_embeddings, exported.tables))
        table = _entity_table(network, chosen, exported.tables)
        entities = PaddedEntities(network.entity_embeddings, table, settings["max_mention_length"])
        modules: Dict[str, Any] = {"encoder": JointGraph(network, words, entities)}
        if network.visibility == "isolated":
            modules = {"words": WordsGraph(network, words), "entities": EntitiesGraph(network, entities)}
        inputs = _example(network)
        exported.graphs = {name: trace(module, inputs) for name, module in modules.items()}
    exported.manifest = {
        "visibility": network.visibility,
        "entity_aware_attention": config.use_entity_aware_attention,
        "width": config.hidden_size,
        "layers": config.num_hidden_layers,
        "attention_heads": config.num_attention_heads,
        "segmentation": settings["segmentation"],
        "window": min(settings["window"], config.max_position_embeddings - 2),
        "overlap": settings["overlap"],
        "max_entities": settings["max_entities"],
        "max_mention_length": settings["max_mention_length"],
        "entities": {
            "rows": len(chosen),
            "ids": {name: chosen.index(ids[name]) for name in _SPECIAL},
        },
        "source": loaded.source,
    }
    return exported


def encoder_digest(model: EncoderModel) -> str:
    """Return a digest of an encoder's weights and options: equal encoders of a pipeline are exported once.

    model (EncoderModel): The encoder.
    RETURNS (str): The digest.
    """
    loaded = load_model(model)
    found = hashlib.sha256(repr((loaded.source, loaded.config, sorted(encoder_settings(model).items()))).encode())
    for name, values in (*loaded.network.named_parameters(), *loaded.network.named_buffers()):
        found.update(name.encode())
        data: Any = values.detach().cpu().contiguous().flatten().view(torch.uint8).numpy()
        found.update(data)
    return found.hexdigest()


def _float_copy(network: LukeEncoder) -> LukeEncoder:
    """Return a copy in float32, without the 8-bit copies of its layers. Tables in files are shared."""
    copied = copy.deepcopy(network).float().eval()
    for module in copied.modules():
        if hasattr(module, "int8"):
            module.int8 = None  # type: ignore[assignment]
    return copied


def _word_table(table: nn.Module, tables: Dict[str, Any]) -> nn.Module:
    if isinstance(table, Q4Embedding):
        size = BLOCK_BYTES[4]
        blocks = table.blocks.cpu().numpy()
        n_rows = len(blocks)
        blocks = blocks.reshape((n_rows, -1, size))
        # The scale of a block is before its values; a graph reads the two as arrays of different types.
        scales = blocks[:, :, :2].copy().view("float16").reshape((n_rows, -1))
        values = blocks[:, :, 2:].reshape((n_rows, -1))
        assert values.shape[1] * 2 == scales.shape[1] * BLOCK_WEIGHTS
        tables.update({"words.table.values": values, "words.table.scales": scales})
        return PackedRows(
            torch.from_numpy(values[:_TRACED_ROWS].copy()), torch.from_numpy(scales[:_TRACED_ROWS].copy())
        )
    rows = _dense(table)
    tables["words.table.rows"] = rows.numpy()
    return Rows(rows[:_TRACED_ROWS].clone())


def _entity_table(network: LukeEncoder, chosen: List[int], tables: Dict[str, Any]) -> nn.Module:
    table = network.entity_embeddings.entity_embeddings
    if len(chosen) == len(_SPECIAL):
        return Rows(table(torch.tensor(chosen)).float().clone())
    rows = _dense(table)
    tables["entities.table.rows"] = rows.numpy()
    return Rows(rows[:_TRACED_ROWS].clone())


def _dense(table: nn.Module) -> Tensor:
    return torch.cat([part.float() for part in table_parts(table)])


def _example(network: LukeEncoder) -> Dict[str, Tensor]:
    n, n_pieces, n_entities = _EXAMPLE
    config = network.config
    shape = (n, config.num_hidden_layers, config.num_attention_heads, n_pieces, config.head_size)
    bounds: Tuple[int, int] = (1, 3)
    return {
        "piece_ids": torch.zeros((n, n_pieces), dtype=torch.int64),
        "piece_mask": torch.ones((n, n_pieces), dtype=torch.bool),
        "entity_ids": torch.zeros((n, n_entities), dtype=torch.int64),
        "entity_bounds": torch.tensor(bounds).expand(n, n_entities, 2).contiguous(),
        "entity_mask": torch.ones((n, n_entities), dtype=torch.bool),
        "keys": torch.zeros(shape),
        "values": torch.zeros(shape),
    }
