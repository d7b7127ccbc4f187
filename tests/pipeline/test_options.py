"""Options of components: saved, overridden, excluded."""

from __future__ import annotations

import json
import warnings

import pytest
import spacy

from spacy_mluke.encoder.access import is_loaded

BARE = ["model", "vocab"]


def make_typer(**config):
    """Make a component with a label and without a head. Building it reads no checkpoint."""
    pipe = spacy.blank("xx").add_pipe("mluke_typing", config={"threshold": 0.25, **config})
    pipe.add_label("CITY")
    return pipe


def save(pipe, path):
    pipe.to_disk(path, exclude=BARE)
    return path


def load(path, **config):
    """Load as spacy.load does: make a component from the config, then read the saved files."""
    pipe = spacy.blank("xx").add_pipe("mluke_typing", config={"threshold": 0.25, **config})
    return pipe.from_disk(path, exclude=BARE)


@pytest.fixture
def saved(tmp_path):
    return save(make_typer(), tmp_path / "saved")


def test_options_are_saved_and_can_be_overridden_by_the_config(saved):
    assert load(saved).cfg["threshold"] == 0.25
    cfg = load(saved, threshold=0.75).cfg
    assert (cfg["threshold"], cfg["spans_key"], cfg["classes"]) == (0.75, "mluke_types", ["CITY"])


def test_an_option_that_a_program_changed_is_saved(tmp_path):
    pipe = make_typer()
    pipe.cfg["threshold"] = 0.9
    path = save(pipe, tmp_path / "saved")
    assert load(path).cfg["threshold"] == 0.9
    assert load(path, spans_key="x").cfg["threshold"] == 0.9
    assert load(path, threshold=0.5).cfg["threshold"] == 0.5
    assert load(save(load(path), tmp_path / "again")).cfg["threshold"] == 0.9


def test_an_overridden_option_is_saved_again(saved, tmp_path):
    again = save(load(saved, threshold=0.75), tmp_path / "again")
    assert load(again, threshold=0.75).cfg["threshold"] == 0.75


def test_options_from_bytes_are_used_and_saved(tmp_path):
    pipe = make_typer()
    pipe.cfg["threshold"] = 0.9
    for i, other in enumerate((make_typer(threshold=0.0), make_typer())):
        other.from_bytes(pipe.to_bytes(exclude=BARE), exclude=BARE)
        path = save(other, tmp_path / str(i))
        # The config is that of the component, or of the pipeline's bytes.
        for threshold in (0.25, 0.0) if i == 0 else (0.25,):
            assert load(path, threshold=threshold).cfg["threshold"] == 0.9


def test_a_pipeline_of_an_older_version_keeps_its_saved_options_with_a_warning(saved):
    cfg = json.loads((saved / "cfg").read_text(encoding="utf8"))
    del cfg["config"]
    (saved / "cfg").write_text(json.dumps(cfg), encoding="utf8")
    (saved / "files.json").unlink()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert load(saved).cfg["threshold"] == 0.25
    with pytest.warns(UserWarning, match=r"\[ML111\].*threshold = 0.25 \(config: 0.75\)"):
        assert load(saved, threshold=0.75).cfg["threshold"] == 0.25


def test_spacy_load_overrides_options_of_mluke_and_mluke_mentions(tiny_checkpoint, tmp_path):
    nlp = spacy.blank("xx")
    nlp.add_pipe("mluke", config={"model": {"name": str(tiny_checkpoint)}})
    nlp.add_pipe("mluke_mentions", config={"candidates": {"path": None}})
    nlp.to_disk(tmp_path)
    overrides = {"components.mluke.set_vectors": True, "components.mluke_mentions.types": ["CITY"]}
    other = spacy.load(tmp_path, config=overrides)
    assert other.get_pipe("mluke").cfg["set_vectors"] is True
    assert other.get_pipe("mluke_mentions").cfg["types"] == ["CITY"]


def test_the_negative_class_of_relations_cannot_change_after_training(tmp_path):
    def make(no_label):
        return spacy.blank("xx").add_pipe("mluke_relations", config={"no_label": no_label})

    pipe = make("no_relation")
    for label in ("no_relation", "capital"):
        pipe.add_label(label)
    with pytest.raises(ValueError, match=r"\[ML317\] 'no_label'.*no_relation, capital.*'no_relation' when"):
        make("none").from_disk(save(pipe, tmp_path / "saved"), exclude=BARE)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("{", "ML316"),
        ("[1]", "not a JSON object"),
        ('{"classes": "AB"}', "not a list of strings"),
        ('{"classes": [1]}', "not a list of strings"),
        ('{"classes": [], "config": 3}', "not a list of options"),
        ('{"threshold": "x"}', "ML310"),
        ('{"threshold": 7}', "ML310"),
    ],
)
def test_damaged_options_are_refused(saved, content, reason):
    (saved / "cfg").write_text(content, encoding="utf8")
    (saved / "files.json").unlink()
    with pytest.raises(ValueError, match=reason):
        load(saved)


def test_labels_are_in_the_strings_if_the_vocabulary_was_excluded(saved):
    assert "CITY" in load(saved).vocab.strings


@pytest.mark.parametrize("factory", ["mluke", "mluke_typing"])
def test_the_model_can_be_excluded(tiny_checkpoint, tmp_path, factory):
    encoder = {"name": str(tiny_checkpoint)}
    config = {"model": encoder if factory == "mluke" else {"encoder": encoder}}
    pipe = spacy.blank("xx").add_pipe(factory, config=config)
    pipe.to_disk(tmp_path / "bare", exclude=BARE)
    assert sorted(file.name for file in (tmp_path / "bare").iterdir()) == ["cfg", "files.json"]
    pipe.to_disk(tmp_path / "whole", exclude=["vocab"])
    data = pipe.to_bytes(exclude=["vocab"])
    assert len(pipe.to_bytes(exclude=BARE)) < 1000 < len(data)
    # The checkpoint of the config is not read.
    other = spacy.blank("xx").add_pipe(factory, config=config)
    encoder = other.model if factory == "mluke" else other.model.get_ref("encoder")
    other.from_disk(tmp_path / "whole", exclude=BARE)
    other.from_bytes(data, exclude=BARE)
    assert not is_loaded(encoder)
    other.from_disk(tmp_path / "whole", exclude=["vocab"])
    assert is_loaded(encoder)


@pytest.mark.parametrize("factory", ["mluke_qa", "mluke_linker", "mluke"])
def test_components_without_labels_have_no_label_data(factory):
    assert spacy.blank("xx").add_pipe(factory).label_data is None
