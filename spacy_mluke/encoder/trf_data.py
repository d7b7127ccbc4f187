"""Token states in the form that the listeners of spacy-transformers read. Only this module uses that package.

The package is imported when a function needs it, so that everything else works without it and without transformers.
transformers itself is not imported here: the class of its ModelOutput is taken from spacy-transformers.
"""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING, Any, List, Optional, Sequence, cast

import numpy
from thinc.api import Model, get_current_ops
from thinc.types import Floats2d, Ragged

from ..errors import Errors
from ..ragged import ranges
from ..types import DeviceFloats2d, EncoderOutput, Ints1d, Ints2d

if TYPE_CHECKING:
    from spacy_transformers.data_classes import TransformerData

_PACKAGE = "spacy_transformers"


def _part(module: str, name: str) -> Any:
    """Return a class or function of spacy-transformers.

    RAISES (ImportError): ML327 if it is not installed, or does not work with the installed transformers.
    """
    try:
        return getattr(importlib.import_module(f"{_PACKAGE}.{module}"), name)
    except Exception as error:  # an unknown version of transformers fails in many ways
        raise ImportError(Errors.ML327.format(reason=f"{type(error).__name__}: {error}")) from error


def is_token_listener(layer: Model) -> bool:
    """Return whether a layer is a `spacy-transformers.TransformerListener.v1`.

    layer (Model): Any layer.
    RETURNS (bool): Whether it is one. spacy-transformers is not imported: if there is a listener, it already was.
    """
    kind = getattr(sys.modules.get(f"{_PACKAGE}.layers"), "TransformerListener", None)
    return kind is not None and isinstance(layer, kind)


def token_pooling(pooling: Model[Ragged, Floats2d], grad_factor: float) -> Model[List[TransformerData], List[Floats2d]]:
    """Return a layer that makes one vector for each token.

    pooling (Model[Ragged, Floats2d]): Turns a token's wordpieces into one vector.
    grad_factor (float): Factor of the gradients.
    RETURNS (Model[List[TransformerData], List[Floats2d]]): One row per token.
    RAISES (ImportError): ML327 without spacy-transformers.
    """
    return _part("layers", "trfs2arrays")(pooling, grad_factor)


def empty_data() -> TransformerData:
    """Return the data of a document without tokens."""
    return _part("data_classes", "TransformerData").empty()


def full_batch(datas: Sequence[Optional[TransformerData]]) -> Any:
    """Return the states of several documents in the form that callbacks of `set_extra_annotations` take.

    datas (Sequence[Optional[TransformerData]]): The data of each document; None for a document without.
    RETURNS (FullTransformerBatch): A batch with these as `doc_data`.
    """
    batch = _part("data_classes", "FullTransformerBatch").empty(len(datas))
    batch.cached_doc_data = [empty_data() if data is None else data for data in datas]
    return batch


def transformer_data(
    states: DeviceFloats2d, piece_ids: Ints1d, piece_strings: Sequence[str], token_bounds: Ints2d
) -> TransformerData:
    """Return one document's wordpiece states in the form of `doc._.trf_data`.

    All wordpieces are in one row, each once, even if the document was read in several windows. There is no padding.

    states (DeviceFloats2d): Shape: (n_pieces, width), float32.
    piece_ids (Ints1d): Shape: (n_pieces,).
    piece_strings (Sequence[str]): The wordpieces as text.
    token_bounds (Ints2d): Each token's range of pieces. Shape: (n_tokens, 2).
    RETURNS (TransformerData): `model_output.last_hidden_state` has the shape (1, n_pieces, width).
    """
    empty: Any = empty_data()
    if not len(piece_ids):
        return empty
    n_pieces = len(piece_ids)
    wordpieces = type(empty.wordpieces)(
        strings=[list(piece_strings)],
        input_ids=cast(Any, numpy.asarray(piece_ids).reshape((1, n_pieces))),
        attention_mask=cast(Any, numpy.ones((1, n_pieces), dtype="float32")),
        lengths=[n_pieces],
        token_type_ids=None,
    )
    output = type(empty.model_output)(last_hidden_state=states.reshape((1, n_pieces, -1)))
    return type(empty)(wordpieces=wordpieces, model_output=output, align=align_tokens(token_bounds))


def align_tokens(token_bounds: Ints2d) -> Ragged:
    """Return token bounds in the form that listeners pool with.

    token_bounds (Ints2d): Ranges of pieces. Shape: (n_tokens, 2).
    RETURNS (Ragged): `lengths` has an entry for each token, `dataXd` the numbers of the pieces, int32.
    """
    lengths = token_bounds[:, 1] - token_bounds[:, 0]
    rows = ranges(token_bounds[:, 0], lengths)
    return Ragged(cast(Any, rows.astype("int32")), cast(Any, lengths.astype("int32")))


def split_output(output: EncoderOutput, strings: Optional[Sequence[str]] = None) -> List[TransformerData]:
    """Split the output of a batch into one TransformerData for each document.

    output (EncoderOutput): With states of wordpieces.
    strings (Optional[Sequence[str]]): The wordpieces as text, document after document; listeners do not need them.
    RETURNS (List[TransformerData]): An empty one for each empty document.
    """
    assert output.piece_states is not None
    result = []
    start = 0
    for doc in output.batch.docs:
        end = start + len(doc.piece_rows)
        result.append(
            transformer_data(
                output.piece_states[start:end],
                output.batch.piece_ids[doc.piece_rows],
                strings[start:end] if strings is not None else [],
                doc.token_bounds,
            )
            if len(doc.token_bounds)
            else empty_data()
        )
        start = end
    return result


def join_gradients(output: EncoderOutput, d_datas: Sequence[TransformerData]) -> DeviceFloats2d:
    """Concatenate the gradients that a listener returns.

    output (EncoderOutput): The output that was split.
    d_datas (Sequence[TransformerData]): Gradients of the documents that have tokens: listeners skip the others.
    RETURNS (DeviceFloats2d): Shape as `output.piece_states`.
    """
    assert output.piece_states is not None
    joined = get_current_ops().alloc2f(*output.piece_states.shape)
    lengths = numpy.asarray([len(doc.piece_rows) for doc in output.batch.docs], dtype="int64")
    with_tokens = numpy.asarray([len(doc.token_bounds) > 0 for doc in output.batch.docs], dtype="bool")
    ends = numpy.cumsum(lengths)
    for i, d_data in zip(numpy.flatnonzero(with_tokens), d_datas, strict=True):
        d_states = d_data.model_output["last_hidden_state"]
        joined[int(ends[i] - lengths[i]) : int(ends[i])] += d_states.reshape((-1, joined.shape[1]))
    return joined
