"""Finding names in text, in every script."""

from __future__ import annotations

import unicodedata
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spacy_mluke.kb import mention_finder as finder_module
from spacy_mluke.kb import name_keys as keys
from spacy_mluke.kb.mention_finder import FoundName, MentionFinder, fold, longest
from spacy_mluke.kb.name_index import NameIndex
from spacy_mluke.kb.name_keys import MAX_MARKS, case_key, loose_key
from spacy_mluke.kb.store import Entity, EntityName

NAMES = [
    "Tokyo", "Japan", "São Tomé", "Saint-Étienne", "New York", "York", "Nice", "US", "français", "Straßburg", "東京",
    "日本", "กรุงเทพ", "दिल्ली", "Москва", "القاهرة", "Αθήνα", "St. John's",
]  # fmt: skip


def make_finder(names, stems=(), lang="xx", name_lang="", **options) -> MentionFinder:
    own = [EntityName(name, name_lang) for name in names]
    own += [EntityName(name, name_lang, "stem") for name in stems]
    index = NameIndex.of([Entity("Q1", names=tuple(own))])
    return MentionFinder(index.names(None), lang, **options)


@pytest.fixture(scope="module")
def finder() -> MentionFinder:
    return make_finder(NAMES)


def mentions(finder: MentionFinder, text: str) -> list:
    return [text[start:end] for start, end in longest(finder.find(text))]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("From Tokyo to TOKYO, Japan.", ["Tokyo", "TOKYO", "Japan"]),
        ("SAO TOME and Sao  Tomé", ["SAO TOME", "Sao  Tomé"]),
        ("Saint Étienne; saint-etienne", ["Saint Étienne"]),
        ("I (New York), you (York)", ["New York", "York"]),
        ("Strassburg, STRASSBURG", ["Strassburg", "STRASSBURG"]),
        ("东京は東京、日本の首都", ["東京", "日本"]),
        ("ในกรุงเทพมีรถ", ["กรุงเทพ"]),
        ("नई दिल्ली में", ["दिल्ली"]),
        ("Москва, МОСКВА, но не москва", ["Москва", "МОСКВА"]),
        ("في القاهرة.", ["القاهرة"]),
        ("η Αθηνα", ["Αθηνα"]),
        ("at St Johns", ["St Johns"]),
        ("parler français ou Français", ["français", "Français"]),
    ],
)
def test_names_are_found_in_different_spellings(finder, text, expected):
    assert mentions(finder, text) == expected


@pytest.mark.parametrize("text", ["Tokyoite", "Yorkshire", "a nice day", "give us that", "Us", "Japans", "", " "])
def test_similar_words_are_not_found(finder, text):
    assert mentions(finder, text) == []


def test_all_overlapping_names_are_found_and_the_longest_first_one_is_chosen(finder):
    found = finder.find("New York")
    assert found == [FoundName(0, 8), FoundName(4, 8)]
    assert longest(found) == [FoundName(0, 8)]


def test_names_are_found_in_decomposed_text(finder):
    text = unicodedata.normalize("NFD", "in São Tomé, Saint-Étienne")
    assert [unicodedata.normalize("NFC", m) for m in mentions(finder, text)] == ["São Tomé", "Saint-Étienne"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("в Японии, с Японией", ["Японии", "Японией"]),
        ("Япония", ["Япония"]),
        ("Японцеведение, японии", []),
        ("서울에서 서울까지", ["서울에서", "서울까지"]),
        ("Helsinki, Helsingissä", ["Helsingissä"]),
    ],
)
def test_a_stem_is_found_with_its_endings(text, expected):
    assert mentions(make_finder([], ["Япони", "서울", "Helsingi"]), text) == expected


def test_a_finder_without_names_finds_nothing():
    assert make_finder([]).find("Tokyo") == []
    assert make_finder(["...", ""]).find("... Tokyo") == []


@given(st.text(max_size=40))
def test_a_folded_text_has_the_origin_of_each_character(text):
    folded, origins = fold(text)
    assert len(folded) == len(origins)
    assert all(0 <= origin < len(text) for origin in origins)
    assert (origins[1:] >= origins[:-1]).all()


@given(st.text(st.characters(categories=["Lu", "Ll", "Lo", "Nd", "Pd"]), min_size=1, max_size=12), st.integers(0, 3))
def test_a_name_is_found_in_a_text_that_contains_it(name, n):
    name = unicodedata.normalize("NFC", name)
    finder = make_finder([name], lang="zxx")  # a language without stop words
    if len(finder) and name == name.strip() and loose_key(name) == fold(name)[0].strip():
        text = f"{'. ' * n}{name} ."
        assert any(text[start:end] in name for start, end in finder.find(text))


PARTS = st.lists(
    st.sampled_from(["Tokyo", "東", "京", "日本", "York", "New", " ", ".", "\u0301", "A\u0301", "Nice", "Saint-"])
)


@given(PARTS.map("".join))
@settings(max_examples=60, deadline=None)
def test_text_searched_in_chunks_has_the_same_names(text):
    finder = make_finder([*NAMES, "東", "京", "東京東", "á"], ["日"])
    whole = finder.find(text)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(finder_module, "_CHUNK", 3)
        assert finder.find(text) == whole
    assert finder.find_longest(text) == longest(whole)
    edges = {index for index in range(len(text) + 1) if index % 2}
    assert finder.find_longest(text, edges) == longest(p for p in whole if edges.issuperset(p))


@pytest.mark.parametrize("key", [loose_key, case_key, lambda text: fold(text)[0]], ids=["loose", "case", "fold"])
@pytest.mark.parametrize("letter", ["a", "я", "か", ""])
def test_only_a_limited_number_of_marks_is_sorted_at_once(monkeypatch, key, letter):
    longest_runs = []

    def normalize(form, text):
        runs = "".join("m" if unicodedata.combining(char) else " " for char in text).split()
        longest_runs.append(max(map(len, runs), default=0))
        return unicodedata.normalize(form, text)

    fake = SimpleNamespace(normalize=normalize, combining=unicodedata.combining, category=unicodedata.category)
    monkeypatch.setattr(keys, "unicodedata", fake)
    assert len(key(letter + "\u0301\u0316" * 20_000)) <= 2 * MAX_MARKS
    assert max(longest_runs) <= MAX_MARKS + 1


def test_the_cache_of_foldings_is_limited(monkeypatch):
    monkeypatch.setattr(finder_module, "_MAX_CACHED", 10)
    monkeypatch.setattr(finder_module, "_FOLDS", finder_module._Folds())
    monkeypatch.setattr(finder_module, "_SIZES", finder_module._Sizes())
    marks = [chr(0x300 + n) for n in range(0x70)]
    text = "".join(f"{chr(0x400 + n)}{mark}x{mark}{mark}" for n, mark in enumerate(marks))
    assert fold(text)[0] and fold("".join(map(chr, range(0x400, 0x500))))[0]
    assert len(finder_module._FOLDS) <= 10 and len(finder_module._SIZES) <= 10
    monkeypatch.undo()
    before = len(finder_module._FOLDS)
    fold("".join(f"a{mark * 5}" for mark in marks))
    assert len(finder_module._FOLDS) == before


def test_names_that_are_too_long_are_not_searched():
    finder = make_finder(["Tokyo", "A" * 100_000, "東" * 256, "東" * 257])
    assert len(finder) == 2
    assert mentions(finder, f"Tokyo {'A' * 100_000} {'東' * 300}") == ["Tokyo", "東" * 256]
