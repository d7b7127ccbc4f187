"""Keys of entities, Wikidata properties of relations, and IRIs of both."""

from __future__ import annotations

import hashlib
import re
from typing import Optional, Tuple
from urllib.parse import quote

from ..kb.name_keys import loose_key
from ..rendering.annotated import NIL

_PROPERTY = re.compile(r"(.*?)\s*\((P[1-9][0-9]*)\)", re.DOTALL)
_PID = re.compile(r"P[1-9][0-9]*")
WIKIDATA_ENTITY = "http://www.wikidata.org/entity/"
WIKIDATA_PROPERTY = "http://www.wikidata.org/prop/direct/"
_REGISTERS = (
    (re.compile(r"(Q[1-9][0-9]*)"), WIKIDATA_ENTITY + "{}"),
    (re.compile(r"geonames:([0-9]+)"), "https://sws.geonames.org/{}/"),
)
# ASCII, without a fragment.
_ADDRESS = re.compile(r"https?://[A-Za-z0-9._~:/?\[\]@!$&'()*+,;=%-]+")
_PAGE = re.compile(r"([a-z]{2,3}):(.+)", re.DOTALL)


def is_linked(kb_id: Optional[str]) -> bool:
    """Check whether a mention is linked to an entity.

    kb_id (Optional[str]): Its `kb_id`.
    RETURNS (bool): False for nothing and for "NIL".
    """
    return bool(kb_id) and kb_id != NIL


def unlinked_key(text: str, label: str) -> str:
    """Return the key of an entity that is not linked: its type and its name without case, accents and punctuation.

    text (str): A mention's text.
    label (str): Its label.
    RETURNS (str): Such as "name:PER:barack obama". "%" and ":" in the label are percent-encoded.
    """
    return f"name:{_escape(label)}:{loose_key(text)}"


def document_prefix(document: str) -> str:
    """Return the beginning of the keys of unlinked entities that are not merged across documents.

    document (str): The document's key.
    RETURNS (str): Such as "document:doc-7:".
    """
    return f"document:{_escape(document)}:"


def _escape(part: str) -> str:
    return part.replace("%", "%25").replace(":", "%3A")


def split_property(label: str) -> Tuple[str, str]:
    """Split the label of a relation into its name and its Wikidata property.

    label (str): Such as "place of birth (P19)", "P19" or "per:title".
    RETURNS (Tuple[str, str]): The name, and the property or "".
    """
    found = _PROPERTY.fullmatch(label)
    if found is not None:
        return found[1] or found[2], found[2]
    return label, label if _PID.fullmatch(label) else ""


def relation_id(head: str, label: str, tail: str) -> str:
    """Return the id of a merged relation: a checksum of its ends and its label.

    head (str): Key of the head entity.
    label (str): The label.
    tail (str): Key of the tail entity.
    RETURNS (str): 16 hexadecimal digits.
    """
    joined = "\0".join((head, label, tail)).encode("utf8", errors="surrogatepass")
    return hashlib.sha256(joined).hexdigest()[:16]


def entity_iri(key: str, base: str) -> str:
    """Return the IRI of an entity.

    key (str): Its key.
    base (str): Beginning of IRIs of entities that no register has.
    RETURNS (str): The IRI of Wikidata or GeoNames, the address of a Wikipedia page for an id such as "en:Tokyo", or
        an IRI below `base`.
    """
    for pattern, iri in _REGISTERS:
        found = pattern.fullmatch(key)
        if found is not None:
            return iri.format(found[1])
    page = _PAGE.fullmatch(key)
    if page is not None:
        return f"https://{page[1]}.wikipedia.org/wiki/{encode(page[2].replace(' ', '_'))}"
    return f"{base}entity/{encode(key)}"


def predicate_iri(label: str, base: str) -> str:
    """Return the IRI of a relation's label.

    label (str): The label.
    base (str): Beginning of IRIs of labels without a Wikidata property.
    RETURNS (str): Such as "http://www.wikidata.org/prop/direct/P19".
    """
    name, pid = split_property(label)
    return WIKIDATA_PROPERTY + pid if pid else f"{base}relation/{encode(name)}"


def document_iri(key: str, base: str) -> str:
    """Return the IRI of a document.

    key (str): Its key.
    base (str): Beginning of the IRI.
    RETURNS (str): The key, if it is an address on the web; else an IRI below `base`.
    """
    return key if _ADDRESS.fullmatch(key) else f"{base}document/{encode(key)}"


def encode(text: str) -> str:
    """Percent-encode a text as a part of an IRI.

    text (str): Any text.
    RETURNS (str): ASCII. Colons stay as they are.
    """
    return quote(text, safe=":", errors="surrogatepass")
