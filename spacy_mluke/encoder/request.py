"""What an encoder takes: a request, which aligns itself."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import Optional

from thinc.api import Model

from ..types import AlignedBatch, EncoderOutput
from .reducers import Reducer, Selector


@dataclass
class EncoderRequest(ABC):
    """Texts to encode, and what to keep of their states. The subclasses are in inputs.py."""

    # What to keep of each sequence. None: the states.
    reducer: Optional[Reducer] = field(default=None, kw_only=True)
    # Which entities to encode, decided after the words were read. None: all. Needs a reducer; only in prediction.
    selector: Optional[Selector] = field(default=None, kw_only=True)

    @abstractmethod
    def align(self, encoder: EncoderModel) -> AlignedBatch:
        """Return the sequences that the encoder reads for this request.

        encoder (EncoderModel): As from `build_encoder_v1`; its options say how texts are split. Its checkpoint is read
            if it was not yet.
        RETURNS (AlignedBatch): The sequences.
        """


# The only two ways to states are `encoder.predict(request)` and `encoder.begin_update(request)`.
EncoderModel = Model[EncoderRequest, EncoderOutput]
