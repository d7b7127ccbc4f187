"""The extractive question answering head of the papers."""

from dataclasses import replace
from typing import Any, Callable, Optional, Tuple, cast

import numpy
from thinc.api import Dropout, Model, chain
from thinc.types import Floats2d

from ..encoder.inputs import QuestionInput, no_spans
from ..encoder.reducers import PieceLayer
from ..encoder.request import EncoderModel
from ..errors import check_dropout
from ..ragged import row_offsets
from ..types import AnswerLogits, Bools1d, EncoderOutput, Ints1d, Ints2d, QuestionBatch
from .linear import build_linear

AnswerModel = Model[QuestionInput, AnswerLogits]


def build_answer_extractor_v1(encoder: EncoderModel, dropout: float = 0.0) -> AnswerModel:
    """Build a head that scores where answers begin and end: a linear layer with two outputs on the state of each
    wordpiece (Yamada et al., 2020, section 4.5). Registered as `spacy-mluke.AnswerExtractor.v1`.

    Weights have the shapes of `LukeForQuestionAnswering`, so that published checkpoints load.

    encoder (EncoderModel): `spacy-mluke.Encoder.v1`. Each sequence holds a question and a window of its document.
    dropout (float): Dropout of the states in training; the published head has none. spaCy's `dropout` overrides it.
    RETURNS (AnswerModel): A Model[QuestionInput, AnswerLogits].
    RAISES (ValueError): ML310 for a dropout that is not a probability.
    """
    check_dropout(dropout)
    dropped: Model[Floats2d, Floats2d] = Dropout(dropout)
    output: Model[Floats2d, Floats2d] = chain(dropped, build_linear(has_bias=True))
    return Model(
        "mluke-answers", forward, init=init, layers=[encoder, output],
        refs={"encoder": encoder, "linear": output.layers[1]},
    )  # fmt: skip


def init(model: AnswerModel, X: Optional[QuestionInput] = None, Y: Optional[AnswerLogits] = None) -> None:
    """Read the encoder's checkpoint. The linear layer gets its weights from the component."""
    model.get_ref("encoder").initialize()


def forward(
    model: AnswerModel, inputs: QuestionInput, is_train: bool
) -> Tuple[AnswerLogits, Callable[[AnswerLogits], QuestionInput]]:
    """Encode, and give each piece of each sequence a logit as the first and one as the last piece of an answer."""
    encoder, output_layer = model.layers
    if isinstance(inputs, list):
        inputs = QuestionInput([], inputs, numpy.zeros(0, dtype="int32"), no_spans(0), no_spans(len(inputs)))
    # The states of a batch's windows would take a hundred times the memory of their logits.
    request = replace(inputs, reducer=PieceLayer(output_layer, 2))
    output, backprop_logits = encoder(request, is_train)
    batch = cast(QuestionBatch, output.batch)

    def backprop(d_output: AnswerLogits) -> QuestionInput:
        backprop_logits(EncoderOutput(None, None, batch, reduced=d_output.logits))
        return inputs

    return AnswerLogits(output.reduced, batch), backprop


def sequence_loss(logits: Any, lengths: Ints1d, targets: Ints2d, counted: Bools1d) -> Tuple[float, Any]:
    """Return the cross-entropy of first and last pieces over each sequence: the mean of the two, as in the reference,
    summed over sequences.

    logits (Floats2d): Shape: (n_pieces, 2).
    lengths (Ints1d): Pieces of each sequence. Shape: (n_sequences,).
    targets (Ints2d): First and last piece of the answer in each sequence; 0 and 0, its <s>, if it has no answer.
        Shape: (n_sequences, 2).
    counted (Bools1d): Whether each sequence counts. Shape: (n_sequences,).
    RETURNS (Tuple[float, Floats2d]): The loss and its gradient.
    """
    if not len(lengths):
        return 0.0, numpy.zeros_like(logits)
    at = row_offsets(lengths)[:-1]
    tops = numpy.maximum.reduceat(logits, at, axis=0)
    shifted = logits - tops.repeat(lengths, axis=0)
    powers = numpy.exp(shifted)
    sums = numpy.add.reduceat(powers, at, axis=0)
    rows = at[:, None] + targets
    columns = numpy.arange(2)
    held = (shifted[rows, columns] - numpy.log(sums)) * counted[:, None]
    gradient = powers / sums.repeat(lengths, axis=0)
    gradient[rows, columns] -= 1.0
    gradient *= 0.5 * counted.repeat(lengths)[:, None]
    return float(-0.5 * held.sum()), gradient.astype(logits.dtype)
