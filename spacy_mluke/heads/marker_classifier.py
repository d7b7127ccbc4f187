"""A relation classifier without entities: the baseline for the pair classifier."""

from ..encoder.listener import Listener
from ..encoder.request import EncoderModel
from ..errors import Errors
from .group_classifier import GroupModel, build_group_classifier


def build_marker_classifier_v1(encoder: EncoderModel, dropout: float = 0.1) -> GroupModel:
    """Build a classifier of pairs of spans: a linear layer without bias on the concatenated states of the markers that
    open head and tail, <ent> and <ent2>. Registered as `spacy-mluke.MarkerClassifier.v1`.

    This is mLUKE-W (Ri et al., 2022, section 4): texts, encoder and size of the head are the same as for
    `spacy-mluke.PairClassifier.v1`, but sequences hold no entities.

    encoder (EncoderModel): `spacy-mluke.Encoder.v1`.
    dropout (float): Dropout of the states in training; spaCy's `dropout` overrides it.
    RETURNS (GroupModel): A Model[MarkedInput, GroupLogits].
    RAISES (ValueError): ML206 for a listener: the sequences of `mluke` have no markers.
    """
    if isinstance(encoder, Listener):
        raise ValueError(Errors.ML206.format(found=encoder.name))
    return build_group_classifier(
        "mluke-markers", encoder, size=2, has_bias=False, dropout=dropout, with_entities=False
    )
