"""The model card: scores, sources, licences, and meta.json."""

from __future__ import annotations

import json

import pytest
from spacy.language import Language

from scripts.xx_mluke_small import card
from scripts.xx_mluke_small.examples import make_blank
from scripts.xx_mluke_small.sources import SOURCES

SCORE = {"value": 81.25, "low": 80.0, "high": 82.5}
SCORES = {
    "names": {
        "sets": {
            "da-uner_ddt.dev": {
                "sentences": 1200, "names": 9, "precision": SCORE, "recall": SCORE, "f": SCORE,
                "labels": {"PER": 90.0, "ORG": 70.0, "LOC": 80.0},
            }
        },
        "mean": 81.25,
        "wikineural": {},
        "wikineural_mean": None,
        "case": {},
    },
    "relations": {
        "sets": {
            "en-fewrel": {
                "sentences": 4, "relations": 2, "macro_f": SCORE, "precision": SCORE, "recall": SCORE, "f": SCORE
            }
        }
    },
}  # fmt: skip
CALIBRATION = [
    {
        "name": "mluke_ner",
        "n_items": 2000,
        "temperature": 1.25,
        "before": {"predicted": {"error": 0.1}},
        "after": {"predicted": {"error": 0.02}},
        "thresholds": [
            {"threshold": threshold, "predicted": 9, "precision": 0.9, "recall": 0.8, "f": 0.85}
            for threshold in (0.1, 0.5)
        ],
    }
]


@Language.component("card_names")
def card_names(doc):
    span = doc.char_span(0, 11, label="PER")
    doc.set_ents([span] if span is not None else [])
    return doc


@pytest.fixture
def pipeline(tmp_path):
    """A pipeline's folder, with the files that the card reads."""
    nlp = make_blank()
    nlp.add_pipe("card_names", name="mluke_ner")
    nlp.to_disk(tmp_path / "pipeline")
    contents = {
        "scores.json": SCORES,
        "tables.json": CALIBRATION,
        "questions/training.json": {"steps": 1000, "seconds": 600.0},
        "assembled/relations.json": {"place of birth (P19)": {"F1 in documents": 0.5}},
    }
    for name, content in contents.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(json.dumps(content), encoding="utf8")
    return tmp_path / "pipeline"


@pytest.fixture
def written(pipeline):
    folder = pipeline.parent
    options = ["--calibration", str(folder / "tables.json"), "--trained", str(folder / "questions")]
    options += ["--relations", str(folder / "assembled" / "relations.json")]
    card.main([str(pipeline), str(folder / "scores.json"), *options])
    return pipeline


def test_the_card_has_every_part(written):
    text = (written / "README.md").read_text(encoding="utf8")
    assert "<!--" not in text
    for line in (
        "| da-uner_ddt.dev | 1,200 | 9 | 81.2 | 81.2 | 81.2 | 80.0 to 82.5 | 90.0 | 70.0 | 80.0 |",
        "| `mluke_ner` | 2,000 | 1.25 | 10.0 | 2.0 |",
        "| `mluke_ner` | 0.5 | 9 | 90.0 | 80.0 | 85.0 |",
        "| questions | 1,000 | 10 |",
        "| place of birth (P19) | 0.5 |",
    ):
        assert line in text
    assert "| `mluke_ner` | 0.1 |" not in text
    assert "Marie Curie (PER)" in text


def test_the_card_and_the_licences_name_every_source_that_was_trained_on(written):
    text = (written / "README.md").read_text(encoding="utf8")
    licences = (written / "LICENSES_SOURCES").read_text(encoding="utf8")
    used = [source for source, _ in card.works()]
    assert set(used) == set(SOURCES)
    for source in used:
        assert f"[{source.authors}]({source.url})" in text
        assert f"{source.authors}\n{source.url}\nLicence: {source.licence}" in licences


def test_meta_has_licence_sources_and_performance(written):
    meta = json.loads((written / "meta.json").read_text(encoding="utf8"))
    assert (meta["lang"], meta["name"], meta["license"]) == ("xx", "mluke_small", "CC BY-SA 4.0")
    assert meta["performance"]["ents_f"] == 0.8125
    assert meta["performance"]["rel_macro_f_en-fewrel"] == 0.8125
    assert "ents_f_wikineural" not in meta["performance"]
    assert {source["name"] for source in meta["sources"]} == {"mluke-small", *(source.name for source in SOURCES)}


def test_a_pipeline_with_a_card_loads(written):
    import spacy

    assert spacy.load(written).meta["license"] == "CC BY-SA 4.0"


def test_the_card_lists_the_languages_of_each_task():
    found = card.languages()
    assert found["relations"] == ["de", "en"]
    assert {"da", "zh", "kk"} <= set(found["named entities"]) and "he" in found["answers"]
