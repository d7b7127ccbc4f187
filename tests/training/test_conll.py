"""CoNLL-2003 and WikiNEuRal to DocBin."""

from __future__ import annotations

import pytest
import spacy
from spacy.tokens import DocBin
from typer.testing import CliRunner

from spacy_mluke.cli._app import app
from spacy_mluke.training.conll import group_sentences, make_conll_doc, read_conll
from spacy_mluke.training.entity_tags import tagged_spans

CONLL = """-DOCSTART- -X- -X- O

EU NNP B-NP B-ORG
rejects VBZ B-VP O
New NNP B-NP B-LOC
York NNP I-NP I-LOC
. . O O

Peter NNP B-NP B-PER
Blackburn NNP I-NP I-PER
's POS B-NP O
dog NN I-NP O

-DOCSTART- -X- -X- O

42 CD B-NP O
"""
WIKINEURAL = "0\tShe\tO\n1\tvisited\tO\n2\tTuvalu\tB-LOC\n3\t.\tO\n\n0\t0\tO\n1\t東京\tB-LOC\n2\tは\tO\n\n"


@pytest.fixture
def conll(tmp_path):
    path = tmp_path / "conll.txt"
    path.write_text(CONLL, encoding="utf8")
    return path


@pytest.fixture
def wikineural(tmp_path):
    path = tmp_path / "wikineural.conllu"
    path.write_text(WIKINEURAL, encoding="utf8")
    return path


@pytest.mark.parametrize(
    ("tags", "spans"),
    [
        ("B-A I-A O B-A B-B", [(0, 2, "A"), (3, 4, "A"), (4, 5, "B")]),
        ("I-A I-A B-A I-B O", [(0, 2, "A"), (2, 3, "A"), (3, 4, "B")]),
        ("B-A I-A E-A S-B O S-A", [(0, 3, "A"), (3, 4, "B"), (5, 6, "A")]),
        ("U-A B-A L-A L-B", [(0, 1, "A"), (1, 3, "A"), (3, 4, "B")]),
        ("E-A I-A", [(0, 1, "A"), (1, 2, "A")]),
        ("O", []),
        ("", []),
    ],
    ids=["iob2", "iob1", "bioes", "bilou", "broken", "outside", "nothing"],
)
def test_tags_of_all_schemes_become_spans(tags, spans):
    assert tagged_spans(tags.split()) == spans


def test_both_layouts_are_read(conll, wikineural):
    first, second, third = read_conll(conll)
    assert first.words == ["EU", "rejects", "New", "York", "."]
    assert first.spans == [(0, 1, "ORG"), (2, 4, "LOC")]
    assert [first.is_document_start, second.is_document_start, third.is_document_start] == [True, False, True]
    assert third.words == ["42"]
    first, second = read_conll(wikineural)
    assert first.words == ["She", "visited", "Tuvalu", "."]
    assert second.words == ["0", "東京", "は"]
    assert second.spans == [(1, 2, "LOC")]


@pytest.mark.parametrize(("n", "sizes"), [(1, [1, 1, 1]), (2, [2, 1]), (0, [2, 1])])
def test_sentences_are_grouped_within_documents(conll, n, sizes):
    assert [len(group) for group in group_sentences(read_conll(conll), n)] == sizes


def test_a_document_has_entities_sentences_and_the_chosen_spaces(conll):
    nlp = spacy.blank("xx")
    group = next(group_sentences(read_conll(conll), 0))
    doc = make_conll_doc(nlp, group, spaces="punctuation")
    assert doc.text == "EU rejects New York. Peter Blackburn's dog"
    assert [(ent.text, ent.label_) for ent in doc.ents] == [
        ("EU", "ORG"),
        ("New York", "LOC"),
        ("Peter Blackburn", "PER"),
    ]
    assert [sent.text for sent in doc.sents] == ["EU rejects New York.", "Peter Blackburn's dog"]
    assert make_conll_doc(nlp, group[:1]).text == "EU rejects New York ."
    assert make_conll_doc(nlp, group[:1], spaces="none").text == "EUrejectsNewYork."
    with pytest.raises(ValueError, match=r"\[ML070\].*'spaces'"):
        make_conll_doc(nlp, group, spaces="some")


def test_a_sentence_without_entities_counts_as_annotated(conll):
    *_, last = read_conll(conll)
    doc = make_conll_doc(spacy.blank("xx"), [last])
    assert doc.has_annotation("ENT_IOB")
    assert not doc.ents


@pytest.mark.parametrize("line", ["word", "0\tword", "word X-PER", "word B-", "a\tb\tPER"])
def test_a_bad_line_is_named_with_its_number(tmp_path, line):
    path = tmp_path / "bad.txt"
    path.write_text(f"good O\n{line}\n", encoding="utf8")
    with pytest.raises(ValueError, match=r"\[ML247\].*bad.txt', line 2"):
        list(read_conll(path))


def test_the_command_writes_a_corpus(conll, tmp_path):
    target = tmp_path / "out" / "train.spacy"
    result = CliRunner().invoke(app, ["convert-conll", str(conll), str(target), "--n-sents", "0"])
    assert result.exit_code == 0, result.output
    assert "2 documents, 3 sentences" in " ".join(result.output.split())
    docs = list(DocBin().from_disk(target).get_docs(spacy.blank("xx").vocab))
    assert [len(doc.ents) for doc in docs] == [3, 0]


def test_the_command_names_a_bad_line_without_a_traceback(tmp_path):
    path = tmp_path / "bad.txt"
    path.write_text("word\n", encoding="utf8")
    result = CliRunner().invoke(app, ["convert-conll", str(path), str(tmp_path / "out.spacy")])
    assert result.exit_code == 1
    assert "ML247" in result.output
    assert not (tmp_path / "out.spacy").exists()


def test_real_files_are_read_completely(data_dir):
    sentences = list(read_conll(data_dir / "wikineural" / "en.val.conllu"))
    assert len(sentences) == 11590
    assert sum(len(sentence.words) for sentence in sentences) == 267839
    assert {label for sentence in sentences for _, _, label in sentence.spans} == {"PER", "LOC", "ORG", "MISC"}
