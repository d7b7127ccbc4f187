"""What an export contains, what cannot be exported, and what is refused."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys

import pytest
import spacy
from typer.testing import CliRunner

from spacy_mluke import OnnxPipeline, TokenizedText, export_onnx
from spacy_mluke.cli._app import app
from spacy_mluke.onnx import export
from tests.conftest import REPO

# The only packages that the runner may need; Python's own are not packages.
RUN = """
import sys
allowed = {"numpy", "onnxruntime", "sentencepiece", "flatbuffers", "google", "packaging", "spacy_mluke"}
class Refuse:
    def find_spec(self, name, path=None, target=None):
        top = name.partition(".")[0]
        if top not in allowed and not top.startswith("_") and top not in sys.stdlib_module_names:
            raise ImportError(f"{name} is not there")
sys.meta_path.insert(0, Refuse())
from spacy_mluke import OnnxPipeline
pipeline = OnnxPipeline(sys.argv[1], threads=1)
(names,) = pipeline.names(["Tokyo is big"])
pipeline.relations(["Tokyo is in Japan"], [[(0, 5), (12, 17)]])
pipeline.answers("Tokyo is big", ["What is big?"])
assert not {"torch", "spacy", "thinc"} & set(sys.modules)
print(len(names))
"""


def test_the_runner_needs_neither_torch_nor_spacy(exported, pipeline):
    command = [sys.executable, "-c", RUN, str(exported.path)]
    found = subprocess.run(command, capture_output=True, text=True, cwd=REPO, check=False)
    assert found.returncode == 0, found.stderr
    assert int(found.stdout) == len(pipeline.names(["Tokyo is big"])[0])


def test_the_manifest_has_what_other_programs_need(exported):
    manifest = json.loads((exported.path / "manifest.json").read_text(encoding="utf8"))
    graph = manifest["encoders"]["mluke"]["graphs"]["encoder"]
    assert graph["inputs"]["piece_ids"] == {"type": "int64", "shape": ["sequences", "pieces"]}
    assert graph["outputs"]["entity_states"] == {"type": "float32", "shape": ["sequences", "entities", 16]}
    assert set(manifest["encoders"]["mluke_ner"]["graphs"]) == {"words", "entities"}
    assert manifest["components"]["mluke_ner"]["labels"] == ["NIL", "LOC", "PER"]
    assert manifest["components"]["mluke_ner"]["options"]["temperature"] == 1.0
    assert manifest["wordpieces"]["wordpieces"]["special_ids"]["mask"] > 100
    assert "sha256" in manifest["files"]["weights.bin"]


def places(path):
    import onnx

    graph = onnx.load(path, load_external_data=False).graph
    tensors = [{entry.key: entry.value for entry in tensor.external_data} for tensor in graph.initializer]
    return {tensor["offset"] for tensor in tensors if tensor}


def test_equal_weights_are_stored_once(exported):
    joint, words, entities = (
        places(exported.path / f"{name}.onnx") for name in ("mluke.encoder", "mluke_ner.words", "mluke_ner.entities")
    )
    # Two encoders of one checkpoint.
    assert words | entities <= joint and len(words & entities) > 3


def test_equal_encoders_are_exported_once(exported):
    manifest = json.loads((exported.path / "manifest.json").read_text(encoding="utf8"))
    assert set(manifest["encoders"]) == {"mluke", "mluke_ner"}
    assert manifest["components"]["mluke_qa"]["encoder"] == "mluke"


@pytest.fixture(scope="module")
def small(nlp, tmp_path_factory):
    """An export of one component."""
    return export_onnx(nlp, tmp_path_factory.mktemp("small") / "out", components=["mluke"]).path


@pytest.fixture
def copied(small, tmp_path):
    return shutil.copytree(small, tmp_path / "copied")


def test_special_entities_alone_are_exported_by_default(small):
    found = OnnxPipeline(small)
    entities = found.manifest["encoders"]["mluke"]["entities"]
    assert entities["rows"] == 4 and sorted(entities["ids"].values()) == [0, 1, 2, 3]
    with pytest.raises(ValueError, match=r"\[ML487\].*entity 4"):
        found.states(["Tokyo"], [[(0, 5)]], entity_ids=[4])


def test_components_without_an_exportable_head_are_reported(nlp, tmp_path):
    other = spacy.blank("xx")
    other.add_pipe("sentencizer")
    with pytest.raises(ValueError, match=r"\[ML482\].*sentencizer has no head"):
        export_onnx(other, tmp_path / "out")
    with pytest.raises(ValueError, match=r"\[ML481\].*'tagger'.*is not in the pipeline.*mluke_ner"):
        export_onnx(nlp, tmp_path / "out", components=["tagger"])


def test_an_untrained_component_is_reported(checkpoint, tmp_path):
    nlp = spacy.blank("xx")
    nlp.add_pipe("mluke_qa", config={"model": {"encoder": {"name": str(checkpoint)}}, "suggester": None})
    with pytest.raises(ValueError, match=r"\[ML482\].*mluke_qa is not trained"):
        export_onnx(nlp, tmp_path / "out")


def test_a_graph_that_differs_is_not_written(nlp, tmp_path, monkeypatch):
    monkeypatch.setattr(export, "encoder_difference", lambda *args: 0.01)
    with pytest.raises(ValueError, match=r"\[ML483\].*0\.01"):
        export_onnx(nlp, tmp_path / "out", components=["mluke"])
    assert not (tmp_path / "out").exists()


def test_a_folder_with_other_files_is_kept(nlp, tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(ValueError, match=r"\[ML489\]"):
        export_onnx(nlp, tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == ["notes.txt"]


@pytest.mark.parametrize("name", ["manifest.json", "weights.bin", "wordpieces/sentencepiece.bpe.model"])
def test_an_incomplete_export_is_refused(copied, name):
    (copied / name).unlink()
    with pytest.raises(ValueError, match=r"\[ML484\]"):
        OnnxPipeline(copied)


def test_changed_weights_are_noticed_on_request(copied):
    data = bytearray((copied / "weights.bin").read_bytes())
    data[100] ^= 1
    (copied / "weights.bin").write_bytes(data)
    OnnxPipeline(copied)
    with pytest.raises(ValueError, match=r"\[ML484\].*weights.bin.*changed"):
        OnnxPipeline(copied, verify=True)


def test_what_an_export_lacks_is_named(pipeline, small):
    found = OnnxPipeline(small)
    with pytest.raises(ValueError, match=r"\[ML485\].*for names.*mluke \(states\)"):
        found.names(["Tokyo"])
    with pytest.raises(ValueError, match=r"\[ML485\].*'mluke_qa' for this task"):
        pipeline.names(["Tokyo"], component="mluke_qa")


@pytest.mark.parametrize("bounds", [(0, 99), (5, 6), (3, 2), (-1, 2)])
def test_mentions_outside_the_text_are_refused(pipeline, bounds):
    with pytest.raises(ValueError, match=r"\[ML486\].*text 1"):
        pipeline.relations(["Paris", "Tokyo is big"], [[], [bounds, (9, 12)]])


@pytest.mark.parametrize("tokens", [[(0, 3), (2, 5)], [(0, 0)], [(0, 99)], [(-1, 2)]])
def test_tokens_that_do_not_fit_are_refused(tokens):
    with pytest.raises(ValueError, match=r"\[ML488\]"):
        TokenizedText("Tokyo", tokens)


def tokens(pipeline, text):
    return [text[start:end] for start, end in pipeline.split(text).chars.tolist()]


def test_text_is_split_into_words_and_other_characters(pipeline):
    assert tokens(pipeline, "Zu\u0308rich's  U.S.\n(1,000)") == [
        "Zu\u0308rich", "'", "s", "U", ".", "S", ".", "(", "1", ",", "000", ")",
    ]  # fmt: skip
    assert tokens(pipeline, "") == []


def test_scripts_without_spaces_are_split_at_wordpieces(pipeline):
    found = tokens(pipeline, "東京は日本の首都である。")
    assert "".join(found) == "東京は日本の首都である。" and len(found) > 3


def test_the_command_writes_an_export(nlp, tmp_path):
    nlp.to_disk(tmp_path / "pipeline")
    arguments = ["export-onnx", str(tmp_path / "pipeline"), str(tmp_path / "out"), "--component", "mluke"]
    found = CliRunner().invoke(app, arguments)
    assert found.exit_code == 0, found.output
    assert "largest difference" in found.output
    assert OnnxPipeline(tmp_path / "out").components == {"mluke": "states"}
