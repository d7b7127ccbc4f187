"""Classify groups of spans: a linear layer on the concatenated states of a group's spans."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Callable, Optional, Tuple, cast

import numpy
from thinc.api import Dropout, Model, chain
from thinc.types import Floats2d

from ..encoder.inputs import MarkedInput
from ..encoder.request import EncoderModel
from ..errors import check_dropout
from ..types import EncoderOutput, GroupLogits
from .linear import build_linear

GroupModel = Model[MarkedInput, GroupLogits]


def build_group_classifier(
    name: str, encoder: EncoderModel, *, size: int, has_bias: bool, dropout: float, with_entities: bool = True
) -> GroupModel:
    """Build a classifier of groups of spans.

    name (str): Name of the Model.
    encoder (EncoderModel): An encoder or a listener.
    size (int): Number of spans in a group.
    has_bias (bool): Whether the linear layer has a bias.
    dropout (float): Dropout of the states in training; spaCy's `dropout` overrides it.
    with_entities (bool): Whether to classify the states of entities; if not, those of the markers that open the spans.
    RETURNS (GroupModel): The width of its linear layer is the width of the encoder times `size`.
    RAISES (ValueError): ML310 for a dropout that is not a probability.
    """
    check_dropout(dropout)
    dropped: Model[Floats2d, Floats2d] = Dropout(dropout)
    output: Model[Floats2d, Floats2d] = chain(dropped, build_linear(has_bias=has_bias))
    return Model(
        name, forward, init=init, layers=[encoder, output], refs={"encoder": encoder, "linear": output.layers[1]},
        attrs={"size": size, "with_entities": with_entities},
    )  # fmt: skip


def init(model: GroupModel, X: Optional[MarkedInput] = None, Y: Optional[GroupLogits] = None) -> None:
    """Read the encoder's checkpoint. The component sets the size of the linear layer, with the labels."""
    model.get_ref("encoder").initialize()


def forward(
    model: GroupModel, inputs: MarkedInput, is_train: bool
) -> Tuple[GroupLogits, Callable[[GroupLogits], MarkedInput]]:
    """Encode, and classify the groups whose spans all have a state."""
    encoder, linear = model.layers
    size, with_entities = model.attrs["size"], model.attrs["with_entities"]
    if isinstance(inputs, list):
        inputs = MarkedInput(inputs, [numpy.zeros((0, size, 2), dtype="int32")] * len(inputs), size)
    output, backprop_states = encoder(replace(inputs, with_entities=with_entities), is_train)
    states: Any = output.entity_states if with_entities else output.piece_states
    rows = output.batch.span_rows.reshape((-1, size))
    kept: Any = (rows >= 0).all(axis=1)
    picked = model.ops.asarray1i(cast(Any, rows[kept].ravel()))
    # With an explicit width, which also works without any group.
    X = states[picked].reshape((int(kept.sum()), size * states.shape[1]))
    logits, backprop_logits = linear(X, is_train)

    def backprop(d_output: GroupLogits) -> MarkedInput:
        d_states = model.ops.alloc2f(*states.shape)
        dX = backprop_logits(d_output.logits).reshape((-1, states.shape[1]))
        # Scatter-add, not assignment: with a listener, a span is part of many groups.
        model.ops.scatter_add(d_states, picked, dX)
        pieces, entities = (None, d_states) if with_entities else (d_states, None)
        backprop_states(EncoderOutput(piece_states=pieces, entity_states=entities, batch=output.batch))
        return inputs

    lengths = numpy.asarray([len(group) for group in inputs.groups], dtype="int64")
    return GroupLogits(logits, kept, lengths, output.batch.counts), backprop
