"""The entity typing classifier of the papers."""

from ..encoder.request import EncoderModel
from .group_classifier import GroupModel, build_group_classifier


def build_entity_classifier_v1(encoder: EncoderModel, dropout: float = 0.1) -> GroupModel:
    """Build a classifier of single spans: a linear layer on their entity state (Yamada et al., 2020, section 4.1).
    Registered as `spacy-mluke.EntityClassifier.v1`.

    Weights have the shapes of `LukeForEntityClassification`, so that published checkpoints load.

    encoder (EncoderModel): `spacy-mluke.Encoder.v1` (one sequence for each span, with markers around it) or
        `spacy-mluke.EncoderListener.v1` (states of a shared `mluke`).
    dropout (float): Dropout of the states in training; spaCy's `dropout` overrides it.
    RETURNS (GroupModel): A Model[MarkedInput, GroupLogits].
    """
    return build_group_classifier("mluke-entities", encoder, size=1, has_bias=True, dropout=dropout)
