"""Pipelines whose encoders were trained from the bundled checkpoint are saved as what training has changed."""

from __future__ import annotations

import pickle
import shutil

import numpy
import pytest
import spacy
import torch
from typer.testing import CliRunner

import spacy_mluke
from spacy_mluke.checkpoint import hub
from spacy_mluke.checkpoint.delta_files import DELTA_FILE, read_changes
from spacy_mluke.checkpoint.directory import open_checkpoint
from spacy_mluke.checkpoint.hub import ASSETS
from spacy_mluke.checkpoint.load import load_encoder
from spacy_mluke.checkpoint.reuse import is_same
from spacy_mluke.checkpoint.save import save_encoder
from spacy_mluke.checkpoint.shared_encoders import POINTER
from spacy_mluke.cli import app
from spacy_mluke.encoder.access import load_model
from tests.checkpoint.checkpoints import make_checkpoint
from tests.pipeline.conftest import make_pipeline
from tests.pipeline.ner_docs import ner_examples, ner_pipeline
from tests.pipeline.test_atomic_saving import change, encoder_of, two_encoders, vector

LOWER_HALF = ["embeddings", "entity_embeddings", "layers:0-0"]
# Of the files of mluke-small. If a change of these files is intended, give the new checkpoint another name: saved
# pipelines contain only what differs from this one.
CHECKSUM = "sha256:0675f911dc0c5adb12c977d570543c7bac673ccb4e331a7254c9ca6b90aee36f"


def size_of(path):
    return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())


def names_of(path):
    return sorted(file.name for file in path.iterdir())


@pytest.fixture(scope="module", autouse=True)
def bundled(tmp_path_factory, tiny_sentencepiece):
    """Put a tiny checkpoint in the place of the bundled one."""
    assets = tmp_path_factory.mktemp("assets")
    sizes = {"hidden_size": 32, "entity_emb_size": 32, "intermediate_size": 64}
    published = make_checkpoint(assets / "published", tiny_sentencepiece, **sizes)
    save_encoder(load_encoder(published), assets / "mluke-small")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(hub, "ASSETS", assets)
        yield


@pytest.fixture(scope="module")
def upper(bundled):
    """A pipeline with the bundled checkpoint, trained for one step with a frozen lower half."""
    nlp = ner_pipeline("mluke-small", encoder={"visibility": "isolated", "max_entities": 0, "frozen": LOWER_HALF})
    examples = ner_examples(nlp)
    optimizer = nlp.initialize(lambda: examples)
    nlp.update(examples, sgd=optimizer)
    return nlp


@pytest.fixture(scope="module")
def saved(upper, tmp_path_factory):
    path = tmp_path_factory.mktemp("saved") / "nlp"
    spacy_mluke.save(upper, path)
    return path


def ner_encoder(nlp):
    return load_model(nlp.get_pipe("mluke_ner").model.get_ref("encoder"))


def test_the_bundled_checkpoint_has_the_content_that_saved_pipelines_refer_to():
    assert open_checkpoint(ASSETS / "mluke-small").checksum() == CHECKSUM


def test_a_trained_encoder_is_saved_as_the_layers_that_were_trained(upper, saved):
    encoder = saved / "mluke_ner" / "encoder"
    assert names_of(encoder) == ["config.json", DELTA_FILE]
    layers = {name.split(".")[2] for name in read_changes(encoder / DELTA_FILE) if name.startswith("encoder.layer.")}
    assert layers == {"1"}
    assert is_same(ner_encoder(upper), encoder)


def test_a_pipeline_with_a_delta_predicts_the_same(upper, saved):
    texts = [example.reference.text for example in ner_examples(upper)]
    loaded = spacy.load(saved)
    found = [doc.to_json() for doc in loaded.pipe(texts)]
    assert found == [doc.to_json() for doc in upper.pipe(texts)]


def test_a_loaded_delta_is_saved_again_as_it_is(saved, tmp_path):
    spacy_mluke.save(spacy.load(saved), tmp_path / "again")
    one, other = (path / "mluke_ner" / "encoder" / DELTA_FILE for path in (saved, tmp_path / "again"))
    assert one.read_bytes() == other.read_bytes()


def test_bytes_and_pickles_contain_the_delta(upper):
    data = upper.get_pipe("mluke_ner").to_bytes()
    assert b"delta.safetensors" in data and b"sentencepiece" not in data
    again = ner_pipeline("mluke-small", encoder={"visibility": "isolated", "max_entities": 0})
    again.get_pipe("mluke_ner").from_bytes(data)
    names = [f"encoder.layer.{i}.output.dense.bias" for i in (0, 1)]
    mine = dict(ner_encoder(upper).named_parameters())
    copied = pickle.loads(pickle.dumps(upper.get_pipe("mluke_ner").model.get_ref("encoder")))
    for other in (ner_encoder(again), load_model(copied)):
        found = dict(other.named_parameters())
        assert all(torch.equal(found[name], mine[name]) for name in names)


def test_an_untrained_encoder_is_saved_by_the_name_of_its_checkpoint(tmp_path):
    nlp = make_pipeline("mluke-small")
    nlp.to_disk(tmp_path / "nlp")
    assert names_of(tmp_path / "nlp" / "mluke" / "encoder") == ["config.json"]
    numpy.testing.assert_array_equal(vector(spacy.load(tmp_path / "nlp")), vector(nlp))


def test_a_pipeline_that_was_saved_completely_is_saved_as_a_delta(upper, tmp_path):
    path = tmp_path / "nlp"
    upper.to_disk(path)
    shutil.rmtree(path / "mluke_ner" / "encoder")
    (path / "mluke_ner" / "files.json").unlink()
    save_encoder(ner_encoder(upper), path / "mluke_ner" / "encoder")
    spacy_mluke.save(spacy.load(path), path)
    assert names_of(path / "mluke_ner" / "encoder") == ["config.json", DELTA_FILE]


def test_compact_makes_a_saved_pipeline_small_and_keeps_it_so(saved, tmp_path):
    result = CliRunner().invoke(app, ["compact", str(saved), str(tmp_path / "small"), "--storage", "q4"])
    assert result.exit_code == 0, result.output
    rows = {line.split()[0]: line.split()[1:] for line in result.stdout.splitlines() if line.strip()}
    before, after, largest, spread = map(float, rows["mluke_ner"])
    assert after < before and largest < spread
    nlp = spacy.load(tmp_path / "small")
    nlp.to_disk(tmp_path / "again")
    small, again = (size_of(tmp_path / name / "mluke_ner" / "encoder") for name in ("small", "again"))
    assert again == small


# --- other checkpoints ---


@pytest.fixture
def compacted(tiny_checkpoint, tmp_path):
    """A pipeline of two equal encoders, compact with a directory as their base."""
    base = shutil.copytree(tiny_checkpoint, tmp_path / "base")
    nlp = two_encoders(base)
    for name in nlp.pipe_names:
        change(nlp, name, by=1.01)
    found = spacy_mluke.compact(nlp, "q8", base=base)
    assert [encoder.component for encoder in found] == ["mluke", "mluke_typing"]
    assert all(0 < encoder.largest_change < encoder.spread for encoder in found)
    return nlp, base


def test_another_checkpoint_is_a_base_only_on_request(tiny_checkpoint, tmp_path):
    nlp = make_pipeline(str(tiny_checkpoint))
    change(nlp, "mluke")
    nlp.to_disk(tmp_path)
    assert "model.safetensors" in names_of(tmp_path / "mluke" / "encoder")


def test_equal_deltas_are_saved_once(compacted, tmp_path):
    nlp, _ = compacted
    spacy_mluke.save(nlp, tmp_path / "nlp")
    assert names_of(tmp_path / "nlp" / "mluke" / "encoder") == ["config.json", DELTA_FILE]
    assert names_of(tmp_path / "nlp" / "mluke_typing" / "encoder") == [POINTER]
    loaded = spacy.load(tmp_path / "nlp")
    numpy.testing.assert_array_equal(vector(loaded), vector(nlp))
    assert is_same(encoder_of(loaded, "mluke_typing"), tmp_path / "nlp" / "mluke" / "encoder")


def test_bytes_need_no_checkpoint_of_another_place(compacted, tiny_checkpoint):
    nlp, base = compacted
    data = nlp.get_pipe("mluke").to_bytes()
    shutil.rmtree(base)
    again = make_pipeline(str(tiny_checkpoint))
    again.get_pipe("mluke").from_bytes(data)
    numpy.testing.assert_array_equal(vector(again), vector(nlp))


def test_a_delta_can_be_named_as_a_checkpoint(compacted, tmp_path):
    nlp, _ = compacted
    spacy_mluke.save(nlp, tmp_path / "nlp")
    path = str(tmp_path / "nlp" / "mluke" / "encoder")
    numpy.testing.assert_array_equal(vector(make_pipeline(path)), vector(nlp))
    result = CliRunner().invoke(app, ["info", path])
    assert "trained from" in result.stdout and DELTA_FILE in result.stdout


def test_compact_refuses_encoders_of_other_checkpoints_and_changes_none(tiny_checkpoint):
    nlp = make_pipeline("mluke-small")
    nlp.add_pipe("mluke_typing", config={"model": {"encoder": {"name": str(tiny_checkpoint)}}})
    before = encoder_of(nlp, "mluke")
    with pytest.raises(ValueError, match=r"\[ML056\].*'mluke_typing'.*'mluke-small'.*sizes"):
        spacy_mluke.compact(nlp)
    assert encoder_of(nlp, "mluke") is before


def test_compact_needs_an_encoder_and_a_known_storage():
    nlp = spacy.blank("en")
    with pytest.raises(ValueError, match=r"\[ML057\].*none"):
        spacy_mluke.compact(nlp)
    with pytest.raises(ValueError, match=r"\[ML070\].*q4, q6, q8, f16"):
        spacy_mluke.compact(nlp, "q5")
