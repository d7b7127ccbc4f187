"""Positions in drawings: lines, arcs and graphs."""

from __future__ import annotations

import itertools
import re

import numpy
import pytest

from spacy_mluke.rendering.annotated import AnnotatedText, Fact, Mention
from spacy_mluke.rendering.arcs import arc_diagram
from spacy_mluke.rendering.forces import lay_out
from spacy_mluke.rendering.graph import MAX_NODES, graph_drawing
from spacy_mluke.rendering.line_wrapping import NO_MENTION, SIZE, wrap
from spacy_mluke.rendering.text_direction import direction_of, text_width
from tests.conftest import SAMPLES

WIDTH = 300


@pytest.fixture(params=sorted(set(SAMPLES) - {"empty_doc"}))
def content(request):
    """A long text in one script, with mentions at its words."""
    text = " ".join([SAMPLES[request.param]] * 4)
    mentions, position = [], 0
    for word in text.split():
        start = text.index(word, position)
        position = start + len(word)
        if len(mentions) < 8:
            mentions.append(Mention(start, position, "LABEL", f"Q{len(mentions) + 1}"))
    return AnnotatedText(text, mentions, [Fact(i, i - 1, f"r{i}") for i in range(1, len(mentions))])


def test_lines_have_all_text_in_order_and_none_is_too_wide(content):
    boxes = wrap(content, WIDTH)
    assert "".join("".join(box.text for box in boxes).split()) == "".join(content.text.split())
    assert [box.line for box in boxes] == sorted(box.line for box in boxes)
    for before, box in itertools.pairwise(boxes):
        assert box.line > before.line or box.start >= before.start + before.width - 0.01
    # Punctuation may extend beyond a line.
    assert max(box.start + box.width for box in boxes) <= WIDTH + SIZE


def test_a_mention_that_fits_on_a_line_is_not_broken(content):
    numbers = [box.mention for box in wrap(content, 900) if box.mention != NO_MENTION]
    assert all(numbers.count(i) == 1 for i in numbers if text_width(content.string(i), SIZE) < 700)


def test_line_ends_of_the_text_end_lines():
    boxes = wrap(AnnotatedText("a\nb\r\n\nc", [Mention(2, 3)]), WIDTH)
    assert [(box.text, box.line) for box in boxes] == [("a", 0), ("b", 1), ("c", 2)]


def test_arcs_are_inside_of_the_drawing_and_equal_every_time(content):
    drawn = arc_diagram(content, width=WIDTH)
    assert drawn == arc_diagram(content, width=WIDTH)
    height = float(re.search(r'viewBox="0 0 300 (\d+)"', drawn)[1])
    paths = re.findall(r'<path class="mluke-arc" d="([^"]+)"', drawn)
    assert len(paths) == len(content.facts)
    points = [tuple(map(float, one)) for path in paths for one in re.findall(r"(-?[\d.]+),(-?[\d.]+)", path)]
    assert all(0 <= x <= WIDTH and 0 <= y <= height for x, y in points)


def test_arcs_over_the_same_words_are_above_each_other():
    content = AnnotatedText("a b c", [Mention(0, 1), Mention(2, 3), Mention(4, 5)], [Fact(0, 2, "x"), Fact(0, 1, "y")])
    outer, inner = (
        float(part.split("L")[1].split(",")[1].split("Q")[0])
        for part in arc_diagram(content, width=WIDTH).split('<path class="mluke-arc" d="')[1:]
    )
    assert outer < inner


def test_relations_of_overlapping_mentions_are_counted_in_a_note():
    content = AnnotatedText("a b c", [Mention(0, 3), Mention(0, 1), Mention(4, 5)], [Fact(1, 2, "x"), Fact(0, 2, "y")])
    drawn = arc_diagram(content, width=WIDTH)
    assert drawn.count('class="mluke-arc"') == 1 and "overlap: 1." in drawn


@pytest.mark.parametrize("name", ["arabic_rtl", "hebrew_rtl"])
def test_text_from_right_to_left_is_mirrored(name):
    text = SAMPLES[name]
    assert direction_of(text) == "rtl" and direction_of("123 abc") == "ltr" and direction_of("abc", "he") == "rtl"
    boxes = wrap(AnnotatedText(text), WIDTH)
    drawn = arc_diagram(AnnotatedText(text), width=WIDTH)
    assert boxes[0].start == 0 and 'direction="rtl"' in drawn


@pytest.mark.parametrize("width", [340, 760])
@pytest.mark.parametrize("n", [1, 2, 5, 30])
def test_nodes_of_a_graph_do_not_overlap_and_stay_inside(n, width):
    sizes = numpy.asarray([[60 + 17 * i % 90, 30] for i in range(n)], dtype="float64")
    edges = [(i, (i * i + 1) % n) for i in range(n) if i != (i * i + 1) % n]
    places = lay_out(sizes, edges, [40.0] * len(edges), width)
    assert numpy.array_equal(places, lay_out(sizes, edges, [40.0] * len(edges), width))
    assert (places[:, 0] - sizes[:, 0] / 2 >= 0).all() and (places[:, 0] + sizes[:, 0] / 2 <= width).all()
    assert (places[:, 1] - 15 >= 0).all()
    apart = numpy.abs(places[:, None] - places[None]) >= (sizes[:, None] + sizes[None]) / 2 - 0.5
    assert (apart.any(axis=2) | numpy.eye(n, dtype=bool)).all()


def test_a_graph_of_many_entities_shows_those_with_the_most_relations():
    words = [f"e{i:03}" for i in range(MAX_NODES + 20)]
    mentions = [Mention(5 * i, 5 * i + 4) for i in range(len(words))]
    facts = [Fact(len(words) - 1, len(words) - 2, "x")]
    drawn = graph_drawing(AnnotatedText(" ".join(words), mentions, facts), width=WIDTH)
    assert drawn.count('class="mluke-box"') == MAX_NODES and "e059" in drawn and "e041" not in drawn
    assert f"the {MAX_NODES} entities with the most relations, of {len(words)}" in drawn
