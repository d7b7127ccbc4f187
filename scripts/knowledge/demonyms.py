"""Adjectives of countries as names: "German", "iranischen", "finlandesas". Texts mean the country by them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Dict, List, Mapping, Tuple

from .sources import Item, lines

# For each language, endings of the masculine singular, and what all forms have in their place; the first one that fits.
_FORMS: Mapping[str, Tuple[Tuple[str, Tuple[str, ...]], ...]] = {
    "en": (("", ("",)),),
    "de": (("er", ("er",)), ("", ("", "e", "em", "en", "er", "es"))),
    "es": (
        ("o", ("o", "a", "os", "as")),
        ("és", ("és", "esa", "eses", "esas")),
        ("án", ("án", "ana", "anes", "anas")),
        ("ón", ("ón", "ona", "ones", "onas")),
        ("ol", ("ol", "ola", "oles", "olas")),
        ("ín", ("ín", "ina", "ines", "inas")),
        ("í", ("í", "íes", "ís")),
        ("ú", ("ú", "úes", "ús")),
        ("s", ("s", "sa", "ses", "sas")),
        ("", ("", "s")),
    ),
    "fr": (
        ("grec", ("grec", "grecque", "grecs", "grecques")),
        ("turc", ("turc", "turque", "turcs", "turques")),
        ("éen", ("éen", "éenne", "éens", "éennes")),
        ("yen", ("yen", "yenne", "yens", "yennes")),
        ("ien", ("ien", "ienne", "iens", "iennes")),
        ("ton", ("ton", "tonne", "tons", "tonnes")),
        ("s", ("s", "se", "ses")),
        ("e", ("e", "es")),
        ("é", ("é", "ée", "és", "ées")),
        ("", ("", "e", "s", "es")),
    ),
}


def add_demonyms(items: Dict[str, Item], table: Path, links: Mapping[str, str]) -> int:
    """Add the adjectives of countries as aliases, which are linked where another component finds them, and never
    searched: texts have them without capitals.

    items (Dict[str, Item]): The entities, changed in place.
    table (Path): A table of countries by their ISO codes, with a column for each language.
    links (Mapping[str, str]): Wikidata ids by those of assets/world.
    RETURNS (int): Number of countries with such aliases.
    """
    header, *rows = lines(table)
    n_countries = 0
    for code, *columns in rows:
        item = items.get(links.get(f"iso3166:{code}", ""))
        if item is None:
            continue
        n_countries += 1
        known = {name for _, name, _ in item.names}
        for lang, column in zip(header[1:], columns, strict=True):
            found = [form for word in column.split(",") for form in forms_of(word, lang) if form not in known]
            item.names += [(lang, form, False) for form in found]
            item.demonyms.update(form for word in column.split(",") for form in forms_of(word, lang))
    return n_countries


def forms_of(word: str, lang: str) -> List[str]:
    """Return the forms of an adjective: genders, numbers, and in German the cases.

    word (str): The masculine singular, in German without an ending.
    lang (str): Its language.
    RETURNS (List[str]): All forms.
    """
    for ending, forms in _FORMS[lang]:
        if word.endswith(ending):
            stem = re.sub(f"{ending}$", "", word)
            return [stem + form for form in forms]
    return [word]
