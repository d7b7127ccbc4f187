"""What the probabilities of relations mean, and at which threshold each one is predicted."""

from __future__ import annotations

import numpy
import pytest

from scripts.xx_mluke_small.assemble import entity_limits, keep_labels, type_pairs
from scripts.xx_mluke_small.examples import make_blank
from scripts.xx_mluke_small.relation_labels import relation_label
from scripts.xx_mluke_small.relation_measurements import MeasuredText, Measurements
from scripts.xx_mluke_small.relation_quality import Measured, by_label, calibrate
from scripts.xx_mluke_small.relation_thresholds import Evidence, choose_thresholds, lowest_threshold
from scripts.xx_mluke_small.relations import FactDocument
from spacy_mluke.heads.linear import set_weights


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


def evidence(scores, n_right, n_facts=100):
    """Predictions, the first of which are right."""
    return Evidence(list(scores), [i < n_right for i in range(len(scores))], n_facts)


NOTHING = Evidence()


def test_the_lowest_threshold_with_enough_precision_is_chosen():
    assert lowest_threshold(evidence([0.76] * 30 + [0.62] * 30, 30), NOTHING) == 0.65
    assert lowest_threshold(evidence([0.76] * 30 + [0.72] * 30, 30), NOTHING) == 0.75


def test_a_relation_that_only_sentences_know_needs_a_high_threshold():
    assert lowest_threshold(NOTHING, evidence([0.9] * 30, 30)) == 0.8
    assert lowest_threshold(evidence([0.9] * 4, 4), evidence([0.9] * 30, 30)) == 0.8


def test_documents_that_do_not_annotate_a_relation_do_not_confirm_it():
    assert lowest_threshold(evidence([0.9] * 30, 30), NOTHING) == 0.6
    assert lowest_threshold(evidence([0.9] * 30, 30), NOTHING, confirm=False) == 0.8


def test_relations_without_precision_recall_or_facts_are_not_predicted():
    assert lowest_threshold(evidence([0.99] * 30, 5), NOTHING) is None
    assert lowest_threshold(evidence([0.99] * 4, 4), NOTHING) is None
    assert lowest_threshold(NOTHING, evidence([0.9] * 3, 3, n_facts=3)) is None


def test_few_predictions_say_little():
    # One wrong prediction of one: its probability counts, too.
    assert evidence([0.9], 0).precision(0.8) == pytest.approx(2.7 / 4)
    assert NOTHING.precision(0.8) is None


@pytest.fixture
def nlp():
    pipeline = make_blank()
    encoder = {"@architectures": "spacy-mluke.Encoder.v1", "name": "mluke-small"}  # it is not read
    model = {"@architectures": "spacy-mluke.MentionPairClassifier.v1", "encoder": encoder}
    pipe = pipeline.add_pipe("mluke_relations", config={"multi_label": True, "model": model})
    pipe.cfg["classes"] = ["P19", "P36", "P1376"]
    return pipeline


def measured_text(logits):
    """A document: Anna, Rome, Oslo. She was born in Rome, as the document says with two mentions of it."""
    text, bounds = "Anna Rome Oslo Rome", [(0, 1), (1, 2), (2, 3), (3, 4)]
    names = [(0, 4, "PER"), (5, 9, "LOC"), (10, 14, "LOC"), (15, 19, "LOC")]
    pairs = [(0, 1), (0, 2), (0, 3), (1, 2), (2, 1)]
    entities = [(0, 1), (0, 2), (0, 1), (1, 2), (2, 1)]
    groups = numpy.array([[bounds[a], bounds[b]] for a, b in pairs], dtype="int32")
    truth = numpy.zeros((5, 3), dtype=bool)
    truth[[0, 2], 0] = True
    known = numpy.ones_like(truth)
    return MeasuredText(text, names, entities, groups, numpy.ones(5, dtype=bool), logits, truth, known)


def test_thresholds_are_chosen_by_what_the_component_predicts(nlp):
    pipe = nlp.get_pipe("mluke_relations")
    pipe.max_tails = {"P19": 1}
    logits = numpy.full((5, 3), -5.0, dtype="float32")
    # Rome, her place of birth, is more probable than Oslo: only Rome is predicted, once for its two mentions.
    logits[:, 0] = [2.0, 1.5, 1.0, -5.0, -5.0]
    texts = [measured_text(logits) for _ in range(6)]
    found = choose_thresholds(
        nlp, pipe, Measurements(pipe.classes, texts, []), 1.0, dict.fromkeys(pipe.classes, 0.0),
        documents_annotate=pipe.classes,
    )  # fmt: skip
    assert found == {"P19": 0.6}
    pipe.max_tails = {}
    found = choose_thresholds(
        nlp, pipe, Measurements(pipe.classes, texts, []), 1.0, dict.fromkeys(pipe.classes, 0.0),
        documents_annotate=pipe.classes,
    )  # fmt: skip
    assert found == {"P19": 0.85}
    assert (pipe.cfg["threshold"], pipe.thresholds) == (0.0, {})


def test_logits_are_collected_by_relation():
    logits = numpy.arange(15, dtype="float32").reshape((5, 3))
    found = by_label(Measurements(["P19", "P36", "P1376"], [measured_text(logits)], []))
    assert found["P19"].documents[0].tolist() == [0, 3, 6, 9, 12]
    assert found["P19"].n_facts == (2, 0) and not len(found["P36"].sentences[0])


def test_limits_are_counted_in_documents():
    entities = [[(0, 1)], [(2, 3)], [(4, 5)]]
    facts = [(0, 1, "P569"), (0, 1, "P1412"), (0, 2, "P1412")]
    documents = [FactDocument(str(n), "a b c", entities, ["PER", "DATE", "LOC"], facts) for n in range(10)]
    tails, heads = entity_limits(documents, ["P569", "P1412"])
    assert tails == {"P569": 1, "P1412": 2}
    assert heads == {"P569": 1, "P1412": 1}


def test_labels_get_names_and_keep_what_is_known_about_them(nlp):
    pipe = nlp.get_pipe("mluke_relations")
    pipe.inverses = {"P36": "P1376", "P1376": "P36"}
    pipe.max_tails = {"P36": 1, "P19": 2}
    set_weights(pipe.model.get_ref("linear"), numpy.eye(3, dtype="float32"), numpy.ones(3, dtype="float32"))
    offsets = {"P19": 0.5, "P36": -1.0, "P1376": 0.0}
    keep_labels(nlp, pipe, {"P19": "place of birth (P19)", "P36": "capital (P36)"}, 2.0, offsets)
    assert pipe.labels == ("place of birth (P19)", "capital (P36)")
    assert pipe.max_tails == {"place of birth (P19)": 2, "capital (P36)": 1} and not pipe.inverses
    linear = pipe.model.get_ref("linear")
    assert linear.get_param("W").tolist() == [[2, 0, 0], [0, 2, 0]]
    assert linear.get_param("b").tolist() == [2.5, 1.0]


def test_documents_say_which_types_a_relation_has():
    document = FactDocument("t", "Anna Rome", [[(0, 4)], [(5, 9)]], ["PER", "MISC"], [(0, 1, "P19"), (0, 1, "P20")])
    finer = [["PER", label] for label in ("EVENT", "MISC", "NORP", "PRODUCT", "WORK")]
    assert type_pairs([document], ["P19"]) == {"P19": finer}


def test_a_label_has_the_name_and_the_id_of_its_property():
    assert relation_label("P19", {"P19": "place of birth"}) == "place of birth (P19)"
    assert relation_label("P999", {}) == "P999"
