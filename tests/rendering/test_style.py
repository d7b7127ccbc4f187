"""The style sheet: contrast in light and dark, and a class for each colour and level."""

from __future__ import annotations

import re

import pytest

from spacy_mluke.rendering.colors import N_COLORS, assign_colors
from spacy_mluke.rendering.page import base_style
from spacy_mluke.rendering.tables import N_LEVELS

CSS = base_style()
PAIRS = {
    name: values for name, *values in re.findall(r"--mluke-([\w]+): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\)", CSS)
}
SCHEMES = {"light": 0, "dark": 1}


def luminance(color):
    parts = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one, other):
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_text_has_enough_contrast_on_every_background(scheme):
    # WCAG 2, level AA.
    i = SCHEMES[scheme]
    background, text = PAIRS["bg"][i], PAIRS["fg"][i]
    for name in ("fg", "muted", "link"):
        assert contrast(PAIRS[name][i], background) >= 4.5, name
        assert contrast(PAIRS[name][i], PAIRS["panel"][i]) >= 4.5, name
    for number in range(N_COLORS):
        assert contrast(text, PAIRS[str(number)][i]) >= 4.5, number


@pytest.mark.parametrize("scheme", SCHEMES)
def test_numbers_of_heat_maps_have_enough_contrast(scheme):
    i = SCHEMES[scheme]
    levels = re.findall(r"\.mluke-h(\d+) \{ background: light-dark\((#\w{6}), (#\w{6})\)", CSS)
    assert [int(level[0]) for level in levels] == list(range(N_LEVELS + 1))
    colors = {}
    rule = r"^((?:\.mluke \.mluke-h\d+,? )+)\{ color: light-dark\((#\w{6}), (#\w{6})\)"
    for names, *pair in re.findall(rule, CSS, re.MULTILINE):
        for number in re.findall(r"-h(\d+)", names):
            colors[number] = pair[i]
    for number, *pair in levels:
        assert contrast(colors.get(number, PAIRS["fg"][i]), pair[i]) >= 4.5, number


def test_labels_have_different_colors_as_long_as_there_are_enough():
    for n in (1, 5, N_COLORS):
        assert len(set(assign_colors(f"L{i}" for i in range(n)).values())) == n
    many = assign_colors(f"L{i}" for i in range(50))
    assert set(many.values()) <= set(range(N_COLORS))


def test_a_label_has_the_same_color_in_most_documents():
    assert assign_colors(["PER"])["PER"] == assign_colors(["PER", "LOC"])["PER"]
