"""The layer through which a head reads the entity states of a shared `mluke` component."""

from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple, cast

import numpy
from spacy.tokens import Doc
from thinc.api import Model

from ..checkpoint.config_file import read_config
from ..checkpoint.hub import resolve
from ..errors import Errors, check_text
from ..types import AlignedBatch, DeviceFloats2d, DocAlignment, EncoderOutput, Ints1d
from .inputs import MarkedInput
from .request import EncoderModel

Backprop = Callable[[DeviceFloats2d], object]
Bounds = Tuple[int, int]


def build_encoder_listener_v1(upstream: str = "*") -> EncoderModel:
    """Build a listener for entity states. Registered as `spacy-mluke.EncoderListener.v1`.

    In prediction it reads the entity states stored on the document. In training it reads the states that `mluke`
    computed in the same update, and sends its gradient to the encoder, which gets the sum over all listeners.

    upstream (str): Name of the `mluke` component to listen to, "*" for any.
    RETURNS (EncoderModel): Takes a MarkedInput.
    RAISES (ValueError): ML310 for an empty name.
    """
    check_text("upstream", upstream)
    return EncoderListener(upstream)


class WidthOf:
    """Sets the width of a listener that is initialized before its encoder is loaded. Only the checkpoint's config.json
    is read.

    name (str): The checkpoint.
    revision (Optional[str]): Of a hub name.
    """

    def __init__(self, name: str, revision: Optional[str] = None):
        self.name = name
        self.revision = revision

    def __call__(self, model: Model, X: Any = None, Y: Any = None) -> None:
        """Initialize a listener.

        model (Model): The listener.
        X (Any): Not used.
        Y (Any): Not used.
        """
        if model.has_dim("nO") is None:
            config = read_config(resolve(self.name, self.revision))
            model.set_dim("nO", config.hidden_size)


class Listener(Model):
    """Base of layers that stand in the place of an encoder, and read the states of another component's encoder."""

    upstream_name: str


class EncoderListener(Listener):
    """Returns the entity states of spans that `mluke` has encoded.

    upstream_name (str): The component to listen to.
    """

    def __init__(self, upstream_name: str):
        super().__init__("mluke-entity-listener", forward, dims={"nO": None})
        self.upstream_name = upstream_name
        self._docs: Optional[List[Doc]] = None
        self._output: Optional[EncoderOutput] = None
        self._backprop: Optional[Backprop] = None

    def receive(self, docs: List[Doc], output: EncoderOutput, backprop: Backprop) -> None:
        """Receive the states of a training step. Called by `mluke`.

        docs (List[Doc]): The documents of the step.
        output (EncoderOutput): Their states.
        backprop (Backprop): Callback for the gradient of the entity states.
        """
        self._docs, self._output, self._backprop = docs, output, backprop

    def take(self, docs: Sequence[Doc]) -> Optional[Tuple[EncoderOutput, Backprop]]:
        """Return the states of a training step, once.

        docs (Sequence[Doc]): The documents of the head's step.
        RETURNS (Optional[Tuple[EncoderOutput, Backprop]]): None if nothing was received: `mluke` is frozen.
        RAISES (ValueError): ML082 if the states are those of other documents.
        """
        if self._docs is None or self._output is None or self._backprop is None:
            return None
        # Compared by identity: two documents may have equal tokens.
        if len(docs) != len(self._docs) or any(a is not b for a, b in zip(docs, self._docs, strict=True)):
            raise ValueError(Errors.ML082)
        found = self._output, self._backprop
        self._docs = self._output = self._backprop = None
        return found


def forward(
    model: EncoderListener, inputs: MarkedInput, is_train: bool
) -> Tuple[EncoderOutput, Callable[[EncoderOutput], MarkedInput]]:
    """Find the groups' spans among those that were encoded."""
    received = model.take(inputs.docs) if is_train else None
    if received is None:
        return _from_docs(model, inputs), _no_gradient(inputs)
    output, backprop_states = received
    docs = []
    for doc, aligned, groups in zip(inputs.docs, output.batch.docs, inputs.groups, strict=True):
        bounds = map(tuple, aligned.span_bounds.tolist())
        docs.append(_alignment(doc, dict(zip(bounds, aligned.span_rows.tolist(), strict=True)), groups))

    def backprop(d_output: EncoderOutput) -> MarkedInput:
        backprop_states(d_output.entity_states)
        return inputs

    return EncoderOutput(piece_states=None, entity_states=output.entity_states, batch=_batch(docs)), backprop


def _from_docs(model: EncoderListener, inputs: MarkedInput) -> EncoderOutput:
    """Return the states that are stored on the documents."""
    docs: List[DocAlignment] = []
    found: List[Any] = []
    n = 0
    for doc, groups in zip(inputs.docs, inputs.groups, strict=True):
        known: Dict[Bounds, int] = {}
        if len(groups):
            states = doc._.mluke if doc.has_extension("mluke") else None
            if states is None:
                raise ValueError(Errors.ML081)
            known = {(span.start, span.end): -1 for span in states.skipped}
            known.update({(span.start, span.end): n + i for i, span in enumerate(states.spans)})
            own_states = states.entity_states
            found.append(own_states)
            n += len(own_states)
        docs.append(_alignment(doc, known, groups))
    if found:
        entity_states = model.ops.asarray2f(cast(Any, numpy.concatenate(found)))
    else:
        entity_states = model.ops.alloc2f(0, model.get_dim("nO") if model.has_dim("nO") else 0)
    return EncoderOutput(piece_states=None, entity_states=entity_states, batch=_batch(docs))


def _alignment(doc: Doc, known: Dict[Bounds, int], groups: Any) -> DocAlignment:
    """Return the rows of one document's groups among its encoded spans.

    RAISES (ValueError): ML080 for a span that was not encoded.
    """
    bounds = numpy.asarray(groups, dtype="int32").reshape((-1, 2))
    rows: List[int] = []
    for start, end in bounds.tolist():
        # A span without tokens has no state, even if mluke was given it.
        row = known.get((start, end)) if start < end else -1
        if row is None:
            raise ValueError(Errors.ML080.format(span=repr(doc[start:end].text)))
        rows.append(row)
    return DocAlignment(
        span_bounds=bounds,
        span_rows=_ints(rows),
        piece_rows=_ints([]),
        piece_offsets=_ints([]).reshape((0, 2)),
        token_bounds=_ints([]).reshape((0, 2)),
    )


def _batch(docs: List[DocAlignment]) -> AlignedBatch:
    """Return a batch with the rows of the groups. It has no sequences: those are in the batch of `mluke`."""
    nothing = _ints([])
    return AlignedBatch(nothing, nothing, nothing, nothing.reshape((0, 2)), nothing, 0, docs=docs, with_tokens=False)


def _no_gradient(inputs: MarkedInput) -> Callable[[EncoderOutput], MarkedInput]:
    """Return a callback that ignores the gradient: the stored states are fixed."""

    def backprop(d_output: EncoderOutput) -> MarkedInput:
        return inputs

    return backprop


def _ints(values: List[int]) -> Ints1d:
    return numpy.asarray(values, dtype="int32")
