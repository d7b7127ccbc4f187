"""Quantize the encoders of a loaded pipeline."""

from __future__ import annotations

from typing import Iterator, Optional

from spacy.language import Language

from ..encoder.access import encoder_settings, is_encoder, set_quantization
from ..encoder.parameters import models_of
from ..encoder.request import EncoderModel
from ..network.config import check_quantization


def quantize(nlp: Language, kind: Optional[str] = "int8") -> None:
    """Make the encoders of a pipeline predict in eight bits, in place.

    Saving still writes the weights in full precision, and the config does not change.

    nlp (Language): A pipeline; components without an encoder do not change.
    kind (Optional[str]): "int8"; None for full precision.
    RAISES (ValueError): ML070 for another kind, ML033 if an encoder is not in float32.
    """
    check_quantization(kind, "float32")
    encoders = list(encoders_of(nlp))
    for encoder in encoders:
        check_quantization(kind, encoder_settings(encoder)["dtype"])
    for encoder in encoders:
        set_quantization(encoder, kind)


def encoders_of(nlp: Language) -> Iterator[EncoderModel]:
    """Iterate over the encoders of a pipeline.

    nlp (Language): The pipeline.
    YIELDS (EncoderModel): Each encoder, whether or not its checkpoint has been read.
    """
    for _, model in models_of(nlp):
        yield from filter(is_encoder, model.walk())
