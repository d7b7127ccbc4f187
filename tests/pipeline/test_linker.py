"""`mluke_linker`: candidates, modes, new entities, knowledge bases."""

from __future__ import annotations

import numpy
import pytest
import spacy
from spacy.kb import InMemoryLookupKB
from spacy.tokens import Doc, Span

from spacy_mluke.annotate.links import Candidate
from spacy_mluke.kb.store import STORE
from spacy_mluke.kb.store_build import StoreRow, build_store
from spacy_mluke.pipeline.linker import mention_scores
from spacy_mluke.pipeline.linker.mention_scores import link_globally, mention_input
from spacy_mluke.types import Counts
from tests.pipeline.link_docs import (
    SENTENCES,
    link_doc,
    link_examples,
    link_pipeline,
    link_store,
    links,
    mention,
    scores_of,
)

MODES = ["local", "global"]


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return link_store(tmp_path_factory.mktemp("store")).path


@pytest.fixture
def nlp(steady_checkpoint, store):
    return link_pipeline(steady_checkpoint, store)


# --- predicting ---


def test_it_works_when_it_is_added(nlp):
    doc = nlp(link_doc(nlp, "Tokyo is in Japan", [(0, ""), (3, "")]))
    assert links(doc)[0] == ("Tokyo", "Q1490")
    assert links(doc)[1][1] in ("Q17", "Q999")


def test_candidates_are_ranked_and_their_scores_sum_to_1(nlp):
    doc = nlp(link_doc(nlp, *SENTENCES[0]))
    found = doc.ents[0]._.mluke_candidates
    assert {(c.entity, c.prior) for c in found} == {("Q90", 0.7), ("Q167646", 0.3)}
    assert sum(c.score for c in found) == pytest.approx(1.0)
    assert found[0].score >= found[1].score and found[0].entity == doc.ents[0].kb_id_
    assert doc.ents[1]._.mluke_candidates == [Candidate("Q142", 1.0, 1.0)]
    assert doc[1:2]._.mluke_candidates == []


def test_a_mention_without_candidates_is_nil(nlp):
    doc = nlp(link_doc(nlp, "Anna is here", [(0, "")]))
    assert links(doc) == [("Anna", "NIL")] and doc.ents[0]._.mluke_candidates == []


def test_a_threshold_makes_improbable_links_nil(steady_checkpoint, store):
    nlp = link_pipeline(steady_checkpoint, store, threshold=0.9999)
    doc = nlp(link_doc(nlp, *SENTENCES[0]))
    assert links(doc) == [("Paris", "NIL"), ("France", "NIL")]
    assert len(doc.ents[0]._.mluke_candidates) == 2


def test_prior_weight_sets_the_weight_of_priors(steady_checkpoint, store):
    by_weight = {}
    for weight in (0.0, 1.0, 50.0):
        nlp = link_pipeline(steady_checkpoint, store, prior_weight=weight)
        found = nlp(link_doc(nlp, *SENTENCES[0])).ents[0]._.mluke_candidates
        by_weight[weight] = {c.entity: c.score for c in found}
    odds = {weight: scores["Q90"] / scores["Q167646"] for weight, scores in by_weight.items()}
    assert odds[1.0] / odds[0.0] == pytest.approx(0.7 / 0.3, rel=1e-3)
    assert by_weight[50.0]["Q90"] > 0.99


def test_max_candidates_keeps_the_likeliest(steady_checkpoint, store):
    nlp = link_pipeline(steady_checkpoint, store, max_candidates=1)
    assert [c.entity for c in nlp(link_doc(nlp, *SENTENCES[0])).ents[0]._.mluke_candidates] == ["Q90"]


def test_discarded_labels_are_nil(steady_checkpoint, store):
    nlp = link_pipeline(steady_checkpoint, store, labels_discard=["X"])
    assert links(nlp(link_doc(nlp, *SENTENCES[0]))) == [("Paris", "NIL"), ("France", "NIL")]


def test_existing_links_are_kept_without_overwrite(steady_checkpoint, store):
    for overwrite, expected in ((True, "Q142"), (False, "Q1")):
        nlp = link_pipeline(steady_checkpoint, store, overwrite=overwrite)
        doc = nlp(link_doc(nlp, SENTENCES[0][0], [(0, ""), (5, "Q1")], linked=True))
        assert doc.ents[1].kb_id_ == expected and doc.ents[0].kb_id_ != "NIL"


@pytest.mark.filterwarnings("ignore:.ML183")  # embeddings of names without wordpieces are not initialized from names
@pytest.mark.parametrize("mode", MODES)
def test_mentions_without_wordpieces_are_linked_by_their_priors_and_counted(steady_checkpoint, tmp_path, mode):
    rows = [StoreRow("a", "", "\u200b", prior=0.6), StoreRow("b", "", "\u200b", prior=0.4)]
    build_store(rows, tmp_path / STORE)
    nlp = link_pipeline(steady_checkpoint, tmp_path / STORE, mode=mode)
    doc = Doc(nlp.vocab, words=["Tokyo", "\u200b", "Japan"])
    doc.ents = [Span(doc, 1, 2, "X")]
    with pytest.warns(UserWarning, match=r"\[ML104\] 1 of 1 spans"):
        assert links(nlp(doc)) == [("\u200b", "a")]
    assert scores_of(doc) == pytest.approx([0.6, 0.4])


@pytest.mark.parametrize("is_aware", [False, True], ids=["mluke", "entity_aware"])
def test_a_published_head_computes_the_logits_of_the_reference(tmp_path, tiny_sentencepiece, is_aware):
    import torch
    from transformers import LukeForMaskedLM

    from tests.checkpoint.checkpoints import FULL, make_checkpoint

    path = make_checkpoint(
        tmp_path / "checkpoint",
        tiny_sentencepiece,
        entities=FULL,
        model=LukeForMaskedLM,
        use_entity_aware_attention=is_aware,
    )
    names = ["en:Tokyo", "en:Paris"]
    ids = [FULL[name] for name in names]
    rows = [StoreRow(name, "", "Tokyo") for name in names]
    build_store(rows, tmp_path / STORE)
    nlp = link_pipeline(path, tmp_path / STORE, prior_weight=0.0)
    pipe = nlp.get_pipe("mluke_linker")
    doc = nlp(link_doc(nlp, "Tokyo is the capital of Japan", [(0, "")]))
    inputs, _ = mention_input([doc], pipe.mentions([doc]))
    batch = inputs.align(pipe.model.get_ref("encoder"))
    network = LukeForMaskedLM.from_pretrained(path).eval()
    positions = torch.full((1, 1, 30), -1)
    start, end = batch.entity_bounds[0].tolist()
    positions[0, 0, : end - start] = torch.arange(start, end)
    with torch.no_grad():
        logits = network(
            input_ids=torch.tensor(batch.piece_ids[None].astype("int64")),
            entity_ids=torch.tensor(batch.entity_ids[None]),
            entity_attention_mask=torch.ones(1, 1, dtype=torch.int64),
            entity_position_ids=positions,
        ).entity_logits[0, 0]
    expected = dict(zip(names, logits[ids].softmax(0).tolist(), strict=True))
    found = {c.entity: c.score for c in doc.ents[0]._.mluke_candidates}
    assert found == pytest.approx(expected, abs=1e-4)


# --- global mode ---


def test_the_most_confident_mention_is_linked_first_and_becomes_visible(monkeypatch, nlp):
    steps = []

    def fake(model, docs, mentions, weight):
        steps.append([m.visible for m in mentions])
        logits = {1: [0.0, 1.0], 2: [3.0, 0.0], 3: [0.0, 0.5]}
        if mentions[1].visible >= 0:
            logits[3] = [9.0, 0.0]
        return [m.probabilities(numpy.asarray(logits[m.start])[m.known[:2]], 0.0) for m in mentions], Counts(spans=3)

    monkeypatch.setattr(mention_scores, "link_locally", fake)
    mentions = [mention(0, 1, [0.5, 0.5]), mention(0, 2, [0.5, 0.5]), mention(0, 3, [0.5, 0.5])]
    scores, counts = link_globally(None, [None], mentions, 0.0)
    assert steps == [[-1, -1, -1], [-1, 20, -1], [-1, 20, 30]]
    assert [m.visible for m in mentions] == [11, 20, 30]
    # The entity of the second mention changes the link of the third.
    assert scores[2].argmax() == 0 and counts.spans == 3


def test_documents_are_linked_in_parallel_and_mentions_with_one_candidate_take_no_step(monkeypatch):
    steps = []

    def fake(model, docs, mentions, weight):
        steps.append(1)
        return [m.probabilities(numpy.arange(int(m.known.sum())), 0.0) for m in mentions], Counts()

    monkeypatch.setattr(mention_scores, "link_locally", fake)
    mentions = [
        mention(0, 1, [0.5, 0.5]),
        mention(0, 2, [0.5, 0.5]),
        mention(1, 1, [0.5, 0.5]),
        mention(1, 2, [1.0]),
        mention(1, 3, [0.5, 0.5], rows=[-1, -1]),
        mention(1, 4, []),
    ]
    link_globally(None, [None, None], mentions, 0.0)
    assert len(steps) == 2
    assert [m.visible for m in mentions] == [11, 21, 11, 20, -1, -1]


def test_mentions_below_the_threshold_stay_masked(monkeypatch):
    def fake(model, docs, mentions, weight):
        return [m.probabilities(numpy.zeros(int(m.known.sum())), 0.0) for m in mentions], Counts()

    monkeypatch.setattr(mention_scores, "link_locally", fake)
    mentions = [mention(0, 1, [0.5, 0.5]), mention(0, 2, [0.5, 0.5])]
    link_globally(None, [None], mentions, 0.0, threshold=0.9)
    assert [m.visible for m in mentions] == [-1, -1]


def test_existing_links_are_visible_in_global_mode(steady_checkpoint, store):
    nlp = link_pipeline(steady_checkpoint, store, mode="global", overwrite=False)
    words, mentions = "Paris lives in Japan", [(0, ""), (3, "")]
    free = scores_of(nlp(link_doc(nlp, words, mentions)))[:2]
    given = nlp(link_doc(nlp, words, [(0, ""), (3, "Q1490")], linked=True))
    assert links(given)[1] == ("Japan", "Q1490")
    assert scores_of(given) != pytest.approx(free, abs=1e-6)


# --- entities of the encoder ---


def test_entities_that_the_encoder_lacks_are_added_under_their_ids(nlp):
    pipe = nlp.get_pipe("mluke_linker")
    pipe.load()
    # The encoder's vocabulary has en:Tokyo: it gets another name.
    assert pipe.loaded_encoder().entities["Q1490"] == pipe.loaded_encoder().entities["en:Tokyo"] == 4
    assert pipe.loaded_encoder().config.entity_vocab_size == pipe.loaded_encoder().entities.n_ids
    assert {"Q90", "Q167646", "Q142"} <= {name for name, _ in pipe.loaded_encoder().entities.items()}
    assert pipe.add_entities() == 0


def test_without_growing_entities_are_found_by_name_and_others_keep_their_prior(steady_checkpoint, store):
    nlp = link_pipeline(steady_checkpoint, store, grow="none")
    docs = [link_doc(nlp, *SENTENCES[0]), link_doc(nlp, "Tokyo is in Japan", [(0, ""), (3, "")])]
    with pytest.warns(UserWarning, match=r"\[ML186\] 4 of 6 candidates"):
        paris, _ = nlp.pipe(docs)
    assert scores_of(paris) == pytest.approx([0.7, 0.3, 1.0])
    pipe = nlp.get_pipe("mluke_linker")
    # The vocabulary has one Paris: the candidate with the higher prior gets its id.
    assert [m.entity_ids.tolist() for m in pipe.mentions(docs)] == [[5, -1], [-1], [4], [-1, -1]]


def test_an_entity_known_by_its_id_is_not_confused_with_an_entity_of_the_same_name(steady_checkpoint, tmp_path):
    rows = [StoreRow("en:Paris", "", "Paris", prior=0.1), StoreRow("Q167646", "en", "Paris", prior=0.9)]
    build_store(rows, tmp_path / STORE)
    nlp = link_pipeline(steady_checkpoint, tmp_path / STORE, grow="none")
    pipe = nlp.get_pipe("mluke_linker")
    pipe.load()
    (mention,) = pipe.mentions([link_doc(nlp, "Paris lives", [(0, "")])])
    assert dict(zip(mention.ids, mention.entity_ids.tolist(), strict=True)) == {"en:Paris": 5, "Q167646": -1}


def test_grow_candidates_adds_only_candidates_of_the_examples(steady_checkpoint, store):
    nlp = link_pipeline(steady_checkpoint, store, grow="candidates")
    nlp.initialize(lambda: link_examples(nlp)[:1])
    names = {name for name, _ in nlp.get_pipe("mluke_linker").loaded_encoder().entities.items()}
    assert {"Q90", "Q167646", "Q142"} <= names and not {"Q17", "Q999"} & names


def test_options_are_checked(steady_checkpoint, store):
    for option in ({"mode": "locale"}, {"grow": "some"}):
        with pytest.raises(ValueError, match=r"\[ML070\]"):
            link_pipeline(steady_checkpoint, store, **option)
    with pytest.raises(ValueError, match=r"\[ML071\].*max_candidates"):
        link_pipeline(steady_checkpoint, store, max_candidates=-1)


def test_without_a_store_the_error_says_how_to_get_one(steady_checkpoint, tmp_path):
    nlp = link_pipeline(steady_checkpoint, None)
    with pytest.raises(ValueError, match=r"\[ML236\].*entities build"):
        nlp("Tokyo")
    nlp.to_disk(tmp_path / "saved")
    nlp = link_pipeline(steady_checkpoint, tmp_path / "nowhere.sqlite")
    with pytest.raises(ValueError, match=r"\[ML230\]"):
        nlp("Tokyo")


# --- a knowledge base of spaCy's ---


def lookup_kb(vocab):
    kb = InMemoryLookupKB(vocab, entity_vector_length=1)
    for entity in ("Q90", "Q167646", "Q142"):
        kb.add_entity(entity, 1.0, [0.0])
    kb.add_alias("Paris", ["Q167646", "Q90"], [0.2, 0.7])
    kb.add_alias("City of Light", ["Q90"], [1.0])
    kb.add_alias("France", ["Q142"], [0.5])
    return kb


def test_spacys_knowledge_base_gives_candidates(steady_checkpoint, tmp_path):
    lookup_kb(spacy.blank("xx").vocab).to_disk(tmp_path / "kb")
    config = {
        "model": {"encoder": {"name": str(steady_checkpoint)}},
        "candidates": {
            "@misc": "spacy-mluke.kb_candidates.v1",
            "kb_loader": {"@misc": "spacy.KBFromFile.v1", "kb_path": str(tmp_path / "kb")},
            "get_candidates": {"@misc": "spacy.CandidateGenerator.v1"},
        },
    }
    nlp = spacy.blank("xx")
    pipe = nlp.add_pipe("mluke_linker", config=config)
    doc = nlp(link_doc(nlp, *SENTENCES[0]))
    assert {c.entity: round(c.prior, 3) for c in doc.ents[0]._.mluke_candidates} == {"Q90": 0.7, "Q167646": 0.2}
    assert doc.ents[1].kb_id_ == "Q142" and "Q90" in pipe.loaded_encoder().entities
    assert {name.name for name in pipe.candidates.get("Q90").names} == {"Paris", "City of Light"}
    nlp.to_disk(tmp_path / "saved")
    (tmp_path / "kb").rename(tmp_path / "gone")
    bare = nlp.config.copy()
    bare["components"]["mluke_linker"]["candidates"].pop("kb_loader")
    from_bytes = spacy.util.load_model_from_config(bare).from_bytes(nlp.to_bytes())
    for loaded in (spacy.load(tmp_path / "saved"), from_bytes):
        again = loaded(link_doc(loaded, *SENTENCES[0]))
        assert scores_of(again) == pytest.approx(scores_of(doc), abs=1e-5)


def test_a_knowledge_base_can_be_given_at_initialize_or_later(steady_checkpoint, store):
    nlp = link_pipeline(steady_checkpoint, None)
    gold = link_examples(nlp)
    with pytest.warns(UserWarning, match="ML185"):
        nlp.get_pipe("mluke_linker").initialize(lambda: gold, kb_loader=lookup_kb)
    assert links(nlp(link_doc(nlp, *SENTENCES[0])))[1] == ("France", "Q142")
    nlp.get_pipe("mluke_linker").set_store(store)
    assert links(nlp(link_doc(nlp, *SENTENCES[2])))[0] == ("Tokyo", "Q1490")


def test_without_a_knowledge_base_the_error_says_how_to_get_one(steady_checkpoint):
    nlp = spacy.blank("xx")
    candidates = {"@misc": "spacy-mluke.kb_candidates.v1"}
    model = {"encoder": {"name": str(steady_checkpoint)}}
    nlp.add_pipe("mluke_linker", config={"candidates": candidates, "model": model})
    with pytest.raises(ValueError, match=r"\[ML237\]"):
        nlp("Tokyo")
