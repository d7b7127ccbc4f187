"""Names of entities in a vocabulary: names of new entities, and the name of an entity in a language.

In mLUKE's vocabulary, an entity has one name in each language: `en:Tokyo`, `ja:東京`. An added entity also has a key, a
name without a language (`Q1490`). If its title is already the title of another entity, the key is appended in brackets:
`en:Georgia (Q1428)`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Callable, Dict, List, Mapping, Optional, Sequence, Tuple, Union

from ..errors import Errors

LANGUAGE = re.compile(r"([a-z]{2,3}(?:-[a-z]{2,8})?):(?=.)", re.DOTALL)
_FALLBACK = "en"


@dataclass(frozen=True)
class NewEntity:
    """An entity to add to a vocabulary.

    RAISES (ValueError): ML226 without a key or a name.
    """

    key: str  # as in `kb_id_`: "Q1490"
    names: Mapping[str, Union[str, Sequence[str]]]  # language -> title, or title and aliases; "" for no language

    def __post_init__(self) -> None:
        is_text = isinstance(self.key, str) and bool(self.key.strip())
        if not is_text or not isinstance(self.names, Mapping) or not self.all_names():
            raise ValueError(Errors.ML226.format(found=f"key {self.key!r}, names {self.names!r}"))

    @property
    def titles(self) -> Dict[str, str]:
        """First name by language."""
        return {lang: names[0] for lang, names in self._lists().items()}

    def all_names(self) -> List[str]:
        """Return the titles and aliases of all languages."""
        return [name for names in self._lists().values() for name in names]

    def _lists(self) -> Dict[str, List[str]]:
        lists = {lang: [names] if isinstance(names, str) else list(names) for lang, names in self.names.items()}
        kept = {lang: [name for name in names if isinstance(name, str) and name] for lang, names in lists.items()}
        return {lang: names for lang, names in kept.items() if names}


def split_name(name: str) -> Tuple[str, str]:
    """Split a name of a vocabulary into language and title.

    name (str): "ja:東京", or a name without a language.
    RETURNS (Tuple[str, str]): ("ja", "東京"); ("", name) without a language.
    """
    match = LANGUAGE.match(name)
    return (match[1], name[match.end() :]) if match else ("", name)


def key_of(names: Sequence[str]) -> Optional[str]:
    """Return the key among an entity's names.

    names (Sequence[str]): Its names in the vocabulary.
    RETURNS (Optional[str]): The first name without a language; in LUKE's vocabulary, that is the title.
    """
    return next((name for name in names if not split_name(name)[0]), None)


def name_in(names: Sequence[str], lang: str) -> str:
    """Return an entity's name in a language.

    names (Sequence[str]): Its names in the vocabulary; at least one.
    lang (str): The language.
    RETURNS (str): The name in the vocabulary: that of the language, else the English one, else the first with a
        language, else the first.
    """
    by_language: Dict[str, str] = {}
    for name in names:
        by_language.setdefault(split_name(name)[0], name)
    codes = [lang, lang.partition("-")[0], _FALLBACK]
    found = next((by_language[code] for code in codes if code and code in by_language), None)
    return found or next((name for code, name in by_language.items() if code), names[0])


def title_of(name: str, key: Optional[str] = None) -> str:
    """Return a name without its language and key, as it is written in a text.

    name (str): A name in the vocabulary.
    key (Optional[str]): The entity's key, which may follow the name in brackets.
    RETURNS (str): The title.
    """
    title = split_name(name)[1]
    suffix = f" ({key})"
    return title[: -len(suffix)] if key and title.endswith(suffix) and len(title) > len(suffix) else title


def free_names(
    entity: NewEntity, entity_id: int, owner: Callable[[str], Optional[int]]
) -> Tuple[List[str], Optional[str]]:
    """Return names for a new entity that no other entity of the vocabulary has.

    entity (NewEntity): The entity.
    entity_id (int): Its id.
    owner (Callable[[str], Optional[int]]): Returns the id of the entity that has a name, None if there is none.
    RETURNS (Tuple[List[str], Optional[str]]): Names, the key first; and a name to which the key was appended, if any.
    """
    names, with_key = [entity.key], None
    for lang, title in entity.titles.items():
        if not lang:
            continue  # a name without a language would be a second key
        name = f"{lang}:{title}"
        if owner(name) not in (None, entity_id):
            name = with_key = f"{name} ({entity.key})"
        names.append(name)
    return names, with_key
