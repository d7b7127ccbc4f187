"""What of a pipeline holds parameters: its models, and the networks in their shims."""

from __future__ import annotations

from typing import Any, Iterator, Tuple

import torch
from spacy.language import Language
from thinc.api import Model
from thinc.shims import Shim


def models_of(nlp: Language) -> Iterator[Tuple[str, Model[Any, Any]]]:
    """The models of a pipeline.

    nlp (Language): The pipeline; components without a model are passed by.
    YIELDS (Tuple[str, Model]): A component's name and its model.
    """
    for name, pipe in nlp.pipeline:
        model = getattr(pipe, "model", None)
        if isinstance(model, Model):
            yield name, model


def parameters_of(shim: Shim) -> Iterator[Tuple[str, torch.nn.Parameter]]:
    """The parameters of a network in a shim. What an encoder's shim has loaded may have heads beside the network.

    shim (Shim): The shim, of anybody's.
    YIELDS (Tuple[str, torch.nn.Parameter]): Name and parameter; none of what is no network, or is not loaded.
    """
    owner = getattr(shim, "_loaded", None) or shim._model
    if hasattr(owner, "named_parameters"):
        yield from owner.named_parameters()
