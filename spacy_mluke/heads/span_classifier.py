"""The named entity classifier of the papers, which classifies candidate spans."""

from typing import Any, Callable, Dict, List, NamedTuple, Optional, Tuple, cast

import numpy
from spacy.tokens import Doc
from thinc.api import Dropout, Model, chain
from thinc.types import Floats2d, Ragged

from ..align.boundaries import boundary_rows
from ..encoder.access import is_encoder
from ..encoder.inputs import EncoderInput, no_spans
from ..encoder.reducers import Reducer, StateGradients
from ..encoder.request import EncoderModel
from ..errors import Errors, check_dropout
from ..types import AlignedBatch, DeviceFloats2d, EncoderOutput, Ints1d
from .candidate_selection import Pruning
from .kept_states import KeptStates
from .linear import build_linear
from .pruning import EdgeSelector, build_pruner


class SpanInput(NamedTuple):
    """Candidate spans to classify."""

    docs: List[Doc]
    spans: Ragged  # token bounds of the candidates, int32, (n_spans, 2); a length for each document
    # In prediction, which candidates to encode: those that the pruner finds most probable. None: all.
    pruning: Optional[Pruning] = None
    # In prediction, what collects states for components that listen. None: no states are kept.
    kept: Optional[KeptStates] = None


SpanModel = Model[SpanInput, Floats2d]


def build_span_classifier_v1(encoder: EncoderModel, dropout: float = 0.1) -> SpanModel:
    """Build a classifier of candidate spans: a linear layer on the concatenated states of a span's first wordpiece, its
    last wordpiece and its entity (Yamada et al., 2020, section 4.3). All three are from the sequence that holds the
    entity. Registered as `spacy-mluke.SpanClassifier.v1`.

    Weights have the shapes of `LukeForEntitySpanClassification`, so that published checkpoints load. Text is split at
    every token before it is tokenized, as in the reference, where each token is a candidate. So wordpieces do not
    depend on the candidates, and are the same in training and in prediction.

    encoder (EncoderModel): `spacy-mluke.Encoder.v1`. With `visibility = "isolated"`, the state of a candidate does not
        depend on the others, and `max_entities = 0` reads the words once for all candidates.
    dropout (float): Dropout of the states in training; spaCy's `dropout` overrides it.
    RETURNS (SpanModel): A Model[SpanInput, Floats2d]. The output has a row of logits for each candidate: NaN for one
        without wordpieces, -inf for one that the pruner did not select.
    RAISES (ValueError): ML200 for a listener, ML201 for an encoder with `entity_input = "kb_id"`.
    """
    return build_span_model("mluke-spans", encoder, dropout=dropout, with_entities=True)


def build_span_model(name: str, encoder: EncoderModel, *, dropout: float, with_entities: bool) -> SpanModel:
    """Build a classifier of candidate spans by first and last wordpiece, with or without their entity.

    name (str): Name of the Model.
    encoder (EncoderModel): `spacy-mluke.Encoder.v1`.
    dropout (float): Dropout of the states in training.
    with_entities (bool): Whether to encode candidates as entities, and to classify their states, too.
    RETURNS (SpanModel): As from `build_span_classifier_v1`.
    RAISES (ValueError): ML200, ML201, ML310 for a dropout that is not a probability.
    """
    check_dropout(dropout)
    if not is_encoder(encoder):
        raise ValueError(Errors.ML200.format(found=encoder.name))
    if encoder.attrs["entity_input"] != "mask":
        raise ValueError(Errors.ML201.format(found=encoder.attrs["entity_input"]))
    dropped: Model[Floats2d, Floats2d] = Dropout(dropout)
    output: Model[Floats2d, Floats2d] = chain(dropped, build_linear(has_bias=True))
    refs: Dict[str, Optional[Model]] = {"encoder": encoder, "linear": output.layers[1], "pruner": None}
    attrs = {"size": 3 if with_entities else 2, "with_entities": with_entities}
    layers: List[Model] = [encoder, output]
    if with_entities:
        pruner: Model = build_pruner()
        refs["pruner"] = pruner
        layers.append(pruner)
    return Model(name, forward, init=init, layers=layers, refs=refs, attrs=attrs)


def init(model: SpanModel, X: Optional[SpanInput] = None, Y: Optional[Floats2d] = None) -> None:
    """Read the encoder's checkpoint. The component sets the size of the linear layer, with the labels."""
    model.get_ref("encoder").initialize()


def forward(
    model: SpanModel, inputs: SpanInput, is_train: bool
) -> Tuple[DeviceFloats2d, Callable[[DeviceFloats2d], SpanInput]]:
    """Encode, and classify the candidates.

    RETURNS (Tuple[DeviceFloats2d, Callable]): A row for each candidate: NaN for one without wordpieces, -inf for one
        that was not selected.
    """
    given = SpanInput(*inputs) if isinstance(inputs, tuple) else SpanInput(inputs, no_spans(len(inputs)))
    encoder, output_layer = model.layers[:2]
    with_entities = model.attrs["with_entities"]
    selector: Optional[EdgeSelector] = None
    if given.pruning is not None:
        selector = EdgeSelector(model.get_ref("pruner"), model.get_ref("linear"), given.pruning)
    request = EncoderInput(
        given.docs,
        given.spans,
        with_tokens=given.kept is not None,
        split_tokens=True,
        with_entities=with_entities,
        reducer=SpanReducer(output_layer, model.get_ref("linear"), with_entities=with_entities, kept=given.kept),
        selector=selector,
    )
    output, backprop_logits = encoder(request, is_train)
    if given.kept is not None:
        given.kept.batch = output.batch
    logits, rows = output.reduced, output.batch.span_rows
    has_row = numpy.flatnonzero(rows >= 0)
    scores = model.ops.xp.full((len(rows), logits.shape[1]), numpy.nan, dtype="float32")
    scores[has_row] = logits[rows[has_row]]

    def backprop(d_scores: DeviceFloats2d) -> SpanInput:
        d_logits: Any = model.ops.alloc2f(*logits.shape)
        d_logits[rows[has_row]] = d_scores[has_row]
        backprop_logits(EncoderOutput(None, None, output.batch, reduced=d_logits))
        return inputs

    return scores, backprop


class SpanReducer(Reducer):
    """Keeps the logits of each candidate.

    output_layer (Model[Floats2d, Floats2d]): Dropout and linear layer.
    linear (Model[Floats2d, Floats2d]): The linear layer.
    with_entities (bool): Whether the states of entities are part of the input of the layer.
    kept (Optional[KeptStates]): Collects states in prediction.
    """

    per = "entity"

    def __init__(
        self,
        output_layer: Model[Any, Any],
        linear: Model[Any, Any],
        *,
        with_entities: bool,
        kept: Optional[KeptStates] = None,
    ):
        self.kept = kept
        self.ops = linear.ops
        self.output_layer = output_layer
        self.with_entities = with_entities
        W: Any = linear.get_param("W")
        self.n_out = len(W)
        self.bias: Any = linear.get_param("b")
        self.parts: List[Any] = self.ops.xp.split(W, 3 if with_entities else 2, axis=1)

    def predict(
        self, batch: AlignedBatch, piece_states: DeviceFloats2d, entity_states: DeviceFloats2d
    ) -> DeviceFloats2d:
        # The layer is linear: its product with a wordpiece is computed once for all candidates that begin or end there.
        firsts, lasts = self._edges(batch)
        of_firsts, of_lasts, *of_entities = self.parts
        logits: Any = self.ops.gemm(piece_states, of_firsts, trans2=True)[firsts]
        logits += self.ops.gemm(piece_states, of_lasts, trans2=True)[lasts]
        if self.with_entities:
            logits += self.ops.gemm(entity_states, of_entities[0], trans2=True)
        logits += self.bias
        return logits

    def keep(
        self,
        piece_rows: Ints1d,
        entity_rows: Ints1d,
        piece_states: DeviceFloats2d,
        entity_states: DeviceFloats2d,
        reduced: DeviceFloats2d,
    ) -> None:
        if self.kept is not None:
            self.kept.add(piece_rows, entity_rows, piece_states, entity_states, reduced)

    def begin_update(
        self, batch: AlignedBatch, piece_states: DeviceFloats2d, entity_states: DeviceFloats2d
    ) -> Tuple[DeviceFloats2d, Callable[[DeviceFloats2d], StateGradients]]:
        firsts, lasts = self._edges(batch)
        entities = [entity_states] if self.with_entities else []
        columns = self.ops.xp.hstack([piece_states[firsts], piece_states[lasts], *entities])
        logits, backprop_layer = self.output_layer.begin_update(columns)

        def backprop(d_logits: DeviceFloats2d) -> StateGradients:
            d_firsts, d_lasts, *d_entities = self.ops.xp.split(backprop_layer(d_logits), len(self.parts), axis=1)
            d_pieces = self.ops.alloc2f(*piece_states.shape)
            # Scatter-add, not assignment: many candidates begin, or end, with the same wordpiece.
            self.ops.scatter_add(d_pieces, firsts, d_firsts)
            self.ops.scatter_add(d_pieces, lasts, d_lasts)
            return d_pieces, d_entities[0] if self.with_entities else None

        return logits, backprop

    def _edges(self, batch: AlignedBatch) -> List[Any]:
        """Rows of the first and of the last piece of each candidate."""
        return [self.ops.asarray1i(cast(Any, column)) for column in boundary_rows(batch).T]
