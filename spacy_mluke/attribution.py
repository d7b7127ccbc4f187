"""Licences of the bundled checkpoint and the bundled knowledge base, for the meta.json of pipelines with them."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, List

ASSETS = Path(__file__).resolve().parent / "assets"
_AND = " AND "
LICENSE = "MIT AND Unicode-3.0 AND CC-BY-4.0"
WIKIDATA = {
    "name": "Wikidata",
    "url": "https://www.wikidata.org",
    "author": "the contributors of Wikidata",
    "license": "CC0-1.0",
}
RERANKER = {
    "name": "re-ranker, trained on FewRel and KnowledgeNet",
    "url": "https://github.com/diffbot/knowledge-net",
    "author": "the spacy_mluke developers; Han et al., 2018; Mesquita et al., 2019",
    "license": "CC-BY-SA-4.0",
}
SOURCES: List[Dict[str, str]] = [
    {
        "name": "mluke-small, made from multilingual-e5-small",
        "url": "https://huggingface.co/intfloat/multilingual-e5-small",
        "author": "Microsoft Corporation; the spacy_mluke developers",
        "license": "MIT",
    },
    {
        "name": "Unicode CLDR",
        "url": "https://cldr.unicode.org",
        "author": "Unicode, Inc.",
        "license": "Unicode-3.0",
    },
    {
        "name": "GeoNames",
        "url": "https://www.geonames.org",
        "author": "GeoNames",
        "license": "CC-BY-4.0",
    },
]


def attribute_bundled(meta: Dict[str, Any], *, store: str = "world") -> None:
    """Add the licence, sources and licence texts of the bundled checkpoint and knowledge base to a pipeline's meta, to
    those that it has.

    `spacy package` writes them to the README and the metadata of the package.

    meta (Dict[str, Any]): `Language.meta`, changed in place.
    store (str): Name of the bundled knowledge base: "world" or "knowledge".
    """
    # Entities of the bundled checkpoint have their names from "world", and "knowledge" contains it.
    is_large = store == "knowledge"
    names = ("mluke-small", "knowledge", "reranker") if is_large else ("mluke-small", "world")
    texts = [(ASSETS / name / "LICENSE").read_text(encoding="utf8").strip() for name in names]
    bundled = f"{LICENSE} AND CC0-1.0 AND CC-BY-SA-4.0" if is_large else LICENSE
    meta["license"] = _join_licenses(meta.get("license") or "", bundled)
    known = list(meta.get("sources") or [])
    sources = (*SOURCES, *([WIKIDATA, RERANKER] if is_large else []))
    meta["sources"] = [*known, *(dict(source) for source in sources if source not in known)]
    notes = [meta["notes"]] if meta.get("notes") else []
    meta["notes"] = "\n\n".join([*notes, "### Licences", *(f"```\n{text}\n```" for text in texts)])


def _join_licenses(own: str, more: str) -> str:
    """Return two expressions as one, with each licence once. "CC BY-SA 4.0", as spaCy's pipelines spell it, is
    "CC-BY-SA-4.0"."""
    names: Dict[str, str] = {}
    for name in (*own.split(_AND), *more.split(_AND)):
        names.setdefault(name.replace(" ", "-"), name)
    return _AND.join(filter(None, names.values()))
