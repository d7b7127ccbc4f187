"""A classifier of candidate spans without entities: the baseline for the span classifier."""

from ..encoder.request import EncoderModel
from .span_classifier import SpanModel, build_span_model


def build_boundary_classifier_v1(encoder: EncoderModel, dropout: float = 0.1) -> SpanModel:
    """Build a classifier of candidate spans: a linear layer on the concatenated states of a span's first and last
    wordpiece. Registered as `spacy-mluke.BoundaryClassifier.v1`.

    This is mLUKE-W (Ri et al., 2022, section 4): texts and encoder are the same as for `spacy-mluke.SpanClassifier.v1`,
    but sequences hold no entities, so the words are read once, whatever the encoder's `max_entities`.

    encoder (EncoderModel): `spacy-mluke.Encoder.v1`.
    dropout (float): Dropout of the states in training; spaCy's `dropout` overrides it.
    RETURNS (SpanModel): As from `build_span_classifier_v1`.
    RAISES (ValueError): ML200 for a listener, ML201 for an encoder with `entity_input = "kb_id"`.
    """
    return build_span_model("mluke-boundaries", encoder, dropout=dropout, with_entities=False)
