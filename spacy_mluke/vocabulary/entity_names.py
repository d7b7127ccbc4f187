"""Names of entities: what new ones are called, and what one is called in a language.

mLUKE's vocabulary names an entity once in each language, `en:Tokyo`, `ja:東京`. An entity that is added gets a key
besides, a name without a language (`Q1490`), and where its title is another entity's already, the key in brackets
behind it: `en:Georgia (Q1428)`.
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
    """An entity that a vocabulary is to get.

    RAISES (ValueError): ML226 without a key or a name.
    """

    key: str  # what `kb_id_` says: "Q1490"
    names: Mapping[str, Union[str, Sequence[str]]]  # language -> title, or title and aliases; "" for no language

    def __post_init__(self) -> None:
        is_text = isinstance(self.key, str) and bool(self.key.strip())
        if not is_text or not isinstance(self.names, Mapping) or not self.all_names():
            raise ValueError(Errors.ML226.format(found=f"key {self.key!r}, names {self.names!r}"))

    @property
    def titles(self) -> Dict[str, str]:
        """The first name in each language."""
        return {lang: names[0] for lang, names in self._lists().items()}

    def all_names(self) -> List[str]:
        """Titles and aliases of all languages."""
        return [name for names in self._lists().values() for name in names]

    def _lists(self) -> Dict[str, List[str]]:
        lists = {lang: [names] if isinstance(names, str) else list(names) for lang, names in self.names.items()}
        kept = {lang: [name for name in names if isinstance(name, str) and name] for lang, names in lists.items()}
        return {lang: names for lang, names in kept.items() if names}


def split_name(name: str) -> Tuple[str, str]:
    """Language and title of a name in a vocabulary.

    name (str): "ja:東京", or a name without a language.
    RETURNS (Tuple[str, str]): ("ja", "東京"); ("", name) without a language.
    """
    match = LANGUAGE.match(name)
    return (match[1], name[match.end() :]) if match else ("", name)


def key_of(names: Sequence[str]) -> Optional[str]:
    """The key among an entity's names.

    names (Sequence[str]): As the vocabulary has them.
    RETURNS (Optional[str]): The first that has no language; in LUKE's vocabulary, that is the title.
    """
    return next((name for name in names if not split_name(name)[0]), None)


def name_in(names: Sequence[str], lang: str) -> str:
    """What an entity is called in a language.

    names (Sequence[str]): Its names in the vocabulary; at least one.
    lang (str): The language.
    RETURNS (str): The name in the vocabulary: that of the language, else the English one, else the first that has a
        language, else the first.
    """
    by_language: Dict[str, str] = {}
    for name in names:
        by_language.setdefault(split_name(name)[0], name)
    wanted = [lang, lang.partition("-")[0], _FALLBACK]
    found = next((by_language[code] for code in wanted if code and code in by_language), None)
    return found or next((name for code, name in by_language.items() if code), names[0])


def title_of(name: str, key: Optional[str] = None) -> str:
    """A name as it stands in a text.

    name (str): A name in the vocabulary.
    key (Optional[str]): The entity's key, which may stand in brackets behind it.
    RETURNS (str): Without the language, and without the key.
    """
    title = split_name(name)[1]
    suffix = f" ({key})"
    return title[: -len(suffix)] if key and title.endswith(suffix) and len(title) > len(suffix) else title


def free_names(
    entity: NewEntity, entity_id: int, owner: Callable[[str], Optional[int]]
) -> Tuple[List[str], Optional[str]]:
    """The names of a new entity that its vocabulary can take.

    entity (NewEntity): The entity.
    entity_id (int): Its id.
    owner (Callable[[str], Optional[int]]): Whose a name is already.
    RETURNS (Tuple[List[str], Optional[str]]): Names, the key first; and one that had to be told apart by the key, if
        any.
    """
    names, told_apart = [entity.key], None
    for lang, title in entity.titles.items():
        if not lang:
            continue  # without a language it would be a second key
        name = f"{lang}:{title}"
        if owner(name) not in (None, entity_id):
            name = told_apart = f"{name} ({entity.key})"
        names.append(name)
    return names, told_apart
