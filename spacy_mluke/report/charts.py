"""Charts as inline SVG, narrow enough for phones, with text as text."""

from __future__ import annotations

import io
import re
import warnings
from html import unescape
from typing import Any, Dict, List, Sequence, Tuple

from ..errors import Errors
from ..rendering.markup import Html, escape_text, fill
from .bootstrap import Interval
from .metrics import METRIC_NAMES
from .summary import Curve, Key, Summary

# Distinct for most kinds of colour vision (Okabe and Ito, 2008); the shapes are distinct without colours.
COLORS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
MARKERS = ("o", "s", "D", "^", "v", "P")
_SIZE = 10  # points
MAX_NAME = 40  # maximum number of characters of a name in a chart
WIDTH = 4.6  # inches; at full width on a phone, letters are about as large as those of the page


def score_chart(summary: Summary) -> Html:
    """Draw the scores of all systems in all languages, with their intervals.

    summary (Summary): The task.
    RETURNS (Html): SVG.
    """
    metric = METRIC_NAMES[summary.metric]
    title = f"{metric} by language and system, {summary.task}"
    return _dots(summary, summary.scores, summary.langs, title, f"{metric}, 95 % interval")


def gap_chart(summary: Summary) -> Html:
    """Draw the difference between the score in the training language and in other languages, for each system.

    summary (Summary): The task.
    RETURNS (Html): SVG; empty without other languages.
    """
    langs = [lang for lang in summary.langs if any(key[1] == lang for key in summary.gaps)]
    if not summary.gaps:
        return Html()
    title = f"Difference between {summary.source} and other languages, {summary.task}"
    label = f"points of {METRIC_NAMES[summary.metric]} below {summary.source}"
    return _dots(summary, summary.gaps, langs, title, label)


def curve_chart(summary: Summary) -> Html:
    """Draw the learning curves, on the development corpus.

    summary (Summary): The task.
    RETURNS (Html): SVG; empty without curves.
    """
    curves: List[Curve] = [curve for curve in summary.curves if curve.points]
    if not curves:
        return Html()
    figure, axes = _figure(2.6)
    named = set()
    for curve in curves:
        color, marker = _color_and_marker(summary, curve.system)
        steps, scores = zip(*curve.points, strict=True)
        label = None if curve.system in named else _plain(curve.system)
        named.add(curve.system)
        axes.plot(steps, [100 * score for score in scores], color=color, marker=marker, ms=4, lw=1.5, label=label)
    axes.set_xlabel("step")
    axes.set_ylabel("score on the development corpus")
    axes.grid(color="#e4e4e4", lw=0.7)
    return _to_svg(figure, axes, f"Learning curves, {summary.task}")


def _dots(summary: Summary, entries: Dict[Key, Interval], langs: Sequence[str], title: str, label: str) -> Html:
    """Draw a row for each language, with a dot and an interval for each system."""
    n_systems = len(summary.systems)
    figure, axes = _figure(0.9 + len(langs) * (0.2 + 0.16 * n_systems))
    for i, system in enumerate(summary.systems):
        color, marker = _color_and_marker(summary, system)
        rows: List[Tuple[float, Interval]] = [
            (row + 0.16 * (i - (n_systems - 1) / 2), entries[system, lang])
            for row, lang in enumerate(langs)
            if (system, lang) in entries
        ]
        if not rows:
            continue
        positions, found = zip(*rows, strict=True)
        values = [100 * own.value for own in found]
        sides = [
            [100 * max(own.value - own.low, 0.0) for own in found],
            [100 * max(own.high - own.value, 0.0) for own in found],
        ]
        axes.errorbar(
            values,
            positions,
            xerr=sides,
            color=color,
            marker=marker,
            ms=5,
            lw=0,
            elinewidth=1.5,
            capsize=2,
            label=_plain(system),
        )
    axes.set_yticks(range(len(langs)), [_plain(lang) for lang in langs])
    axes.set_ylim(len(langs) - 0.5, -0.5)
    axes.set_xlabel(_plain(label))
    axes.grid(axis="x", color="#e4e4e4", lw=0.7)
    return _to_svg(figure, axes, title)


def _color_and_marker(summary: Summary, system: str) -> Tuple[str, str]:
    i = summary.systems.index(system)
    return COLORS[i % len(COLORS)], MARKERS[i % len(MARKERS)]


def _figure(height: float) -> Tuple[Any, Any]:
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ValueError(Errors.ML273) from error
    figure = Figure(figsize=(WIDTH, height), layout="constrained")
    axes = figure.add_subplot()
    axes.set_axisbelow(True)
    axes.tick_params(labelsize=_SIZE)
    axes.xaxis.label.set_fontsize(_SIZE)
    axes.yaxis.label.set_fontsize(_SIZE)
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def _plain(text: str) -> str:
    """Return a text that matplotlib draws unchanged: "$" starts no formula, and "_" hides no legend entry."""
    text = " ".join(text.split())
    shown = text if len(text) <= MAX_NAME else text[: MAX_NAME - 1] + "…"
    # Replaces characters that are not allowed in XML; matplotlib escapes the others when it writes the SVG.
    shown = unescape(escape_text(shown)).replace("$", r"\$")
    return f"\u200b{shown}" if shown.startswith("_") else shown


def _to_svg(figure: Any, axes: Any, title: str) -> Html:
    from matplotlib import rc_context

    handles, labels = axes.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper left", ncols=3, frameon=False, fontsize=_SIZE, columnspacing=1.2)
    buffer = io.StringIO()
    # Ids differ between charts, and are the same in every report.
    options: Any = {"svg.fonttype": "none", "svg.hashsalt": escape_text(title)}
    with rc_context(options), warnings.catch_warnings():
        # The browser draws the letters, with its own fonts.
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    svg = buffer.getvalue()
    svg = svg[svg.index("<svg") :]
    # Without width and height, the chart fills its container, with the proportions of its viewBox.
    svg = re.sub(r'^<svg([^>]*?) width="[^"]*"', r"<svg\1", re.sub(r'^<svg([^>]*?) height="[^"]*"', r"<svg\1", svg))
    return Html(svg.replace("<svg", fill('<svg class="chart" role="img" aria-label="{}"', title), 1))
