"""Read the masked-LM heads of a checkpoint."""

from __future__ import annotations

from pathlib import Path
from typing import Dict, Mapping, Optional, cast

import torch
from torch import Tensor

from ..errors import Errors
from ..network.config import EncoderConfig
from ..network.masked_heads import ENTITY_HEAD, WORD_HEAD, MaskedHeads
from .tensor_names import check_types

# How the names of the tensors of masked-LM heads begin.
HEADS = (f"{WORD_HEAD}.", f"{ENTITY_HEAD}.")


def masked_heads(tensors: Mapping[str, Tensor], config: EncoderConfig) -> Dict[str, Tensor]:
    """Return the tensors of the masked-LM heads of a checkpoint, without those of other heads.

    tensors (Mapping[str, Tensor]): Tensors of its heads by their names in the file.
    config (EncoderConfig): The encoder's sizes.
    RETURNS (Dict[str, Tensor]): By the name of the parameter; without those that the checkpoint lacks.
    """
    found = {name: _find(tensors, name) for name in _skeleton(tensors, config).state_dict()}
    return {name: tensor for name, tensor in found.items() if tensor is not None}


def _skeleton(tensors: Mapping[str, Tensor], config: EncoderConfig) -> MaskedHeads:
    has_words, has_entities = (any(name.startswith(head) for name in tensors) for head in HEADS)
    with torch.device("meta"):
        return MaskedHeads(config, with_words=has_words, with_entities=has_entities)


def _find(tensors: Mapping[str, Tensor], name: str) -> Optional[Tensor]:
    # Files of transformers may have the bias of the words only under its decoder's name.
    return tensors.get(name, tensors.get(name.replace(".bias", ".decoder.bias")))


def read_heads(tensors: Mapping[str, Tensor], config: EncoderConfig, path: Path, dtype: torch.dtype) -> MaskedHeads:
    """Return the masked-LM heads of a checkpoint.

    tensors (Mapping[str, Tensor]): Tensors of its heads by their names in the file; those of other heads are ignored.
    config (EncoderConfig): The encoder's sizes.
    path (Path): The checkpoint, for the message.
    dtype (torch.dtype): Type of the weights.
    RETURNS (MaskedHeads): The heads that the checkpoint has, in evaluation mode, on the CPU.
    RAISES (ValueError): ML225 for a head with missing tensors or wrong shapes; ML341 for one that holds no weights.
    """
    heads = _skeleton(tensors, config)
    found: Dict[str, Tensor] = {}
    for head in (WORD_HEAD, ENTITY_HEAD):
        expected = {name: param for name, param in heads.named_parameters() if name.startswith(head + ".")}
        given = {name: _find(tensors, name) for name in expected}
        missing = [name for name, tensor in given.items() if tensor is None]
        shapes = [
            f"{name} {tuple(tensor.shape)} instead of {tuple(expected[name].shape)}"
            for name, tensor in given.items()
            if tensor is not None and tensor.shape != expected[name].shape
        ]
        if missing or shapes:
            raise ValueError(
                Errors.ML225.format(
                    head=head, path=path, missing=", ".join(missing) or "none", shapes=", ".join(shapes) or "none"
                )
            )
        complete = cast(Dict[str, Tensor], given)
        check_types(complete, path)
        found.update({name: tensor.to(dtype) for name, tensor in complete.items()})
    heads.load_state_dict(found, strict=True, assign=True)
    return heads.eval()
