"""Read the masked-LM heads of a checkpoint."""

from __future__ import annotations

from pathlib import Path
from typing import Dict, Mapping, cast

import torch
from torch import Tensor

from ..errors import Errors
from ..network.config import EncoderConfig
from ..network.masked_heads import ENTITY_HEAD, WORD_HEAD, MaskedHeads
from .tensor_names import check_types


def read_heads(tensors: Mapping[str, Tensor], config: EncoderConfig, path: Path, dtype: torch.dtype) -> MaskedHeads:
    """Return the masked-LM heads of a checkpoint.

    tensors (Mapping[str, Tensor]): Tensors of its heads by their names in the file; those of other heads are ignored.
    config (EncoderConfig): The encoder's sizes.
    path (Path): The checkpoint, for the message.
    dtype (torch.dtype): Type of the weights.
    RETURNS (MaskedHeads): The heads that the checkpoint has, in evaluation mode, on the CPU.
    RAISES (ValueError): ML225 for a head with missing tensors or wrong shapes; ML341 for one that holds no weights.
    """
    has = {head: any(name.startswith(head + ".") for name in tensors) for head in (WORD_HEAD, ENTITY_HEAD)}
    with torch.device("meta"):
        heads = MaskedHeads(config, with_words=has[WORD_HEAD], with_entities=has[ENTITY_HEAD])
    found: Dict[str, Tensor] = {}
    for head, is_there in has.items():
        if not is_there:
            continue
        expected = {name: param for name, param in heads.named_parameters() if name.startswith(head + ".")}
        # Files of transformers may have the bias of the words only under its decoder's name.
        given = {name: tensors.get(name, tensors.get(name.replace(".bias", ".decoder.bias"))) for name in expected}
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
