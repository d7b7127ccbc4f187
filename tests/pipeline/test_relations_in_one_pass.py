"""`mluke_relations` that reads the forward pass of `mluke_ner`, and pairs with several relations."""

from __future__ import annotations

import numpy
import pytest
import spacy
from spacy.training import Example

from spacy_mluke.annotate import passages
from spacy_mluke.annotate.passages import read_passage
from spacy_mluke.annotate.relations import Relation
from spacy_mluke.encoder import passage
from spacy_mluke.pipeline.relations.decoding import allowed_classes, count_type_pairs, join_directions
from tests.pipeline.relation_docs import facts, relation_doc, relation_examples

LISTENER = {"@architectures": "spacy-mluke.PassageListener.v1", "upstream": "mluke_ner"}


def shared_pipeline(checkpoint, *, visibility="isolated", encoder=None, **config):
    spacy.util.fix_random_seed(0)
    nlp = spacy.blank("xx")
    own = {"name": str(checkpoint), "visibility": visibility, "max_entities": 0, "segmentation": "plain"}
    suggester = {"@misc": "spacy-mluke.sentence_ngrams.v1", "min_size": 1, "max_size": 1}
    nlp.add_pipe("mluke_ner", config={"model": {"encoder": own, "dropout": 0.0}, "suggester": suggester})
    model = {"@architectures": "spacy-mluke.MentionPairClassifier.v1", "encoder": encoder or LISTENER, "size": 64}
    nlp.add_pipe("mluke_relations", config={"model": {**model, "n_heads": 2, "dropout": 0.0}, **config})
    return nlp


def train(nlp, examples, steps=40):
    optimizer = nlp.initialize(lambda: examples)
    optimizer.learn_rate = 0.005
    for _ in range(steps):
        nlp.update(examples, sgd=optimizer)
    return nlp


@pytest.fixture(scope="module")
def trained(steady_checkpoint):
    nlp = shared_pipeline(steady_checkpoint, multi_label=True)
    return train(nlp, relation_examples(nlp))


@pytest.fixture
def encoded(monkeypatch):
    """Counts how often texts are encoded for relations alone."""
    calls = []
    encode = passage._encode
    monkeypatch.setattr(passage, "_encode", lambda *args, **options: calls.append(args) or encode(*args, **options))
    return calls


def test_names_and_relations_are_learned_and_found_in_one_pass(trained, encoded):
    doc = trained("Tokyo is the capital of Japan")
    assert {(ent.text, ent.label_) for ent in doc.ents} == {("Tokyo", "A"), ("Japan", "B")}
    assert ("Tokyo", "Japan", "capital") in facts(doc)
    assert not encoded


def test_stored_states_give_the_logits_of_computed_ones(trained, encoded):
    doc = trained.make_doc("Anna lives in Paris")
    trained.get_pipe("mluke_ner")(doc)
    copy = relation_doc(trained, "Anna lives in Paris", (0, 1), (3, 4))
    assert [(ent.start, ent.end) for ent in doc.ents] == [(ent.start, ent.end) for ent in copy.ents]
    relations = trained.get_pipe("mluke_relations")
    stored = relations.predict([doc])[1].logits
    assert not encoded
    numpy.testing.assert_allclose(stored, relations.predict([copy])[1].logits, atol=1e-5)
    assert encoded


def test_pruned_candidates_hand_on_the_same_states(trained, encoded):
    ner = trained.get_pipe("mluke_ner")
    ner.learn_pruning(relation_examples(trained), max_candidates_per_piece=1.0)
    try:
        doc = trained("Tokyo is the capital of Japan")
    finally:
        ner.max_candidates_per_piece = None
    assert ("Tokyo", "Japan", "capital") in facts(doc)
    assert not encoded


def test_entities_that_another_component_set_are_encoded_for_relations(trained, encoded):
    doc = relation_doc(trained, "Bob lives in Tokyo", (0, 1), (3, 4))
    with trained.select_pipes(disable="mluke_ner"):
        assert ("Bob", "Tokyo", "home") in facts(trained(doc))
    assert encoded


def test_a_document_keeps_no_states_behind_the_component(trained):
    doc = trained("Tokyo is the capital of Japan")
    assert read_passage(doc, numpy.array([[0, 1]])) is None
    assert not any("passage" in str(key) for key in doc.user_data)


def test_states_that_a_disabled_component_does_not_read_are_dropped_after_a_while(trained, monkeypatch):
    monkeypatch.setattr(passages, "_MAX_PIECES", 30)
    texts = ["Tokyo is the capital of Japan", "Paris is the capital of France"] * 8
    docs = list(trained.pipe(texts, disable=["mluke_relations"], batch_size=2))
    kept = ["mluke_passage" in doc.user_data for doc in docs]
    assert kept[-1] and 0 < sum(kept) < len(docs) and kept == sorted(kept)


def test_a_document_between_the_components_can_be_saved(trained):
    doc = trained.make_doc("Tokyo is the capital of Japan")
    trained.get_pipe("mluke_ner")(doc)
    copy = spacy.tokens.Doc(trained.vocab).from_bytes(doc.to_bytes())
    assert facts(trained.get_pipe("mluke_relations")(copy)) == facts(trained("Tokyo is the capital of Japan"))


def test_a_saved_pipeline_is_connected_when_it_is_loaded(trained, tmp_path, encoded):
    trained.to_disk(tmp_path)
    assert not (tmp_path / "mluke_relations" / "encoder").exists()
    loaded = spacy.load(tmp_path)
    assert loaded.get_pipe("mluke_ner").listening_components == ["mluke_relations"]
    texts = ["Tokyo is the capital of Japan", "Bob lives in Tokyo", ""]
    assert [facts(doc) for doc in loaded.pipe(texts)] == [facts(doc) for doc in trained.pipe(texts)]
    assert not encoded


def test_a_listener_can_be_removed(trained):
    ner, relations = trained.get_pipe("mluke_ner"), trained.get_pipe("mluke_relations")
    layer = relations.model.get_ref("encoder")
    assert ner.listeners == [layer]
    assert ner.remove_listener(layer, "mluke_relations")
    assert not ner.remove_listener(layer, "mluke_relations")
    assert len(ner.predict([trained.make_doc("Tokyo")])) == 2
    ner.find_listeners(relations)
    assert ner.listening_components == ["mluke_relations"]


def test_candidates_that_attend_to_each_other_cannot_be_listened_to(steady_checkpoint):
    with pytest.raises(ValueError, match=r"\[ML386\].*isolated"):
        shared_pipeline(steady_checkpoint, visibility="joint")


def test_the_head_trains_its_own_encoder_too(steady_checkpoint):
    encoder = {"@architectures": "spacy-mluke.Encoder.v1", "name": str(steady_checkpoint), "visibility": "isolated"}
    nlp = shared_pipeline(steady_checkpoint, encoder=encoder)
    train(nlp, relation_examples(nlp))
    assert ("Tokyo", "Japan", "capital") in facts(nlp("Tokyo is the capital of Japan"))


def test_a_pair_may_have_several_relations(steady_checkpoint):
    nlp = shared_pipeline(steady_checkpoint, multi_label=True)
    examples = []
    for words in ("Tokyo is the capital of Japan", "Tokyo is far from Paris"):
        gold, predicted = (relation_doc(nlp, words, (0, 1), (len(words.split()) - 1, len(words.split()))) for _ in "gp")
        labels = ["capital", "city"] if "capital" in words else []
        gold._.mluke_relations = [Relation(gold.ents[0], gold.ents[1], label) for label in labels]
        examples.append(Example(predicted, gold))
    train(nlp, examples)
    found = facts(nlp("Tokyo is the capital of Japan"))
    assert {("Tokyo", "Japan", "capital"), ("Tokyo", "Japan", "city")} <= found
    assert nlp.get_pipe("mluke_relations").labels == ("capital", "city")


def test_types_that_a_relation_never_had_are_not_predicted(trained):
    relations = trained.get_pipe("mluke_relations")
    relations.learn_type_pairs(relation_examples(trained))
    assert relations.type_pairs == {"capital": [["A", "B"]], "home": [["A", "B"]]}
    relations.type_pairs = {"capital": [["B", "A"]]}
    try:
        assert ("Tokyo", "Japan", "capital") not in facts(trained("Tokyo is the capital of Japan"))
    finally:
        relations.type_pairs = {}
    with pytest.raises(ValueError, match=r"\[ML089\]"):
        relations.type_pairs = {"capital": ["AB"]}
    with pytest.raises(ValueError, match=r"\[ML076\]"):
        relations.inverses = {"capital": "capital of"}


PAIRS = [numpy.array([[[0, 1], [2, 3]], [[2, 3], [0, 1]], [[0, 1], [4, 5]]]), numpy.array([[[2, 3], [0, 1]]])]


def test_both_directions_of_a_relation_are_averaged():
    logits = numpy.array([[2.0, 0.0, 5.0], [4.0, 6.0, 1.0], [1.0, 1.0, 1.0], [9.0, 9.0, 9.0]], dtype="float32")
    # Class 0 is the inverse of class 1; class 2 has none.
    joined = join_directions(logits, PAIRS, numpy.arange(4), numpy.array([1, 0, -1]))
    assert joined.tolist() == [[4.0, 2.0, 5.0], [2.0, 4.0, 1.0], [1.0, 1.0, 1.0], [9.0, 9.0, 9.0]]


def test_a_symmetric_relation_gets_one_score_for_both_directions():
    logits = numpy.array([[2.0], [4.0], [1.0], [9.0]], dtype="float32")
    joined = join_directions(logits, PAIRS, numpy.arange(4), numpy.array([0]))
    assert joined[:, 0].tolist() == [3.0, 3.0, 1.0, 9.0]


def test_a_pair_whose_reverse_has_no_logits_keeps_its_own():
    joined = join_directions(numpy.array([[2.0], [1.0]]), PAIRS, numpy.array([0, 2]), numpy.array([0]))
    assert joined.tolist() == [[2.0], [1.0]]


def test_rare_types_of_a_relation_are_not_allowed():
    found = [("born", "PER", "LOC")] * 99 + [("born", "ORG", "LOC")]
    pairs = count_type_pairs(found, min_share=0.02)
    assert pairs == {"born": [["PER", "LOC"]]}
    allowed = allowed_classes(pairs, ["born", "other"], ["PER", "ORG"], ["LOC", "LOC"])
    assert allowed.tolist() == [[True, True], [False, True]]
