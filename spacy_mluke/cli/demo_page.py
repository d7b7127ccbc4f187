"""The demo's HTML page."""

from __future__ import annotations

from typing import Dict, Sequence

from spacy.tokens import Doc

from ..report.html import COLORS, RTL, document, heat_map, marked_text
from ..report.markup import Html, fill, join
from .demo_tasks import CompletedText, LinkedText
from .demo_texts import Mention
from .demo_vectors import Comparison

# In the last texts, labels are in the legend instead of beside each mention.
STYLE = """
mark.entity span { display: none; }
.linked mark.entity span { display: inline; font-size: .7em; font-weight: 500; color: #444; }
mark.right { background: #c9ecc0; } mark.wrong { background: #fbd0cf; } mark { padding: .1rem .3rem; border-radius: .3rem; }
small { flex: 0 1 20rem; color: #555; align-self: center; }
@media (max-width: 40rem) { .text { flex-wrap: wrap; } small { flex-basis: 100%; } }
"""


_BODY = """<h1>Entities across languages</h1>
<h2>Linked entities</h2>
<p><code>spacy_mluke.load()</code> finds names of the bundled knowledge base in a text, and links each to one of its candidate entities
with the checkpoint <code>{name}</code>.</p>
{linked}
<h2>Completed facts</h2>
<p>The component <code>mluke_cloze</code> predicts the entity at the marked position. Green predictions are right, red ones are wrong.
The score and the next two predictions follow the text.</p>
{completed}
<h2>Entity vectors across languages</h2>
<p>The texts below have {n_mentions} mentions of {n_entities} entities in {n_languages} languages, encoded by <code>{name}</code>.
Each cell is the mean cosine (times 100) between mentions of two entities in <em>different</em> languages, after subtracting the
mean of all vectors. A dark diagonal on a light background shows that mentions of an entity are similar across languages. The
blocks around the diagonal are entities of the same sentence: vectors depend on the context.</p>
<div class="maps">{maps}</div>
<h2>Similarity to mentions in other languages</h2>
<p>Mean cosine between mentions in different languages, and how often the nearest mention in another language is of the same
entity.</p>
<div class="scroll"><table><tr><th></th><th>same entity</th><th>different entity</th><th>nearest mention: same entity</th></tr>{summary}</table></div>
<h2>Texts</h2><p>{legend}</p>
{texts}"""


def render_page(
    name: str,
    docs: Sequence[Doc],
    comparisons: Sequence[Comparison],
    mentions: Sequence[Mention],
    entities: Sequence[str],
    linked: Sequence[LinkedText],
    completed: Sequence[CompletedText],
) -> str:
    """Render an HTML page without external files.

    name (str): The checkpoint.
    docs (Sequence[Doc]): Encoded documents whose `ents` have the entity as label.
    comparisons (Sequence[Comparison]): Comparisons, each shown as a heat map.
    mentions (Sequence[Mention]): The mentions.
    entities (Sequence[str]): The entities.
    linked (Sequence[LinkedText]): Texts with linked mentions.
    completed (Sequence[CompletedText]): Texts with filled masks.
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
    legend = join((fill('<span class="key" style="background:{}">{}</span>', colors[e], e) for e in entities), " ")
    maps = join(
        fill('<section><h2>{}</h2><div class="scroll">{}</div></section>', c.name, _heat_map(c, entities))
        for c in comparisons
    )
    summary = join(
        fill(
            "<tr><th>{}</th><td>{:.2f}</td><td>{:.2f}</td><td>{} of {}</td></tr>",
            c.name,
            c.same,
            c.different,
            c.nearest,
            len(mentions),
        )
        for c in comparisons
    )
    body = fill(
        _BODY,
        name=name,
        linked=join(_linked(text) for text in linked),
        completed=join(_completed(text) for text in completed)
        or Html("<p>This checkpoint has no entity prediction head.</p>"),
        n_mentions=len(mentions),
        n_entities=len(entities),
        n_languages=len(languages),
        maps=maps,
        summary=summary,
        legend=legend,
        texts=join(texts),
    )
    return document("Entities across languages", STYLE, body)


def _heat_map(comparison: Comparison, entities: Sequence[str]) -> Html:
    shown = [[f"{100 * value:.0f}" for value in row] for row in comparison.similarity.tolist()]
    return heat_map(entities, entities, comparison.similarity, shown)


def _text(doc: Doc, language: str, colors: Dict[str, str]) -> Html:
    spans = [{"start": ent.start_char, "end": ent.end_char, "label": ent.label_} for ent in doc.ents]
    return _row(language, marked_text(doc.text, spans, language, colors))


def _linked(text: LinkedText) -> Html:
    spans = [{**mention, "label": f"{mention['name']} {mention['id']}"} for mention in text.mentions]
    colors = {span["label"]: COLORS[sum(span["id"].encode("utf8", "surrogatepass")) % len(COLORS)] for span in spans}
    return _row(text.lang, marked_text(text.text, spans, text.lang, colors, kind="linked"))


def _completed(text: CompletedText) -> Html:
    before, _, after = text.text.partition("[MASK]")
    first, *others = text.fillers
    return _row(
        text.lang,
        fill(
            '<div class="entities" style="direction: {direction}">{before}<mark class="{mark}">{filler}</mark>{after}</div>'
            '<small>{score:.2f} <span class="{mark}">{mark}</span>; next: {rest}</small>',
            direction="rtl" if text.lang in RTL else "ltr",
            before=before,
            mark="right" if text.is_right else "wrong",
            filler=first.text,
            after=after,
            score=first.score,
            rest=", ".join(f"{filler.text} {filler.score:.2f}" for filler in others),
        ),
    )


def _row(lang: str, html: Html) -> Html:
    return fill('<div class="text" lang="{0}"><b>{0}</b>{1}</div>', lang, html)


def _languages(docs: Sequence[Doc], mentions: Sequence[Mention]) -> Sequence[str]:
    """Return the language of each document: that of its first mention."""
    result = []
    row = 0
    for doc in docs:
        result.append(mentions[row].language)
        row += len(doc.ents)
    return result
