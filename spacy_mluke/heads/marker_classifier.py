"""A relation classifier of words: what mLUKE's entities are compared with."""

from ..encoder.listener import EncoderListener
from ..encoder.request import EncoderModel
from ..errors import Errors
from .group_classifier import GroupModel, build_group_classifier


def build_marker_classifier_v1(encoder: EncoderModel, dropout: float = 0.1) -> GroupModel:
    """Build a classifier of pairs of spans that reads words alone: the states of the markers that open head and tail,
    <ent> and <ent2>, end to end, through a linear layer without bias. Registered as `spacy-mluke.MarkerClassifier.v1`.

    It is mLUKE-W (Ri et al., 2022, section 4): texts, encoder and size of the head are those of
    `spacy-mluke.PairClassifier.v1`, and no entity stands in a pass.

    encoder (EncoderModel): `spacy-mluke.Encoder.v1`.
    dropout (float): Dropout of the states in training.
    RETURNS (GroupModel): A Model[MarkedInput, GroupLogits].
    RAISES (ValueError): ML206 for a listener: the pass of `mluke` has no markers.
    """
    if isinstance(encoder, EncoderListener):
        raise ValueError(Errors.ML206.format(found=encoder.name))
    return build_group_classifier(
        "mluke-markers", encoder, size=2, has_bias=False, dropout=dropout, with_entities=False
    )
