"""How often names are found: the offset of the negative class."""

from __future__ import annotations

import types

import numpy
import spacy
from spacy.tokens import Doc, Span
from spacy.training import Example
from thinc.api import NumpyOps

from scripts.xx_mluke_small.name_bias import correct_negatives


class Linear:
    ops = NumpyOps()

    def __init__(self):
        self.bias = numpy.zeros(2, dtype="float32")

    def get_param(self, name):
        return self.bias

    def set_param(self, name, values):
        self.bias = values


class Names:
    """Calls each token a person whose logit is above that of the negative class."""

    classes = ("NIL", "PER")
    cfg = types.MappingProxyType({"negative_label": "NIL"})

    def __init__(self, logits):
        linear = Linear()
        self.logits = numpy.asarray([[0.0, logit] for logit in logits], dtype="float32")
        self.model = types.SimpleNamespace(get_ref=lambda name: linear)

    def predict(self, docs):
        return None, self.logits

    def set_annotations(self, docs, prediction):
        for doc, (negative, person) in zip(docs, prediction[1], strict=True):
            doc.set_ents([Span(doc, 0, 1, label="PER")] if person > negative else [])


def corrected(logits, is_person):
    vocab = spacy.blank("xx").vocab
    examples = []
    for gold in is_person:
        reference = Doc(vocab, words=["Ada"])
        reference.set_ents([Span(reference, 0, 1, label="PER")] if gold else [])
        examples.append(Example(Doc(vocab, words=["Ada"]), reference))
    names = Names(logits)
    offset = correct_negatives(names, examples)
    assert names.model.get_ref("linear").bias.tolist() == [offset, 0.0]
    return offset


def test_the_offset_with_the_best_f1_is_chosen():
    assert corrected([0.1, 0.9, 1.2], [False, True, True]) == 0.25


def test_of_offsets_that_are_as_good_the_smallest_one_is_chosen():
    assert corrected([2.9, 0.4], [True, False]) == 0.5


def test_names_that_are_all_right_need_no_offset():
    assert corrected([0.1, 2.0], [True, True]) == 0.0


def test_of_offsets_that_are_nearly_as_good_one_finds_as_many_names_as_there_are():
    # There are 999 names: with 0, 999 are found, one of which is wrong; with 0.25, 998 right ones.
    assert corrected([2.0] * 998 + [-0.1, -0.1, 0.1], [True] * 999 + [False, False]) == 0.0
