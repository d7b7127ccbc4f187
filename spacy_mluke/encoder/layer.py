"""The thinc Model around the network: reads the checkpoint, aligns requests, returns states."""

from __future__ import annotations

from typing import Any, Callable, Dict, Optional, Tuple

from thinc.api import Model

from ..errors import Errors
from ..types import EncoderOutput
from .access import load_model
from .inputs import EncoderInput, no_spans
from .request import EncoderModel, EncoderRequest
from .shim import EncoderShim, get_shim


def make_encoder(attrs: Dict[str, Any], shim: EncoderShim) -> EncoderModel:
    """Return the thinc Model of an encoder.

    attrs (Dict[str, Any]): The options of alignment, `access.ALIGNMENT_OPTIONS`.
    shim (EncoderShim): Holds the network.
    RETURNS (EncoderModel): A Model[EncoderRequest, EncoderOutput].
    """
    return Model("mluke-encoder", forward, init=init, dims={"nO": None}, attrs=attrs, shims=[shim])


def init(model: EncoderModel, X: Optional[EncoderRequest] = None, Y: Optional[EncoderOutput] = None) -> None:
    """Read the checkpoint and set the width."""
    load_model(model)


def unloaded_copy(model: EncoderModel) -> EncoderModel:
    """Return an encoder with the same options whose checkpoint has not been read.

    model (EncoderModel): As from `build_encoder_v1`.
    RETURNS (EncoderModel): It reads the checkpoint that the config names, whatever has become of the given one.
    """
    return make_encoder(dict(model.attrs), EncoderShim(**get_shim(model).cfg))


def forward(
    model: EncoderModel, request: EncoderRequest, is_train: bool
) -> Tuple[EncoderOutput, Callable[[EncoderOutput], EncoderRequest]]:
    """Align a request and encode it.

    RETURNS (Tuple[EncoderOutput, Callable]): The states, or what the request's reducer makes of them; the callback
        takes their gradients.
    RAISES (ValueError): ML380 for a selector without a reducer of entities, or in training.
    """
    load_model(model)
    if isinstance(request, list):
        request = EncoderInput(request, no_spans(len(request)))
    batch = request.align(model)
    shim = get_shim(model)
    if not is_train:
        return shim.predict(batch, request.reducer, request.selector), _no_backprop
    if request.selector is not None:
        raise ValueError(Errors.ML380)
    output, backprop_states = shim.begin_update(batch, request.reducer)

    def backprop(d_output: EncoderOutput) -> EncoderRequest:
        backprop_states(d_output)
        return request

    return output, backprop


def _no_backprop(d_output: EncoderOutput) -> EncoderRequest:
    raise NotImplementedError
