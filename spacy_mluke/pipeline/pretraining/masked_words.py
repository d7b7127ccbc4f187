"""What pretraining asks of the words, so that an encoder that learns entities does not forget them."""

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

# Of the words that are chosen, as in BERT and RoBERTa: hidden, replaced by another; the rest is read as it is.
_HIDDEN, _REPLACED = 0.8, 0.1


class WordSide:
    """The words of one step: hides some, and says how far the states of all are from what is wanted.

    Two losses. *Masked words*: the encoder's `lm_head` says what stood at hidden pieces (Ri et al., 2022, section 2;
    the softmax is over the right pieces of the batch and some that are drawn). *Kept words*: states of words shall be
    those that the encoder had when training began, in a pass without entities; for an encoder without a trained word
    head, such as mluke-small, whose words are worth keeping all the same.

    ops (Ops): Draws from the generator that spaCy seeds.
    loaded (LoadedEncoder): The encoder.
    teacher (Optional[EncoderModel]): The encoder as it was; None if nothing is to be kept.
    masked (float): Share of pieces that are to be predicted.
    kept (float): Weight of the squared distance of a word's state from what it was.
    n_negatives (int): Pieces that are drawn for the softmax.
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

    def hide(self, batch: AlignedBatch) -> None:
        """Choose pieces to predict, and hide most of them.

        batch (AlignedBatch): The aligned pieces, changed in place. Special ones and those that are hidden already are
            never chosen.
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
        ids[self._places[how < _HIDDEN]] = self.loaded.wordpieces.mask_id
        others = self._places[(how >= _HIDDEN) & (how < _HIDDEN + _REPLACED)]
        ids[others] = _draw_pieces(draw, self.loaded, len(others))
        batch.piece_ids = ids

    def loss(self, output: EntityLogits) -> Tuple[float, Optional[DeviceFloats2d]]:
        """The losses and the gradient of the states.

        output (EntityLogits): With the states of all pieces.
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
    # Special pieces stand at the start of the table and at its end: a few of them among thousands do no harm.
    return to_numpy(draw.randint(0, loaded.wordpieces.vocab_size, size=n)).astype("int64")
