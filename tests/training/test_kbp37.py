"""KBP37 and RELX to DocBin."""

from __future__ import annotations

import pytest
import spacy
from spacy.tokens import DocBin
from typer.testing import CliRunner

from spacy_mluke.cli._app import app
from spacy_mluke.training.corpus import build_entity_corpus_v1
from spacy_mluke.training.kbp37 import make_docs, parse_marked, read_kbp37
from tests.pipeline.relation_docs import facts

FILE = """0\t" <e1> Thom Yorke </e1> of <e2> Radiohead </e2> has ( a band ) . "
per:employee_of(e1,e2)


1\t"In <e1> Bonn </e1>, the <e2>SIMSREE</e2> \u201cis\u201d."
no_relation

"""


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "kbp37.txt"
    path.write_text(FILE, encoding="utf8")
    return path


def test_tags_are_removed_from_the_text(file):
    first, second = read_kbp37(file)
    assert first.text == "Thom Yorke of Radiohead has ( a band ) ."
    assert (first.text[slice(*first.head)], first.text[slice(*first.tail)]) == ("Thom Yorke", "Radiohead")
    assert second.text == "In Bonn, the SIMSREE \u201cis\u201d."
    assert (second.text[slice(*second.head)], second.text[slice(*second.tail)]) == ("Bonn", "SIMSREE")


def test_documents_have_entities_and_relations(file):
    first, second = make_docs(spacy.blank("en"), read_kbp37(file))
    assert facts(first) == {("Thom Yorke", "Radiohead", "per:employee_of(e1,e2)")}
    assert [ent.text for ent in second.ents] == ["Bonn", "SIMSREE"]
    assert facts(second) == set()


def test_sentences_whose_entities_share_a_token_are_skipped():
    sentence = parse_marked("<e1>Bonn</e1>x<e2>Berlin</e2>", "no_relation")
    assert sentence.text == "BonnxBerlin"
    assert list(make_docs(spacy.blank("xx"), [sentence])) == []


def test_sentences_with_an_empty_entity_are_skipped():
    sentence = parse_marked("<e1> </e1> Kent Station in <e2> Cork </e2> .", "no_relation")
    assert list(make_docs(spacy.blank("xx"), [sentence])) == []


@pytest.mark.parametrize("text", ["0 no tab", FILE + '2\t"<e1> a </e1> <e2> b </e2>"\n'])
def test_a_damaged_file_is_named_with_its_line(tmp_path, text):
    path = tmp_path / "bad.txt"
    path.write_text(text, encoding="utf8")
    with pytest.raises(ValueError, match=r"\[ML088\] .*bad.txt', line \d+"):
        list(read_kbp37(path))


def test_the_command_writes_a_corpus_whose_predicted_documents_have_entities(file, tmp_path):
    target = tmp_path / "out" / "train.spacy"
    result = CliRunner().invoke(app, ["convert-kbp37", str(file), str(target)])
    assert result.exit_code == 0, result.output
    assert "2 sentences" in " ".join(result.output.split())
    assert len(DocBin().from_disk(target)) == 2
    first, second = build_entity_corpus_v1(target)(spacy.blank("en"))
    assert [ent.text for ent in first.predicted.ents] == ["Thom Yorke", "Radiohead"]
    assert facts(first.reference) and not facts(first.predicted)
    assert len(second.predicted.ents) == 2


def test_real_files_are_read_completely(data_dir):
    sentences = list(read_kbp37(data_dir / "relx" / "RELX_es.txt"))
    assert len(sentences) == 502
    assert all(sentence.head[1] <= sentence.tail[0] for sentence in sentences)
    assert len({sentence.label for sentence in sentences}) <= 37
