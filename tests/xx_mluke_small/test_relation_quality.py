"""Which relations are kept, and what their probabilities mean."""

from __future__ import annotations

import numpy

from scripts.xx_mluke_small.assemble import type_pairs
from scripts.xx_mluke_small.relation_labels import relation_label
from scripts.xx_mluke_small.relation_quality import Measured, calibrate, select
from scripts.xx_mluke_small.relations import FactDocument


def measured(slope: float, n: int = 4000) -> Measured:
    """Pairs whose relation holds with the probability sigmoid(slope * logit - 2)."""
    rng = numpy.random.default_rng(0)
    logits = rng.normal(scale=3.0, size=n)
    truth = rng.random(n) < 1 / (1 + numpy.exp(2 - slope * logits))
    nothing = numpy.zeros(0), numpy.zeros(0, dtype=bool)
    return Measured((logits, truth), nothing, (int(truth.sum()), 0))


def test_the_probabilities_of_logits_are_recovered():
    scale, offsets = calibrate({"P1": measured(1.5), "P2": measured(1.5)})
    assert abs(scale - 1.5) < 0.15
    assert all(abs(offset + 2.0) < 0.2 for offset in offsets.values())


def test_relations_without_precision_or_facts_are_not_kept():
    found = {"learned": measured(2.0), "noise": measured(0.0), "rare": measured(2.0, n=4)}
    scale, offsets = calibrate(found)
    assert select(found, scale, offsets, threshold=0.5) == ["learned"]


def test_documents_say_which_types_a_relation_has():
    document = FactDocument("t", "Anna Rome", [[(0, 4)], [(5, 9)]], ["PER", "MISC"], [(0, 1, "P19"), (0, 1, "P20")])
    finer = [["PER", label] for label in ("EVENT", "NORP", "PRODUCT", "WORK")]
    assert type_pairs([document], ["P19"]) == {"P19": finer}


def test_a_label_has_the_name_and_the_id_of_its_property():
    assert relation_label("P19", {"P19": "place of birth"}) == "place of birth (P19)"
    assert relation_label("P999", {}) == "P999"
