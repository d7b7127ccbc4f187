"""Heads of published fine-tuned checkpoints have the logits of the reference."""

from __future__ import annotations

import numpy
import pytest
import spacy
import torch
from spacy.tokens import Span
from transformers import LukeForEntityClassification, LukeForEntityPairClassification

from spacy_mluke.encoder.access import is_loaded
from spacy_mluke.encoder.inputs import MarkedInput
from tests.checkpoint.checkpoints import FULL, LITE, make_checkpoint
from tests.pipeline.relation_docs import own_model

TEXT = "Tokyo is the capital of Japan, and Paris is far away."
TASKS = {"mluke_relations": LukeForEntityPairClassification, "mluke_typing": LukeForEntityClassification}
NAMES = {0: "no_relation", 1: "capital", 2: "home", 3: "name"}


@pytest.fixture
def tokenizer(request, tiny_sentencepiece, tiny_byte_level):
    return tiny_byte_level if request.param == "luke" else tiny_sentencepiece


def reference_logits(network, batch):
    """Return the logits of the reference for the aligned sequences, one at a time."""
    logits = []
    pieces = numpy.split(batch.piece_ids, numpy.cumsum(batch.piece_lengths)[:-1])
    size = int(batch.entity_lengths[0])
    for i, ids in enumerate(pieces):
        rows = slice(i * size, (i + 1) * size)
        positions = torch.full((1, size, 30), -1)
        for j, (start, end) in enumerate(batch.entity_bounds[rows].tolist()):
            positions[0, j, : end - start] = torch.arange(start, end)
        with torch.no_grad():
            output = network(
                input_ids=torch.tensor(ids[None].astype("int64")),
                entity_ids=torch.tensor(batch.entity_ids[rows][None]),
                entity_attention_mask=torch.ones(1, size, dtype=torch.int64),
                entity_position_ids=positions,
            )
        logits.append(output.logits.numpy())
    return numpy.concatenate(logits)


@pytest.mark.parametrize("entities", [LITE, FULL], ids=["lite", "full"])
@pytest.mark.parametrize("tokenizer", ["luke", "mluke"], indirect=True)
@pytest.mark.parametrize("task", sorted(TASKS))
def test_logits_equal_those_of_the_reference(tmp_path, request, tokenizer, task, entities):
    is_aware = "-luke-" in request.node.name
    path = make_checkpoint(
        tmp_path / "checkpoint",
        tokenizer,
        entities=entities,
        model=TASKS[task],
        use_entity_aware_attention=is_aware,
        id2label=NAMES,
        num_labels=len(NAMES),
    )
    if tokenizer.is_dir():
        add_markers(path)
    nlp = spacy.blank("xx")
    pipe = nlp.add_pipe(task, config={"model": own_model(path)})
    doc = nlp.make_doc(TEXT)
    doc.ents = [Span(doc, 0, 1, "A"), Span(doc, 5, 6, "B"), Span(doc, 8, 9, "C")]
    groups, output = pipe.predict([doc])
    assert list(pipe.classes) == list(NAMES.values())
    assert output.logits.shape == ((6 if task == "mluke_relations" else 3), 4)
    encoder = pipe.model.get_ref("encoder")

    batch = MarkedInput([doc], groups, pipe.model.attrs["size"]).align(encoder)
    network = TASKS[task].from_pretrained(path).eval()
    numpy.testing.assert_allclose(output.logits, reference_logits(network, batch), atol=1e-4)
    assert is_loaded(encoder)


def add_markers(path):
    """Add <ent> and <ent2> after the byte-level vocabulary, in the files that published directories have."""
    import json

    n = len(json.loads((path / "vocab.json").read_text(encoding="utf8")))
    (path / "added_tokens.json").write_text(json.dumps({"<ent>": n, "<ent2>": n + 1}), encoding="utf8")


def test_the_published_no_relation_is_not_a_label_and_the_checkpoint_survives_saving(tmp_path, tiny_sentencepiece):
    path = make_checkpoint(
        tmp_path / "checkpoint", tiny_sentencepiece, model=LukeForEntityPairClassification, id2label=NAMES, num_labels=4
    )
    nlp = spacy.blank("xx")
    pipe = nlp.add_pipe("mluke_relations", config={"model": own_model(path)})
    nlp.to_disk(tmp_path / "saved")
    assert pipe.labels == ("capital", "home", "name")
    loaded = spacy.load(tmp_path / "saved").get_pipe("mluke_relations")
    assert loaded.labels == pipe.labels
    doc = nlp.make_doc(TEXT)
    doc.ents = [Span(doc, 0, 1, "A"), Span(doc, 5, 6, "B")]
    numpy.testing.assert_allclose(loaded.predict([doc])[1].logits, pipe.predict([doc])[1].logits, atol=1e-5)


def test_a_head_of_another_task_is_refused(tmp_path, tiny_sentencepiece):
    path = make_checkpoint(tmp_path / "checkpoint", tiny_sentencepiece, model=LukeForEntityClassification)
    nlp = spacy.blank("xx")
    nlp.add_pipe("mluke_relations", config={"model": own_model(path)})
    with pytest.raises(ValueError, match=r"\[ML078\].*LukeForEntityPairClassification"):
        nlp("Tokyo")


def test_labels_that_do_not_fit_the_published_head_are_refused(tmp_path, tiny_sentencepiece):
    from tests.checkpoint.checkpoints import edit_config

    path = make_checkpoint(
        tmp_path / "checkpoint", tiny_sentencepiece, model=LukeForEntityPairClassification, num_labels=4
    )
    edit_config(path, id2label={"0": "a", "1": "b"})
    nlp = spacy.blank("xx")
    nlp.add_pipe("mluke_relations", config={"model": own_model(path)})
    with pytest.raises(ValueError, match=r"\[ML079\].*2 labels.*4 rows"):
        nlp("Tokyo")
