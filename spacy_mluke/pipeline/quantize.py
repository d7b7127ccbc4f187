"""Fewer bits for the encoders of a pipeline that is loaded already."""

from __future__ import annotations

from typing import Iterator, Optional

from spacy.language import Language

from ..encoder.access import encoder_settings, is_encoder, set_quantization
from ..encoder.parameters import models_of
from ..encoder.request import EncoderModel
from ..network.config import check_quantization


def quantize(nlp: Language, kind: Optional[str] = "int8") -> None:
    """Let the encoders of a pipeline predict in fewer bits from now on, in place. What is saved is not touched: weights
    in full, and a config that says what it said.

    nlp (Language): A pipeline; components without an encoder stay as they are.
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
    """The encoders of a pipeline.

    nlp (Language): The pipeline.
    YIELDS (EncoderModel): Each, whether its checkpoint has been read or not.
    """
    for _, model in models_of(nlp):
        yield from filter(is_encoder, model.walk())
