"""Exported components: the reference and our components load them, and compute the same logits."""

from __future__ import annotations

import json

import numpy
import pytest
import spacy
import transformers
from typer.testing import CliRunner

from spacy_mluke.cli._app import app
from spacy_mluke.encoder.inputs import MarkedInput
from spacy_mluke.pipeline.export import export_component
from tests.heads.test_parity import reference_logits
from tests.pipeline.relation_docs import listening_pipeline, own_model, relation_examples, task_pipeline

TASKS = ["mluke_relations", "mluke_typing"]


@pytest.fixture(params=TASKS)
def task(request):
    return request.param


def trained(checkpoint, task, make=task_pipeline):
    nlp = make(checkpoint, task)
    gold = relation_examples(nlp)
    optimizer = nlp.initialize(lambda: gold)
    optimizer.learn_rate = 0.01
    for _ in range(3):
        nlp.update(gold, sgd=optimizer)
    return nlp


def test_the_reference_loads_it_and_computes_the_same_logits(steady_checkpoint, task, tmp_path):
    nlp = trained(steady_checkpoint, task)
    pipe = nlp.get_pipe(task)
    kind = export_component(pipe, tmp_path / "exported")
    network = getattr(transformers, kind).from_pretrained(tmp_path / "exported").eval()
    assert kind == pipe.kind
    assert list(network.config.id2label.values()) == list(pipe.classes)
    docs = [eg.predicted for eg in relation_examples(nlp)]
    groups, output = pipe.predict(docs)
    batch = MarkedInput(docs, groups, pipe.model.attrs["size"]).align(pipe.model.get_ref("encoder"))
    numpy.testing.assert_allclose(output.logits, reference_logits(network, batch), atol=1e-4)


def test_it_loads_back_into_a_component(steady_checkpoint, task, tmp_path):
    nlp = trained(steady_checkpoint, task)
    pipe = nlp.get_pipe(task)
    export_component(pipe, tmp_path / "exported")
    other = spacy.blank("xx").add_pipe(task, config={"model": own_model(tmp_path / "exported")})
    docs = [eg.predicted for eg in relation_examples(nlp)]
    numpy.testing.assert_allclose(other.predict(docs)[1].logits, pipe.predict(docs)[1].logits, atol=1e-5)
    assert other.labels == pipe.labels


def test_the_tokenizer_of_the_reference_knows_its_task(steady_checkpoint, task, tmp_path):
    export_component(trained(steady_checkpoint, task).get_pipe(task), tmp_path / "exported")
    tokenizer = transformers.MLukeTokenizer.from_pretrained(tmp_path / "exported")
    assert (
        tokenizer.task
        == {"mluke_relations": "entity_pair_classification", "mluke_typing": "entity_classification"}[task]
    )


def test_the_shared_encoder_is_exported_alone(steady_checkpoint, tmp_path):
    nlp = trained(steady_checkpoint, "mluke_typing", listening_pipeline)
    assert export_component(nlp.get_pipe("mluke"), tmp_path / "exported") == "LukeModel"
    transformers.LukeModel.from_pretrained(tmp_path / "exported")
    with pytest.raises(ValueError, match=r"\[ML250\].*'mluke_typing'.*listens"):
        export_component(nlp.get_pipe("mluke_typing"), tmp_path / "head")


def test_a_component_that_cannot_be_exported_is_named(tiny_checkpoint, tmp_path):
    nlp = task_pipeline(tiny_checkpoint, "mluke_relations")
    with pytest.raises(ValueError, match=r"\[ML075\]"):
        export_component(nlp.get_pipe("mluke_relations"), tmp_path / "exported")
    with pytest.raises(ValueError, match=r"\[ML250\].*has no encoder and head of this package"):
        export_component(nlp.add_pipe("sentencizer"), tmp_path / "exported")


def test_an_isolated_encoder_is_exported_with_a_warning(steady_checkpoint, tmp_path):
    nlp = spacy.blank("xx")
    model = own_model(steady_checkpoint, visibility="isolated")
    pipe = nlp.add_pipe("mluke_typing", config={"model": model})
    gold = relation_examples(nlp)
    nlp.initialize(lambda: gold)
    with pytest.warns(UserWarning, match=r"\[ML192\]"):
        export_component(pipe, tmp_path / "exported")


def test_the_command_exports_a_saved_pipeline(steady_checkpoint, tmp_path):
    nlp = trained(steady_checkpoint, "mluke_relations")
    nlp.to_disk(tmp_path / "pipeline")
    target = tmp_path / "exported"
    arguments = ["export", str(tmp_path / "pipeline"), "mluke_relations", str(target)]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    config = json.loads((target / "config.json").read_text(encoding="utf8"))
    assert config["architectures"] == ["LukeForEntityPairClassification"]
    assert sorted(config["label2id"]) == ["capital", "home", "no_relation"]
    assert "spacy_mluke" not in config
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 1 and "ML091" in result.output
    result = CliRunner().invoke(app, ["export", str(tmp_path / "pipeline"), "mluke_relation", str(tmp_path / "x")])
    assert result.exit_code == 1 and "Did you mean 'mluke_relations'" in " ".join(result.output.split())
    result = CliRunner().invoke(app, ["export", str(tmp_path / "nowhere"), "mluke_relations", str(tmp_path / "x")])
    assert result.exit_code == 1
