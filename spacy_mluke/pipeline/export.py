"""A trained component as a published model: what `transformers` opens, and any component of ours, too."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any, Optional, Union

import torch

from ..checkpoint.huggingface import PublishedHead, export_huggingface
from ..encoder.access import encoder_settings, load_model
from ..encoder.request import EncoderModel
from ..errors import Errors, Warnings
from .base.head_files import HeadFiles
from .base.published import has_published_form, own_encoder
from .mluke.encoder_files import EncoderFiles


def export_component(pipe: Any, path: Union[str, Path]) -> str:
    """Write a component as a directory in Hugging Face format: config.json with its architecture and labels, weights
    of encoder and head under their published names, the files of the tokenizer.

    pipe (Any): A component with an encoder of its own, trained or loaded; or `mluke`, whose encoder is written.
    path (Union[str, Path]): The directory, made if missing.
    RETURNS (str): The class of transformers that opens it, such as "LukeForEntityPairClassification".
    RAISES (ValueError): ML250 for a component that is not one of these, ML075 for one without labels.
    """
    if isinstance(pipe, EncoderFiles):
        loaded = load_model(pipe.model)
        export_huggingface(loaded, path)
        return "LukeForMaskedLM" if loaded.heads else "LukeModel"
    name = getattr(pipe, "name", type(pipe).__name__)
    reason = reason_against_export(pipe)
    if reason is not None:
        raise ValueError(Errors.ML250.format(name=name, reason=reason))
    encoder = own_encoder(pipe.model)
    assert encoder is not None
    loaded = load_model(encoder)
    if not pipe.is_trained:
        # A head that came with the checkpoint is taken over at first use.
        load = getattr(pipe, "load", None)
        if load is not None:
            load()
    tensors = {key: torch.from_numpy(value.copy()) for key, value in pipe.head_tensors().items()}
    if pipe.head_params() and not tensors:
        raise ValueError(Errors.ML075.format(name=name))
    _warn_of_visibility(encoder, name)
    # Without a head of its own, the encoder's heads for masked words and entities are the component's.
    head = PublishedHead(pipe.kind, tensors, tuple(pipe.cfg.get("classes", ()))) if tensors else None
    export_huggingface(loaded, path, head=head)
    return pipe.kind


def reason_against_export(pipe: Any) -> Optional[str]:
    """Say why a component cannot be exported.

    pipe (Any): A component.
    RETURNS (Optional[str]): What goes on after "it"; None for one that can be exported once it is trained.
    """
    if isinstance(pipe, EncoderFiles):
        return None
    if not isinstance(pipe, HeadFiles) or not pipe.kind:
        return "has no encoder and head of this package"
    if own_encoder(pipe.model) is None:
        return "listens to the encoder of another one"
    if not has_published_form(pipe.model):
        return "reads words alone, and the published classes of its task read entities"
    return None


def _warn_of_visibility(encoder: EncoderModel, name: str) -> None:
    if encoder_settings(encoder)["visibility"] != "joint":
        warnings.warn(Warnings.ML192.format(name=name), stacklevel=3)
