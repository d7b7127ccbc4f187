"""The HTML page of a report."""

from __future__ import annotations

from typing import Any, Dict, List, Optional, Sequence, Tuple

import numpy

from ..rendering.annotated import AnnotatedText, Fact, Mention
from ..rendering.arcs import arc_diagram
from ..rendering.colors import N_COLORS, assign_colors
from ..rendering.marked_text import marked_text
from ..rendering.markup import Html, fill, join
from ..rendering.page import document
from ..rendering.tables import heat_map, table
from .bootstrap import Interval
from .charts import curve_chart, gap_chart, score_chart
from .counting import NONE, WRONG_WAY
from .metrics import METRIC_NAMES
from .mistakes import Mistake
from .run import Run
from .summary import Summary, pooled_confusion

TITLES = {
    "relations": "Relations",
    "ner": "Named entities",
    "qa": "Question answering",
    "cloze": "Masked entities",
    "linking": "Entity linking",
}
METRIC_HELP = {
    "relations": "Mean F1 of the relations, without no_relation. The two directions of a relation are counted together, "
    "and a wrong direction is an error. Sentences whose entities cannot be used as input count as misses.",
    "ner": "F1 of entities; an entity is right if its bounds and its label are right.",
    "qa": "F1 of the words of the best answer and of the most similar gold answer, as in SQuAD's script.",
    "cloze": "Percentage of masks whose best filler is right.",
    "linking": "Percentage of mentions with a gold entity that are linked to it.",
}
N_SHOWN = 4  # mistakes for each language
MAX_LABELS = 150  # maximum number of labels in a confusion matrix
MAX_HEADS = 8  # maximum number of columns with names; more columns have numbers
STYLE = """
svg.chart { display: block; width: 100%; max-width: 36rem; height: auto; background: #fff; border-radius: .4rem; }
.charts { display: flex; flex-wrap: wrap; gap: 0 2rem; } .charts section { flex: 1 1 20rem; max-width: 36rem; }
td small, th small { display: block; color: var(--mluke-muted); white-space: nowrap; } th small { font-weight: normal; }
.mluke-map { font-size: .75rem; } .mluke-map td { min-width: 1.3rem; padding: .2rem .25rem; }
.mistake { border-top: 1px solid var(--mluke-line); padding: .5rem 0; break-inside: avoid; container-type: inline-size; }
.mistake p { margin: 0; } .mistake .side { color: var(--mluke-muted); font-size: .8rem; }
nav a { margin-right: .8rem; }
footer { margin-top: 2rem; color: var(--mluke-muted); font-size: .85rem; }
@media (max-width: 30rem) {
  .mluke-page { padding: .7rem; } h1 { font-size: 1.3rem; }
  .mluke th, .mluke td { padding: .25rem .2rem; font-size: .8rem; } .mluke th:first-child { white-space: normal; } td small, th small { font-size: .62rem; letter-spacing: -.02em; }
  .mluke-map th, .mluke-map td { font-size: .65rem; } .mluke-map th:first-child { min-width: 7.5rem; max-width: 8.5rem; line-height: 1.1; overflow-wrap: anywhere; }
}
@media print { nav { display: none; } section, table, svg { break-inside: avoid; } body { font-size: 11pt; } }
"""


def render_report(summaries: Sequence[Summary], title: str) -> str:
    """Render an HTML page without external files. Texts from runs and settings never become markup.

    summaries (Sequence[Summary]): The tasks.
    title (str): Title of the page.
    RETURNS (str): The page.
    RAISES (ValueError): ML273 without matplotlib.
    """
    links = join(fill('<a href="#{}">{}</a>', s.task, TITLES[s.task]) for s in summaries)
    nav = fill("<nav>{}</nav>", links) if len(summaries) > 1 else Html()
    body = join(_task(summary) for summary in summaries)
    return document(title, STYLE, fill("<h1>{}</h1>{}{}{}", title, nav, body, _footer(summaries)))


def _task(summary: Summary) -> Html:
    metric = METRIC_NAMES[summary.metric]
    seeds = ", ".join(map(str, sorted(set().union(*summary.seeds.values()))))
    first = next(iter(summary.runs.values()))[0]
    checkpoints = sorted({str(name) for own in summary.runs.values() for name in _checkpoints(own[0])})
    encoder = fill(" Encoder: <code>{}</code>.", ", ".join(checkpoints)) if checkpoints else Html()
    n_docs = ", ".join(f"{lang} {_documents(summary, lang):,}" for lang in summary.langs)
    parts = [
        fill('<h2 id="{}">{}</h2>', summary.task, TITLES[first.task]),
        fill(
            "<p>{} Training language: {}; seeds: {}.{} Documents: {}.</p>",
            METRIC_HELP[first.task],
            summary.source,
            seeds,
            encoder,
            n_docs,
        ),
        fill("<h3>{}</h3>", metric),
        table(["", *summary.langs], _score_rows(summary)),
        _charts(summary),
        _difference_table(summary, metric),
        _confusions(summary),
        _mistakes(summary),
    ]
    return join(parts)


def _checkpoints(run: Run) -> List[str]:
    return list(run.about.get("checkpoints", {}).values())


def _documents(summary: Summary, lang: str) -> int:
    return max(run.data["documents"] for (_, own), runs in summary.runs.items() if own == lang for run in runs)


def _score_rows(summary: Summary) -> List[List[Html]]:
    rows = []
    seeds = {system: ", ".join(map(str, own)) for system, own in summary.seeds.items()}
    # Seeds are noted if the systems have different ones.
    is_noted = len(set(seeds.values())) > 1
    for system in summary.systems:
        cells = [_score(summary.scores.get((system, lang))) for lang in summary.langs]
        note = fill("<small>seeds {}</small>", seeds[system]) if is_noted else Html()
        rows.append([fill("{}{}", system, note), *cells])
    return rows


def _score(found: Optional[Interval]) -> Html:
    if found is None:
        return Html("–")
    return fill("{:.1f}<small>{:.1f}–{:.1f}</small>", 100 * found.value, 100 * found.low, 100 * found.high)


def _charts(summary: Summary) -> Html:
    charts = (
        ("By language", score_chart(summary)),
        (f"Difference between {summary.source} and other languages", gap_chart(summary)),
        ("Learning curves", curve_chart(summary)),
    )
    shown = join(fill("<section><h3>{}</h3>{}</section>", name, svg) for name, svg in charts if svg)
    return fill('<div class="charts">{}</div>', shown)


def _difference_table(summary: Summary, metric: str) -> Html:
    others = [system for system in summary.systems if any(key[0] == system for key in summary.differences)]
    if not others:
        return Html()
    rows = []
    for system in others:
        cells = [_difference(summary.differences.get((system, lang))) for lang in summary.langs]
        rows.append([f"minus {system}", *cells])
    return fill(
        "<h3>{} compared with other systems</h3>"
        "<p>Difference in points of {} on the same documents, with 95 % intervals (paired bootstrap). "
        "Bold: the interval does not contain zero.</p>{}",
        summary.first,
        metric,
        table(["", *summary.langs], rows),
    )


def _difference(found: Optional[Interval]) -> Html:
    if found is None:
        return Html("–")
    value, low, high = (f"{100 * points:+.1f}".replace("-", "−") for points in found)
    shown = fill("<b>{}</b>", value) if found.low > 0 or found.high < 0 else value
    return fill("{}<small>{} to {}</small>", shown, low, high)


def _confusions(summary: Summary) -> Html:
    """Show the confusion matrices of the first system: in the training language, and in all other languages."""
    groups: Dict[str, List[Run]] = {summary.source: [], "other languages": []}
    for (system, lang), runs in summary.runs.items():
        if system == summary.first:
            groups[summary.source if lang == summary.source else "other languages"] += runs
    shown = []
    for name, runs in groups.items():
        found = pooled_confusion(runs)
        if found is not None:
            shown.append(fill("<section><h3>{}</h3>{}</section>", name, _confusion(found)))
    if not shown:
        return Html()
    return fill(
        "<h3>Confusion matrix of {}</h3><p>Rows are gold labels, with their number in all languages and seeds of the "
        "matrix in brackets. Columns are predicted labels, in percent of the row. "
        '"none": no gold annotation, or no prediction.</p><div class="mluke-maps">{}</div>',
        summary.first,
        join(shown),
    )


def _confusion(found: Dict[Tuple[str, str], int]) -> Html:
    labels = sorted({label for pair in found for label in pair if label not in (NONE, WRONG_WAY)})
    if len(labels) > MAX_LABELS:
        return fill("<p>Not shown: a matrix of {:,} labels is too large.</p>", len(labels))
    rows = [*labels, NONE]
    columns = [*labels, *([WRONG_WAY] if any(pair[1] == WRONG_WAY for pair in found) else []), NONE]
    counts = numpy.asarray([[found.get((gold, predicted), 0) for predicted in columns] for gold in rows])
    fractions = counts / numpy.maximum(counts.sum(axis=1, keepdims=True), 1)
    shown = [[f"{100 * value:.0f}" if value >= 0.005 else "" for value in row] for row in fractions.tolist()]
    names = [f"{label or 'none'} ({n:,})" for label, n in zip(rows, counts.sum(axis=1).tolist(), strict=True)]
    heads = [{NONE: "none", WRONG_WAY: "wrong direction"}.get(label, label) for label in columns]
    if len(labels) > MAX_HEADS:
        # Columns are too narrow for names.
        names = [f"{i} {name}" for i, name in enumerate(names[:-1], 1)] + names[-1:]
        heads = [*(str(i) for i in range(1, len(labels) + 1)), *heads[len(labels) :]]
    return heat_map(names, heads, fractions, shown)


def _mistakes(summary: Summary) -> Html:
    drawn = {
        lang: [m for run in summary.runs.get((summary.first, lang), [])[:1] for m in run.mistakes[:N_SHOWN]]
        for lang in summary.langs
    }
    # A label has the same colour everywhere on the page, unless there are more labels than colours.
    colors = _colors([mistake for found in drawn.values() for mistake in found])
    shown = [
        fill('<section lang="{0}"><h3>{0}</h3>{1}</section>', lang, join(_mistake(m, lang, colors) for m in found))
        for lang, found in drawn.items()
        if found
    ]
    if not shown:
        return Html()
    return fill("<h2>Mistakes of {}</h2><p>A random selection.</p>{}", summary.first, join(shown))


def _colors(mistakes: List[Mistake]) -> Dict[str, int]:
    return assign_colors(span["label"] for m in mistakes for side in ("gold", "predicted") for span in m[side])


def _mistake(mistake: Mistake, lang: str, colors: Dict[str, int]) -> Html:
    if len(colors) > N_COLORS:
        colors = _colors([mistake])
    title = fill('<p dir="auto"><b>{}</b></p>', mistake["title"]) if mistake.get("title") else Html()
    if "arc" in mistake:
        facts = [_fact(side, mistake["arc"][side]) for side in ("gold", "predicted") if mistake["arc"][side]]
        content = _annotated(mistake, sorted(mistake["gold"], key=_start), lang, facts)
        labels = "; ".join(f"{side}: {mistake['arc'][side] or 'no relation'}" for side in ("gold", "predicted"))
        diagram = arc_diagram(content, colors=colors)
        return fill('<div class="mistake">{}{}<p class="side">{}</p></div>', title, diagram, labels)
    sides = join(
        fill('<p class="side">{}</p>{}', side, marked_text(_annotated(mistake, mistake[side], lang), colors=colors))
        for side in ("gold", "predicted")
    )
    return fill('<div class="mistake">{}{}</div>', title, sides)


def _fact(side: str, label: str) -> Fact:
    """Return a relation between the first and the second mention; labels that end with (e2,e1) have the second as
    head."""
    head, tail = (1, 0) if label.endswith("(e2,e1)") else (0, 1)
    return Fact(head, tail, f"{side}: {label.partition('(')[0]}")


def _annotated(mistake: Mistake, spans: List[Dict[str, Any]], lang: str, facts: Sequence[Fact] = ()) -> AnnotatedText:
    mentions = [Mention(span["start"], span["end"], span["label"]) for span in spans]
    return AnnotatedText(mistake["text"], mentions, facts, lang)


def _start(span: Dict[str, int]) -> int:
    return span["start"]


def _footer(summaries: Sequence[Summary]) -> Html:
    versions: Dict[str, str] = {}
    for summary in summaries:
        for runs in summary.runs.values():
            for run in runs:
                versions.update(run.about.get("versions", {}))
    return fill(
        "<footer>Intervals are bootstrap percentiles over documents. They do not include the variation between seeds. "
        "Versions: {}</footer>",
        ", ".join(f"{name} {version}" for name, version in versions.items()),
    )
