"""Errors of rendered documents: ML450 to ML459."""


class RenderingErrors:
    ML450 = (
        "'kb_url_template' must be an address that begins with http:// or https:// and has one {{}} for the entity's "
        "id, such as https://www.wikidata.org/wiki/{{}}. Found: {found}."
    )
    ML451 = (
        "This document has no vectors of mentions, so similarities cannot be shown. Add the component mluke to the "
        "pipeline, after the one that finds entities."
    )
    ML452 = "render takes a Doc, a Span, or a list of them. Found: {found}."
    ML453 = "This is not a document as POST /v1/annotate returns it: {reason}."
