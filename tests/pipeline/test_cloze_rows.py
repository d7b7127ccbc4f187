"""`mluke_cloze` with trained rows of further entities beside the table of its checkpoint."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy
import pytest
import spacy
import torch

from spacy_mluke import StoreRow, build_store
from spacy_mluke.encoder.access import load_model
from spacy_mluke.heads.entity_rows import EntityRows
from spacy_mluke.pipeline.cloze import further
from tests.pipeline.cloze_docs import cloze_pipeline, filled_examples
from tests.pipeline.steps import copy_of

TEXT = "[MASK] is the capital of Japan"
TOKYO, N = 3, 7  # row in the checkpoint, and the number of its rows


@pytest.fixture(scope="module")
def store(tmp_path_factory) -> Path:
    rows = [
        StoreRow("city:1", "en", "Tokyo"),
        StoreRow("city:1", "", "en:Tokyo", kind="xref"),
        StoreRow("city:9", "en", "Quito", type="LOC"),
        StoreRow("city:9", "ru", "Кито"),
        StoreRow("city:8", "en", "Lima", type="LOC"),
    ]
    return build_store(rows, tmp_path_factory.mktemp("rows") / "cities.sqlite").path


@pytest.fixture(scope="module")
def rows(masked_lm) -> EntityRows:
    """Rows of an entity that the checkpoint has, and of two that it lacks."""
    loaded = load_model(cloze_pipeline(masked_lm).get_pipe("mluke_cloze").model.get_ref("encoder"))
    width = loaded.config.entity_emb_size
    own = torch.randn((3, width), generator=torch.Generator().manual_seed(0))
    known = torch.tensor([-1, TOKYO, -1])
    return EntityRows.of(loaded, ("city:9", "city:1", "city:8"), own, torch.tensor([0.5, 0.0, -0.5]), known)


@pytest.fixture(scope="module")
def path(rows, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("rows") / "cities.safetensors"
    rows.to_disk(path)
    return path


def pipeline(checkpoint: Path, store: Path, **options):
    source = {"@misc": "spacy-mluke.store_candidates.v1", "path": str(store)}
    return cloze_pipeline(checkpoint, candidates=source, **options)


@pytest.fixture(scope="module")
def nlp(masked_lm, store, path):
    return pipeline(masked_lm, store, entity_rows=str(path))


def expected_scores(nlp, rows: EntityRows) -> dict:
    """Return the probabilities of all fillers, from the logits of the head without further rows."""
    pipe = nlp.get_pipe("mluke_cloze")
    loaded = pipe.loaded_encoder()
    head = loaded.heads.entity_predictions
    seen = []
    handle = head.register_forward_hook(lambda module, inputs, output: seen.append(output))
    plain = cloze_pipeline(Path(loaded.source)).get_pipe("mluke_cloze").fill(TEXT, top_k=N)[0]
    pipe.fill(TEXT)
    handle.remove()
    table = loaded.network.entity_embeddings.entity_embeddings.weight
    own = (seen[0] @ table.T + head.bias)[0].detach().exp()
    further = (seen[0] @ rows.rows.T + rows.bias)[0].detach().exp()
    by_name = {filler.entity: float(own[loaded.entities[filler.entity]]) for filler in plain}
    by_name["en:Tokyo"] += float(further[1])
    by_name.update({"city:9": float(further[0]), "city:8": float(further[2])})
    total = sum(by_name.values())
    return {name: value / total for name, value in by_name.items()}


def test_probabilities_of_both_rows_of_an_entity_are_added(nlp, rows):
    found = {filler.entity: filler.score for filler in nlp.get_pipe("mluke_cloze").fill(TEXT, top_k=20)[0]}
    expected = expected_scores(nlp, rows)
    assert set(found) == set(expected)
    numpy.testing.assert_allclose([found[name] for name in expected], list(expected.values()), rtol=1e-4)


def test_a_further_entity_has_its_id_and_its_name_in_the_language_of_the_text(nlp):
    (fillers,) = nlp.get_pipe("mluke_cloze").fill(TEXT, ["city:9"], lang="ru")
    assert [(filler.text, filler.kb_id, filler.score) for filler in fillers] == [("Кито", "city:9", 1.0)]


def test_candidates_may_be_entities_of_the_vocabulary_and_further_ones(nlp):
    (fillers,) = nlp.get_pipe("mluke_cloze").fill(TEXT, ["city:8", "city:1", "de:Tokio"])
    assert {filler.kb_id for filler in fillers} == {"city:1", "city:8"}
    with pytest.raises(ValueError, match=r"\[ML223\]"):
        nlp.get_pipe("mluke_cloze").fill(TEXT, ["city:7"])


def test_fillers_may_be_restricted_to_types_of_the_knowledge_base(nlp):
    pipe = nlp.get_pipe("mluke_cloze")
    (fillers,) = pipe.fill(TEXT, types=["LOC"])
    assert sorted(filler.kb_id for filler in fillers) == ["city:8", "city:9"]
    (fillers,) = pipe.fill(TEXT, ["city:8", "city:1"], types=["LOC"])
    assert [filler.kb_id for filler in fillers] == ["city:8"]
    with pytest.raises(ValueError, match=r"\[ML428\].*'PER'.*LOC"):
        pipe.fill(TEXT, types=["PER"])


def test_texts_without_masks_and_streams_work_as_without_rows(nlp):
    pipe = nlp.get_pipe("mluke_cloze")
    docs = list(nlp.pipe([TEXT, "", "No mask."]))
    assert [len(doc._.mluke_fillers) for doc in docs] == [1, 0, 0]
    assert [f.entity for f in docs[0]._.mluke_fillers[0]] == [f.entity for f in pipe.fill(TEXT)[0]]


@pytest.mark.parametrize("form", ["disk", "bytes"])
def test_a_saved_pipeline_contains_its_rows(masked_lm, store, rows, tmp_path, form):
    own = tmp_path / "own.safetensors"
    rows.to_disk(own)
    nlp = pipeline(masked_lm, store, entity_rows=str(own))
    nlp.get_pipe("mluke_cloze").fill(TEXT)
    own.unlink()
    if form == "disk":
        nlp.to_disk(tmp_path / "saved")
        loaded = spacy.load(tmp_path / "saved")
    else:
        loaded = copy_of(nlp)
    assert loaded.get_pipe("mluke_cloze").fill(TEXT) == nlp.get_pipe("mluke_cloze").fill(TEXT)


@pytest.mark.parametrize("form", ["disk", "bytes"])
def test_the_rows_of_the_package_are_not_saved_with_a_pipeline(masked_lm, store, rows, tmp_path, monkeypatch, form):
    monkeypatch.setattr(further, "bundled_rows", lambda: rows)
    nlp = pipeline(masked_lm, store, entity_rows="knowledge")
    expected = nlp.get_pipe("mluke_cloze").fill(TEXT, ["city:8", "city:9"])
    if form == "disk":
        nlp.to_disk(tmp_path / "saved")
        assert not (tmp_path / "saved" / "mluke_cloze" / "entity_rows").exists()
        loaded = spacy.load(tmp_path / "saved")
    else:
        loaded = copy_of(nlp)
    assert loaded.get_pipe("mluke_cloze").fill(TEXT, ["city:8", "city:9"]) == expected


def test_rows_that_the_config_names_replace_the_saved_ones(masked_lm, store, path, rows, tmp_path):
    pipeline(masked_lm, store, entity_rows=str(path)).to_disk(tmp_path / "saved")
    own = tmp_path / "own.safetensors"
    replace(rows, bias=rows.bias + 1).to_disk(own)
    loaded = spacy.load(tmp_path / "saved", config={"components.mluke_cloze.entity_rows": str(own)})
    assert torch.equal(loaded.get_pipe("mluke_cloze").entity_rows.bias, rows.bias + 1)


def test_a_component_with_rows_drops_them_when_it_reads_a_pipeline_without(masked_lm, store, path, tmp_path):
    without = pipeline(masked_lm, store).get_pipe("mluke_cloze")
    without.to_disk(tmp_path / "saved")
    for read in (lambda pipe: pipe.from_disk(tmp_path / "saved"), lambda pipe: pipe.from_bytes(without.to_bytes())):
        pipe = pipeline(masked_lm, store, entity_rows=str(path)).get_pipe("mluke_cloze")
        assert pipe.entity_rows is not None
        read(pipe)
        assert pipe._further is None


def test_a_component_with_labels_fills_with_its_labels_only(nlp):
    other = copy_of(nlp)
    other.initialize(lambda: filled_examples(other))
    fillers = other.get_pipe("mluke_cloze").fill(TEXT, top_k=20)[0]
    assert {filler.kb_id for filler in fillers} == set(other.get_pipe("mluke_cloze").labels)


def test_rows_of_another_checkpoint_are_refused(masked_lm, store, rows, tmp_path):
    other = tmp_path / "other.safetensors"
    replace(rows, probe=rows.probe + 1).to_disk(other)
    pipe = pipeline(masked_lm, store, entity_rows=str(other)).get_pipe("mluke_cloze")
    with pytest.raises(ValueError, match=r"\[ML425\].*3 further"):
        pipe.fill(TEXT)


def test_rows_need_a_knowledge_base_with_their_names(masked_lm, path):
    with pytest.raises(ValueError, match=r"\[ML427\].*mluke_cloze"):
        cloze_pipeline(masked_lm, entity_rows=str(path)).get_pipe("mluke_cloze").fill(TEXT)


@pytest.mark.parametrize(
    "changes, reason",
    [
        ({"ids": ("a", "a", "b")}, "different strings"),
        ({"ids": ("a", "b")}, "for each entity"),
        ({"bias": torch.zeros(2)}, "for each entity"),
        ({"bias": torch.tensor([0.0, torch.nan, 0.0])}, "not finite"),
        ({"known": torch.tensor([3, 3, -1])}, "the same row"),
    ],
)
def test_a_damaged_file_of_rows_is_an_error(rows, tmp_path, changes, reason):
    damaged = tmp_path / "damaged.safetensors"
    replace(rows, **changes).to_disk(damaged)
    with pytest.raises(ValueError, match=rf"\[ML426\].*{reason}"):
        EntityRows.from_disk(damaged)


def test_a_file_of_something_else_is_an_error(tmp_path):
    (tmp_path / "x").write_bytes(b"x")
    with pytest.raises(ValueError, match=r"\[ML426\]"):
        EntityRows.from_disk(tmp_path / "x")


def test_rows_survive_six_bits(rows, tmp_path):
    wide = torch.randn((3, 64), generator=torch.Generator().manual_seed(1))
    replace(rows, rows=wide).to_disk(tmp_path / "wide.safetensors")
    found = EntityRows.from_disk(tmp_path / "wide.safetensors")
    assert found.ids == rows.ids and torch.equal(found.known, rows.known)
    assert 0 < float((found.rows - wide).abs().max()) < 0.1
