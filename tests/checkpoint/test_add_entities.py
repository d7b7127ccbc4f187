"""Adding entities: rows from names, unchanged ids, files that can be loaded."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
import transformers

from spacy_mluke.checkpoint import load as checkpoint_module
from spacy_mluke.checkpoint.add_entities import add_entities, add_heads, name_rows
from spacy_mluke.checkpoint.huggingface import export_huggingface
from spacy_mluke.checkpoint.load import load_encoder
from spacy_mluke.checkpoint.save import save_encoder
from spacy_mluke.network.table_logits import candidate_logits
from spacy_mluke.vocabulary import entity_vocabulary as vocabulary_module
from spacy_mluke.vocabulary.entity_names import NewEntity, key_of, name_in, title_of
from tests.checkpoint.checkpoints import FULL, make_checkpoint, states

NEW = [
    NewEntity("Q64", {"de": "Berlin", "fr": "Berlin"}),
    NewEntity("Q649", {"en": ["Moscow", "Moskva"], "ru": "Москва"}),
]


@pytest.fixture
def path(tmp_path: Path, tiny_sentencepiece: Path) -> Path:
    return make_checkpoint(tmp_path / "checkpoint", tiny_sentencepiece, model=transformers.LukeForMaskedLM)


@pytest.fixture(params=["plain", "mapped"])
def loaded(request, path, monkeypatch):
    """An encoder with a trainable table, and one with a mapped table."""
    if request.param == "mapped":
        monkeypatch.setattr(checkpoint_module, "MAX_PLAIN_ENTITIES", 3)
        monkeypatch.setattr(vocabulary_module, "_MAX_SIZE_IN_MEMORY", 0)
        found = load_encoder(path)
        found.entities.open(progress=print)
        return found
    return load_encoder(path)


def table_of(loaded):
    return loaded.network.entity_embeddings.entity_embeddings


def all_rows(loaded):
    return table_of(loaded)(torch.arange(loaded.config.entity_vocab_size)).detach()


def test_new_entities_get_new_ids_and_the_others_keep_theirs(loaded):
    rows, special = all_rows(loaded), loaded.entities.special
    before = states(loaded.network, loaded)
    ids = add_entities(loaded, NEW)
    assert ids.tolist() == [6, 7]
    assert loaded.config.entity_vocab_size == loaded.network.config.entity_vocab_size == 8
    assert loaded.entities.special == special
    assert loaded.entities["Q649"] == loaded.entities["ru:Москва"] == loaded.entities["en:Moscow"] == 7
    assert loaded.entities.names(6) == ["Q64", "de:Berlin", "fr:Berlin"]
    assert dict(loaded.entities.items()).items() >= FULL.items()
    assert len(loaded.entities) == len(FULL) + 6
    assert loaded.entities.n_ids == 8
    torch.testing.assert_close(all_rows(loaded)[:6], rows)
    torch.testing.assert_close(states(loaded.network, loaded), before)
    assert len(loaded.heads.entity_predictions.bias) == 8


def test_a_known_key_keeps_its_id(loaded):
    add_entities(loaded, NEW)
    n = len(loaded.entities)
    assert add_entities(loaded, NEW).tolist() == [6, 7]
    assert loaded.config.entity_vocab_size == 8
    assert len(loaded.entities) == n


def test_an_entity_of_the_published_vocabulary_is_found_by_its_titles(loaded):
    ids = add_entities(loaded, [NewEntity("Q1490", {"en": "Tokyo", "ja": "東京", "fr": "Tokyo"})])
    assert ids.tolist() == [FULL["en:Tokyo"]]
    assert loaded.entities.names(3) == ["Q1490", "en:Tokyo", "fr:Tokyo", "ja:東京"]
    assert loaded.config.entity_vocab_size == 6


def test_the_key_is_appended_to_a_title_of_another_entity(loaded):
    with pytest.warns(UserWarning, match=r"\[ML182\] 1 of 3 .*en:Moscow \(Q5\)"):
        ids = add_entities(loaded, [NEW[1], NewEntity("Q5", {"en": "Moscow"})])
    assert ids.tolist() == [6, 7]
    assert loaded.entities["en:Moscow"] == 6
    names = loaded.entities.names(7)
    assert names == ["Q5", "en:Moscow (Q5)"]
    assert title_of(name_in(names, "en"), key_of(names)) == "Moscow"


def test_rows_are_similar_to_words_after_the_projection(loaded):
    rows = name_rows(loaded, NEW)
    projection = loaded.network.entity_embeddings.entity_embedding_dense
    words = loaded.network.embeddings.word_embeddings.weight.detach()
    assert rows.shape == (2, 8)
    projected = projection(rows).detach()
    assert projected.shape == (2, 16)
    # A space of half the width has half of the directions.
    assert 0.2 < float(projected.norm(dim=1).mean() / words.norm(dim=1).mean()) < 1.2


def test_a_row_is_the_mean_of_the_names_words(tmp_path, tiny_sentencepiece):
    path = make_checkpoint(tmp_path / "wide", tiny_sentencepiece, entity_emb_size=16)
    loaded = load_encoder(path)
    words = loaded.network.embeddings.word_embeddings.weight.detach()
    texts = [["Tokyo"], ["Tokyo", "Paris"]]
    rows = name_rows(loaded, [NewEntity("A", {"en": "Tokyo"}), NewEntity("B", {"en": "Tokyo", "fr": "Paris"})])
    sampled = words[torch.linspace(0, len(words) - 1, min(len(words), 4096), dtype=torch.float64).long()]
    centre = sampled.mean(dim=0)
    for row, names in zip(rows, texts, strict=True):
        pieces = loaded.wordpieces.encode(names)
        shown = [torch.from_numpy(p.ids[p.offsets[:, 1] > p.offsets[:, 0]].astype("int64")) for p in pieces]
        mean = torch.stack([words[ids].mean(dim=0) for ids in shown]).mean(dim=0)
        assert float(torch.cosine_similarity(row - centre, mean - centre, dim=0)) == pytest.approx(1.0, abs=1e-5)
        assert float((row - centre).norm()) == pytest.approx(float((sampled - centre).norm(dim=1).mean()), rel=1e-4)


def test_entities_without_a_name_with_wordpieces_are_counted(loaded):
    with pytest.warns(UserWarning, match=r"\[ML183\] 1 of 2"):
        rows = name_rows(loaded, [NEW[0], NewEntity("X", {"en": " "})])
    assert torch.isfinite(rows).all()


def test_added_rows_of_a_frozen_table_train(loaded):
    add_entities(loaded, NEW)
    head = loaded.heads.entity_predictions
    logits = candidate_logits(torch.ones(1, 8), table_of(loaded), head.bias, torch.tensor([3, 7]))
    logits.sum().backward()
    parameters = dict(loaded.named_parameters())
    table = next(parameter for name, parameter in parameters.items() if ".entity_embeddings." in name)
    assert table.grad[-1].abs().sum() > 0
    assert head.bias.grad.tolist() == [0, 0, 0, 1, 0, 0, 0, 1]


@pytest.mark.parametrize("write", [save_encoder, export_huggingface])
def test_an_extended_encoder_is_saved_and_loaded(loaded, tmp_path, write):
    add_entities(loaded, NEW)
    with torch.no_grad():
        next(p for name, p in loaded.named_parameters() if ".entity_embeddings." in name)[-1] += 1
    write(loaded, tmp_path / "saved")
    again = load_encoder(tmp_path / "saved")
    torch.testing.assert_close(all_rows(again), all_rows(loaded))
    assert dict(again.entities.items()) == dict(loaded.entities.items())
    assert again.entities.names(7) == ["Q649", "en:Moscow", "ru:Москва"]
    torch.testing.assert_close(again.heads.entity_predictions.bias, loaded.heads.entity_predictions.bias)
    torch.testing.assert_close(states(again.network, again), states(loaded.network, loaded))
    if write is save_encoder and not hasattr(table_of(again), "weight"):
        assert table_of(again).special_ids.tolist()[-2:] == [6, 7]
        assert add_entities(again, [NewEntity("Q8", {"en": "Paris is far"})]).tolist() == [8]


def test_an_extended_encoder_opens_with_transformers(loaded, tmp_path):
    add_entities(loaded, NEW)
    export_huggingface(loaded, tmp_path / "exported")
    network = transformers.LukeForMaskedLM.from_pretrained(tmp_path / "exported").eval()
    assert network.config.entity_vocab_size == 8
    torch.testing.assert_close(states(network.luke, loaded), states(loaded.network, loaded), atol=1e-5, rtol=1e-4)
    tokenizer = transformers.AutoTokenizer.from_pretrained(tmp_path / "exported")
    assert tokenizer.entity_vocab == dict(loaded.entities.items())


def test_a_large_vocabulary_is_saved_with_its_database(path, tmp_path, monkeypatch):
    loaded = load_encoder(path)
    monkeypatch.setattr(vocabulary_module, "_MAX_SIZE_IN_MEMORY", 0)
    add_entities(loaded, NEW)
    save_encoder(loaded, tmp_path / "saved")
    again = load_encoder(tmp_path / "saved")
    assert again.entities.is_ready
    assert again.entities["ru:Москва"] == 7
    assert json.loads((tmp_path / "saved" / "entity_vocab.json").read_text(encoding="utf8"))["Q64"] == 6


def test_initialized_heads_compare_states_with_rows(tmp_path, tiny_sentencepiece):
    path = make_checkpoint(tmp_path / "bare", tiny_sentencepiece, entity_emb_size=16)
    loaded = load_encoder(path)
    assert not loaded.heads
    found = torch.randn(50, 16, generator=torch.Generator().manual_seed(0)) * 3 + 5
    add_heads(loaded, words=True, entities=True, states=found)
    for head in (loaded.heads.entity_predictions, loaded.heads.lm_head):
        queries = head(found).detach()
        centred = found - found.mean(dim=0)
        plain = torch.nn.functional.layer_norm(centred, (16,))
        assert float(torch.cosine_similarity(queries, plain).mean()) > 0.99
    table = table_of(loaded).weight.detach()
    logits = loaded.heads.entity_predictions(found).detach() @ (table - table.mean(dim=0)).T
    assert 0.3 < float(logits.std()) < 3
    add_heads(loaded, states=found * 2)
    torch.testing.assert_close(loaded.heads.lm_head(found), queries)


def test_initializing_heads_needs_no_texts(tmp_path, tiny_sentencepiece):
    loaded = load_encoder(make_checkpoint(tmp_path / "bare", tiny_sentencepiece))
    add_heads(loaded)
    assert loaded.heads.lm_head is None
    assert loaded.heads.entity_predictions(torch.zeros(2, 16)).shape == (2, 8)


@pytest.mark.parametrize("wrong", [("", {"en": "A"}), ("Q1", {}), ("Q1", {"en": []}), ("Q1", "Tokyo")])
def test_an_entity_without_key_or_name_is_an_error(wrong):
    with pytest.raises(ValueError, match=r"\[ML226\]"):
        NewEntity(*wrong)


def test_a_name_in_the_language_of_the_text_is_preferred():
    names = ["Q1490", "de:Tokio", "en:Tokyo", "ja:東京", "zh:东京"]
    assert name_in(names, "de") == "de:Tokio"
    assert name_in(names, "zh-hans") == "zh:东京"
    assert name_in(names, "pt") == "en:Tokyo"
    assert name_in(["Q1490", "ja:東京"], "pt") == "ja:東京"
    assert name_in(["Tokyo"], "de") == "Tokyo"
