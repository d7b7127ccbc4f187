"""The demo's page: texts with their entities, and the heat map."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Dict, Sequence

from spacy import displacy
from spacy.tokens import Doc

if TYPE_CHECKING:
    from .demo import Comparison, Mention
    from .demo_world import CompletedText, LinkedText

# Ten hues that stay apart for most kinds of colour vision, light enough for dark text.
COLORS = ("#a6cee3", "#fdbf6f", "#b2df8a", "#fb9a99", "#cab2d6", "#ffe08a", "#9ad9cf", "#e6b8d7", "#c9d1a0", "#c4c4c4")
RTL = ("ar", "fa", "he", "ur")

STYLE = """
:root { color-scheme: light; }
body { font: 16px/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 66rem; padding: 1rem; color: #1c1c1c; background: #fff; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.15rem; margin-top: 2rem; }
.scroll { overflow-x: auto; }
.maps { display: flex; flex-wrap: wrap; gap: 0 2rem; } .maps section { max-width: 100%; }
table { border-collapse: collapse; font-size: .85rem; }
th, td { padding: .3rem .45rem; text-align: right; font-variant-numeric: tabular-nums; }
th:first-child { text-align: left; white-space: nowrap; }
.map td { min-width: 1.6rem; text-align: center; border: 1px solid #fff; }
.map thead th { writing-mode: vertical-rl; transform: rotate(180deg); text-align: left; font-weight: 500; white-space: nowrap; }
.key { display: inline-block; padding: .05rem .45rem; border-radius: .3rem; }
.text { display: flex; gap: .75rem; border-top: 1px solid #e4e4e4; padding: .4rem 0; break-inside: avoid; }
.text > b { flex: 0 0 2rem; color: #666; font-weight: 500; }
.text .entities { flex: 1; line-height: 2.1 !important; }
mark.entity span { display: none; }
.linked mark.entity span { display: inline; font-size: .7em; font-weight: 500; color: #444; }
mark.right { background: #c9ecc0; } mark.wrong { background: #fbd0cf; } mark { padding: .1rem .3rem; border-radius: .3rem; }
small { flex: 0 1 20rem; color: #555; align-self: center; }
@media (max-width: 40rem) { .text { flex-wrap: wrap; } small { flex-basis: 100%; } }
@media print { body { max-width: none; } td, mark { print-color-adjust: exact; -webkit-print-color-adjust: exact; } }
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
    return f"""<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Entities across languages</title><style>{STYLE}</style></head><body>
<h1>Entities across languages</h1>
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
{"".join(texts)}
</body></html>
"""


def _heat_map(comparison: Comparison, entities: Sequence[str]) -> str:
    head = "".join(f"<th>{escape(entity)}</th>" for entity in entities)
    rows = []
    for i, entity in enumerate(entities):
        cells = "".join(_cell(float(value)) for value in comparison.similarity[i])
        rows.append(f"<tr><th>{escape(entity)}</th>{cells}</tr>")
    return f'<table class="map"><thead><tr><td></td>{head}</tr></thead>{"".join(rows)}</table>'


def _cell(value: float) -> str:
    strength = min(max(value, 0.0), 1.0)
    color = "#fff" if strength > 0.55 else "#1c1c1c"
    return f'<td style="background:rgba(0,75,135,{strength:.2f});color:{color}">{100 * value:.0f}</td>'


def _text(doc: Doc, language: str, colors: Dict[str, str]) -> str:
    # displaCy upper-cases labels when it looks up colours.
    upper = {label.upper(): color for label, color in colors.items()}
    html = displacy.render(doc, style="ent", page=False, jupyter=False, options={"colors": {**colors, **upper}})
    return _row(language, html)


def _linked(text: LinkedText) -> str:
    ents = [{**m, "label": f"{m['name']} {m['id']}"} for m in text.mentions]
    colors = {ent["label"].upper(): COLORS[sum(ent["id"].encode()) % len(COLORS)] for ent in ents}
    html = displacy.render(
        {"text": text.text, "ents": ents},
        style="ent",
        manual=True,
        page=False,
        jupyter=False,
        options={"colors": colors},
    )
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
    direction = "rtl" if lang in RTL else "ltr"
    body = html.replace("direction: ltr", f"direction: {direction}")
    return f'<div class="text" lang="{lang}"><b>{lang}</b>{body}</div>'


def _languages(docs: Sequence[Doc], mentions: Sequence[Mention]) -> Sequence[str]:
    """Every document's language: that of its first mention."""
    result = []
    row = 0
    for doc in docs:
        result.append(mentions[row].language)
        row += len(doc.ents)
    return result
