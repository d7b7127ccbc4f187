"""Scores: what counts as right, means, confidence intervals, and what is written."""

from __future__ import annotations

import json
import random
import re

import numpy
import pytest
from spacy.language import Language

from scripts.xx_mluke_small import evaluate, score_names, score_questions, score_relations
from scripts.xx_mluke_small.evaluation_sets import EVALUATION_FILES
from scripts.xx_mluke_small.examples import make_blank
from scripts.xx_mluke_small.relation_examples import RelationReader
from scripts.xx_mluke_small.relations import FactDocument, SentenceFact, read_relations
from scripts.xx_mluke_small.scoring import area_under_curve, choose, count_facts, score
from scripts.xx_mluke_small.sentences import NamedText
from scripts.xx_mluke_small.tables import render_scores
from scripts.xx_mluke_small.training_files import DataFolder
from spacy_mluke.annotate.answers import Answer
from spacy_mluke.annotate.relations import Relation, set_relations
from tests.xx_mluke_small.tiny_data import PEOPLE, PLACES


class Rules:
    """A component with rules in place of a model."""

    def __init__(self, nlp, name):
        self.cfg = {"null_threshold": 0.0, "type_pairs": {}}

    def pipe(self, docs, batch_size=1):
        return (self(doc) for doc in docs)


@Language.factory("tiny_names")
class Names(Rules):
    def __call__(self, doc):
        found = []
        for label, names in (("PER", PEOPLE), ("LOC", PLACES)):
            for name in names:
                for match in re.finditer(re.escape(name), doc.text):
                    span = doc.char_span(*match.span(), label=label)
                    found += [span] if span is not None else []
        doc.set_ents(found)
        return doc


@Language.factory("tiny_relations")
class Relations(Rules):
    """Everyone was born where they are mentioned, and everyone is everyone's spouse."""

    def __call__(self, doc):
        labels = ("place of birth (P19)", "P26")
        pairs = [(first, second) for first in doc.ents for second in doc.ents if first.start < second.start]
        set_relations(doc, [Relation(*pair, label) for pair in pairs for label in labels])
        return doc


@Language.factory("tiny_answers")
class Answers(Rules):
    """Answers with the first place, if the question asks where."""

    def __call__(self, doc):
        found = []
        for question in doc._.mluke_questions:
            places = [match.span() for place in PLACES for match in re.finditer(place, doc.text)]
            is_where = question.text.startswith("Where")
            null_score = 0.1 if is_where else 0.9
            is_answered = is_where or self.cfg["null_threshold"] is None
            found.append([Answer.at(doc, *min(places), null_score=null_score)] if places and is_answered else [])
        doc._.mluke_answers = found
        return doc


@pytest.fixture(scope="module")
def ruled():
    nlp = make_blank()
    for factory, name in (("names", "mluke_ner"), ("relations", "mluke_relations"), ("answers", "mluke_qa")):
        nlp.add_pipe(f"tiny_{factory}", name=name)
    return nlp


@pytest.fixture
def folders(tiny_root):
    return DataFolder(tiny_root), DataFolder(tiny_root, EVALUATION_FILES)


def test_bounds_and_label_of_a_name_must_be_right(ruled):
    texts = [
        NamedText("Ada Lovelace saw Paris", [(0, 12, "PER"), (17, 22, "LOC")]),
        NamedText("Marie Curie saw Vienna", [(0, 5, "PER"), (16, 22, "ORG")]),
    ]
    row = score_names.score_texts(ruled, texts, 10)
    assert (row["sentences"], row["names"], row["inside tokens"]) == (2, 4, 0)
    assert row["precision"]["value"] == row["recall"]["value"] == row["f"]["value"] == 50.0
    assert row["labels"] == {"PER": 50.0, "ORG": 0.0, "LOC": pytest.approx(66.67)}
    assert row["f"]["low"] <= row["f"]["value"] <= row["f"]["high"]


def test_names_inside_a_token_are_counted(ruled):
    row = score_names.score_texts(ruled, [NamedText("unParis", [(2, 7, "LOC")])], 2)
    assert row["inside tokens"] == 1 and row["f"]["value"] == 0.0


def test_every_set_of_names_is_scored(ruled, folders):
    found = score_names.score_names(ruled, folders[1], limit=4, wikineural_limit=3, n_samples=5)
    # Words of languages without spaces are joined, so the rules do not find names of two words there.
    spaced = [row for name, row in found["sets"].items() if name[:2] not in ("ja", "zh")]
    assert all(row["f"]["value"] == 100 and row["sentences"] == 4 for row in spaced)
    assert [row["sentences"] for row in found["wikineural"].values()] == [3] * 5
    assert found["wikineural_mean"] == 100
    assert found["case"]["as written"]["f"]["value"] == 100
    assert found["case"]["lower case"]["f"]["value"] == found["case"]["upper case"]["f"]["value"] == 0


def test_relations_that_are_unknown_in_a_sentence_do_not_count(ruled, folders):
    reader = RelationReader(read_relations(folders[0]), ruled.make_doc, random.Random(0))
    text = "Ada Lovelace saw Paris."
    facts = {label: SentenceFact(text, (0, 12), (17, 22), label) for label in ("P19", "P26", "P800")}
    rows = {label: score_relations.score_sentences(ruled, reader, [fact], 2) for label, fact in facts.items()}
    # Two predictions: P19 is right, P26 is wrong.
    assert rows["P19"]["precision"]["value"] == 50 and rows["P19"]["macro_f"]["value"] == 100
    # A symmetric relation is expected in both directions.
    assert rows["P26"]["recall"]["value"] == 50 and rows["P26"]["precision"]["value"] == 50
    assert rows["P800"]["f"]["value"] == 0


def test_a_relation_of_two_entities_counts_once(ruled):
    text = "Ada Lovelace saw Paris. Paris was warm."
    entities = [[(0, 12)], [(17, 22), (24, 29)]]
    document = FactDocument("t", text, entities, ["PER", "LOC"], [(0, 1, "P19"), (0, 1, "P20")])
    row = score_relations.score_documents(ruled, [document], {"P19", "P20"}, set(), 2)
    assert (row["facts"], row["precision"]["value"], row["recall"]["value"]) == (2, 100.0, 50.0)
    row = score_relations.score_documents(ruled, [document], {"P19", "P20", "P26"}, set(), 2)
    assert row["precision"]["value"] == 50.0


def test_facts_of_the_training_documents_are_ignored_in_precision(ruled):
    text = "Ada Lovelace saw Paris. Kurt Gödel saw Brno."
    spans = [[(0, 12)], [(17, 22)], [(24, 34)], [(39, 43)]]
    facts = [(0, 1, "P19"), (2, 3, "P19")]
    document = FactDocument("t", text, spans, ["PER", "LOC"] * 2, facts)
    other = FactDocument("u", "Paris: Ada Lovelace", [[(7, 19)], [(0, 5)]], ["PER", "LOC"], [(0, 1, "P19")])
    known = score_relations.known_facts([other])
    assert known == {("Ada Lovelace", "Paris", "P19")}
    row = score_relations.score_documents(ruled, [document], {"P19"}, known, 2)
    # Six predictions, two right; one of these is known: precision 1 / 5, recall 2 / 2.
    assert row["f"]["value"] == pytest.approx(50.0)
    assert row["ign_f"]["value"] == pytest.approx(100 * 2 * 0.2 / 1.2, abs=0.01)


def test_every_set_of_relations_is_scored(ruled, folders):
    found = score_relations.score_relations(ruled, *folders, limit=5, n_samples=2)
    assert len(found) == 10
    assert all("ign_f" in row or "macro_f" in row for row in found.values())


def test_questions_without_answer_are_scored_by_their_null_scores(ruled, folders):
    asked = score_questions.read_asked(folders[1], "qa/he-heq.test.json")
    row = score_questions.score_asked(ruled, asked, "he", limit=0, n_samples=5)
    assert (row["questions"], row["unanswerable"]) == (24, 12)
    assert row["no_answer"] == row["answerable_f"] == row["null_score_area"] == 100
    assert ruled.get_pipe("mluke_qa").cfg["null_threshold"] == 0.0


def test_chinese_answers_are_scored_by_characters_too(ruled, folders):
    asked = score_questions.read_asked(folders[1], "xquad/xquad.zh.json")
    row = score_questions.score_asked(ruled, asked, "zh", limit=3, n_samples=2)
    assert row["questions"] == 3
    assert row["em"]["value"] == row["em_by_characters"]["value"] == 100


def test_the_area_under_the_curve():
    scores = numpy.asarray([0.1, 0.2, 0.3, 0.4])
    assert area_under_curve(scores, [False, False, True, True]) == 1.0
    assert area_under_curve(scores, [True, True, False, False]) == 0.0
    assert area_under_curve(numpy.ones(4), [True, False, True, False]) == 0.5
    assert area_under_curve(scores, [True] * 4) is None


def test_a_choice_keeps_the_order_and_repeats_with_the_seed():
    assert choose(range(5), 0) == choose(range(5), 9) == [0, 1, 2, 3, 4]
    assert choose(range(100), 10) == choose(range(100), 10) == sorted(choose(range(100), 10))


def test_labels_that_are_not_counted_are_ignored():
    counts, columns = count_facts([({(0, "A"), (0, "B")}, {(0, "A")})], ["A"])
    assert counts.tolist() == [[1, 1, 1]] and columns == ["A right", "A predicted", "A gold"]


def test_scores_without_texts_are_zero():
    counts, columns = count_facts([], ["A"])
    assert score(counts, columns, score_names.METRICS, n_samples=3)["f"]["value"] == 0


def test_the_results_are_written_as_json_and_as_tables(ruled, tiny_root, tmp_path, monkeypatch):
    monkeypatch.setattr(evaluate.spacy, "load", lambda _: ruled)
    monkeypatch.setattr(evaluate, "describe", lambda _: {})
    options = ["pipeline", str(tiny_root), str(tmp_path / "scores.json"), "--limit", "3", "--samples", "3"]
    evaluate.main([*options, "--task", "names"])
    evaluate.main([*options, "--task", "relations", "--task", "questions", "--table", str(tmp_path / "scores.md")])
    found = json.loads((tmp_path / "scores.json").read_text(encoding="utf8"))
    assert {"about", "names", "relations", "questions"} == set(found)
    table = (tmp_path / "scores.md").read_text(encoding="utf8")
    assert table == render_scores(found)
    assert "| da-uner_ddt.dev | 3 | 6 | 100.0 | 100.0 | 100.0 |" in table
    assert "Ign F1" in table and "XQuAD" in table


def test_a_task_without_component_is_skipped(tiny_root, tmp_path, monkeypatch, capsys, blank):
    monkeypatch.setattr(evaluate.spacy, "load", lambda _: blank)
    evaluate.main(["pipeline", str(tiny_root), str(tmp_path / "scores.json")])
    assert "names: skipped" in capsys.readouterr().out
    assert not {"names", "relations"} & set(json.loads((tmp_path / "scores.json").read_text(encoding="utf8")))
