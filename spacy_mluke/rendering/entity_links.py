"""Addresses of entities: pages of Wikidata, GeoNames and other registers, by entity id."""

from __future__ import annotations

import re
from typing import Optional
from urllib.parse import quote

from ..errors import Errors

# An id, and the address of its page.
_REGISTERS = (
    (re.compile(r"Q[1-9][0-9]*"), "https://www.wikidata.org/wiki/{}"),
    (re.compile(r"geonames:([0-9]+)"), "https://www.geonames.org/{}"),
    (re.compile(r"iso3166:([A-Z]{2})"), "https://www.iso.org/obp/ui/#iso:code:3166:{}"),
    (re.compile(r"iso639:([a-z]{2})"), "https://www.loc.gov/standards/iso639-2/php/langcodes_name.php?iso_639_1={}"),
    (re.compile(r"iso639:([a-z]{3})"), "https://iso639-3.sil.org/code/{}"),
    (re.compile(r"iso4217:[A-Z]{3}"), "https://www.iso.org/iso-4217-currency-codes.html"),
    (re.compile(r"m49:[0-9]{3}"), "https://unstats.un.org/unsd/methodology/m49/"),
)
_TITLE = re.compile(r"([a-z]{2,3}):(.+)", re.DOTALL)
_PROPERTY = re.compile(r"P[1-9][0-9]*")
_ADDED_PROPERTY = re.compile(r"(?<=\S)\s*\(P[1-9][0-9]*\)$")


def check_template(template: Optional[str]) -> None:
    """Check a template of addresses.

    template (Optional[str]): An address with "{}" for the id; None for the built-in ones.
    RAISES (ValueError): ML450 for any other value.
    """
    if template is None:
        return
    is_address = isinstance(template, str) and re.match(r"https?://", template) is not None
    if not is_address or template.count("{}") != 1:
        raise ValueError(Errors.ML450.format(found=repr(template)))


def entity_url(kb_id: str, template: Optional[str] = None) -> str:
    """Return the address of an entity's page.

    kb_id (str): The entity's id: a Wikidata QID, an id of the bundled knowledge base such as "geonames:1850147", or
        the title of a Wikipedia page, such as "en:Tokyo".
    template (Optional[str]): An address with "{}" for the id; None for the page of the id's register.
    RETURNS (str): The address; "" for other ids without a template.
    """
    if template is not None:
        return template.replace("{}", quote(kb_id, safe="", errors="replace"))
    for pattern, address in _REGISTERS:
        found = pattern.fullmatch(kb_id)
        if found is not None:
            return address.format(found[1] if pattern.groups else kb_id)
    page = _TITLE.fullmatch(kb_id)
    if page is None:
        return ""
    return f"https://{page[1]}.wikipedia.org/wiki/{quote(page[2].replace(' ', '_'), safe='', errors='replace')}"


def property_url(name: str) -> str:
    """Return the address of a Wikidata property's page.

    name (str): Such as "P36".
    RETURNS (str): The address; "" for any other name.
    """
    return f"https://www.wikidata.org/wiki/Property:{name}" if _PROPERTY.fullmatch(name) else ""


def without_property(label: str) -> str:
    """Return the label of a relation without its property, for drawings.

    label (str): Such as "capital (P36)".
    RETURNS (str): Such as "capital".
    """
    return _ADDED_PROPERTY.sub("", label)
