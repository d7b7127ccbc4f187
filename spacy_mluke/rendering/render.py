"""`render`: annotated documents as HTML, for notebooks and files."""

from __future__ import annotations

from typing import Callable, Dict, Iterable, List, Optional, Sized, Union

from spacy.tokens import Doc, Span

from ..errors import Errors, check_choice
from .annotated import AnnotatedText, Names, read_doc
from .arcs import arc_diagram, fact_table
from .colors import assign_colors, legend
from .entity_links import check_template
from .graph import graph_drawing
from .marked_text import marked_text, mention_table
from .markup import Html, fill, join
from .page import base_style, document
from .similarity import similarity_map

STYLES = ("entities", "relations", "graph", "similarity")


def render(
    docs: Union[Doc, Span, Iterable[Union[Doc, Span]]],
    style: str = "entities",
    *,
    page: bool = False,
    title: str = "spacy_mluke",
    kb_url_template: Optional[str] = None,
    names: Optional[Names] = None,
) -> Html:
    """Render annotated documents as HTML. A notebook shows the result; a file with it needs no other files.

    docs (Union[Doc, Span, Iterable[Union[Doc, Span]]]): A document, or several.
    style (str): "entities" marks entities in the text, with labels and links; "relations" draws relations as arcs above
        the text; "graph" draws entities and relations as a graph; "similarity" compares the vectors of mentions.
    page (bool): Whether to return a complete page instead of a part of one.
    title (str): Title of the page.
    kb_url_template (Optional[str]): Address of an entity's page, with "{}" for its id. None for built-in addresses:
        Wikidata for QIDs, GeoNames, ISO's and the UN's registers for the bundled knowledge base, Wikipedia for titles
        such as "en:Tokyo".
    names (Optional[Callable[[str], Optional[str]]]): Function that returns the name of an entity id, such as
        `EntityStore.name`.
    RETURNS (Html): HTML, a `str`. All text of the documents is escaped.
    RAISES (ValueError): ML070 for an unknown style, ML450 for an invalid address, ML451 for the similarity of a
        document without vectors, ML452 for an object that is not a document.
    """
    check_choice("style", style, STYLES)
    check_template(kb_url_template)
    single = isinstance(docs, (Doc, Span)) or not isinstance(docs, Iterable)
    given: List[object] = [docs] if single else list(docs)
    contents = [read_doc(_as_doc(doc), names) for doc in given]
    body = join(draw(content, style, kb_url_template=kb_url_template) for content in contents)
    if page:
        return document(title, "", fill("<h1>{}</h1>{}", title, body))
    return fill('<div class="mluke"><style>{}</style>{}</div>', base_style(), body)


def draw(
    content: AnnotatedText, style: str, *, kb_url_template: Optional[str] = None, width: Optional[int] = None
) -> Html:
    """Draw one text, without the style sheet.

    content (AnnotatedText): The text.
    style (str): One of `STYLES`.
    kb_url_template (Optional[str]): See `render`.
    width (Optional[int]): Width of drawings in pixels; None for one for wide and one for narrow pages.
    RETURNS (Html): HTML.
    RAISES (ValueError): ML451 for the similarity of a text without vectors.
    """
    parts = _STYLES[style](content, kb_url_template, width)
    return fill('<section class="mluke-doc">{}</section>', parts)


def _entities(content: AnnotatedText, kb_url_template: Optional[str], width: Optional[int]) -> Html:
    text = marked_text(content, kb_url_template=kb_url_template)
    rows = mention_table(content, kb_url_template=kb_url_template)
    if not rows:
        return fill('{}<p class="mluke-note">No entities.</p>', text)
    return fill(
        "{}<details><summary>{}</summary>{}</details>", text, _title(content.mentions, "entity", "entities"), rows
    )


def _relations(content: AnnotatedText, kb_url_template: Optional[str], width: Optional[int]) -> Html:
    return join((arc_diagram(content, width=width), fact_table(content, kb_url_template=kb_url_template)))


def _graph(content: AnnotatedText, kb_url_template: Optional[str], width: Optional[int]) -> Html:
    colors = assign_colors(mention.label for mention in content.mentions)
    rows = fact_table(content, kb_url_template=kb_url_template)
    table = fill("<details><summary>{}</summary>{}</details>", _title(content.facts, "relation", "relations"), rows)
    return join((graph_drawing(content, colors=colors, width=width), legend(colors), table if content.facts else rows))


def _similarity(content: AnnotatedText, kb_url_template: Optional[str], width: Optional[int]) -> Html:
    return similarity_map(content)


_STYLES: Dict[str, Callable[[AnnotatedText, Optional[str], Optional[int]], Html]] = {
    "entities": _entities,
    "relations": _relations,
    "graph": _graph,
    "similarity": _similarity,
}


def _as_doc(value: object) -> Doc:
    if isinstance(value, Span):
        return value.as_doc(copy_user_data=True)
    if isinstance(value, Doc):
        return value
    raise ValueError(Errors.ML452.format(found=repr(value)))


def _title(items: Sized, one: str, many: str) -> str:
    return f"Table of {len(items)} {one if len(items) == 1 else many}"
