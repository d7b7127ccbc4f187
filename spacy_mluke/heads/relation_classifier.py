"""The relation classifier of the papers."""

from ..encoder.request import EncoderModel
from .group_classifier import GroupModel, build_group_classifier


def build_pair_classifier_v1(encoder: EncoderModel, dropout: float = 0.1) -> GroupModel:
    """Build a classifier of pairs of spans: a linear layer without bias on the concatenated entity states of head and
    tail (Yamada et al., 2020, section 4.2). Registered as `spacy-mluke.PairClassifier.v1`.

    Weights have the shape of `LukeForEntityPairClassification`, so that published checkpoints load.

    encoder (EncoderModel): `spacy-mluke.Encoder.v1` (one sequence for each pair, with markers around head and tail) or
        `spacy-mluke.EncoderListener.v1` (states of a shared `mluke`).
    dropout (float): Dropout of the states in training; spaCy's `dropout` overrides it.
    RETURNS (GroupModel): A Model[MarkedInput, GroupLogits].
    """
    return build_group_classifier("mluke-pairs", encoder, size=2, has_bias=False, dropout=dropout)
