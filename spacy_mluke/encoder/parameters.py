"""Find the parameters of a pipeline: its models, and the networks in their shims."""

from __future__ import annotations

from typing import Any, Iterator, Tuple

import torch
from spacy.language import Language
from thinc.api import Model
from thinc.shims import Shim


def models_of(nlp: Language) -> Iterator[Tuple[str, Model[Any, Any]]]:
    """Yield the models of a pipeline.

    nlp (Language): The pipeline; components without a model are skipped.
    YIELDS (Tuple[str, Model]): A component's name and its model.
    """
    for name, pipe in nlp.pipeline:
        model = getattr(pipe, "model", None)
        if isinstance(model, Model):
            yield name, model


def parameters_of(shim: Shim) -> Iterator[Tuple[str, torch.nn.Parameter]]:
    """Yield the parameters of the network in a shim. An encoder's shim also has the heads of its checkpoint.

    shim (Shim): Any shim.
    YIELDS (Tuple[str, torch.nn.Parameter]): Name and parameter; nothing if the shim has no network, or has not loaded
        it.
    """
    owner = getattr(shim, "_loaded", None) or shim._model
    if hasattr(owner, "named_parameters"):
        yield from owner.named_parameters()
