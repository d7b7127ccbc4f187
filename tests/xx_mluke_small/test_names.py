"""Named entities: reading, sampling and variation of the training texts."""

from __future__ import annotations

import random
from itertools import islice

import pytest

from scripts.xx_mluke_small import augmentation, name_swaps
from scripts.xx_mluke_small.examples import make_example
from scripts.xx_mluke_small.fact_sentences import FactSentences
from scripts.xx_mluke_small.name_swaps import NameSwaps
from scripts.xx_mluke_small.names import draw_names, first_examples, read_name_sources
from scripts.xx_mluke_small.sentences import NamedText, join_texts, join_tokens, read_named_texts
from scripts.xx_mluke_small.sources import NAME_LABELS, language_of, source_of
from scripts.xx_mluke_small.training_files import (
    DOCUMENTS_FILE,
    FACTS_FILE,
    NAME_FILES,
    NAMES_FILE,
    TRAINING_FILES,
    TYPES_FILE,
    DataFolder,
)


def test_words_are_joined_with_spaces(tiny_root):
    item = read_named_texts(tiny_root / "ner" / "da-uner_ddt.train.iob2")[0]
    assert item.text == "Ada Lovelace saw Paris 0 ."
    assert [item.text[start:end] for start, end, _ in item.spans] == ["Ada Lovelace", "Paris"]


@pytest.mark.parametrize("name", ["zh-uner_gsd.train.iob2", "ja-stockmark.train.iob2", "ko-klue.dev.iob2"])
def test_tokens_of_scripts_without_spaces_are_joined_with_nothing(tiny_root, name):
    item = read_named_texts(tiny_root / "ner" / name)[0]
    assert item.text == "AdaLovelace sawParis0."
    assert [item.text[start:end] for start, end, _ in item.spans] == ["AdaLovelace", "Paris"]


def test_labels_that_are_not_wanted_are_dropped(tiny_root):
    items = read_named_texts(tiny_root / "ner" / "da-uner_ddt.train.iob2", ["LOC"])
    assert {label for item in items for _, _, label in item.spans} == {"LOC"}


def test_a_span_without_a_letter_is_no_name(tmp_path):
    (tmp_path / "en-btc.dev.iob2").write_text("@\tB-PER\nann\tB-PER\nsaid\tO\n", encoding="utf8")
    (item,) = read_named_texts(tmp_path / "en-btc.dev.iob2")
    assert [item.text[start:end] for start, end, _ in item.spans] == ["ann"]


def test_a_lower_one_eighth_block_is_a_space():
    assert join_tokens(["가", "▁", "나"], "") == ("가 나", [(0, 1), (1, 2), (2, 3)])


def test_joined_texts_keep_their_names():
    first, second = NamedText("In Paris.", [(3, 8, "LOC")]), NamedText("Ada.", [(0, 3, "PER")])
    assert join_texts([first, second], " ") == NamedText("In Paris. Ada.", [(3, 8, "LOC"), (10, 13, "PER")])


def test_every_training_file_has_a_source_and_a_language():
    for name in TRAINING_FILES:
        assert source_of(name).licence
        assert len(language_of(name)) == 2 or name in ("relations/properties.tsv", NAMES_FILE, FACTS_FILE, TYPES_FILE)


def test_a_file_without_a_source_is_an_error():
    with pytest.raises(ValueError, match="xx-unknown"):
        source_of("ner/xx-unknown.train.iob2")


def test_sources_annotate_labels_that_the_pipeline_learns():
    for name in (*NAME_FILES, DOCUMENTS_FILE):
        labels = source_of(name).labels
        assert labels[:3] == ["PER", "ORG", "LOC"] and set(labels) <= set(NAME_LABELS)


def test_a_file_that_is_not_listed_cannot_be_read(tiny_root):
    with pytest.raises(ValueError, match="never trained on"):
        DataFolder(tiny_root).path("wikineural/en.test.conllu")


def test_entities_of_documents_are_learned_as_names(tiny_folder):
    source = read_name_sources(tiny_folder)[DOCUMENTS_FILE]
    assert source.labels == ["PER", "ORG", "LOC", "DATE"] and not source.is_joined
    assert {label for item in source.texts for _, _, label in item.spans} == {"PER", "LOC"}


def test_examples_have_the_labels_that_their_source_annotates(tiny_folder, blank):
    sources = read_name_sources(tiny_folder)
    found = list(islice(draw_names(blank, sources, random.Random(0)), 300))
    annotated = {tuple(eg.reference._.mluke_annotated_labels) for eg in found}
    assert annotated == {tuple(source.labels) for source in sources.values()}


def test_the_same_seed_draws_the_same_texts(tiny_folder, blank):
    sources = read_name_sources(tiny_folder)
    drawn = [[eg.text for eg in islice(draw_names(blank, sources, random.Random(1)), 50)] for _ in range(2)]
    assert drawn[0] == drawn[1]


def test_some_texts_are_made_of_facts_and_all_their_labels_are_known(tiny_folder, blank):
    facts = FactSentences(tiny_folder)
    examples = islice(draw_names(blank, read_name_sources(tiny_folder), random.Random(1), facts), 300)
    made = [eg.reference for eg in examples if eg.reference._.mluke_annotated_labels == list(NAME_LABELS)]
    assert 5 < len(made) < 40
    assert {ent.label_ for doc in made for ent in doc.ents} == {"PER", "LOC", "NORP"}


def test_known_names_of_some_texts_are_replaced(tiny_folder, blank, monkeypatch):
    monkeypatch.setattr(name_swaps, "LEAST_NAMES", 2)
    sources = {"en-wikigold.train.iob2": read_name_sources(tiny_folder)["en-wikigold.train.iob2"]}
    swaps = NameSwaps(tiny_folder, {"en"})
    texts = {eg.text for eg in islice(draw_names(blank, sources, random.Random(1), None, swaps), 100)}
    assert len(texts) > len({eg.text for eg in islice(draw_names(blank, sources, random.Random(1)), 100)})


def test_some_texts_are_joined_from_sentences_that_follow_each_other(tiny_folder, blank):
    sources = {"da-uner_ddt.train.iob2": read_name_sources(tiny_folder)["da-uner_ddt.train.iob2"]}
    texts = [eg.text for eg in islice(draw_names(blank, sources, random.Random(0)), 60)]
    assert max(text.count("saw") for text in texts) > 1
    assert any("0 . Marie" in text and "Paris" in text for text in texts)


def test_there_are_examples_of_every_source_to_initialize_with(tiny_folder, blank):
    sources = read_name_sources(tiny_folder)
    assert len(first_examples(blank, sources, 2)) == 2 * len(sources)


def test_names_inside_a_token_get_the_whole_token(blank):
    eg = make_example(blank, NamedText("unParis.", [(2, 7, "LOC")]), None)
    assert [ent.text for ent in eg.reference.ents] == ["unParis"]


def test_variation_keeps_the_length():
    texts = ["İstanbul", "Straße", "Žižek in Paris", "東京"]
    rng = random.Random(0)
    for _ in range(200):
        for text in texts:
            assert len(augmentation.vary_case(text, rng)) == len(text)


def test_accents_are_removed_from_latin_letters_only():
    assert augmentation.remove_accents("Žižek Ωμέγα") == "Zizek Ωμέγα"


def test_capitals_are_restored_at_words_of_spans_and_at_the_start():
    text = "the king of new-york saw ada lovelace"
    assert augmentation.restore_capitals(text, [(12, 20), (25, 37)]) == "The king of New-York saw Ada Lovelace"
