"""Which ranges can be names, judging by punctuation."""

from __future__ import annotations

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spacy_mluke.suggesters.punctuation import are_names


def is_name(text):
    words = text.split()
    (found,) = are_names(words, numpy.asarray([0]), numpy.asarray([len(words)]))
    return bool(found)


@pytest.mark.parametrize(
    "text",
    [
        "Rome",
        "Henry VIII .",
        "Yahoo !",
        "# RE6",
        "Ministry ( MoF )",
        "( MoF )",
        "« Mistral »",
        "„ Supplex “",
        "O’Neill",
        "Jones 's",
        "日本 の",
        "中",
        "이",
        "從 文",
    ],
)
def test_these_can_be_names(text):
    assert is_name(text)


@pytest.mark.parametrize(
    "text",
    [
        ".",
        "@",
        "'s",
        "’s",
        ") ,",
        "Los Angeles ,",
        ", Rome",
        "Rome :",
        "PZPN )",
        "( Drengot",
        "Mistral »",
        "« Mistral",
        "北京 。",
        ". NET",
        "Rome -",
        "の",
        "在",
        "から",
        "를",
        "ใน",
        "、 で",
    ],
)
def test_these_cannot(text):
    assert not is_name(text)


@given(st.lists(st.sampled_from(["Rome", "b2", ",", "(", ")", '"', ".", "）。"]), min_size=1, max_size=8))
def test_each_range_is_judged_by_itself(words):
    n = len(words)
    pairs = [(i, j) for i in range(n) for j in range(i + 1, n + 1)]
    starts, ends = numpy.asarray(pairs).T
    assert are_names(words, starts, ends).tolist() == [is_name(" ".join(words[i:j])) for i, j in pairs]


def test_no_ranges_give_an_empty_array():
    assert are_names([], numpy.zeros(0, dtype="int64"), numpy.zeros(0, dtype="int64")).shape == (0,)
