"""How often names are found: offsets of biases."""

from __future__ import annotations

import types

import numpy
import spacy
from spacy.tokens import Doc, Span
from spacy.training import Example
from thinc.api import NumpyOps

from scripts.xx_mluke_small.name_bias import correct_bias, correct_biases
from spacy_mluke.extensions import install_extensions

install_extensions()


class Linear:
    ops = NumpyOps()

    def __init__(self, n):
        self.bias = numpy.zeros(n, dtype="float32")

    def get_param(self, name):
        return self.bias

    def set_param(self, name, values):
        self.bias = values


class Names:
    """Gives the only token of each document the label with the highest logit."""

    cfg = types.MappingProxyType({"negative_label": "NIL"})

    def __init__(self, logits, classes=("NIL", "PER")):
        linear = Linear(len(classes))
        self.classes = classes
        self.labels = classes[1:]
        self.logits = numpy.asarray(logits, dtype="float32")
        self.model = types.SimpleNamespace(get_ref=lambda name: linear)

    def predict(self, docs):
        return None, self.logits + self.model.get_ref("linear").bias

    def set_annotations(self, docs, prediction):
        for doc, row in zip(docs, prediction[1], strict=True):
            label = self.classes[int(row.argmax())]
            doc.set_ents([Span(doc, 0, 1, label=label)] if label != "NIL" else [])


def make_examples(labels, annotated=None):
    vocab = spacy.blank("xx").vocab
    examples = []
    for label in labels:
        reference = Doc(vocab, words=["Ada"])
        reference.set_ents([Span(reference, 0, 1, label=label)] if label else [])
        reference._.mluke_annotated_labels = annotated
        examples.append(Example(Doc(vocab, words=["Ada"]), reference))
    return examples


def corrected(logits, is_person):
    names = Names([[0.0, logit] for logit in logits])
    offset = correct_bias(names, make_examples(["PER" if gold else "" for gold in is_person]), ["NIL"], ["PER"])
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


def test_dates_and_works_get_an_offset_of_their_own():
    rows = [[0.0, 1.0, -9.0], [0.0, -9.0, 1.4], [0.0, -9.0, 0.7], [0.0, -9.0, 0.6]]
    names = Names(rows, ("NIL", "PER", "DATE"))
    assert correct_biases(names, make_examples(["PER", "DATE", "", ""])) == (0.0, -0.75)
    assert names.model.get_ref("linear").bias.tolist() == [0.0, 0.0, -0.75]


def test_labels_that_no_source_annotates_keep_their_biases():
    names = Names([[0.0, 1.0, -9.0], [0.0, -9.0, 0.7]], ("NIL", "PER", "DATE"))
    assert correct_biases(names, make_examples(["PER", ""], ["PER"])) == (0.0, 0.0)


def test_labels_that_a_source_does_not_annotate_do_not_count_in_its_texts():
    names = Names([[0.0, 1.4], [0.0, 0.7]], ("NIL", "DATE"))
    examples = [*make_examples(["DATE"]), *make_examples([""], ["PER"])]
    assert correct_bias(names, examples, ["DATE"], ["DATE"]) == 0.0
