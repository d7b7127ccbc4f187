"""Training objectives for words, so that an encoder keeps good states of words while it learns entities."""

from __future__ import annotations

from typing import Any, Optional, Tuple, cast

import numpy
from thinc.api import Ops
from thinc.util import to_numpy

from ...align.boundaries import without_entities
from ...checkpoint.load import LoadedEncoder
from ...encoder.access import training_precision
from ...encoder.inputs import AlignedInput
from ...encoder.request import EncoderModel
from ...heads.masked_words import word_loss
from ...types import AlignedBatch, DeviceFloats2d, EntityLogits, Ints1d

# Fractions of the chosen pieces, as in BERT and RoBERTa: masked, and replaced by another piece. Others stay unchanged.
_MASKED, _REPLACED = 0.8, 0.1


class WordObjective:
    """The objective of words in one step: masks some wordpieces, and computes the losses of all.

    There are two losses. *Masked words*: the encoder's `lm_head` predicts the masked pieces (Ri et al., 2022, section
    2), with a softmax over the gold pieces of the batch and sampled pieces. *Kept words*: the squared distance between
    the states of words and those of the encoder before training, without entities. It also suits encoders without a
    trained word head, such as mluke-small.

    ops (Ops): Has the random generator that spaCy seeds.
    loaded (LoadedEncoder): The encoder.
    teacher (Optional[EncoderModel]): The encoder before training; None without the loss of kept words.
    masked (float): Fraction of pieces to predict.
    kept (float): Weight of the loss of kept words.
    n_negatives (int): Number of pieces sampled for the softmax.
    """

    def __init__(
        self,
        ops: Ops,
        loaded: LoadedEncoder,
        teacher: Optional[EncoderModel],
        *,
        masked: float,
        kept: float,
        n_negatives: int,
    ):
        self.ops = ops
        self.loaded = loaded
        self.teacher = teacher
        self.masked = masked
        self.kept = kept
        self.n_negatives = n_negatives
        self._places: Ints1d = numpy.zeros(0, dtype="int64")
        self._gold: Ints1d = numpy.zeros(0, dtype="int64")

    def mask(self, batch: AlignedBatch) -> None:
        """Choose pieces to predict, and mask most of them.

        batch (AlignedBatch): The aligned pieces, changed in place. Special pieces and masked ones are never chosen.
        """
        if not self.masked:
            return
        special = [piece_id for piece_id in vars(self.loaded.wordpieces.special).values() if piece_id is not None]
        draw = self.ops.xp.random
        drawn = to_numpy(draw.random_sample(len(batch.piece_ids)))
        self._places = numpy.flatnonzero((drawn < self.masked) & ~numpy.isin(batch.piece_ids, special))
        self._gold = batch.piece_ids[self._places].astype("int64")
        how = drawn[self._places] / self.masked
        ids = batch.piece_ids.copy()
        ids[self._places[how < _MASKED]] = self.loaded.wordpieces.mask_id
        others = self._places[(how >= _MASKED) & (how < _MASKED + _REPLACED)]
        ids[others] = _draw_pieces(draw, self.loaded, len(others))
        batch.piece_ids = ids

    def loss(self, output: EntityLogits) -> Tuple[float, Optional[DeviceFloats2d]]:
        """Return the loss and the gradient of the states of pieces.

        output (EntityLogits): Output that contains the states of all pieces.
        RETURNS (Tuple[float, Optional[DeviceFloats2d]]): The loss, a sum, and its gradient. Shape: (n_pieces, width).
        """
        states, batch = output.piece_states, output.batch
        if states is None or batch is None or not len(states):
            return 0.0, None
        d_states = self.ops.alloc2f(*states.shape)
        total = 0.0
        if self.teacher is not None:
            with training_precision(self.teacher):
                wanted = self.teacher.predict(AlignedInput(without_entities(batch))).piece_states
            d_states += 2 * self.kept * (states - wanted)
            total += float(self.kept * ((states - wanted) ** 2).sum())
        if len(self._places):
            places = self.ops.asarray1i(cast(Any, self._places))
            drawn = _draw_pieces(self.ops.xp.random, self.loaded, self.n_negatives)
            loss, gradient = word_loss(self.loaded, states[places], self._gold, drawn)
            self.ops.scatter_add(d_states, places, gradient)
            total += loss
        return total, d_states


def _draw_pieces(draw: Any, loaded: LoadedEncoder, n: int) -> Ints1d:
    # This may sample special pieces; a few of them among thousands do no harm.
    return to_numpy(draw.randint(0, loaded.wordpieces.vocab_size, size=n)).astype("int64")
