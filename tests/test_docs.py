"""The examples of the documentation run, and give what they say."""

from __future__ import annotations

import re

from tests.conftest import REPO


def run(page: str) -> dict:
    """Run the examples of a page; those fenced as `py` need a network."""
    text = (REPO / "docs" / page).read_text(encoding="utf8")
    names: dict = {}
    for block in re.findall(r"```python\n(.*?)```", text, re.DOTALL):
        exec(block, names)
    return names


def test_the_page_on_relations_finds_the_relation():
    (relation,) = run("guides/relations.md")["doc"]._.mluke_relations
    assert (relation.head.text, relation.label, relation.tail.text) == ("Tokyo", "capital", "Japan")
    assert relation.score > 0.8


def test_the_page_on_names_finds_them():
    doc = run("guides/ner.md")["doc"]
    assert [(ent.text, ent.label_) for ent in doc.ents] == [("Alan Turing", "PER"), ("London", "LOC")]
    assert len(doc.spans["mluke_ner"].attrs["scores"]) == 2


def test_the_page_on_typing_finds_two_types():
    doc = run("guides/typing.md")["doc"]
    assert {span.label_ for span in doc.spans["mluke_types"]} == {"city", "place"}
    assert doc.ents[0]._.mluke_types["person"] < 0.5


def test_the_page_on_question_answering_answers_and_holds_back():
    names = run("guides/qa.md")
    assert [[answer.span.text for answer in found] for found in names["doc"]._.mluke_answers] == [["Bern"], []]
    assert names["answer"].span.text == "Tokyo" and names["answer"].score > 0.5


def test_the_page_on_speed_links_in_eight_bits(capsys):
    run("guides/speed.md")
    assert capsys.readouterr().out.strip() == "[('Tokyo', 'geonames:1850147'), ('Japan', 'iso3166:JP')]"


def test_the_page_on_saving_saves(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run("guides/saving.md")["nlp"].pipe_names == ["mluke_mentions"]
    assert [entry.name for entry in tmp_path.iterdir()] == ["places"]


def test_the_page_on_linking_tells_namesakes_apart(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = run("guides/linking.md")
    assert [(ent.text, ent.kb_id_) for ent in names["doc"].ents] == [("Mercury", "planet"), ("Sun", "sun")]
    assert [match.id for match in names["store"].candidates("MERCURY", "en")] == ["metal", "planet"]


def test_the_page_on_masks_fills_them():
    names = run("guides/cloze.md")
    assert (names["fillers"][0].text, names["fillers"][0].kb_id) == ("Japon", "iso3166:JP")
    assert names["korean"]._.mluke_fillers[0][0].kb_id == "iso3166:KR"
    ((best, *_),) = names["doc"]._.mluke_fillers
    assert (best.text, best.entity, best.kb_id) == ("Borealis", "en:Borealis", "P-200")
    assert best.score > 0.8
    assert [len(masks) for masks in names["filled"]] == [1, 0]


def test_the_page_on_training_writes_and_reads_json_lines(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = run("guides/training.md")
    assert names["n_written"] == 1
    assert [(ent.text, ent.label_) for ent in names["again"].ents] == [("Anna", "PER"), ("Bern", "LOC")]


def test_the_page_on_training_names_configs_and_commands_that_exist():
    from spacy_mluke.cli._app import COMMANDS

    text = (REPO / "docs" / "guides" / "training.md").read_text(encoding="utf8")
    configs = {path.name for path in (REPO / "configs").glob("*.cfg")}
    assert configs <= set(re.findall(r"[a-z0-9_]+\.cfg", text))
    assert set(re.findall(r"`([a-z0-9_]+\.cfg)`", text)) <= configs
    assert set(re.findall(r"spacy_mluke (\S+)", text)) | set(re.findall(r"`(convert-\w+)", text)) <= set(COMMANDS)


def test_the_page_on_mentions_finds_them_in_three_scripts(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = [[(ent.text, ent.label_) for ent in doc.ents] for doc in run("guides/mentions.md")["docs"]]
    assert found == [
        [("TOKYO", "CITY"), ("Japan", "COUNTRY")],
        [("東京", "CITY"), ("日本", "COUNTRY")],
        [("Японии", "COUNTRY")],
    ]


def test_the_page_on_pretraining_makes_a_corpus_of_products(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    docs = run("guides/pretraining.md")["docs"]
    assert [[ent.kb_id_ for ent in doc.ents] for doc in docs] == [["P-100"]] * 2 + [["P-200"]] * 2 + [["P-300"]] * 2


def test_the_page_on_installing_adds_licences_to_a_pipeline():
    assert run("install.md")["nlp"].meta["license"] == "MIT AND Unicode-3.0 AND CC-BY-4.0"
