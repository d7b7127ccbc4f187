"""The registered factories. spaCy imports this folder whenever a Language is made, so nothing heavy stands here."""

from .answering import make_mluke_qa
from .classifying import make_mluke_ner, make_mluke_relations, make_mluke_typing
from .encoding import make_mluke
from .knowing import make_mluke_cloze, make_mluke_linker, make_mluke_mentions, make_mluke_pretraining

__all__ = [
    "make_mluke",
    "make_mluke_cloze",
    "make_mluke_linker",
    "make_mluke_mentions",
    "make_mluke_ner",
    "make_mluke_pretraining",
    "make_mluke_qa",
    "make_mluke_relations",
    "make_mluke_typing",
]
