"""The states of whole texts and of mentions in them: of the component's encoder, or of another component's pass."""

from typing import Any, Callable, List, Optional, Protocol, Sequence, Tuple, cast

import numpy
from spacy.tokens import Doc
from thinc.api import Model
from thinc.types import Ragged

from ..errors import Errors, check_text
from ..ragged import row_offsets
from ..types import Counts, DeviceFloats2d, EncoderOutput, Ints2d, PassageStates
from .inputs import EncoderInput
from .listener import Listener
from .request import EncoderModel

# From gradients of piece states and entity states, passage after passage, to the encoder.
Backprop = Callable[[List[DeviceFloats2d], List[DeviceFloats2d]], None]


class StoredStates(Protocol):
    """Finds the states that another component has computed for a document."""

    def __call__(self, doc: Doc, bounds: Ints2d) -> Optional[PassageStates]: ...


class PassageListener(Listener):
    """Reads the states of the forward pass of another component, in prediction and in training.

    It has no weights, and sends no gradient. For documents without stored states, it runs that component's encoder.

    upstream_name (str): The component to listen to.
    """

    def __init__(self, upstream_name: str):
        super().__init__("mluke-passage-listener", _forward, dims={"nO": None})
        self.upstream_name = upstream_name
        self.encoder: Optional[EncoderModel] = None

    def connect(self, encoder: EncoderModel) -> None:
        """Connect the listener with an encoder. Called by the upstream component.

        encoder (EncoderModel): Its encoder.
        """
        self.encoder = encoder
        self.init = _SameWidth(encoder)


class _SameWidth:
    """Gives a listener the width of an encoder when it is initialized."""

    def __init__(self, encoder: EncoderModel):
        self.encoder = encoder

    def __call__(self, model: Model, X: Any = None, Y: Any = None) -> None:
        if self.encoder.has_dim("nO") is None:
            self.encoder.initialize()
        model.set_dim("nO", self.encoder.get_dim("nO"))


def build_passage_listener_v1(upstream: str = "mluke_ner") -> EncoderModel:
    """Build a listener for the forward pass of a component. Registered as `spacy-mluke.PassageListener.v1`.

    upstream (str): Name of a `mluke_ner` with `visibility = "isolated"`, before this component.
    RETURNS (EncoderModel): For `spacy-mluke.MentionPairClassifier.v1`.
    RAISES (ValueError): ML310 for an empty name.
    """
    check_text("upstream", upstream)
    return cast(EncoderModel, PassageListener(upstream))


def read_passages(
    encoder: EncoderModel,
    docs: List[Doc],
    mentions: Sequence[Ints2d],
    *,
    is_train: bool,
    stored: Optional[StoredStates] = None,
) -> Tuple[List[PassageStates], Counts, Optional[Backprop]]:
    """Encode texts with the mentions in them, or take the states that another component has stored.

    encoder (EncoderModel): An encoder, or a listener.
    docs (List[Doc]): The documents.
    mentions (Sequence[Ints2d]): Token bounds of the mentions of each document, each once. Shape of each: (n, 2).
    is_train (bool): Whether to keep what the gradient needs. A listener's states are fixed.
    stored (Optional[StoredStates]): Finds stored states, for a listener.
    RETURNS (Tuple[List[PassageStates], Counts, Optional[Backprop]]): The states of each document; what alignment
        skipped; and a function for their gradients, None in prediction and for a listener.
    RAISES (ValueError): ML083 if a listener is not connected.
    """
    if not isinstance(encoder, PassageListener):
        return _encode(encoder, docs, mentions, is_train=is_train)
    if encoder.encoder is None:
        raise ValueError(Errors.ML083.format(upstream=encoder.upstream_name))
    found = [
        stored(doc, bounds) if stored is not None and len(bounds) else None
        for doc, bounds in zip(docs, mentions, strict=True)
    ]
    missing = [i for i, states in enumerate(found) if states is None and len(mentions[i])]
    counts = Counts()
    if missing:
        rest = [docs[i] for i in missing], [mentions[i] for i in missing]
        computed, counts, _ = _encode(encoder.encoder, *rest, is_train=False)
        for i, states in zip(missing, computed, strict=True):
            found[i] = states
    width = encoder.encoder.get_dim("nO") if encoder.encoder.has_dim("nO") else 0
    return [_no_states(width) if states is None else states for states in found], counts, None


def read_texts(encoder: EncoderModel, docs: List[Doc]) -> List[PassageStates]:
    """Encode texts without mentions. Their tokens do not change how they are split into wordpieces.

    encoder (EncoderModel): The encoder.
    docs (List[Doc]): The documents.
    RETURNS (List[PassageStates]): The states of each document.
    """
    nothing = [numpy.zeros((0, 2), dtype="int32")] * len(docs)
    return _encode(encoder, docs, nothing, is_train=False, split_tokens=False)[0]


def _encode(
    encoder: EncoderModel, docs: List[Doc], mentions: Sequence[Ints2d], *, is_train: bool, split_tokens: bool = True
) -> Tuple[List[PassageStates], Counts, Optional[Backprop]]:
    lengths = numpy.asarray([len(bounds) for bounds in mentions], dtype="int32")
    joined = numpy.concatenate([numpy.zeros((0, 2), dtype="int32"), *mentions]).astype("int32")
    # With mentions, split at all tokens, as `mluke_ner` reads its candidates: so both read the same wordpieces.
    spans = Ragged(cast(Any, joined), cast(Any, lengths))
    request = EncoderInput(docs, spans, with_tokens=True, split_tokens=split_tokens)
    output, backprop_states = encoder(request, is_train)
    batch = output.batch
    piece_states: Any = output.piece_states
    piece_offsets = row_offsets(numpy.asarray([len(doc.piece_rows) for doc in batch.docs], dtype="int64"))
    passages = []
    for doc, start, end in zip(batch.docs, piece_offsets[:-1].tolist(), piece_offsets[1:].tolist(), strict=True):
        rows = numpy.flatnonzero(doc.span_rows >= 0)
        states: Any = encoder.ops.alloc2f(len(doc.span_rows), output.entity_states.shape[1])
        states[rows] = output.entity_states[doc.span_rows[rows]]
        pieces = piece_states[start:end]
        passages.append(PassageStates(pieces, doc.token_bounds, doc.span_bounds, states, doc.span_rows >= 0))
    if not is_train:
        return passages, batch.counts, None

    def backprop(d_pieces: List[DeviceFloats2d], d_entities: List[DeviceFloats2d]) -> None:
        all_pieces: Any = encoder.ops.alloc2f(*piece_states.shape)
        all_entities: Any = encoder.ops.alloc2f(*output.entity_states.shape)
        for doc, start, d_piece, d_entity in zip(
            batch.docs, piece_offsets[:-1].tolist(), d_pieces, d_entities, strict=True
        ):
            all_pieces[start : start + len(d_piece)] += d_piece
            rows = numpy.flatnonzero(doc.span_rows >= 0)
            all_entities[doc.span_rows[rows]] += d_entity[rows]
        backprop_states(EncoderOutput(all_pieces, all_entities, batch))

    return passages, batch.counts, backprop


def _no_states(width: int) -> PassageStates:
    nothing = numpy.zeros((0, 2), dtype="int32")
    states = numpy.zeros((0, width), dtype="float32")
    return PassageStates(states, nothing, nothing, states, numpy.zeros(0, dtype=bool))


def _forward(model: Model, X: Any, is_train: bool) -> Any:
    raise NotImplementedError
