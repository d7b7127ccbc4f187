"""The demo's HTML page."""

from __future__ import annotations

from dataclasses import replace
from typing import Sequence

from spacy.tokens import Doc

from ..rendering.annotated import AnnotatedText, read_doc
from ..rendering.annotated import Mention as MarkedMention
from ..rendering.colors import assign_colors, legend
from ..rendering.marked_text import lang_attribute, marked_text
from ..rendering.markup import Html, fill, join
from ..rendering.page import document
from ..rendering.render import draw
from ..rendering.tables import heat_map, table
from ..rendering.text_direction import direction_of
from .demo_reading import AnsweredText, ReadText
from .demo_tasks import CompletedText, LinkedText
from .demo_texts import Mention
from .demo_vectors import Comparison

# In the last texts, labels are in the legend instead of beside each mention.
STYLE = """
.row { display: flex; gap: .75rem; border-top: 1px solid var(--mluke-line); padding: .4rem 0; break-inside: avoid; }
.row > b { flex: 0 0 2rem; color: var(--mluke-muted); font-weight: 500; } .row .mluke-text { flex: 1; }
.unlabelled mark small { display: none; }
mark.right, span.right { background: light-dark(#c9ecc0, #24551a); color: var(--mluke-fg); } mark.wrong, span.wrong { background: light-dark(#fbd0cf, #7a2a29); color: var(--mluke-fg); }
mark.right, mark.wrong { padding: .1rem .3rem; border-radius: .3rem; }
.row > small { flex: 0 1 20rem; color: var(--mluke-muted); align-self: center; }
@media (max-width: 40rem) { .row { flex-wrap: wrap; } .row > small { flex-basis: 100%; } }
"""


_BODY = """<h1>Entities across languages</h1>
<h2>Entities and relations</h2>
<p><code>spacy_mluke.load()</code> finds people, organisations, places, dates, works, events, products and groups of people in a text,
links those that the bundled knowledge base knows, and finds relations between them. Mistakes are shown as they are.</p>
{read}
<h2>Answers</h2>
<p><code>spacy_mluke.load(questions=True)</code> answers questions with a part of the text, or finds that the text has no answer.</p>
{answered}
<h2>Linked entities</h2>
<p><code>spacy_mluke.load("{name}")</code> finds names of the bundled knowledge base in a text without any trained component, and links
each to one of its candidate entities.</p>
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
<div class="mluke-maps">{maps}</div>
<h2>Similarity to mentions in other languages</h2>
<p>Mean cosine between mentions in different languages, and how often the nearest mention in another language is of the same
entity.</p>
{summary}
<h2>Texts</h2>{legend}
<div class="unlabelled">{texts}</div>"""


def render_page(
    name: str,
    docs: Sequence[Doc],
    comparisons: Sequence[Comparison],
    mentions: Sequence[Mention],
    entities: Sequence[str],
    linked: Sequence[LinkedText],
    completed: Sequence[CompletedText],
    read: Sequence[ReadText],
    answered: Sequence[AnsweredText],
) -> str:
    """Render an HTML page without external files.

    name (str): The checkpoint.
    docs (Sequence[Doc]): Encoded documents whose `ents` have the entity as label.
    comparisons (Sequence[Comparison]): Comparisons, each shown as a heat map.
    mentions (Sequence[Mention]): The mentions.
    entities (Sequence[str]): The entities.
    linked (Sequence[LinkedText]): Texts with linked mentions.
    completed (Sequence[CompletedText]): Texts with filled masks.
    read (Sequence[ReadText]): Texts with entities and relations.
    answered (Sequence[AnsweredText]): Questions and answers.
    RETURNS (str): The page.
    """
    colors = assign_colors(entities)
    languages = list(dict.fromkeys(mention.language for mention in mentions))
    docs_languages = _languages(docs, mentions)
    texts = []
    for language in languages:
        for doc, doc_language in zip(docs, docs_languages, strict=True):
            if doc_language == language:
                content = replace(read_doc(doc), lang=language)
                texts.append(_row(language, marked_text(content, colors=colors)))
    maps = join(fill("<section><h3>{}</h3>{}</section>", c.name, _heat_map(c, entities)) for c in comparisons)
    summary = table(
        ["", "same entity", "different entity", "nearest mention: same entity"],
        [[c.name, f"{c.same:.2f}", f"{c.different:.2f}", f"{c.nearest} of {len(mentions)}"] for c in comparisons],
        name="Similarity to mentions in other languages",
    )
    body = fill(
        _BODY,
        name=name,
        read=join(_read(text) for text in read),
        answered=join(_answered(one) for one in answered),
        linked=join(_linked(text) for text in linked),
        completed=join(_completed(text) for text in completed)
        or Html("<p>This checkpoint has no entity prediction head.</p>"),
        n_mentions=len(mentions),
        n_entities=len(entities),
        n_languages=len(languages),
        maps=maps,
        summary=summary,
        legend=legend(colors),
        texts=join(texts),
    )
    return document("Entities across languages", STYLE, body)


def _heat_map(comparison: Comparison, entities: Sequence[str]) -> Html:
    shown = [[f"{100 * value:.0f}" for value in row] for row in comparison.similarity.tolist()]
    return heat_map(entities, entities, comparison.similarity, shown, name=comparison.name)


def _read(text: ReadText) -> Html:
    style = "relations" if text.doc._.mluke_relations else "entities"
    return _row(text.lang, draw(replace(read_doc(text.doc), lang=text.lang), style))


def _answered(one: AnsweredText) -> Html:
    mentions = []
    if one.answer is not None:
        start, end = one.answer.chars
        mentions.append(MarkedMention(start, end, "ANSWER"))
    mark = "right" if one.is_right else "wrong"
    found = "no answer" if one.answer is None else one.answer.text
    return _row(
        one.lang,
        fill(
            '{}<small>{} <span class="{}">{}</span></small>',
            marked_text(AnnotatedText(one.text, mentions, lang=one.lang)), one.question, mark, found,
        ),
    )  # fmt: skip


def _linked(text: LinkedText) -> Html:
    marked = [MarkedMention(m["start"], m["end"], m["name"], m["id"], m["name"]) for m in text.mentions]
    return _row(text.lang, marked_text(AnnotatedText(text.text, marked, lang=text.lang)))


def _completed(text: CompletedText) -> Html:
    before, _, after = text.text.partition("[MASK]")
    first, *others = text.fillers
    return _row(
        text.lang,
        fill(
            '<div class="mluke-text" dir="{direction}">{before}<mark class="{mark}">{filler}</mark>{after}</div>'
            '<small>{score:.2f} <span class="{mark}">{mark}</span>; next: {rest}</small>',
            direction=direction_of(text.text, text.lang),
            before=before,
            mark="right" if text.is_right else "wrong",
            filler=first.text,
            after=after,
            score=first.score,
            rest=", ".join(f"{filler.text} {filler.score:.2f}" for filler in others),
        ),
    )


def _row(lang: str, html: Html) -> Html:
    return fill('<div class="row"{}><b lang="en">{}</b>{}</div>', lang_attribute(lang), lang, html)


def _languages(docs: Sequence[Doc], mentions: Sequence[Mention]) -> Sequence[str]:
    """Return the language of each document: that of its first mention."""
    result = []
    row = 0
    for doc in docs:
        result.append(mentions[row].language)
        row += len(doc.ents)
    return result
