"""The words' side in the form that spacy-transformers' listeners read."""

from __future__ import annotations

from typing import Any, List, Optional, Sequence, cast

import numpy
from spacy_transformers.data_classes import TransformerData, WordpieceBatch
from thinc.api import get_current_ops
from thinc.types import Ragged
from transformers.file_utils import ModelOutput

from ..align.codes import ranges
from ..types import DeviceFloats2d, EncoderOutput, Ints1d, Ints2d


def transformer_data(
    states: DeviceFloats2d, piece_ids: Ints1d, piece_strings: Sequence[str], token_bounds: Ints2d
) -> TransformerData:
    """Give one document's wordpiece states the form of `doc._.trf_data`.

    All wordpieces stand in one row, each once, whatever windows they came from; nothing is padded.

    states (DeviceFloats2d): Shape: (n_pieces, width), float32.
    piece_ids (Ints1d): Shape: (n_pieces,).
    piece_strings (Sequence[str]): The wordpieces as text.
    token_bounds (Ints2d): Each token's range of pieces. Shape: (n_tokens, 2).
    RETURNS (TransformerData): `model_output.last_hidden_state` has the shape (1, n_pieces, width).
    """
    if not len(piece_ids):
        return TransformerData.empty()
    n_pieces = len(piece_ids)
    wordpieces = WordpieceBatch(
        strings=[list(piece_strings)],
        input_ids=cast(Any, numpy.asarray(piece_ids).reshape((1, n_pieces))),
        attention_mask=cast(Any, numpy.ones((1, n_pieces), dtype="float32")),
        lengths=[n_pieces],
        token_type_ids=None,
    )
    output = ModelOutput(last_hidden_state=states.reshape((1, n_pieces, -1)))
    return TransformerData(wordpieces=wordpieces, model_output=output, align=align_tokens(token_bounds))


def align_tokens(token_bounds: Ints2d) -> Ragged:
    """Token bounds as the Ragged that listeners pool with.

    token_bounds (Ints2d): Ranges of pieces. Shape: (n_tokens, 2).
    RETURNS (Ragged): `lengths` has an entry a token, `dataXd` the pieces' numbers, int32.
    """
    lengths = token_bounds[:, 1] - token_bounds[:, 0]
    rows = ranges(token_bounds[:, 0], lengths)
    return Ragged(cast(Any, rows.astype("int32")), cast(Any, lengths.astype("int32")))


def split_output(output: EncoderOutput, strings: Optional[Sequence[str]] = None) -> List[TransformerData]:
    """Split a batch's output into one TransformerData a document.

    output (EncoderOutput): With piece states.
    strings (Optional[Sequence[str]]): The kept wordpieces as text, document after document; listeners do not need them.
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
            else TransformerData.empty()
        )
        start = end
    return result


def join_gradients(output: EncoderOutput, d_datas: Sequence[TransformerData]) -> DeviceFloats2d:
    """Lay the gradients that a listener gives end to end.

    output (EncoderOutput): What was split.
    d_datas (Sequence[TransformerData]): Gradients of the documents that have tokens: listeners leave out the others.
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
