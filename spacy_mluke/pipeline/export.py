"""Export a trained component as a model that `transformers` and this package load."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any, Optional, Union

import torch

from ..checkpoint.huggingface import PublishedHead, export_huggingface
from ..encoder.access import encoder_settings, load_model
from ..encoder.request import EncoderModel
from ..errors import Errors, Warnings
from .base.head import HeadPipe
from .base.published import has_published_form, own_encoder
from .base.task import TaskPipe
from .mluke.component import MLuke


def export_component(pipe: Any, path: Union[str, Path]) -> str:
    """Write a component to a directory in Hugging Face format: config.json with architecture and labels, the weights of
    encoder and head under their published names, and the tokenizer's files.

    pipe (Any): A trained component with its own encoder; or `mluke`, whose encoder is written.
    path (Union[str, Path]): The directory, created if it is missing.
    RETURNS (str): The class of transformers that loads it, such as "LukeForEntityPairClassification".
    RAISES (ValueError): ML250 for any other component, ML075 for one without labels.
    """
    if isinstance(pipe, MLuke):
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
    if not pipe.has_head():
        # The head of a published checkpoint is loaded at first use.
        pipe.load()
    tensors = {key: torch.from_numpy(value.copy()) for key, value in pipe.head_tensors().items()}
    if isinstance(pipe, HeadPipe) and not tensors:
        raise ValueError(Errors.ML075.format(name=name))
    _warn_of_visibility(encoder, name)
    # Components without head tensors use the encoder's heads for masked words and entities.
    head = PublishedHead(pipe.kind, tensors, tuple(pipe.cfg.get("classes", ()))) if tensors else None
    export_huggingface(loaded, path, head=head)
    return pipe.kind


def reason_against_export(pipe: Any) -> Optional[str]:
    """Return why a component cannot be exported.

    pipe (Any): A component.
    RETURNS (Optional[str]): The end of a sentence that starts with "it"; None if it can be exported once it is trained.
    """
    if isinstance(pipe, MLuke):
        return None
    if not isinstance(pipe, TaskPipe) or not pipe.kind:
        return "has no encoder and head of this package"
    if own_encoder(pipe.model) is None:
        return "listens to the encoder of another one"
    if not has_published_form(pipe.model):
        return "reads words only, and the published classes of its task read entities"
    return None


def _warn_of_visibility(encoder: EncoderModel, name: str) -> None:
    if encoder_settings(encoder)["visibility"] != "joint":
        warnings.warn(Warnings.ML192.format(name=name), stacklevel=3)
