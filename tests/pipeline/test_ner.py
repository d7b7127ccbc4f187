"""`mluke_ner`: training, annotating, saving."""

from __future__ import annotations

import numpy
import pytest
import spacy
from spacy.tokens import Doc, DocBin, Span
from spacy.training import Example
from thinc.api import Adam
from transformers import LukeForEntitySpanClassification

from spacy_mluke.pipeline.gold_spans import sample
from tests.encoder.checkpoints import make_checkpoint
from tests.pipeline.name_docs import LIMIT, SENTENCES, bare, grouped, name_docs, name_examples, names, ner_pipeline

GOLD = [list(found) for _, found in SENTENCES]


def train(nlp, gold=None, steps=110, rate=0.007):
    gold = gold or name_examples(nlp)
    nlp.initialize(lambda: gold)
    optimizer = Adam(learn_rate=rate, L2=0.0, grad_clip=1.0)
    history = []
    for _ in range(steps):
        history.append(nlp.update(gold, sgd=optimizer, losses={})["mluke_ner"])
    return gold, history


@pytest.fixture(scope="module")
def trained_and_history(steady_checkpoint):
    nlp = ner_pipeline(steady_checkpoint)
    return nlp, train(nlp)[1]


@pytest.fixture
def trained(trained_and_history):
    return trained_and_history[0]


@pytest.fixture
def fresh(steady_checkpoint):
    return ner_pipeline(steady_checkpoint)


def copy_of(nlp):
    other = spacy.util.load_model_from_config(nlp.config)
    return other.from_bytes(nlp.to_bytes())


def bare_docs(nlp):
    return [*map(bare, name_docs(nlp)), Doc(nlp.vocab), Doc(nlp.vocab, words=[" ", "\n"])]


# --- training ---


def test_names_of_four_sentences_are_overfitted(trained_and_history):
    nlp, history = trained_and_history
    assert history[-1] < 0.1 * history[0]
    scores = nlp.evaluate(name_examples(nlp))
    assert scores["ents_f"] == 1.0 and set(scores["ents_per_type"]) == {"LOC", "PER"}


def test_isolated_candidates_of_which_a_share_is_drawn_are_overfitted(steady_checkpoint):
    nlp = ner_pipeline(
        steady_checkpoint, encoder={"visibility": "isolated", "max_entities": 0}, negatives_per_token=2.0
    )
    gold, history = train(nlp)
    assert history[-1] < 0.1 * history[0]
    assert nlp.evaluate(gold)["ents_f"] == 1.0


def test_the_gradient_of_the_loss_equals_finite_differences(fresh):
    gold = name_examples(fresh)
    fresh.initialize(lambda: gold)
    pipe = fresh.get_pipe("mluke_ner")
    pipe.cfg["negative_weight"] = 0.5
    spans, logits = pipe.predict([eg.predicted for eg in gold])
    logits = numpy.random.default_rng(0).normal(size=logits.shape)
    _, gradient = pipe.get_loss(gold, (spans, logits))
    for i, j in [(0, 0), (0, 1), (5, 2)]:
        step = numpy.zeros_like(logits)
        step[i, j] = 1e-5
        values = [pipe.get_loss(gold, (spans, logits + sign * step))[0] for sign in (1, -1)]
        assert (values[0] - values[1]) / 2e-5 == pytest.approx(gradient[i, j], abs=1e-5)


def test_gradients_of_the_weights_equal_finite_differences(fresh):
    gold = name_examples(fresh)
    fresh.initialize(lambda: gold)
    pipe = fresh.get_pipe("mluke_ner")
    linear = pipe.model.get_ref("linear")
    fresh.update(gold, sgd=False, losses={})
    for name, places in (("W", [(0, 0), (1, 20), (2, 40)]), ("b", [(0,), (2,)])):
        weights = linear.get_param(name)
        for place in places:
            values = []
            for step in (0.01, -0.01):
                before = float(weights[place])
                weights[place] = before + step
                values.append(pipe.get_loss(gold, pipe.predict([eg.predicted for eg in gold]))[0])
                weights[place] = before
            slope = (values[0] - values[1]) / 0.02
            assert slope == pytest.approx(float(linear.get_grad(name)[place]), rel=1e-2, abs=2e-2)


def test_sampling_takes_all_names_and_a_share_of_the_others(fresh, monkeypatch):
    pipe = fresh.get_pipe("mluke_ner")
    gold = name_examples(fresh)
    fresh.initialize(lambda: gold)
    pipe.cfg["negatives_per_token"] = 0.5
    seen = []

    def spy(rows, spans, *args):
        chosen = sample(rows, spans, *args)
        seen.append(spans.take(chosen))
        return chosen

    monkeypatch.setattr("spacy_mluke.pipeline.ner.sample", spy)
    for _ in range(2):
        fresh.update(gold, sgd=False)
    for spans in seen:
        # Half as many as there are tokens, rounded up, and the names.
        assert spans.lengths.tolist() == [3 + 2, 3 + 2, 3 + 1, 2]
        assert {(0, 1), (5, 6)} <= {tuple(row) for row in spans.bounds[:5].tolist()}
    assert seen[0].bounds.tolist() != seen[1].bounds.tolist()


def test_examples_without_annotation_are_left_out(fresh):
    gold = name_examples(fresh)
    fresh.initialize(lambda: gold)
    without = Example(bare(gold[0].predicted), bare(gold[0].predicted))
    assert fresh.update([without], sgd=False)["mluke_ner"] == 0.0
    both = fresh.update([gold[0], without], sgd=False)["mluke_ner"]
    assert both == pytest.approx(fresh.update([gold[0]], sgd=False)["mluke_ner"], rel=1e-4)


def test_tokens_without_annotation_teach_nothing(fresh):
    gold = name_examples(fresh)
    fresh.initialize(lambda: gold)
    pipe = fresh.get_pipe("mluke_ner")
    doc = bare(gold[0].reference)
    doc.set_ents([Span(doc, 0, 1, "LOC")], missing=[doc[4:6]], default="outside")
    spans, logits = pipe.predict([bare(doc)])
    _, gradient = pipe.get_loss([Example(bare(doc), doc)], (spans, logits))
    is_unknown = spans.dataXd[:, 1] > 4
    assert is_unknown.any() and not gradient[is_unknown].any()
    assert gradient[~is_unknown].any(axis=1).all()


def test_names_that_no_candidate_stands_for_are_counted_once(steady_checkpoint):
    nlp = ner_pipeline(steady_checkpoint, suggester={**LIMIT, "max_size": 2})
    gold = name_examples(nlp)
    # "Anna of Tokyo" is too long, and "Japan" is no token of the predicted document.
    gold[0] = Example(Doc(nlp.vocab, words=["Tokyo", "is", "the", "capital", "ofJapan"]), gold[0].reference)
    with pytest.warns(UserWarning, match=r"\[ML105\] 2 of 5 .*suggester"):
        nlp.initialize(lambda: gold)


def test_misaligned_names_teach_nothing(fresh):
    gold = name_examples(fresh)
    fresh.initialize(lambda: gold)
    pipe = fresh.get_pipe("mluke_ner")
    words = ["Tokyo", "is", "the", "capital", "ofJapan"]
    reference = Doc(fresh.vocab, words=["Tokyo", "is", "the", "capital", "of", "Japan"], spaces=[1, 1, 1, 1, 0, 0])
    reference.set_ents([Span(reference, 0, 1, "LOC"), Span(reference, 5, 6, "LOC")], default="outside")
    predicted = Doc(fresh.vocab, words=words, spaces=[1, 1, 1, 1, 0])
    spans, logits = pipe.predict([predicted])
    _, gradient = pipe.get_loss([Example(predicted, reference)], (spans, logits))
    is_unknown = spans.dataXd[:, 1] > 4
    assert not gradient[is_unknown].any() and gradient[~is_unknown].any(axis=1).all()


def test_an_unknown_label_is_named(fresh):
    gold = name_examples(fresh)
    fresh.initialize(lambda: gold[:1])
    with pytest.raises(ValueError, match=r"\[ML076\].*'PER'"):
        fresh.update(gold, sgd=False)


def test_without_annotation_initialize_says_what_is_missing(fresh):
    doc = bare(name_docs(fresh)[0])
    with pytest.raises(ValueError, match=r"\[ML204\].*doc.ents"):
        fresh.initialize(lambda: [Example(doc, doc.copy())])


def test_without_labels_the_error_says_how_to_get_them(fresh):
    with pytest.raises(ValueError, match=r"\[ML075\] 'mluke_ner'"):
        fresh("Tokyo")


def test_labels_can_be_added_to_a_trained_head(trained):
    nlp = copy_of(trained)
    pipe = nlp.get_pipe("mluke_ner")
    doc = bare_docs(nlp)[0]
    before = pipe.predict([doc])[1]
    assert (pipe.add_label("NEW"), pipe.add_label("NEW")) == (1, 0)
    assert pipe.labels == ("LOC", "PER", "NEW")
    numpy.testing.assert_allclose(pipe.predict([doc])[1][:, :-1], before, atol=1e-5)
    with pytest.raises(ValueError, match=r"\[ML085\]"):
        pipe.add_label("")


@pytest.mark.parametrize("option", ["negatives_per_token", "negative_weight"])
def test_negative_numbers_are_refused(tiny_checkpoint, option):
    with pytest.raises(ValueError, match=rf"\[ML071\] '{option}'"):
        ner_pipeline(tiny_checkpoint, **{option: -1.0})


# --- annotating ---


def test_names_go_to_ents_and_to_a_group_with_scores(trained):
    docs = list(trained.pipe(bare_docs(trained)))
    assert [names(doc) for doc in docs] == [*GOLD, [], []]
    assert [grouped(doc) for doc in docs] == [*GOLD, [], []]
    for doc in docs:
        scores = doc.spans["mluke_ner"].attrs["scores"]
        assert len(scores) == len(doc.ents) and all(0.5 < score <= 1.0 for score in scores)
        assert doc.has_annotation("ENT_IOB")


def test_pipe_equals_one_by_one_calls(trained):
    alone = [trained(doc) for doc in bare_docs(trained)]
    piped = list(trained.pipe(bare_docs(trained), batch_size=4))
    for doc, other in zip(piped, alone, strict=True):
        assert grouped(doc) == grouped(other)
        found, expected = (d.spans["mluke_ner"].attrs["scores"] for d in (doc, other))
        numpy.testing.assert_allclose(found, expected, atol=1e-5)


def test_documents_are_taken_apart_by_tokens_without_a_difference(trained, monkeypatch):
    pipe = trained.get_pipe("mluke_ner")
    spans, logits = pipe.predict(bare_docs(trained))
    monkeypatch.setattr("spacy_mluke.pipeline.ner.MAX_TOKENS", 7)
    parts, part_logits = pipe.predict(bare_docs(trained))
    assert parts.dataXd.tolist() == spans.dataXd.tolist()
    assert parts.lengths.tolist() == spans.lengths.tolist()
    numpy.testing.assert_allclose(part_logits, logits, atol=1e-5)


def test_two_processes_find_the_same(trained):
    docs = list(trained.pipe(bare_docs(trained), n_process=2, batch_size=3))
    assert [names(doc) for doc in docs] == [*GOLD, [], []]


def test_no_documents_are_no_problem(trained):
    pipe = trained.get_pipe("mluke_ner")
    assert pipe.predict([])[1].shape == (0, 3)
    assert list(trained.pipe([])) == []


def test_a_threshold_holds_names_back(trained):
    nlp = copy_of(trained)
    nlp.get_pipe("mluke_ner").cfg["threshold"] = 1.1
    assert not nlp(bare_docs(nlp)[0]).ents


def test_standing_entities_stay_unless_they_are_to_be_overwritten(trained):
    nlp = copy_of(trained)
    for overwrite, expected in ((False, [(0, 2, "OLD"), (5, 6, "LOC")]), (True, GOLD[0])):
        nlp.get_pipe("mluke_ner").cfg["overwrite_ents"] = overwrite
        doc = bare_docs(nlp)[0]
        doc.ents = [Span(doc, 0, 2, "OLD")]
        assert names(nlp(doc)) == expected


def test_entities_that_nothing_overlaps_stay_when_others_are_overwritten(trained):
    nlp = copy_of(trained)
    nlp.get_pipe("mluke_ner").cfg["overwrite_ents"] = True
    doc = bare_docs(nlp)[0]
    doc.ents = [Span(doc, 3, 4, "OLD", kb_id="Q1")]
    doc = nlp(doc)
    assert names(doc) == [(0, 1, "LOC"), (3, 4, "OLD"), (5, 6, "LOC")]
    assert doc.ents[1].kb_id_ == "Q1"


def test_blocked_tokens_hold_no_name(trained):
    doc = bare_docs(trained)[0]
    doc.set_ents([], blocked=[doc[0:1]])
    assert names(trained(doc)) == [(5, 6, "LOC")]


def test_only_the_document_that_fails_goes_to_the_error_handler(trained, monkeypatch):
    nlp = copy_of(trained)
    pipe = nlp.get_pipe("mluke_ner")
    suggester, failed = pipe.suggester, []

    def fail(docs, *, ops=None):
        if any(doc.text.startswith("Bob") for doc in docs):
            raise ValueError("bad text")
        return suggester(docs, ops=ops)

    pipe.suggester = fail
    nlp.set_error_handler(lambda name, component, docs, error: failed.extend(doc.text.strip() for doc in docs))
    assert len(list(nlp.pipe(bare_docs(nlp)))) == 5
    assert failed == ["Bob lives in the capital"]


# --- candidates of others ---


def test_span_finder_may_suggest_the_candidates(steady_checkpoint):
    nlp = spacy.blank("xx")
    nlp.add_pipe("span_finder", config={"spans_key": "span_candidates", "threshold": 0.5, "max_length": 4})
    model = {"encoder": {"name": str(steady_checkpoint)}, "dropout": 0.0}
    suggester = {"@misc": "spacy-mluke.spans_suggester.v1", "spans_key": "span_candidates"}
    nlp.add_pipe("mluke_ner", config={"model": model, "suggester": suggester})
    gold = name_examples(nlp)
    for eg in gold:
        for doc in (eg.reference, eg.predicted):
            # The predicted ones stand for what a span_finder that is trained would find.
            doc.spans["span_candidates"] = [Span(doc, ent.start, ent.end) for ent in eg.reference.ents]
    optimizer = nlp.initialize(lambda: gold)
    optimizer.learn_rate = 0.01
    for _ in range(40):
        losses = nlp.update(gold, sgd=optimizer, losses={}, annotates=["span_finder"])
    assert set(losses) == {"span_finder", "mluke_ner"}
    docs = list(nlp.pipe(map(bare, name_docs(nlp))))
    assert [set(map(tuple, grouped(doc))) for doc in docs] == [set(found) for found in GOLD]


def test_candidates_can_be_set_for_a_look_at_them(trained):
    doc = bare_docs(trained)[3]
    trained.get_pipe("mluke_ner").set_candidates([doc])
    assert [span.text for span in doc.spans["candidates"]] == ["is", "is far", "is far away", "far", "far away", "away"]


# --- nested names ---


def nested_examples(nlp):
    gold = name_examples(nlp)
    for eg in gold:
        spans = [Span(eg.reference, ent.start, ent.end, ent.label_) for ent in eg.reference.ents]
        if eg is gold[1]:
            spans.append(Span(eg.reference, 2, 3, "LOC"))
        eg.reference.spans["mluke_ner"] = spans
        eg.reference.ents = []
    return gold


def test_nested_names_are_learnt_and_kept_in_the_group(steady_checkpoint):
    scorer = {"@scorers": "spacy.spancat_scorer.v1"}
    nlp = ner_pipeline(steady_checkpoint, keep_nested=True, scorer=scorer)
    gold, _ = train(nlp, nested_examples(nlp))
    doc = nlp(bare(gold[1].reference))
    assert grouped(doc) == [(0, 3, "PER"), (2, 3, "LOC"), (5, 6, "LOC")]
    assert len(doc.ents) == 2
    assert nlp.evaluate(gold)["spans_mluke_ner_f"] == 1.0


def test_two_labels_of_one_span_are_refused(steady_checkpoint):
    nlp = ner_pipeline(steady_checkpoint, keep_nested=True)
    gold = nested_examples(nlp)
    gold[0].reference.spans["mluke_ner"].append(Span(gold[0].reference, 0, 1, "PER"))
    with pytest.raises(ValueError, match=r"\[ML203\].*'Tokyo'.*'LOC'.*'PER'"):
        nlp.initialize(lambda: gold)


# --- saving ---


@pytest.mark.parametrize("form", ["disk", "bytes"])
def test_a_saved_component_finds_the_same(trained, tmp_path, form):
    if form == "disk":
        trained.to_disk(tmp_path / "saved")
        loaded = spacy.load(tmp_path / "saved")
        files = {path.name for path in (tmp_path / "saved" / "mluke_ner").iterdir()}
        assert files == {"cfg", "head.safetensors", "encoder"}
    else:
        loaded = copy_of(trained)
    assert loaded.get_pipe("mluke_ner").labels == ("LOC", "PER")
    assert [names(doc) for doc in loaded.pipe(bare_docs(loaded))] == [*GOLD, [], []]


def test_names_survive_a_docbin_and_joining(trained):
    docs = list(trained.pipe(bare_docs(trained)[:3]))
    loaded = list(DocBin().from_bytes(DocBin(docs=docs, store_user_data=True).to_bytes()).get_docs(trained.vocab))
    assert [names(doc) for doc in loaded] == [grouped(doc) for doc in loaded] == GOLD[:3]
    for doc, other in zip(loaded, docs, strict=True):
        assert list(doc.spans["mluke_ner"].attrs["scores"]) == list(other.spans["mluke_ner"].attrs["scores"])
    assert len(Doc.from_docs(docs).ents) == 5


def test_a_head_with_other_labels_than_its_cfg_is_refused(trained, tmp_path):
    trained.to_disk(tmp_path / "saved")
    cfg = tmp_path / "saved" / "mluke_ner" / "cfg"
    cfg.write_text(cfg.read_text().replace('"classes":[', '"classes":["ANOTHER",'))
    with pytest.raises(ValueError, match=r"\[ML079\]"):
        spacy.load(tmp_path / "saved")


# --- published checkpoints ---


@pytest.fixture(scope="module")
def published(tmp_path_factory, tiny_sentencepiece):
    names_of = {0: "NIL", 1: "MISC", 2: "PER", 3: "ORG", 4: "LOC"}
    return make_checkpoint(
        tmp_path_factory.mktemp("published") / "checkpoint",
        tiny_sentencepiece,
        model=LukeForEntitySpanClassification,
        id2label=names_of,
        num_labels=5,
    )


def test_a_published_checkpoint_brings_head_and_labels(published, tmp_path):
    nlp = ner_pipeline(published)
    doc = nlp(bare_docs(nlp)[0])
    assert nlp.get_pipe("mluke_ner").labels == ("MISC", "PER", "ORG", "LOC")
    assert doc.ents and {ent.label_ for ent in doc.ents} <= {"MISC", "PER", "ORG", "LOC"}
    nlp.to_disk(tmp_path / "saved")
    assert names(spacy.load(tmp_path / "saved")(bare_docs(nlp)[0])) == names(doc)


def test_a_published_head_is_kept_by_initialize_if_it_knows_all_labels(published):
    nlp = ner_pipeline(published)
    gold = name_examples(nlp)
    before = [names(nlp(doc)) for doc in bare_docs(nlp)]
    nlp = ner_pipeline(published)
    nlp.initialize(lambda: gold)
    assert [names(nlp(doc)) for doc in bare_docs(nlp)] == before


def test_a_published_class_for_no_name_has_to_be_known(published):
    nlp = ner_pipeline(published, negative_label="nil")
    with pytest.raises(ValueError, match=r"\[ML202\].*'nil'.*negative_label"):
        nlp("Tokyo")
    nlp = ner_pipeline(published, negative_label="MISC")
    nlp("Tokyo")
    assert nlp.get_pipe("mluke_ner").labels == ("NIL", "PER", "ORG", "LOC")


def test_the_component_adds_its_scores_to_the_config(tiny_checkpoint):
    nlp = ner_pipeline(tiny_checkpoint)
    assert nlp.get_pipe_meta("mluke_ner").default_score_weights["ents_f"] == 1.0
