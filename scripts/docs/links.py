"""Point links that leave `docs/` at the repository, so that the same Markdown works on the site and on GitHub."""

from __future__ import annotations

import posixpath
import re
from typing import Any

# The target of a Markdown link that is neither an address nor a heading of the page itself.
RELATIVE = re.compile(r"\]\((?!\w+:|#)([^)\s]+)\)")


def on_page_markdown(markdown: str, *, page: Any, config: Any, **_: Any) -> str:
    """Return the page with links to files outside `docs/` as addresses in the repository.

    markdown (str): Source of the page.
    page (Page): The page, which knows its path inside `docs/`.
    config (MkDocsConfig): The site's configuration.
    RETURNS (str): The source to render.
    """
    folder = posixpath.dirname(page.file.src_uri)

    def resolve(match: re.Match) -> str:
        path = posixpath.normpath(posixpath.join("docs", folder, match[1]))
        return match[0] if path.startswith("docs/") else f"]({config.repo_url.rstrip('/')}/blob/main/{path})"

    return RELATIVE.sub(resolve, markdown)
