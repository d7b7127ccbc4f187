"""Rows of entities that a checkpoint's table lacks, or that answer more questions than its own rows.

They are trained for one checkpoint, with its weights and rows as they are, and stored in a file of their own. So
whatever else reads the checkpoint predicts the same with or without them.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Dict, List, Optional, Tuple, cast

import numpy
import torch
from safetensors import SafetensorError
from thinc.api import xp2torch
from torch import Tensor

from ..checkpoint.load import LoadedEncoder
from ..checkpoint.quantized_files import read_notes, read_quantized, write_quantized
from ..encoder.access import load_model
from ..errors import Errors
from ..network.codecs import BLOCK_WEIGHTS
from ..types import DeviceFloats2d, Floats2d, Ints1d, Ints2d
from .masked_entities import MaskedModel, check_entity_head, entity_logits

_ROWS, _BIAS, _KNOWN, _PROBE = "rows", "bias", "known", "probe"
# Differences of a checkpoint's parameters that only come from another type of its weights.
_TOLERANCE = 0.02
# Masks whose logits are computed together.
_MAX_MASKS = 256


@dataclass(frozen=True)
class EntityRows:
    """Trained rows of entities, beside the table of a checkpoint.

    The logit of an entity that has a row in both is the log-sum-exp of its two logits: its probability is the sum of
    both.
    """

    ids: Tuple[str, ...]  # ids of the entities in the knowledge base
    rows: Tensor  # (n, entity_emb_size), float32
    bias: Tensor  # (n,), float32
    known: Tensor  # (n,), int64: the entity's row in the checkpoint's table; -1 if it has none
    probe: Tensor  # parameters of the checkpoint's head by which it is recognized; float32

    @classmethod
    def of(cls, loaded: LoadedEncoder, ids: Tuple[str, ...], rows: Tensor, bias: Tensor, known: Tensor) -> EntityRows:
        """Return rows for a checkpoint.

        loaded (LoadedEncoder): The checkpoint that they were trained for. It has a head for entities.
        ids (Tuple[str, ...]): Ids of the entities.
        rows (Tensor): Their rows. Shape: (n, entity_emb_size), float32.
        bias (Tensor): Their biases. Shape: (n,), float32.
        known (Tensor): Their rows in the checkpoint's table; -1 for none. Shape: (n,), int64.
        RETURNS (EntityRows): The rows.
        """
        return cls(ids, rows, bias, known, _probe_of(loaded))

    def __len__(self) -> int:
        """Number of entities."""
        return len(self.ids)

    @cached_property
    def places(self) -> Dict[str, int]:
        """The place of each entity in `ids`."""
        return {entity_id: place for place, entity_id in enumerate(self.ids)}

    def check(self, loaded: LoadedEncoder) -> None:
        """Check that the rows were trained for a checkpoint.

        loaded (LoadedEncoder): The checkpoint.
        RAISES (ValueError): ML425 if they were trained for another one.
        """
        own = _probe_of(loaded)
        if own.shape != self.probe.shape or not torch.allclose(own, self.probe, atol=_TOLERANCE):
            raise ValueError(Errors.ML425.format(n=len(self), name=loaded.source))

    def filler_ids(self, loaded: LoadedEncoder) -> Ints1d:
        """Return the ids by which `rank_with_rows` names the entities.

        loaded (LoadedEncoder): The checkpoint.
        RETURNS (Ints1d): Ids of the checkpoint's vocabulary, and numbers above them for entities that it lacks. Shape:
            (n,), int64.
        """
        above = torch.arange(len(self)) + loaded.config.entity_vocab_size
        return cast(Ints1d, torch.where(self.known >= 0, self.known, above).numpy())

    def to_disk(self, path: Path) -> None:
        """Write the rows to a file, in six bits if their width allows it.

        path (Path): The file.
        """
        tensors = {_ROWS: self.rows, _BIAS: self.bias, _KNOWN: self.known.float(), _PROBE: self.probe}
        storage = {} if self.rows.shape[1] % BLOCK_WEIGHTS else {_ROWS: "q6"}
        write_quantized(path, tensors, storage, notes={"ids": list(self.ids)})

    @classmethod
    def from_disk(cls, path: Path) -> EntityRows:
        """Read rows from a file. It need not be trusted.

        path (Path): The file.
        RETURNS (EntityRows): The rows.
        RAISES (ValueError): ML426 if it cannot be read, or is damaged.
        """
        try:
            found, ids = read_quantized(path), read_notes(path)["ids"]
            rows, bias, known, probe = (found[name] for name in (_ROWS, _BIAS, _KNOWN, _PROBE))
            n = len(rows)
            if not (isinstance(ids, list) and all(isinstance(own, str) for own in ids) and len(set(ids)) == len(ids)):
                raise ValueError("its ids are not a list of different strings")
            if rows.dim() != 2 or not len(ids) == n or not (n,) == tuple(bias.shape) == tuple(known.shape):
                raise ValueError("it does not have a row, a bias and an id for each entity")
            if not all(bool(own.isfinite().all()) for own in (rows, bias, known, probe)):
                raise ValueError("it has numbers that are not finite")
            if len(known[known >= 0].unique()) < int((known >= 0).sum()):
                raise ValueError("two of its entities have the same row in the checkpoint")
        except (OSError, ValueError, KeyError, TypeError, SafetensorError) as err:
            raise ValueError(Errors.ML426.format(path=path, reason=err)) from err
        return cls(tuple(ids), rows, bias, known.long(), probe)

    def to_bytes(self) -> bytes:
        """Return the content of the file that `to_disk` writes."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "rows.safetensors"
            self.to_disk(path)
            return path.read_bytes()

    @classmethod
    def from_bytes(cls, data: bytes) -> EntityRows:
        """Read rows from the content of a file.

        data (bytes): The content.
        RETURNS (EntityRows): The rows.
        RAISES (ValueError): ML426 if it is damaged.
        """
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "rows.safetensors"
            path.write_bytes(data)
            return cls.from_disk(path)


def rank_with_rows(
    model: MaskedModel,
    states: DeviceFloats2d,
    top_k: int,
    further: EntityRows,
    candidates: Optional[Ints1d] = None,
) -> Tuple[Ints2d, Floats2d]:
    """Return the most probable entities for states of [MASK], of the checkpoint's and of further ones.

    model (MaskedModel): As from `build_masked_entity_v1`.
    states (DeviceFloats2d): Shape: (n, width).
    top_k (int): Number of entities for each state.
    further (EntityRows): The further rows.
    candidates (Optional[Ints1d]): Entities to choose from, each once, as `EntityRows.filler_ids` names them; the
        softmax is over them. None for all. Special entities are never returned.
    RETURNS (Tuple[Ints2d, Floats2d]): Ids, int64, best first, and log-probabilities, float32. Shapes: (n, k) each; k is
        smaller than `top_k` if there are fewer entities.
    RAISES (ValueError): ML221 if the encoder has no head, ML425 if the rows were trained for another checkpoint.
    """
    loaded = load_model(model.get_ref("encoder"))
    check_entity_head(loaded, model.name)
    further.check(loaded)
    n_own = loaded.config.entity_vocab_size
    is_new = numpy.flatnonzero(further.known.numpy() < 0)
    ids = numpy.concatenate([numpy.arange(n_own), n_own + is_new])
    columns = numpy.flatnonzero(~numpy.isin(ids, list(loaded.entities.special)))
    if candidates is not None:
        columns = columns[numpy.isin(ids[columns], candidates)]
    found: List[Tuple[Tensor, Tensor]] = []
    with torch.no_grad():
        picked = torch.from_numpy(columns)
        for part in xp2torch(states).split(_MAX_MASKS):
            scores = _all_logits(loaded, part, further)[:, picked].log_softmax(dim=1)
            best, places = scores.topk(min(top_k, len(columns)), dim=1)
            found.append((torch.from_numpy(ids)[picked][places], best))
    return torch.cat([own for own, _ in found]).numpy(), torch.cat([own for _, own in found]).numpy()


def _all_logits(loaded: LoadedEncoder, states: Tensor, further: EntityRows) -> Tensor:
    """Return the logits of the checkpoint's entities, and of the further ones that it lacks, on the CPU."""
    own = entity_logits(loaded, states, None).cpu()
    head: Any = loaded.heads.entity_predictions
    queries = head(states.to(device=head.bias.device, dtype=head.bias.dtype)).float().cpu()
    logits = queries @ further.rows.T + further.bias
    is_known = further.known >= 0
    known = further.known[is_known]
    own[:, known] = torch.logaddexp(own[:, known], logits[:, is_known])
    return torch.cat([own, logits[:, ~is_known]], dim=1)


def _probe_of(loaded: LoadedEncoder) -> Tensor:
    head: Any = loaded.heads.entity_predictions
    return cast(Tensor, head.transform.dense.bias.detach().float().cpu())
