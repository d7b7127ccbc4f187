"""The model card of a saved pipeline, and the header that the hub reads."""

from __future__ import annotations

import pytest
import yaml
from huggingface_hub import ModelCard

from spacy_mluke.publishing.card import render_card, render_header
from spacy_mluke.publishing.markdown import render_table
from spacy_mluke.publishing.saved_pipeline import read_pipeline
from tests.publishing.pipelines import save


@pytest.fixture
def card(tmp_path):
    def render(meta=None, **options):
        return render_card(read_pipeline(save(tmp_path, **(meta or {}))), **options)

    return render


def header_of(text):
    _, header, _ = text.split("---\n", 2)
    return yaml.safe_load(header)


def test_the_header_has_language_licence_and_tasks(card):
    header = header_of(card({"license": "CC BY-SA 4.0"}))
    assert header == {
        "language": ["de"],
        "license": "cc-by-sa-4.0",
        "library_name": "spacy-mluke",
        "pipeline_tag": "token-classification",
        "tags": ["spacy", "token-classification"],
    }


def test_the_hub_reads_the_scores_of_the_data_that_are_named(card):
    found = ModelCard(card(dataset="My News")).data.eval_results
    assert [(one.task_type, one.metric_type, one.metric_value, one.dataset_name) for one in found] == [
        ("token-classification", "f1", 0.8125, "My News"),
        ("token-classification", "precision", 0.9, "My News"),
        ("relation-extraction", "f1", 0.5, "My News"),
        ("question-answering", "exact_match", 0.25, "My News"),
    ]
    assert ModelCard(card(dataset="My News")).data.model_name == "de_places"


def test_scores_without_the_name_of_their_data_are_not_in_the_header(card):
    text = card()
    assert "model-index" not in header_of(text) and "on its development data" in text
    assert "| Named entities | `ents_f` | 81.2 |" in text and "| LOC | 50.0 | 25.0 | 33.3 |" in text
    assert "speed" not in text and "loss" not in text


def test_the_card_has_what_the_meta_data_say_and_nothing_else(card):
    source = {"name": "News", "url": "https://example.com", "author": "Ann", "license": "MIT"}
    text = card({"description": "Places of news.", "license": "MIT", "sources": [source]}, repo="me/places")
    for line in (
        "# de_places",
        "Places of news.",
        'nlp = spacy.load(snapshot_download("me/places"))',
        "| `names` | named entities | `doc.ents` | LOC, PER |",
        "| [News](https://example.com) | Ann | MIT |",
        "| version | 1.2.3 |",
    ):
        assert f"{line}\n" in text
    empty = card({"description": "", "license": "", "sources": [], "performance": {}, "author": ""})
    assert "## Licence" not in empty and "## Scores" not in empty and "author" not in empty


def test_a_pipeline_for_any_language_is_multilingual_unless_its_languages_are_given(card):
    assert header_of(card({"lang": "xx"}))["language"] == ["multilingual"]
    assert header_of(card({"lang": "xx"}, langs=["de", "ja"]))["language"] == ["de", "ja"]


def test_a_licence_that_the_hub_does_not_know_is_named():
    text = render_header(name="a", langs=["de"], licence="MIT AND CC0-1.0", tags=["entity-linking"])
    header = header_of(text)
    assert (header["license"], header["license_name"]) == ("other", "mit-and-cc0-1.0")
    assert "pipeline_tag" not in header


def test_many_labels_are_counted_in_the_table_and_listed_below(card):
    text = card({"labels": {"names": [f"L{i}" for i in range(45)]}})
    assert "| 45 labels |" in text and "`L39`, and 5 more." in text


def test_cells_cannot_break_a_table():
    assert render_table(("a", "b"), [("x|y\nz", 1234)])[2] == "| x\\|y z | 1,234 |"


def test_what_is_no_saved_pipeline_has_a_coded_error(tmp_path):
    save(tmp_path / "damaged")
    (tmp_path / "damaged" / "meta.json").write_text("{")
    save(tmp_path / "nameless", name=None)
    (tmp_path / "empty").mkdir()
    for name in ("missing", "empty", "damaged", "nameless"):
        with pytest.raises(ValueError, match="ML406"):
            read_pipeline(tmp_path / name)
