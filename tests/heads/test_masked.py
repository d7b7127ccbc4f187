"""The heads for masked entities and words equal those of LukeForMaskedLM, and can be trained."""

from __future__ import annotations

import numpy
import pytest
import spacy
import torch
from thinc.api import Adam, Ragged
from transformers import LukeForMaskedLM

from spacy_mluke.checkpoint import load as checkpoint_module
from spacy_mluke.checkpoint.huggingface import export_huggingface
from spacy_mluke.checkpoint.load import load_encoder
from spacy_mluke.checkpoint.save import save_encoder
from spacy_mluke.encoder.access import load_model
from spacy_mluke.encoder.inputs import MentionInput
from spacy_mluke.encoder.listener import build_encoder_listener_v1
from spacy_mluke.encoder.model import build_encoder_v1
from spacy_mluke.heads.mask_states import predict_masks
from spacy_mluke.heads.masked_entities import build_masked_entity_v1, predict_top_entities, rank_entities
from spacy_mluke.heads.masked_words import piece_log_probs, rank_pieces
from tests.checkpoint.checkpoints import FULL, make_checkpoint

TEXTS = ["Tokyo is the capital of Japan, and Paris is far away.", "Москва — столица России"]
SPANS = [[(0, 1), (5, 6), (8, 9)], [(0, 1)]]
NLP = spacy.blank("xx")


@pytest.fixture
def tokenizer(request, tiny_sentencepiece, tiny_byte_level):
    return tiny_byte_level if getattr(request, "param", "mluke") == "luke" else tiny_sentencepiece


@pytest.fixture
def path(tmp_path, tokenizer, request):
    is_aware = "luke-" in request.node.name and "mluke-" not in request.node.name
    return make_checkpoint(
        tmp_path / "checkpoint", tokenizer, model=LukeForMaskedLM, use_entity_aware_attention=is_aware,
        hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0,
    )  # fmt: skip


@pytest.fixture
def model(path):
    return build_masked_entity_v1(build_encoder_v1(str(path)))


def mentions(**options) -> MentionInput:
    docs = [NLP.make_doc(text) for text in TEXTS]
    rows = numpy.asarray([row for own in SPANS for row in own], dtype="int32")
    return MentionInput(docs, Ragged(rows, numpy.asarray([3, 1], dtype="int32")), **options)


def reference(path, batch, n_sequence=0):
    """Return the logits of the reference for one sequence: of pieces, and of entities."""
    network = LukeForMaskedLM.from_pretrained(path).eval()
    pieces = numpy.split(batch.piece_ids, numpy.cumsum(batch.piece_lengths)[:-1])[n_sequence]
    first = int(batch.entity_lengths[:n_sequence].sum())
    rows = slice(first, first + int(batch.entity_lengths[n_sequence]))
    positions = torch.full((1, rows.stop - rows.start, 30), -1)
    for j, (start, end) in enumerate(batch.entity_bounds[rows].tolist()):
        positions[0, j, : end - start] = torch.arange(start, end)
    with torch.no_grad():
        output = network(
            input_ids=torch.tensor(pieces[None].astype("int64")),
            entity_ids=torch.tensor(batch.entity_ids[rows][None]),
            entity_attention_mask=torch.ones(1, rows.stop - rows.start, dtype=torch.int64),
            entity_position_ids=positions,
        )
    return output.logits[0].numpy(), output.entity_logits[0].numpy()


@pytest.mark.parametrize("tokenizer", ["luke", "mluke"], indirect=True)
def test_entity_logits_equal_those_of_the_reference(model, path, tokenizer):
    inputs = mentions(mask_lengths=numpy.array([1, 0, 0, 2]), entity_ids=numpy.array([-1, 4, -1, -1]))
    found = model.predict(inputs)
    batch = inputs.align(model.layers[0])
    assert found.lengths.tolist() == [6, 0, 6, 6]
    expected = numpy.concatenate([reference(path, batch)[1][[0, 2]], reference(path, batch, 1)[1]])
    numpy.testing.assert_allclose(found.logits.reshape((-1, 6)), expected, atol=1e-4)


@pytest.mark.parametrize("tokenizer", ["luke", "mluke"], indirect=True)
def test_word_log_probabilities_equal_those_of_the_reference(model, path, tokenizer):
    encoder = model.layers[0]
    inputs = mentions(mask_lengths=numpy.array([2, 0, 0, 2]))
    states = predict_masks(encoder, inputs, 2)
    loaded = load_model(encoder)
    batch = inputs.align(encoder)
    logits = torch.tensor(reference(path, batch)[0][1:3]).log_softmax(1).numpy()
    found = piece_log_probs(loaded, states.pieces[:2], numpy.arange(logits.shape[1]))
    numpy.testing.assert_allclose(found, logits, atol=1e-4)
    ids, best = rank_pieces(loaded, states.pieces[:2], 3)
    logits[:, [loaded.wordpieces.bos_id, loaded.wordpieces.pad_id, loaded.wordpieces.eos_id]] = -numpy.inf
    logits[:, [loaded.wordpieces.unk_id, loaded.wordpieces.mask_id]] = -numpy.inf
    logits[:, [loaded.wordpieces.ent_id, loaded.wordpieces.ent2_id]] = -numpy.inf
    assert ids.tolist() == numpy.argsort(-logits, axis=1)[:, :3].tolist()
    numpy.testing.assert_allclose(best, -numpy.sort(-logits, axis=1)[:, :3], atol=1e-4)


def test_masked_words_are_mask_pieces_and_text_never_is(model):
    loaded = load_model(model.layers[0])
    doc = NLP.make_doc("Tokyo is <mask> far")
    inputs = MentionInput(
        [doc], Ragged(numpy.array([[0, 1]], dtype="int32"), numpy.array([1])), mask_lengths=numpy.array([2])
    )
    batch = inputs.align(model.layers[0])
    assert batch.piece_ids.tolist().count(loaded.wordpieces.mask_id) == 2
    assert batch.entity_bounds.tolist() == [[1, 3]]
    assert loaded.wordpieces.pieces(batch.piece_ids[:4])[1:3] == ["<mask>", "<mask>"]


@pytest.mark.parametrize("segmentation", ["published", "pretraining", "plain"])
def test_neighbours_of_a_mask_keep_their_pieces(path, segmentation):
    model = build_encoder_v1(str(path), segmentation=segmentation)
    inputs = mentions(mask_lengths=numpy.array([0, 1, 0, 0]), with_tokens=True)
    batch = inputs.align(model)
    alignment = batch.docs[0]
    pieces = load_model(model).wordpieces
    rows = alignment.piece_rows[slice(*alignment.token_bounds[5])]
    assert pieces.pieces(batch.piece_ids[rows]) == ["<mask>"]
    around = [pieces.pieces(batch.piece_ids[alignment.piece_rows[slice(*alignment.token_bounds[i])]]) for i in (4, 6)]
    assert "".join(around[0]).strip("▁") == "of"
    assert "".join(around[1]).strip("▁") == ","
    offsets = alignment.piece_offsets[slice(*alignment.token_bounds[5])]
    assert TEXTS[0][slice(*offsets[0])] == "Japan"


def test_masked_words_that_overlap_are_refused(model):
    spans = Ragged(numpy.array([[0, 2], [1, 3]], dtype="int32"), numpy.array([2]))
    inputs = MentionInput([NLP.make_doc("a b c d")], spans, mask_lengths=numpy.array([1, 1]))
    with pytest.raises(ValueError, match=r"\[ML220\]"):
        model.predict(inputs)


def test_candidates_of_one_mention_have_the_same_logits_as_among_all_entities(model):
    everything = model.predict(mentions()).logits.reshape((4, 6))
    candidates = numpy.array([3, 4, 5, 4, 3])
    found = model.predict(mentions(candidates=candidates, candidate_lengths=numpy.array([2, 0, 2, 1])))
    owners = numpy.array([0, 0, 2, 2, 3])
    numpy.testing.assert_allclose(found.logits, everything[owners, candidates], atol=1e-5)
    shared = model.predict(mentions(candidates=numpy.array([4, 3])))
    numpy.testing.assert_allclose(shared.logits.reshape((4, 2)), everything[:, [4, 3]], atol=1e-5)


def test_candidates_that_do_not_fit_are_refused(model):
    with pytest.raises(ValueError, match=r"\[ML007\]"):
        model.predict(mentions(candidates=numpy.array([3]), candidate_lengths=numpy.array([1, 1, 1, 1])))
    with pytest.raises(ValueError, match=r"\[ML007\]"):
        model.predict(mentions(candidates=numpy.array([3]), candidate_lengths=numpy.array([1])))


def test_a_mention_without_wordpieces_has_no_logits_and_no_gradient(model):
    doc = spacy.tokens.Doc(NLP.vocab, words=["Tokyo", "\u200b", "is"])
    spans = Ragged(numpy.array([[1, 2], [0, 1]], dtype="int32"), numpy.array([2]))
    found, backprop = model.begin_update(MentionInput([doc], spans, candidates=numpy.array([3, 4])))
    kept = found.kept.tolist()
    assert kept[1]
    if not kept[0]:
        assert found.logits[:2].tolist() == [0.0, 0.0]
    backprop(found)


def test_no_mentions_have_no_logits(model):
    none = Ragged(numpy.zeros((0, 2), dtype="int32"), numpy.array([0]))
    found, backprop = model.begin_update(MentionInput([NLP.make_doc("Tokyo")], none))
    assert found.logits.shape == (0,)
    backprop(found)


def test_the_best_entities_are_found_in_a_table_read_in_parts_without_special_entities(model, monkeypatch):
    from spacy_mluke.network import tables

    logits = torch.tensor(model.predict(mentions()).logits.reshape((4, 6))).log_softmax(1).numpy()
    monkeypatch.setattr(tables, "PART_ROWS", 2)
    ids, scores, kept = predict_top_entities(model, mentions(), 9)
    assert kept.all()
    assert ids.shape == (4, 2)
    assert sorted(ids[0].tolist()) == [3, 4]
    numpy.testing.assert_allclose(scores, numpy.take_along_axis(logits, ids, axis=1), atol=1e-5)


def test_among_candidates_probabilities_sum_to_one(model):
    states = numpy.random.default_rng(0).normal(size=(3, 16)).astype("float32")
    ids, scores = rank_entities(model, states, 5, numpy.array([3, 4, 5]))
    assert ids.shape == (3, 3)
    numpy.testing.assert_allclose(numpy.exp(scores).sum(axis=1), 1.0, atol=1e-5)
    assert (numpy.diff(scores, axis=1) <= 0).all()


@pytest.mark.parametrize("form", ["all", "shared", "for_each_mention"])
def test_gradients_equal_finite_differences(model, form):
    options = {
        "all": {},
        "shared": {"candidates": numpy.array([3, 4])},
        "for_each_mention": {"candidates": numpy.array([3, 4, 5, 2]), "candidate_lengths": numpy.array([2, 0, 1, 1])},
    }[form]
    inputs = mentions(mask_lengths=numpy.array([1, 0, 0, 0]), **options)
    found, backprop = model.begin_update(inputs)
    weights = numpy.random.default_rng(0).normal(size=found.logits.shape).astype("float32")
    found.logits = weights
    backprop(found)
    loaded = load_model(model.layers[0])
    parameters = dict(loaded.named_parameters())
    for name in (
        "entity_predictions.bias",
        "entity_predictions.transform.dense.weight",
        "entity_predictions.transform.LayerNorm.weight",
        "entity_embeddings.entity_embeddings.weight",
        "encoder.layer.1.output.dense.bias",
    ):
        data, gradient = parameters[name].data, parameters[name].grad
        for place in [(2,) * data.ndim, (3,) * data.ndim]:
            values, before = [], float(data[place])
            for step in (2e-2, -2e-2):
                data[place] = before + step
                values.append(float((model.predict(inputs).logits.astype("float64") * weights).sum()))
                data[place] = before
            assert (values[0] - values[1]) / 4e-2 == pytest.approx(float(gradient[place]), abs=3e-2, rel=2e-2), name


def test_an_optimizer_steps_head_and_tied_table_and_use_params_replaces_them(model):
    inputs = mentions(candidates=numpy.array([3, 4]))
    model.initialize()
    loaded = load_model(model.layers[0])
    before = {name: parameter.detach().clone() for name, parameter in loaded.named_parameters()}
    found, backprop = model.begin_update(inputs)
    backprop(found)
    model.finish_update(Adam(0.01, L2=0.0))
    changed = {name for name, parameter in loaded.named_parameters() if not torch.equal(parameter, before[name])}
    table = "entity_embeddings.entity_embeddings.weight"
    mask = loaded.entities.mask_id
    assert {"entity_predictions.bias", "entity_predictions.transform.dense.weight", table} <= changed
    assert not torch.equal(dict(loaded.named_parameters())[table][mask], before[table][mask])
    logits = model.predict(inputs).logits
    with model.use_params({(model.layers[0].shims[0].id, name): tensor.numpy() for name, tensor in before.items()}):
        assert not numpy.allclose(model.predict(inputs).logits, logits)
    numpy.testing.assert_allclose(model.predict(inputs).logits, logits)


def test_a_checkpoint_without_the_head_raises_an_error_with_a_remedy(tmp_path, tiny_sentencepiece):
    path = make_checkpoint(tmp_path / "bare", tiny_sentencepiece)
    with pytest.raises(ValueError, match=r"\[ML221\].*entity_predictions"):
        build_masked_entity_v1(build_encoder_v1(str(path))).predict(mentions())


def test_a_damaged_head_is_refused(path):
    from safetensors.torch import load_file, save_file

    tensors = load_file(path / "model.safetensors")
    del tensors["entity_predictions.transform.dense.bias"]
    save_file(tensors, path / "model.safetensors")
    with pytest.raises(ValueError, match=r"\[ML225\].*transform.dense.bias"):
        load_encoder(path)


def test_a_listener_is_refused():
    with pytest.raises(ValueError, match=r"\[ML224\]"):
        build_masked_entity_v1(build_encoder_listener_v1())


@pytest.mark.parametrize("write", [save_encoder, export_huggingface])
def test_heads_are_saved_with_the_encoder(path, model, tmp_path, write):
    expected = model.predict(mentions()).logits
    write(load_model(model.layers[0]), tmp_path / "saved")
    again = build_masked_entity_v1(build_encoder_v1(str(tmp_path / "saved")))
    numpy.testing.assert_allclose(again.predict(mentions()).logits, expected, atol=1e-5)
    _, info = LukeForMaskedLM.from_pretrained(tmp_path / "saved", output_loading_info=True)
    assert not info["unexpected_keys"]
    assert not [name for name in info["missing_keys"] if "pooler" not in name]
    batch = mentions().align(model.layers[0])
    numpy.testing.assert_allclose(reference(tmp_path / "saved", batch)[1].ravel(), expected[:18], atol=1e-4)


def test_a_frozen_memory_mapped_table_has_the_same_logits(path, model, monkeypatch):
    expected = model.predict(mentions()).logits
    monkeypatch.setattr(checkpoint_module, "MAX_PLAIN_ENTITIES", 3)
    mapped = build_masked_entity_v1(build_encoder_v1(str(path)))
    found, backprop = mapped.begin_update(mentions())
    numpy.testing.assert_allclose(found.logits, expected, atol=1e-5)
    backprop(found)
    table = load_model(mapped.layers[0]).network.entity_embeddings.entity_embeddings
    assert table.special.grad.abs().sum() > 0
    assert dict(load_model(mapped.layers[0]).entities.items()) == FULL
