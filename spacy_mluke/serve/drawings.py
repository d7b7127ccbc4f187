"""Documents of the API as HTML, for the explorer page: the package's renderer, behind a request."""

from __future__ import annotations

from ..rendering.json_input import read_json
from ..rendering.markup import fill, join
from ..rendering.page import document
from ..rendering.render import draw
from .problems import Problem
from .schema import RenderRequest


def render_document(request: RenderRequest) -> str:
    """Render a document.

    request (RenderRequest): The request.
    RETURNS (str): HTML, without style sheet or, with `page`, a complete page.
    RAISES (Problem): ML451 for similarities of a document without vectors, ML453 if it is not a document.
    """
    try:
        content = read_json(request.document)
        parts = [draw(content, style, width=request.width) for style in request.styles]
    except ValueError as error:
        raise Problem(422, str(error)) from error
    if not request.page:
        return join(parts)
    titled = [
        fill("<h2>{}</h2>{}", style.capitalize(), part) for style, part in zip(request.styles, parts, strict=True)
    ]
    return document("spacy_mluke", "", fill("<h1>spacy_mluke</h1>{}", join(titled)))
