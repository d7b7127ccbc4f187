"""The tokenizer that splits words of scripts without spaces at wordpieces."""

from __future__ import annotations

import pickle
from functools import lru_cache

import numpy
import pytest
import spacy
from hypothesis import given, settings
from hypothesis import strategies as st

from spacy_mluke.pipeline.tokenizer import PieceTokenizer
from tests.conftest import SAMPLES


def make_tokenizer(name="mluke-small", lang="xx", **options):
    return PieceTokenizer(spacy.blank(lang).tokenizer, str(name), None, **options)


@lru_cache
def shared_tokenizer(split_particles=False):
    return make_tokenizer(split_particles=split_particles)


@pytest.fixture(scope="module")
def tokenizer():
    return shared_tokenizer()


def words(doc):
    return [token.text for token in doc]


def test_chinese_is_split_at_wordpieces(tokenizer):
    assert words(tokenizer("北京是中华人民共和国的首都。")) == ["北京", "是", "中华人民共和国", "的", "首都", "。"]


def test_thai_and_korean_names_get_tokens(tokenizer):
    assert "กรุงเทพมหานคร" in words(tokenizer("กรุงเทพมหานครเป็นเมืองหลวง"))
    assert words(tokenizer("서울에서 왔다."))[:2] == ["서울", "에서"]


@pytest.mark.parametrize("name", ["latin", "cyrillic", "arabic_rtl", "devanagari", "whitespace", "empty_doc"])
def test_text_with_spaces_keeps_the_tokens_of_the_base(tokenizer, name):
    base = spacy.blank("xx").tokenizer
    assert words(tokenizer(SAMPLES[name])) == words(base(SAMPLES[name]))


def test_latin_words_beside_japanese_stay_whole(tokenizer):
    assert "Tokyo" in words(tokenizer("Tokyo は日本の首都である"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Il part de l'Espagne.", "Il part de l' Espagne ."),
        ("Jusqu’Athènes, d'Émile", "Jusqu’ Athènes , d' Émile"),
        ("dell'Inter e all'Aquila", "dell' Inter e all' Aquila"),
        ("L'Oréal", "L' Oréal"),
        ("l'homme qu'il aime", "l'homme qu'il aime"),
        ("O'Brien didn't see Rock'N'Roll", "O'Brien didn't see Rock'N'Roll"),
    ],
)
def test_elided_words_before_a_capital_get_tokens(text, expected):
    doc = shared_tokenizer(split_particles=True)(text)
    assert words(doc) == expected.split() and doc.text == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Sie gehört der Bosch GmbH.", "GmbH ."),
        ("It was BSkyB.\nThen", "BSkyB . \n Then"),
        ("(by BSkyB.)", "BSkyB . )"),
        ("حدث أيضاً.", "أيضاً ."),
        ("at 10 Downing St. in the U.S.", "U.S."),
        ("Henry V.", "V."),
        ("so J.-C.", "J.-C."),
        ("Mr. Smith of Acme Inc.", "Acme Inc ."),
        ("Yahoo...", "Yahoo ..."),
    ],
)
def test_the_full_stop_of_a_sentence_is_a_token(text, expected):
    doc = shared_tokenizer(split_particles=True)(text)
    assert " ".join(words(doc)).endswith(expected) and doc.text == text


def test_abbreviations_that_the_base_tokenizer_knows_keep_their_full_stop():
    doc = make_tokenizer(lang="en", split_particles=True)("Mr. Smith, e.g. at BSkyB.")
    assert words(doc) == ["Mr.", "Smith", ",", "e.g.", "at", "BSkyB", "."]


def test_elided_words_stay_unless_particles_are_split(tokenizer):
    assert words(tokenizer("l'Espagne")) == ["l'Espagne"]


@settings(deadline=None)
@given(
    st.text(alphabet=st.sampled_from("ab l'L’ÉU 北京在東の首都。ไทยกรุงใน서울에서는\n\t　👩\u200d\u0301"), max_size=40),
    st.booleans(),
)
def test_tokens_always_make_up_the_text(text, split_particles):
    doc = shared_tokenizer(split_particles)(text)
    assert doc.text == text


@pytest.mark.parametrize(
    "text, whole, split",
    [
        ("東京は日本の首都である", ["日本の"], ["日本", "の"]),
        ("南坑是中国的首都", ["是中国"], ["是", "中国"]),
        ("배두나가 왔다", ["나가"], ["나", "가"]),
        ("ในประเทศไทย", ["ในประเทศไทย"], ["ใน", "ประเทศไทย"]),
    ],
)
def test_particles_inside_wordpieces_become_tokens_on_request(text, whole, split):
    assert set(whole) <= set(words(shared_tokenizer()(text)))
    found = words(shared_tokenizer(split_particles=True)(text))
    assert set(split) <= set(found) and not set(whole) & set(found)


def test_particles_need_a_word_beside_them():
    for text in ("在", "の", "是否", "도가"):
        assert words(shared_tokenizer(split_particles=True)(text)) == words(shared_tokenizer()(text))


def test_fullwidth_punctuation_is_split_from_latin_names(tokenizer):
    assert "，" not in "".join(word for word in words(tokenizer("南坑，Radzymin失守")) if len(word) > 1)


def test_it_is_registered_and_survives_saving(tiny_checkpoint, tmp_path):
    base = {"@tokenizers": "spacy.Tokenizer.v1"}
    config = {"@tokenizers": "spacy-mluke.PieceTokenizer.v1", "name": str(tiny_checkpoint), "base": base}
    nlp = spacy.blank("xx", config={"nlp": {"tokenizer": config}})
    expected = words(nlp("東京は日本の首都である。"))
    nlp.to_disk(tmp_path / "nlp")
    config_file = tmp_path / "nlp" / "config.cfg"
    config_file.write_text(
        config_file.read_text(encoding="utf8").replace(str(tiny_checkpoint), "gone"), encoding="utf8"
    )
    assert words(spacy.load(tmp_path / "nlp")("東京は日本の首都である。")) == expected
    assert words(spacy.blank("xx", config={"nlp": {"tokenizer": config}}).from_bytes(nlp.to_bytes())("東京は")) == (
        words(nlp("東京は"))
    )


def test_it_can_be_pickled(tokenizer):
    again = pickle.loads(pickle.dumps(tokenizer))
    assert words(again("北京是首都")) == words(tokenizer("北京是首都"))


@pytest.mark.parametrize("split_particles, least", [(False, 0.93), (True, 0.97)])
def test_bounds_of_names_are_bounds_of_tokens(data_dir, split_particles, least):
    """At least 93 of 100 names in Chinese, Japanese and Thai begin and end with a token; 97 with particles split."""
    tokenizer = shared_tokenizer(split_particles)
    for file in ("zh-uner_gsdsimp.dev", "ja-gsd.dev", "th-thainer.train"):
        path = data_dir / "ner" / f"{file}.iob2"
        n = n_kept = 0
        for block in path.read_text(encoding="utf8").split("\n\n")[:400]:
            rows = [line.split("\t") for line in block.split("\n") if line]
            tokens = [" " if token == "▁" else token for token, _ in rows]
            edges = numpy.concatenate([[0], numpy.cumsum([len(token) for token in tokens])]) if tokens else [0]
            doc = tokenizer("".join(tokens))
            for i, (_, tag) in enumerate(rows):
                if tag in ("B-PER", "B-ORG", "B-LOC"):
                    end = i + 1
                    while end < len(rows) and rows[end][1].startswith("I-"):
                        end += 1
                    n += 1
                    n_kept += doc.char_span(int(edges[i]), int(edges[end])) is not None
        assert n_kept >= least * n


def test_bytes_of_another_kind_are_a_coded_error(tokenizer):
    with pytest.raises(ValueError, match=r"\[ML331\]"):
        make_tokenizer().from_bytes(b"nothing")


def test_a_tokenizer_that_tags_words_keeps_its_tags():
    base = spacy.blank("xx").tokenizer

    def tagging(text):
        doc = base(text)
        for token in doc:
            token.tag_ = "X"
        return doc

    doc = PieceTokenizer(tagging, "mluke-small")("北京是首都")
    assert words(doc) == words(shared_tokenizer()("北京是首都"))
    assert doc[0].tag_ == "X"
