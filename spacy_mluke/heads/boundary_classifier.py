"""A classifier of candidate spans that reads words alone: what mLUKE's entities are compared with."""

from ..encoder.request import EncoderModel
from .span_classifier import SpanModel, build_span_model


def build_boundary_classifier_v1(encoder: EncoderModel, dropout: float = 0.1) -> SpanModel:
    """Build a classifier of candidate spans: the states of a span's first and of its last wordpiece, end to end,
    through a linear layer. Registered as `spacy-mluke.BoundaryClassifier.v1`.

    It is mLUKE-W (Ri et al., 2022, section 4): texts and encoder are those of `spacy-mluke.SpanClassifier.v1`, and no
    entity stands in a pass, so the words are read once, whatever the encoder's `max_entities`.

    encoder (EncoderModel): `spacy-mluke.Encoder.v1`.
    dropout (float): Dropout of the states in training; spaCy's `dropout` takes its place.
    RETURNS (SpanModel): As from `build_span_classifier_v1`.
    RAISES (ValueError): ML200 for a listener, ML201 for an encoder that reads names of entities.
    """
    return build_span_model("mluke-boundaries", encoder, dropout=dropout, with_entities=False)
