"""`mluke_ner` with what a knowledge base knows about names."""

from __future__ import annotations

import numpy
import pytest
import spacy
from spacy.tokens import Doc
from spacy.training import Example

from spacy_mluke import StoreRow, build_store
from spacy_mluke.kb.entities import Entity, EntityName
from spacy_mluke.kb.known_names import N_FEATURES, KnownNames, NameEvidence
from spacy_mluke.kb.name_lexicon import NameLexicon
from tests.pipeline.ner_docs import bare_docs, names, ner_examples, ner_pipeline

ENTITIES = [
    Entity("Q1", "LOC", 1.0, (EntityName("Tokyo"),)),
    Entity("Q2", "LOC", 1.0, (EntityName("Paris"),)),
    Entity("Q3", "PER", 1.0, (EntityName("Bob"),)),
]


@pytest.fixture(scope="module")
def known() -> KnownNames:
    return KnownNames.of(ENTITIES)


@pytest.fixture
def trained_ner(steady_checkpoint):
    nlp = ner_pipeline(steady_checkpoint)
    nlp.initialize(lambda: ner_examples(nlp))
    return nlp


def always(known: KnownNames, ner, label: str) -> NameEvidence:
    """Evidence that makes every candidate a name with a label."""
    weights = numpy.zeros((N_FEATURES + 1, len(ner.classes)), dtype="float32")
    weights[-1, ner.classes.index(label)] = 100.0
    return NameEvidence(known, list(ner.classes), weights)


def test_known_names_raise_the_likelihood_of_right_classes(trained_ner, known):
    ner = trained_ner.get_pipe("mluke_ner")
    examples = ner_examples(trained_ner)
    before = ner.get_loss(examples, ner.predict([eg.predicted for eg in examples]))[0]
    assert ner.learn_known_names(examples, known) > 0
    assert ner.get_loss(examples, ner.predict([eg.predicted for eg in examples]))[0] < before


def test_the_head_does_not_change(trained_ner, known):
    ner = trained_ner.get_pipe("mluke_ner")
    before = {name: tensor.copy() for name, tensor in ner.head_tensors().items()}
    ner.learn_known_names(ner_examples(trained_ner), known)
    assert all((before[name] == tensor).all() for name, tensor in ner.head_tensors().items())


def test_learning_again_starts_anew(trained_ner, known):
    ner = trained_ner.get_pipe("mluke_ner")
    ner.learn_known_names(ner_examples(trained_ner), known)
    first = ner.evidence.weights
    ner.learn_known_names(ner_examples(trained_ner), known)
    assert ner.evidence.weights == pytest.approx(first, abs=1e-5)


def test_evidence_decides_where_the_head_does_not(trained_ner, known):
    ner = trained_ner.get_pipe("mluke_ner")
    ner.evidence = always(known, ner, "PER")
    doc = trained_ner("is far away")
    assert {label for *_, label in names(doc)} == {"PER"}


def test_documents_without_candidates_are_annotated(trained_ner, known):
    ner = trained_ner.get_pipe("mluke_ner")
    ner.evidence = always(known, ner, "PER")
    assert all(isinstance(doc, Doc) for doc in ner.pipe(bare_docs(trained_ner)))


def test_examples_without_names_are_an_error(trained_ner, known):
    ner = trained_ner.get_pipe("mluke_ner")
    empty = trained_ner.make_doc("is far away")
    empty.ents = []
    for examples in ([], [Example(trained_ner.make_doc("is far away"), empty)]):
        with pytest.raises(ValueError, match="ML469"):
            ner.learn_known_names(examples, known)
    assert ner.evidence is None


def test_evidence_is_saved_with_the_pipeline(trained_ner, known, tmp_path):
    trained_ner.get_pipe("mluke_ner").learn_known_names(ner_examples(trained_ner), known)
    trained_ner.to_disk(tmp_path / "pipeline")
    loaded = spacy.load(tmp_path / "pipeline")
    restored = spacy.util.load_model_from_config(trained_ner.config).from_bytes(trained_ner.to_bytes())
    for other in (loaded, restored):
        evidence = other.get_pipe("mluke_ner").evidence
        assert (evidence.weights == trained_ner.get_pipe("mluke_ner").evidence.weights).all()
        assert (evidence.known.features(["Tokyo"]) == known.features(["Tokyo"])).all()


def test_a_pipeline_without_evidence_has_no_file(trained_ner, tmp_path):
    ner = trained_ner.get_pipe("mluke_ner")
    ner.to_disk(tmp_path / "ner")
    assert not (tmp_path / "ner" / "known_names.npz").exists()
    ner.evidence = None
    ner.from_disk(tmp_path / "ner")
    assert ner.evidence is None and ner.from_bytes(ner.to_bytes()).evidence is None


def test_evidence_of_an_earlier_pipeline_in_the_same_folder_is_removed(trained_ner, known, tmp_path):
    ner = trained_ner.get_pipe("mluke_ner")
    ner.learn_known_names(ner_examples(trained_ner), known)
    trained_ner.to_disk(tmp_path / "pipeline")
    ner.evidence = None
    trained_ner.to_disk(tmp_path / "pipeline")
    assert spacy.load(tmp_path / "pipeline").get_pipe("mluke_ner").evidence is None


def test_a_damaged_file_is_an_error(trained_ner, known, tmp_path):
    ner = trained_ner.get_pipe("mluke_ner")
    ner.learn_known_names(ner_examples(trained_ner), known)
    ner.to_disk(tmp_path / "ner")
    path = tmp_path / "ner" / "known_names.npz"
    path.write_bytes(b"x" * path.stat().st_size)
    with pytest.raises(ValueError, match=r"ML468|ML36"):
        ner.from_disk(tmp_path / "ner")


def test_labels_can_be_chosen(trained_ner, known):
    ner = trained_ner.get_pipe("mluke_ner")
    ner.learn_known_names(ner_examples(trained_ner), known, labels=["LOC"])
    assert ner.evidence.classes == ["LOC"]
    added = ner.evidence.logits(["Tokyo"], ner.classes)[0]
    assert numpy.flatnonzero(added).tolist() == [ner.classes.index("LOC")]


def test_a_label_that_the_component_lacks_is_an_error(trained_ner, known):
    with pytest.raises(ValueError, match="ML076"):
        trained_ner.get_pipe("mluke_ner").learn_known_names(ner_examples(trained_ner), known, labels=["FOO"])


def test_names_are_read_from_a_store(trained_ner, tmp_path):
    build_store([StoreRow("tokyo", "en", "Tokyo", "LOC")], tmp_path / "store.sqlite")
    ner = trained_ner.get_pipe("mluke_ner")
    ner.learn_known_names(ner_examples(trained_ner), tmp_path / "store.sqlite")
    assert ner.evidence.known.features(["Tokyo"])[0, 0] == 1


def test_with_a_lexicon_ordinary_words_are_no_entities(trained_ner, known):
    ner = trained_ner.get_pipe("mluke_ner")
    lexicon = NameLexicon.of([("Tokyo is far away", [(0, 5, "LOC")])] * 60)
    ner.learn_known_names(ner_examples(trained_ner), known, lexicon=lexicon)
    ner.evidence.weights[-1, 0] += 10.0  # by the other weights, all are names
    assert not trained_ner("is far away").ents
    assert trained_ner("Tokyo is far away").ents
