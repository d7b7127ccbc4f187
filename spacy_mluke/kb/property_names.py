"""Names of the properties of facts, in ten languages, and the order in which facts are shown.

`property_names.tsv` has the properties of the bundled knowledge base. Those that say most about an entity come first.
English names are those of Wikidata (CC0). The others were translated for this package.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Dict, Optional, Tuple

_FILE = Path(__file__).with_suffix(".tsv")


def property_name(name: str, lang: Optional[str] = None) -> Optional[str]:
    """Return the name of a property of Wikidata.

    name (str): The property, such as "P36".
    lang (Optional[str]): The language.
    RETURNS (Optional[str]): Its name in that language ("capital"), else in English; None for an unknown property.
    """
    names = _read().get(name)
    return None if names is None else names.get(lang or "en", names["en"])


def property_rank(name: str) -> Tuple[int, str]:
    """Return a key that sorts properties: those that say most about an entity first, unknown ones last.

    name (str): The property.
    RETURNS (Tuple[int, str]): The key.
    """
    return _places().get(name, len(_places())), name


@lru_cache(maxsize=1)
def _read() -> Dict[str, Dict[str, str]]:
    head, *lines = _FILE.read_text(encoding="utf8").splitlines()
    languages = head.split("\t")[1:]
    rows = (line.split("\t") for line in lines)
    return {row[0]: dict(zip(languages, row[1:], strict=True)) for row in rows}


@lru_cache(maxsize=1)
def _places() -> Dict[str, int]:
    return {name: place for place, name in enumerate(_read())}
