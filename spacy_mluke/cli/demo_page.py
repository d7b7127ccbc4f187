"""The demo's page: texts with their entities, and the heat map."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Dict, Sequence

from spacy.tokens import Doc

from ..report.html import COLORS, RTL, document, heat_map, marked_text

if TYPE_CHECKING:
    from .demo import Comparison, Mention
    from .demo_world import CompletedText, LinkedText

# The labels of the last texts stand in the legend.
STYLE = """
mark.entity span { display: none; }
.linked mark.entity span { display: inline; font-size: .7em; font-weight: 500; color: #444; }
mark.right { background: #c9ecc0; } mark.wrong { background: #fbd0cf; } mark { padding: .1rem .3rem; border-radius: .3rem; }
small { flex: 0 1 20rem; color: #555; align-self: center; }
@media (max-width: 40rem) { .text { flex-wrap: wrap; } small { flex-basis: 100%; } }
"""


def render_page(
    name: str,
    docs: Sequence[Doc],
    comparisons: Sequence[Comparison],
    mentions: Sequence[Mention],
    entities: Sequence[str],
    linked: Sequence[LinkedText],
    completed: Sequence[CompletedText],
) -> str:
    """Make one self-contained HTML page.

    name (str): The checkpoint.
    docs (Sequence[Doc]): Encoded documents whose `ents` carry the entity as label.
    comparisons (Sequence[Comparison]): What to show a heat map of.
    mentions (Sequence[Mention]): The mentions.
    entities (Sequence[str]): The entities.
    linked (Sequence[LinkedText]): Texts whose mentions are linked.
    completed (Sequence[CompletedText]): Texts whose masks are filled.
    RETURNS (str): The page.
    """
    colors = {entity: COLORS[i % len(COLORS)] for i, entity in enumerate(entities)}
    languages = list(dict.fromkeys(mention.language for mention in mentions))
    docs_languages = _languages(docs, mentions)
    texts = []
    for language in languages:
        for doc, doc_language in zip(docs, docs_languages, strict=True):
            if doc_language == language:
                texts.append(_text(doc, language, colors))
    legend = " ".join(f'<span class="key" style="background:{colors[e]}">{escape(e)}</span>' for e in entities)
    maps = "".join(
        f'<section><h2>{escape(c.name)}</h2><div class="scroll">{_heat_map(c, entities)}</div></section>'
        for c in comparisons
    )
    summary = "".join(
        f"<tr><th>{escape(c.name)}</th><td>{c.same:.2f}</td><td>{c.different:.2f}</td>"
        f"<td>{c.nearest} of {len(mentions)}</td></tr>"
        for c in comparisons
    )
    body = f"""<h1>Entities across languages</h1>
<h2>Linked in running text</h2>
<p>Names are found, and linked to one of the entities that they may mean, by <code>{escape(name)}</code> and the bundled store.</p>
{"".join(_linked(text) for text in linked)}
<h2>Completed</h2>
{"".join(_completed(text) for text in completed) or "<p>This checkpoint has no head for entities.</p>"}
<h2>The same entity, another language</h2>
<p>{len(mentions)} mentions of {len(entities)} entities in {len(languages)} languages, encoded by <code>{escape(name)}</code>.
Each cell is the mean cosine (times 100) between mentions of two entities in <em>different</em> languages, after the mean of
all vectors has been taken away. A dark diagonal on a light field means that an entity is recognised across languages; the
blocks around it are entities that share a sentence, since vectors are contextual.</p>
<div class="maps">{maps}</div>
<h2>Mentions in another language</h2>
<div class="scroll"><table><tr><th></th><th>same entity</th><th>other entity</th><th>nearest is the same</th></tr>{summary}</table></div>
<h2>The texts</h2><p>{legend}</p>
{"".join(texts)}"""
    return document("Entities across languages", STYLE, body)


def _heat_map(comparison: Comparison, entities: Sequence[str]) -> str:
    shown = [[f"{100 * value:.0f}" for value in row] for row in comparison.similarity.tolist()]
    return heat_map(entities, entities, comparison.similarity, shown)


def _text(doc: Doc, language: str, colors: Dict[str, str]) -> str:
    spans = [{"start": ent.start_char, "end": ent.end_char, "label": ent.label_} for ent in doc.ents]
    return _row(language, marked_text(doc.text, spans, language, colors))


def _linked(text: LinkedText) -> str:
    spans = [{**mention, "label": f"{mention['name']} {mention['id']}"} for mention in text.mentions]
    colors = {span["label"]: COLORS[sum(span["id"].encode()) % len(COLORS)] for span in spans}
    html = marked_text(text.text, spans, text.lang, colors)
    return _row(text.lang, html.replace('class="entities"', 'class="entities linked"'))


def _completed(text: CompletedText) -> str:
    before, _, after = text.text.partition("[MASK]")
    first, *others = text.fillers
    rest = ", ".join(f"{escape(filler.text)} {filler.score:.2f}" for filler in others)
    mark = "right" if text.is_right else "wrong"
    direction = "rtl" if text.lang in RTL else "ltr"
    filled = f'<mark class="{mark}">{escape(first.text)}</mark>'
    return _row(
        text.lang,
        f'<div class="entities" style="direction: {direction}">{escape(before)}{filled}{escape(after)}</div>'
        f'<small>{first.score:.2f} <span class="{mark}">{mark}</span>; then {rest}</small>',
    )


def _row(lang: str, html: str) -> str:
    return f'<div class="text" lang="{lang}"><b>{lang}</b>{html}</div>'


def _languages(docs: Sequence[Doc], mentions: Sequence[Mention]) -> Sequence[str]:
    """Every document's language: that of its first mention."""
    result = []
    row = 0
    for doc in docs:
        result.append(mentions[row].language)
        row += len(doc.ents)
    return result
