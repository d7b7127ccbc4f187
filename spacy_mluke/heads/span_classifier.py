"""The named entity classifier of the papers: candidate spans -> logits."""

from dataclasses import replace
from typing import Any, Callable, Dict, List, Optional, Tuple, cast

import numpy
from spacy.tokens import Doc
from thinc.api import Dropout, Model, chain
from thinc.types import Floats2d, Ragged

from ..align.boundaries import edge_rows
from ..encoder.access import EncoderModel, load_model
from ..encoder.model import EncoderInput, align_input, no_spans
from ..encoder.shim import EncoderShim, get_shim
from ..errors import Errors, check_dropout
from ..types import AlignedBatch, DeviceFloats2d, EncoderOutput, Ints1d
from .linear import build_linear
from .pruning import build_pruner, chooser

SpanInput = Tuple[List[Doc], Ragged]
SpanModel = Model[SpanInput, Floats2d]


def build_span_classifier_v1(encoder: EncoderModel, dropout: float = 0.1) -> SpanModel:
    """Build a classifier of candidate spans: the states of a span's first wordpiece, of its last one, and of its
    entity, end to end, through a linear layer (Yamada et al., 2020, section 4.3). All three are taken from the pass
    that the entity stands in. Registered as `spacy-mluke.SpanClassifier.v1`.

    Weights have the shapes of `LukeForEntitySpanClassification`, so that published checkpoints load. Text is cut into
    wordpieces at every token, as it is there, where each token is a candidate: so wordpieces do not depend on which
    candidates there are, and are the same in training and in prediction.

    encoder (EncoderModel): `spacy-mluke.Encoder.v1`. With `visibility = "isolated"`, each candidate is looked at by
        itself, and `max_entities = 0` reads the words once for all of them.
    dropout (float): Dropout of the states in training; spaCy's `dropout` takes its place.
    RETURNS (SpanModel): A Model[Tuple[List[Doc], Ragged], Floats2d]: documents and token bounds to logits, a row for
        each candidate, NaN for one that holds no wordpiece.
    RAISES (ValueError): ML200 for a listener, ML201 for an encoder that reads names of entities.
    """
    return build_span_model("mluke-spans", encoder, dropout=dropout, with_entities=True)


def build_span_model(name: str, encoder: EncoderModel, *, dropout: float, with_entities: bool) -> SpanModel:
    """Build a classifier of candidate spans by their first and last wordpiece, with or without their entity.

    name (str): Name of the Model.
    encoder (EncoderModel): `spacy-mluke.Encoder.v1`.
    dropout (float): Dropout of the states in training.
    with_entities (bool): Whether candidates are read as entities, whose states are classified, too.
    RETURNS (SpanModel): As from `build_span_classifier_v1`.
    RAISES (ValueError): ML200, ML201, ML310 for a dropout that is none.
    """
    check_dropout(dropout)
    if not any(isinstance(shim, EncoderShim) for shim in encoder.shims):
        raise ValueError(Errors.ML200.format(found=encoder.name))
    if encoder.attrs["entity_input"] != "mask":
        raise ValueError(Errors.ML201.format(found=encoder.attrs["entity_input"]))
    dropped: Model[Floats2d, Floats2d] = Dropout(dropout)
    output: Model[Floats2d, Floats2d] = chain(dropped, build_linear(has_bias=True))
    refs: Dict[str, Optional[Model]] = {"encoder": encoder, "linear": output.layers[1], "pruner": None}
    attrs = {"size": 3 if with_entities else 2, "with_entities": with_entities, "keep": None}
    layers: List[Model] = [encoder, output]
    if with_entities:
        pruner: Model = build_pruner()
        refs["pruner"] = pruner
        layers.append(pruner)
    return Model(name, forward, init=init, layers=layers, refs=refs, attrs=attrs)


def init(model: SpanModel, X: Optional[SpanInput] = None, Y: Optional[Floats2d] = None) -> None:
    """Read the encoder's checkpoint. The linear layer gets its size from the component, with the labels."""
    model.get_ref("encoder").initialize()


def forward(
    model: SpanModel, inputs: SpanInput, is_train: bool
) -> Tuple[DeviceFloats2d, Callable[[DeviceFloats2d], SpanInput]]:
    """Encode, and classify the candidates that have a state."""
    docs, spans = inputs if isinstance(inputs, tuple) else (inputs, no_spans(len(inputs)))
    with_entities = model.attrs["with_entities"]
    asked = EncoderInput(
        docs, spans, with_tokens=False, with_all_pieces=True, split_tokens=True, with_entities=with_entities
    )
    if not is_train:
        return predict(model, asked), _no_backprop
    encoder, output = model.layers[:2]
    encoded, backprop_states = encoder(asked, True)
    pieces, entities = encoded.piece_states, [encoded.entity_states] if with_entities else []
    edges = edge_rows(encoded.batch)
    firsts, lasts = (model.ops.asarray1i(cast(Any, column)) for column in edges.T)
    logits, backprop_logits = output(model.ops.xp.hstack([pieces[firsts], pieces[lasts], *entities]), True)
    rows = span_rows(encoded.batch)

    def backprop(d_scores: DeviceFloats2d) -> SpanInput:
        d_logits: Any = model.ops.alloc2f(*logits.shape)
        d_logits[rows[rows >= 0]] = d_scores[rows >= 0]
        d_firsts, d_lasts, *d_entities = model.ops.xp.split(backprop_logits(d_logits), model.attrs["size"], axis=1)
        d_pieces = model.ops.alloc2f(*pieces.shape)
        # Added, not assigned: many candidates begin, or end, with the same wordpiece.
        model.ops.scatter_add(d_pieces, firsts, d_firsts)
        model.ops.scatter_add(d_pieces, lasts, d_lasts)
        own: Any = d_entities[0] if with_entities else None
        backprop_states(EncoderOutput(piece_states=d_pieces, entity_states=own, batch=encoded.batch))
        return inputs

    return _in_order(model, logits, rows), backprop


def predict(model: SpanModel, asked: EncoderInput) -> DeviceFloats2d:
    """Logits of candidates, without gradients.

    The layer is linear, so that of a wordpiece is taken once for all candidates that begin or end with it; and of the
    states of a candidate nothing is kept but its logits. With a number in `attrs["keep"]`, only so many candidates are
    looked at for each wordpiece, by the likelihoods of the pruner.

    model (SpanModel): As from `build_span_classifier_v1`.
    asked (EncoderInput): Documents and candidates.
    RETURNS (DeviceFloats2d): A row for each candidate, NaN for one without wordpieces, -inf for one that was not looked
        at.
    """
    encoder: EncoderModel = model.get_ref("encoder")
    linear = model.get_ref("linear")
    load_model(encoder)
    keep = model.attrs["keep"]
    if keep is not None:
        # The words of a window are read once, however many candidates it has.
        asked = replace(asked, with_entities=False)
    batch = align_input(encoder, asked)
    W, b = cast(Any, linear.get_param("W")), cast(Any, linear.get_param("b"))
    of_firsts, of_lasts, *of_entities = model.ops.xp.split(W, model.attrs["size"], axis=1)

    def read(part: AlignedBatch, pieces: DeviceFloats2d, entities: DeviceFloats2d) -> DeviceFloats2d:
        firsts, lasts = (model.ops.asarray1i(cast(Any, column)) for column in edge_rows(part).T)
        logits: Any = model.ops.gemm(entities, of_entities[0], trans2=True)
        logits += model.ops.gemm(pieces, of_firsts, trans2=True)[firsts]
        logits += model.ops.gemm(pieces, of_lasts, trans2=True)[lasts]
        logits += b
        return logits

    def read_words(part: AlignedBatch, pieces: DeviceFloats2d, entities: DeviceFloats2d) -> DeviceFloats2d:
        return model.ops.gemm(pieces, model.ops.xp.concatenate([of_firsts, of_lasts]), trans2=True)

    if keep is not None:
        logits = get_shim(encoder).read_chosen(batch, chooser(model.get_ref("pruner"), keep), read, len(W))
    elif model.attrs["with_entities"]:
        logits = get_shim(encoder).read_entities(batch, read, len(W))
    else:
        words = get_shim(encoder).read_pieces(batch, read_words, 2 * len(W))
        firsts, lasts = (model.ops.asarray1i(cast(Any, column)) for column in edge_rows(batch).T)
        logits = words[firsts, : len(W)] + words[lasts, len(W) :] + b
    return _in_order(model, logits, span_rows(batch))


def span_rows(batch: AlignedBatch) -> Ints1d:
    """Where the documents' spans, end to end, are among the entities.

    batch (AlignedBatch): The batch.
    RETURNS (Ints1d): Rows; -1 for a span without wordpieces. Shape: (n_spans,).
    """
    return numpy.concatenate([numpy.zeros(0, dtype="int32"), *[doc.span_rows for doc in batch.docs]])


def _in_order(model: SpanModel, logits: DeviceFloats2d, rows: Ints1d) -> DeviceFloats2d:
    """Logits of the spans as given."""
    found = model.ops.xp.full((len(rows), logits.shape[1]), numpy.nan, dtype="float32")
    kept = numpy.flatnonzero(rows >= 0)
    found[kept] = logits[rows[kept]]
    return found


def _no_backprop(d_scores: DeviceFloats2d) -> SpanInput:
    raise NotImplementedError
