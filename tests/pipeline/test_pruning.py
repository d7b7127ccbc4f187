"""`mluke_ner` with pruned candidates."""

from __future__ import annotations

import numpy
import pytest
import spacy
from spacy.tokens import DocBin
from typer.testing import CliRunner

from spacy_mluke.cli._app import app
from spacy_mluke.pipeline.base.defaults import ENCODER
from spacy_mluke.pipeline.ner.pruning import pruning_recall

from .ner_docs import bare, names, ner_docs, ner_examples, ner_pipeline

VISIBILITIES = {"isolated": {"visibility": "isolated", "max_entities": 0}, "joint": {"visibility": "joint"}}


def trained(checkpoint, visibility="isolated", **config):
    nlp = ner_pipeline(checkpoint, encoder=VISIBILITIES[visibility], **config)
    nlp.initialize(lambda: ner_examples(nlp))
    # With the frequencies of the classes, an untrained head finds no names.
    nlp.get_pipe("mluke_ner").model.get_ref("linear").get_param("b")[:] = 0.0
    return nlp


@pytest.fixture(params=sorted(VISIBILITIES))
def visibility(request):
    return request.param


def test_the_logits_of_a_candidate_are_the_same_with_and_without_pruning(steady_checkpoint):
    nlp = trained(steady_checkpoint)
    pipe = nlp.get_pipe("mluke_ner")
    docs = [bare(doc) for doc in ner_docs(nlp)]
    _, exact = pipe.predict(docs)
    pipe.learn_pruning(ner_examples(nlp), max_candidates_per_piece=0.2)
    _, found = pipe.predict(docs)
    kept = numpy.isfinite(found[:, 0])
    assert 0 < kept.sum() < len(exact)
    numpy.testing.assert_allclose(found[kept], exact[kept], atol=1e-4)
    assert (found[~kept] == -numpy.inf).all()


def test_with_joint_visibility_enough_candidates_are_all_candidates(steady_checkpoint):
    nlp = trained(steady_checkpoint, "joint")
    pipe = nlp.get_pipe("mluke_ner")
    docs = [bare(doc) for doc in ner_docs(nlp)]
    _, exact = pipe.predict(docs)
    pipe.learn_pruning(ner_examples(nlp), max_candidates_per_piece=20.0)
    numpy.testing.assert_allclose(pipe.predict(docs)[1], exact, atol=1e-4)


def test_unlikely_candidates_are_not_classified(steady_checkpoint):
    nlp = trained(steady_checkpoint)
    pipe = nlp.get_pipe("mluke_ner")
    docs = [bare(doc) for doc in ner_docs(nlp)]
    pipe.learn_pruning(ner_examples(nlp), max_candidates_per_piece=20.0)
    _, exact = pipe.predict(docs)
    pipe.learn_pruning(ner_examples(nlp), max_candidates_per_piece=20.0, least_likelihood=1e-4)
    _, found = pipe.predict(docs)
    kept = numpy.isfinite(found[:, 0])
    assert 0 < kept.sum() < len(exact)
    numpy.testing.assert_allclose(found[kept], exact[kept], atol=1e-4)
    assert pruning_recall(pipe, ner_examples(nlp)) == 1.0


def test_a_likelihood_is_a_probability(steady_checkpoint):
    pipe = trained(steady_checkpoint).get_pipe("mluke_ner")
    with pytest.raises(ValueError, match="least_likelihood"):
        pipe.least_likelihood = 2.0


def test_entities_of_the_training_examples_are_not_pruned(steady_checkpoint, visibility):
    nlp = trained(steady_checkpoint, visibility)
    pipe = nlp.get_pipe("mluke_ner")
    assert pruning_recall(pipe, ner_examples(nlp)) == 1.0
    assert pipe.learn_pruning(ner_examples(nlp), max_candidates_per_piece=0.6) == 5
    assert pruning_recall(pipe, ner_examples(nlp)) == 1.0


def test_each_text_keeps_at_most_the_limit_of_candidates(steady_checkpoint, visibility):
    nlp = trained(steady_checkpoint, visibility)
    pipe = nlp.get_pipe("mluke_ner")
    pipe.learn_pruning(ner_examples(nlp), max_candidates_per_piece=0.01)
    docs = [bare(doc) for doc in ner_docs(nlp)]
    spans, logits = pipe.predict(docs)
    owners = numpy.arange(len(docs)).repeat(spans.lengths)
    assert numpy.bincount(owners[numpy.isfinite(logits[:, 0])], minlength=len(docs)).tolist() == [1] * len(docs)


def test_a_pruned_candidate_is_negative_and_not_blank(steady_checkpoint, recwarn):
    nlp = trained(steady_checkpoint, negative_label="NONE")
    pipe = nlp.get_pipe("mluke_ner")
    pipe.learn_pruning(ner_examples(nlp), max_candidates_per_piece=0.01)
    for doc in nlp.pipe([*(bare(doc) for doc in ner_docs(nlp)), nlp.make_doc("")]):
        assert len(doc.ents) <= 1
    assert not [warning for warning in recwarn if "ML104" in str(warning.message)]


def test_a_saved_pipeline_contains_the_pruner(steady_checkpoint, tmp_path, visibility):
    nlp = trained(steady_checkpoint, visibility)
    nlp.get_pipe("mluke_ner").learn_pruning(ner_examples(nlp), max_candidates_per_piece=0.5)
    docs = [bare(doc) for doc in ner_docs(nlp)]
    _, expected = nlp.get_pipe("mluke_ner").predict(docs)
    nlp.to_disk(tmp_path)
    again = spacy.load(tmp_path).get_pipe("mluke_ner")
    assert again.max_candidates_per_piece == 0.5
    numpy.testing.assert_array_equal(again.predict(docs)[1], expected)
    other = trained(steady_checkpoint, visibility)
    other.from_bytes(nlp.to_bytes())
    numpy.testing.assert_array_equal(other.get_pipe("mluke_ner").predict(docs)[1], expected)


def test_pruning_can_be_switched_off(steady_checkpoint):
    nlp = trained(steady_checkpoint)
    docs = [bare(doc) for doc in ner_docs(nlp)]
    expected = [names(nlp(bare(doc))) for doc in docs]
    pipe = nlp.get_pipe("mluke_ner")
    pipe.learn_pruning(ner_examples(nlp), max_candidates_per_piece=0.1)
    pipe.max_candidates_per_piece = None
    assert [names(nlp(bare(doc))) for doc in docs] == expected


def test_training_uses_all_candidates(steady_checkpoint):
    nlp = trained(steady_checkpoint)
    nlp.get_pipe("mluke_ner").learn_pruning(ner_examples(nlp), max_candidates_per_piece=0.1)
    losses = nlp.update(ner_examples(nlp))
    other = trained(steady_checkpoint)
    assert losses["mluke_ner"] == pytest.approx(other.update(ner_examples(other))["mluke_ner"], rel=1e-4)


def test_pruning_needs_a_trained_pruner(steady_checkpoint):
    pipe = trained(steady_checkpoint).get_pipe("mluke_ner")
    with pytest.raises(ValueError, match="ML205"):
        pipe.max_candidates_per_piece = 0.5
    with pytest.raises(ValueError, match="ML310"):
        pipe.max_candidates_per_piece = 0
    with pytest.raises(ValueError, match="ML204"):
        pipe.learn_pruning([])


def test_a_head_that_reads_words_only_cannot_be_pruned(steady_checkpoint):
    encoder = {**ENCODER, "name": str(steady_checkpoint)}
    model = {"@architectures": "spacy-mluke.BoundaryClassifier.v1", "encoder": encoder}
    nlp = spacy.blank("xx")
    pipe = nlp.add_pipe("mluke_ner", config={"model": model})
    nlp.initialize(lambda: ner_examples(nlp))
    with pytest.raises(ValueError, match="ML205"):
        pipe.learn_pruning(ner_examples(nlp))


def test_the_command_shows_recall_and_writes_the_pipeline(steady_checkpoint, tmp_path):
    nlp = trained(steady_checkpoint)
    nlp.to_disk(tmp_path / "full")
    DocBin(docs=ner_docs(nlp)).to_disk(tmp_path / "corpus.spacy")
    arguments = ["prune", tmp_path / "full", tmp_path / "corpus.spacy", tmp_path / "few", "--keep", "0.6"]
    with pytest.warns(FutureWarning, match="ML125.*--max-candidates-per-piece"):
        result = CliRunner().invoke(app, [*map(str, arguments), "--dev", str(tmp_path / "corpus.spacy")])
    assert result.exit_code == 0, result.output
    assert "5 entities" in result.output and "100.00" in result.output and "all" in result.output
    assert spacy.load(tmp_path / "few").get_pipe("mluke_ner").max_candidates_per_piece == pytest.approx(0.6)


def call_most_candidates_negative(pipe, docs):
    """Raise the bias of the negative class of an untrained head, which calls nearly all candidates names."""
    logits, negative = pipe.predict(docs)[1], pipe.classes.index("NIL")
    margins = numpy.delete(logits, negative, axis=1).max(axis=1) - logits[:, negative]
    pipe.model.get_ref("linear").get_param("b")[negative] += numpy.quantile(margins, 0.75)


def test_weights_of_candidates_leave_the_names_and_fewer_candidates(steady_checkpoint):
    nlp = trained(steady_checkpoint)
    pipe = nlp.get_pipe("mluke_ner")
    docs = [bare(doc) for doc in ner_docs(nlp)]
    call_most_candidates_negative(pipe, docs)
    pipe.learn_pruning(ner_examples(nlp), max_candidates_per_piece=20.0)
    before, found = pipe.predict(docs)[1], [names(doc) for doc in nlp.pipe([bare(doc) for doc in docs])]
    assert pipe.learn_candidate_weights(docs, lost=0.0) == sum(map(len, found))
    after = pipe.predict(docs)[1]
    assert numpy.isfinite(after[:, 0]).sum() < numpy.isfinite(before[:, 0]).sum()
    assert [names(doc) for doc in nlp.pipe([bare(doc) for doc in docs])] == found


def test_weights_of_candidates_are_saved_until_pruning_is_learned_again(steady_checkpoint, tmp_path):
    nlp = trained(steady_checkpoint)
    pipe = nlp.get_pipe("mluke_ner")
    pipe.learn_pruning(ner_examples(nlp), max_candidates_per_piece=20.0)
    pipe.learn_candidate_weights(ner_docs(nlp))
    nlp.to_disk(tmp_path / "weighted")
    assert spacy.load(tmp_path / "weighted").get_pipe("mluke_ner").pruning == pipe.pruning
    pipe.learn_pruning(ner_examples(nlp), max_candidates_per_piece=20.0)
    assert pipe.pruning.weights is None


def test_weights_of_candidates_need_a_pruner_and_names(steady_checkpoint):
    nlp = trained(steady_checkpoint)
    pipe = nlp.get_pipe("mluke_ner")
    with pytest.raises(ValueError, match="ML205"):
        pipe.learn_candidate_weights(ner_docs(nlp))
    pipe.learn_pruning(ner_examples(nlp))
    pipe.cfg["threshold"] = 1.0
    with pytest.raises(ValueError, match="ML403"):
        pipe.learn_candidate_weights(ner_docs(nlp))


def test_weights_of_candidates_that_are_incomplete_are_refused(steady_checkpoint):
    pipe = trained(steady_checkpoint).get_pipe("mluke_ner")
    with pytest.raises(ValueError, match="ML404"):
        pipe.check_state({**pipe.cfg, "candidate_weights": {"bias": 0.0}})


def test_the_command_learns_weights_of_candidates(steady_checkpoint, tmp_path):
    nlp = trained(steady_checkpoint)
    nlp.to_disk(tmp_path / "full")
    DocBin(docs=ner_docs(nlp)).to_disk(tmp_path / "corpus.spacy")
    arguments = ["prune", tmp_path / "full", tmp_path / "corpus.spacy", tmp_path / "few", "--lost", "0.1"]
    result = CliRunner().invoke(app, [*map(str, arguments)])
    assert result.exit_code == 0, result.output
    assert spacy.load(tmp_path / "few").get_pipe("mluke_ner").pruning.weights is not None
