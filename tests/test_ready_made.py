"""The ready-made pipeline: what `spacy_mluke.load()` finds without any training."""

from __future__ import annotations

import json

import pytest
import spacy

import spacy_mluke
from spacy_mluke.pipeline import ready_made
from tests.conftest import REPO

MODEL = REPO / "models" / "xx_mluke_small"


@pytest.fixture(scope="module")
def nlp():
    return spacy_mluke.load(questions=True)


def entities(doc):
    return {(ent.text, ent.label_) for ent in doc.ents}


def test_people_organisations_and_places_are_found_in_many_languages(nlp):
    texts = {
        "Angela Merkel flew to Berlin.": {("Angela Merkel", "PER"), ("Berlin", "LOC")},
        "Emmanuel Macron a rencontré Olaf Scholz à Berlin.": {("Emmanuel Macron", "PER"), ("Berlin", "LOC")},
        "Владимир Набоков родился в Петербурге.": {("Владимир Набоков", "PER"), ("Петербурге", "LOC")},
        "马云在杭州创办了阿里巴巴集团。": {("马云", "PER"), ("杭州", "LOC")},
    }  # fmt: skip
    for doc, expected in zip(nlp.pipe(texts), texts.values(), strict=True):
        assert expected <= entities(doc), doc.text


def test_relations_come_from_the_pass_that_found_the_names(nlp):
    doc = nlp("Marie Curie was born in Warsaw.")
    found = {(rel.head.text, rel.label, rel.tail.text) for rel in doc._.mluke_relations}
    assert ("Marie Curie", "place of birth (P19)", "Warsaw") in found
    assert nlp.get_pipe("mluke_ner").listening_components == ["mluke_relations"]


def test_places_are_linked_and_keep_their_label(nlp):
    (paris,) = (ent for ent in nlp("Marie Curie taught in Paris.").ents if ent.text == "Paris")
    assert (paris.label_, paris.kb_id_) == ("LOC", "Q90")


def test_people_and_places_are_linked_to_wikidata(nlp):
    doc = nlp("Jorge Luis Borges was born in Buenos Aires, Argentina.")
    assert [ent.kb_id_ for ent in doc.ents] == ["Q909", "Q1486", "Q414"]


def test_questions_are_answered(nlp):
    text = "The Danube rises in the Black Forest. Its largest tributary is the Sava, which joins it at Belgrade."
    answer = nlp.get_pipe("mluke_qa").answer(text, "Where does the Sava join the Danube?")[0]
    assert answer.text in ("Belgrade", "at Belgrade")


def test_a_choice_that_is_neither_true_nor_false_is_a_coded_error():
    for option in ("relations", "questions", "cloze", "vectors", "inflections"):
        with pytest.raises(ValueError, match=rf"\[ML310\] '{option}' is 'no'"):
            spacy_mluke.load(**{option: "no"})


def test_components_are_chosen():
    assert spacy_mluke.load(relations=False).pipe_names == ["mluke_ner", "mluke_mentions", "mluke_linker"]


def test_a_language_without_spaces_keeps_the_tokenizer_of_the_training():
    nlp = spacy_mluke.load(lang="zh", relations=False)
    assert nlp.lang == "zh"
    assert [ent.text for ent in nlp("马云住在杭州。").ents] == ["马云", "杭州"]


def test_the_saved_pipeline_loads_as_any_other(nlp, tmp_path):
    nlp.to_disk(tmp_path)
    text = "Angela Merkel wurde in Hamburg geboren."
    assert entities(spacy.load(tmp_path)(text)) == entities(nlp(text)) != set()


def test_a_saved_pipeline_is_loaded_by_its_folder_and_the_ready_made_one_by_its_name(monkeypatch, tmp_path):
    opened = []
    monkeypatch.setattr(ready_made.spacy, "load", opened.append)
    for name in ("xx_mluke_small", str(tmp_path), "xx_other"):
        ready_made.load_saved(name)
    assert opened == [ready_made.ready_made_path(), str(tmp_path), "xx_other"]


def test_its_licence_and_those_of_the_bundled_data_are_in_its_meta(nlp):
    own = json.loads((MODEL / "meta.json").read_text(encoding="utf8"))
    assert own["license"] == "CC BY-SA 4.0" and own["name"] == "mluke_small"
    assert nlp.meta["license"] == "CC BY-SA 4.0 AND MIT AND Unicode-3.0 AND CC-BY-4.0 AND CC0-1.0"
    assert {"GeoNames", "mluke-small", "Wikidata"} <= {source["name"].split(",")[0] for source in nlp.meta["sources"]}


def test_a_missing_package_and_a_checkpoint_without_training_have_their_errors(monkeypatch):
    with pytest.raises(ValueError, match=r"\[ML314\].*xx_mluke_small"):
        spacy_mluke.load("mluke-small", relations=True)
    monkeypatch.setattr(ready_made, "find_pipeline", lambda name: None)
    with pytest.raises(ValueError, match=r"\[ML318\].*pip install"):
        spacy_mluke.load()
