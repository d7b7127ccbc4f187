"""The relation classifier of the papers."""

from ..encoder.request import EncoderModel
from .group_classifier import GroupModel, build_group_classifier


def build_pair_classifier_v1(encoder: EncoderModel, dropout: float = 0.1) -> GroupModel:
    """Build a classifier of pairs of spans: the states of head and tail, end to end, through a linear layer without
    bias (Yamada et al., 2020, section 4.2). Registered as `spacy-mluke.PairClassifier.v1`.

    Weights have the shape of `LukeForEntityPairClassification`, so that published checkpoints load.

    encoder (EncoderModel): `spacy-mluke.Encoder.v1` (marked texts, a pass for each pair) or
        `spacy-mluke.EncoderListener.v1` (states of the pass that `mluke` made).
    dropout (float): Dropout of the states in training.
    RETURNS (GroupModel): A Model[MarkedInput, GroupLogits].
    """
    return build_group_classifier("mluke-pairs", encoder, size=2, has_bias=False, dropout=dropout)
