"""The script that asks for mLAMA's facts: its questions, what counts as told, and what it counts as right."""

from __future__ import annotations

import json
import lzma
import random
from collections import Counter
from types import SimpleNamespace

import pytest
import torch

from scripts.cloze.answers import Rows, best
from scripts.cloze.checking import AFTER, AFTER_ALL, BEFORE, BEFORE_ALL, TYPED, Checker, show_kinds
from scripts.cloze.fitting import combined, fit_rows, make_examples
from scripts.cloze.questions import HIDDEN, NEVER, TOLD, Exam, Question, Training, bundled_training, read_exam
from scripts.cloze.statements import (
    bundled_facts,
    first_facts,
    is_held_out,
    make_statements,
    mlama_templates,
    own_templates,
    read_training_facts,
    sample_facts,
)
from scripts.measure_cloze import ALL, MAJORITY, NAMES, STATES, TRAINED, majority_of, measure, show
from scripts.world.facts import HELD_OUT, SEED, Fact, draw_held_out, pair_of, read_facts
from scripts.world.template_files import normal, read_templates
from spacy_mluke import EntityStore, StoreRow, build_store
from spacy_mluke.kb.bundled import ASSETS

CITIES = {"Q1490": "Tokyo", "Q17": "Japan", "Q90": "Paris", "Q142": "France"}
TOKYO, PARIS = Fact("P36", "iso:JP", "Q1490"), Fact("P36", "Q142", "Q90")


@pytest.fixture
def store(tmp_path):
    rows = [StoreRow(qid, "en", name) for qid, name in CITIES.items()]
    build_store([*rows, StoreRow("Q17", "", "iso:JP", kind="xref")], tmp_path / "cities.sqlite")
    return EntityStore(tmp_path / "cities.sqlite")


@pytest.fixture
def mlama(tmp_path):
    template = read_templates("train")["en", "P36"][0].text
    patterns = ["[Y] is the capital of [X]", template.replace("{X}", "[X]").replace("{Y}", "[Y]")]
    lines = [json.dumps({"relation": "P36", "pattern": own, "checked_by_human": True}) for own in patterns]
    (tmp_path / "patterns.en.jsonl").write_text("\n".join(lines), encoding="utf8")
    facts = [("Q17", "Q1490"), ("Q142", "Q90"), ("Q38", "Q220")]
    (tmp_path / "triples.tsv").write_text("".join(f"P36\t{s}\t{o}\n" for s, o in facts), encoding="utf8")
    names = {**CITIES, "Q38": "Italy", "Q220": "Rome"}
    (tmp_path / "labels.en.tsv").write_text("".join(f"{q}\t{n}\n" for q, n in names.items()), encoding="utf8")
    return tmp_path


def test_questions_are_asked_about_the_entities_of_the_knowledge_base(mlama, store):
    exam = read_exam(mlama, store, Training([], set(), store), 10, languages=["en"])
    assert {question.subject for question in exam.questions} == {"Q17", "Q142"}
    for question in exam.questions:
        assert question.text[slice(*question.mask)] == "[MASK]"
        assert question.text[slice(*question.place)] == CITIES[question.subject]
    assert exam.objects == {"P36": Counter({"Q1490": 1, "Q90": 1})}
    assert exam.n_skipped == Counter({"P36": 1})


def test_patterns_that_equal_a_training_template_are_not_asked(mlama, store):
    exam = read_exam(mlama, store, Training([], set(), store), 10, languages=["en"])
    assert {question.text.split(" of ")[0] for question in exam.questions} == {"[MASK] is the capital"}


def test_facts_are_told_held_out_or_unknown(store):
    training = Training([TOKYO, PARIS], {pair_of(PARIS)}, store)
    assert training.kind("P36", "Q17") == training.kind("P1376", "Q1490") == TOLD  # also by the inverse relation
    assert training.kind("P36", "Q142") == HIDDEN
    assert training.kind("P17", "Q1490") == NEVER


def test_an_object_of_the_training_is_right_beside_those_of_mlama(mlama, store):
    training = Training([Fact("P36", "Q17", "Q90")], set(), store)
    exam = read_exam(mlama, store, training, 10, languages=["en"])
    (question,) = (own for own in exam.questions if own.subject == "Q17")
    assert question.right == ("Q1490", "Q90")


def test_a_twentieth_of_the_bundled_facts_was_held_out(store):
    facts = read_facts(ASSETS / "world" / "facts.tsv.xz")
    held_out = draw_held_out(facts, HELD_OUT, random.Random(SEED))
    assert len(held_out) == round(0.05 * len({pair_of(fact) for fact in facts}))
    assert bundled_training([TOKYO], store).kind("P36", "Q17") == TOLD


def test_the_best_candidate_has_the_highest_logit():
    rows = Rows(torch.eye(3), torch.tensor([0.0, 0.0, 5.0]))
    queries = torch.tensor([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
    assert best(queries, rows, [0, 1]) == [0, 1]
    assert best(queries, rows, [0, 1, 2]) == [2, 2]


def test_figures_are_counted_by_relation_language_and_kind_of_fact(capsys):
    own = {"mask": (0, 6), "place": (7, 8), "text": "[MASK] x"}
    questions = [
        Question("P36", "en", subject="a", right=("x",), kind=TOLD, **own),
        Question("P36", "de", subject="b", right=("y", "z"), kind=NEVER, **own),
    ]
    exam = Exam(questions, {"P36": Counter(x=2, y=1)}, Counter())
    found = {MAJORITY: ["x", "x"], NAMES: ["x", "z"], STATES: ["y", "y"], TRAINED: ["x", "y"], ALL: ["", ""]}
    figures = measure(exam, found)
    figures["relations"]["P36"]["rows"] = 1
    row = figures["relations"]["P36"]
    assert (row[MAJORITY], row[NAMES], row[STATES], row[ALL]) == (0.5, 1.0, 0.5, 0.0)
    assert row["kinds"][NEVER][MAJORITY] == 0.0 and row["languages"]["en"][MAJORITY] == 1.0
    assert figures["relations above the majority"] == {MAJORITY: 0, NAMES: 1, STATES: 0, TRAINED: 1, ALL: 0}
    show(figures)
    assert "| P36 | 2 | 2 | 1 | 50.0 | 100.0 | 50.0 | 100.0 | 0.0 |" in capsys.readouterr().out


def test_of_equally_frequent_objects_the_majority_is_always_the_same():
    assert majority_of({"Q1": 2, "Q2": 2, "Q3": 1}) == majority_of({"Q2": 2, "Q3": 1, "Q1": 2}) == "Q2"


def test_facts_of_mlama_and_held_out_pairs_are_never_stated(mlama, tmp_path):
    pairs = [(f"Q{i}", "Q90") for i in range(1000, 1100)]
    subjects = [StoreRow(subject, "en", subject, entity_prior=float(subject[1:])) for subject, _ in pairs]
    others = [StoreRow(qid, "en", qid) for qid in ("Q5", "Q90", "Q142", "Q6")]
    build_store([*subjects, *others], tmp_path / "people.sqlite")
    lines = [f"P19\t{subject}\t{object_}\txfactr" for subject, object_ in pairs]
    lines += ["P19\tQ5\tQ90\txfactr+mlama", "P19\tQ90\tQ142\tcodex", "P19\tQ6\tQ7\tcodex"]
    path = tmp_path / "facts.tsv.xz"
    path.write_bytes(lzma.compress(("\n".join(lines) + "\n").encode()))
    found = read_training_facts(path, mlama, EntityStore(tmp_path / "people.sqlite"), {"P19"})
    # The best-known subjects come first.
    assert [fact.subject for fact in found] == [s for s, o in pairs[::-1] if not is_held_out((s, o))]
    assert 20 < 100 - len(found) < 47
    assert is_held_out(("Q1", "Q2")) == is_held_out(("Q2", "Q1"))


def test_a_statement_asks_for_its_object(store):
    templates = {"P36": [("en", "{Y} rules {X}."), ("de", "{X}: {Y}")]}
    facts = bundled_facts([TOKYO], store)
    (question,) = make_statements(facts, templates, store, ["en"])
    assert (question.text, question.right, question.subject) == ("[MASK] rules Japan.", ("Q1490",), "Q17")
    assert [question.text[slice(*where)] for where in (question.mask, question.place)] == ["[MASK]", "Japan"]
    (other,) = make_statements(facts, templates, store, ["de"])
    assert [other.text[slice(*where)] for where in (other.mask, other.place)] == ["[MASK]", "Japan"]
    assert make_statements(facts, templates, store, ["fr"]) == []


def test_own_templates_have_both_places_and_are_not_patterns_of_mlama(mlama):
    templates = own_templates()
    assert all(text.count("{X}") == text.count("{Y}") == 1 for own in templates.values() for _, text in own)
    patterns = {normal(text) for own in mlama_templates(mlama, ["en"]).values() for _, text in own}
    assert not patterns & {normal(text) for own in templates.values() for _, text in own}


def test_some_facts_of_each_relation_are_sampled():
    facts = [Fact(relation, str(i), "o") for relation in ("P1", "P2") for i in range(5)]
    assert Counter(fact.relation for fact in sample_facts(facts, 3)) == {"P1": 3, "P2": 3}


def test_the_first_facts_of_all_relations_come_first():
    facts = [Fact(relation, str(i), "o") for relation in ("P2", "P1") for i in range(3)]
    assert first_facts(facts[:-1], 3) == [facts[3], facts[0], facts[4], facts[1], facts[2]]


@pytest.fixture
def table():
    """Rows of a checkpoint: one that is no entity, and entity "a"."""
    return Rows(torch.eye(4)[:2] / 10, torch.zeros(2))


QUERIES = torch.eye(4)[:3] * 30


def trained(table, right, epochs=60, groups=None, decay=0.0):
    """Train new rows of "a", "b" and "c" with a question for each of the first answers."""
    start = Rows(torch.zeros(3, 4), torch.zeros(3))
    examples = make_examples(QUERIES[: len(right)], right, {"a": 0, "b": 1, "c": 2}, {"a": 1})
    groups = torch.zeros(3, 1) if groups is None else groups
    return fit_rows(examples, table, [0], start, epochs, groups=groups, decay=decay), start


def test_trained_rows_find_the_facts_and_those_of_the_checkpoint_stay(table):
    before = [own.clone() for own in table]
    (rows, bias), start = trained(table, [["b"], ["a"], ["c"]])
    logits = combined(QUERIES, table, Rows(rows, bias), [1, -1, -1], [0, 1, 2])
    assert logits.argmax(axis=1).tolist() == [1, 0, 2]
    assert all(torch.equal(own, other) for own, other in zip(table, before, strict=True))
    assert start.rows.abs().sum() == 0


def test_another_right_answer_is_not_pushed_away(table):
    (rows, _), _ = trained(table, [["b", "c"]])
    assert rows[2].abs().sum() == 0 < rows[0].abs().sum()


def test_an_entity_learns_from_the_questions_of_its_group(table):
    groups = torch.tensor([[0.0], [1.0], [1.0]])
    (rows, bias), _ = trained(table, [["b", "c"]], groups=groups, decay=1e3)
    logits = combined(QUERIES[:1], table, Rows(rows, bias), [1, -1, -1], [0, 1, 2])[0]
    assert logits[2] > logits[0]  # "c" has no question


def test_an_answer_without_any_row_has_no_logit(table):
    logits = combined(QUERIES[:1], table, Rows(torch.zeros(1, 4), torch.zeros(1)), [-1], [-1])
    assert float(logits[0, 0]) < -1e8


@pytest.fixture
def checker(table):
    """A checker of three entities, one of them a person; "b" and "c" have new rows, "a" has one in the checkpoint."""
    types = {"a": "LOC", "b": "LOC", "c": "PER"}
    trainer = SimpleNamespace(
        answerer=SimpleNamespace(table=lambda: table),
        places={"b": 0, "c": 1},
        special=[0],
        states=SimpleNamespace(queries=lambda questions, subjects: torch.eye(4)[1:2].expand(len(questions), 4)),
        store={own: SimpleNamespace(type=kind) for own, kind in types.items()},
        known=lambda own: 1 if own == "a" else -1,
        id_of=lambda row: f"#{row}",
    )
    return Checker(trainer, Rows(torch.tensor([[0.0, 0.5, 0.0, 0.0], [0.0, 0.9, 0.0, 0.0]]), torch.zeros(2)))


def test_answers_are_compared_before_and_after_among_candidates_and_among_all_entities(checker, capsys):
    (question,) = [Question("P36", "en", "", (0, 0), (0, 0), "a", ("b",), NEVER)]
    figures = checker.compare([question], {"P36": Counter(a=1, b=2)}, [-1])
    # "c" is the best of all, and no candidate; it has another type than "b".
    expected = {MAJORITY: 1.0, BEFORE: 0.0, AFTER: 1.0, BEFORE_ALL: 0.0, AFTER_ALL: 0.0, TYPED: 1.0}
    assert figures["mean"] == expected
    show_kinds({"stated": figures, "never": {}})
    printed = capsys.readouterr().out
    assert "| stated | 1 | 1 | 100.0 | 0.0 | 100.0 | 0.0 | 0.0 | 100.0 |" in printed and "never" not in printed


def test_rows_without_an_id_compete_with_all_entities(checker):
    checker.table = Rows(torch.tensor([[0.0, 0, 0, 0], [0.0, 0, 0, 0], [0.0, 2, 0, 0]]), torch.zeros(3))
    (question,) = [Question("P36", "en", "", (0, 0), (0, 0), "a", ("c",), NEVER)]
    figures = checker.compare([question], {"P36": Counter(c=1)}, [-1])
    assert (figures["mean"][AFTER], figures["mean"][AFTER_ALL]) == (1.0, 0.0)
