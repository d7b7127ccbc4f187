"""Replace names in training texts by other names of the same class, so that more names are seen in real contexts."""

from __future__ import annotations

import random
import unicodedata
from collections import defaultdict
from typing import Collection, Dict, List, NamedTuple, Set, Tuple

from scripts.xx_mluke_small.fact_sentences import read_rows
from scripts.xx_mluke_small.sentences import NamedText
from scripts.xx_mluke_small.sources import ALWAYS
from scripts.xx_mluke_small.training_files import NAMES_FILE, TYPES_FILE, DataFolder

# Probability that the known names of a text are replaced.
SWAPPED = 0.3
# Classes with fewer names in a language share one list for each type.
LEAST_NAMES = 25
MAX_WORDS = 4  # of a name
SHORT = 3  # letters: shorter names are often words


class NameKind(NamedTuple):
    """What a name and its replacement have in common."""

    lang: str
    label: str  # PER, ORG or LOC
    kind: str  # Wikidata class, such as Q515 (city), or "" for rare ones
    script: str
    n_words: int


class NameSwaps:
    """Replaces names of known entities by other ones.

    data (DataFolder): Names and types of entities.
    languages (Collection[str]): Languages of the texts.
    """

    def __init__(self, data: DataFolder, languages: Collection[str]):
        self.kinds: Dict[Tuple[str, str], NameKind] = {}  # language and name
        self.names: Dict[NameKind, List[str]] = defaultdict(list)
        types = read_types(data)
        unclear: Set[Tuple[str, str]] = set()
        for own, lang, name, kind in read_rows(data.path(NAMES_FILE)):
            if own not in types or lang not in languages or not is_plain(name):
                continue
            found = NameKind(lang, *types[own], script_of(name), len(name.split()))
            if self.kinds.setdefault((lang, name), found).label != found.label:
                unclear.add((lang, name))
            if kind == "label":
                self.names[found].append(name)
        for key in unclear:
            del self.kinds[key]
        for rare, names in list(self.names.items()):
            if len(names) < LEAST_NAMES:
                self.names[rare._replace(kind="")] += names

    def swap(self, item: NamedText, lang: str, rng: random.Random) -> NamedText:
        """Replace the known names of a text. Names that stand twice get the same replacement.

        item (NamedText): The text.
        lang (str): Its language.
        rng (random.Random): Random numbers.
        RETURNS (NamedText): The changed text. Names that overlap others, and names of other entities, stay.
        """
        text, last, spans = "", 0, []
        chosen: Dict[str, str] = {}
        ordered = sorted(item.spans)
        for i, (start, end, label) in enumerate(ordered):
            is_nested = start < last or (i + 1 < len(ordered) and ordered[i + 1][0] < end)
            if is_nested:
                return item
            name = item.text[start:end]
            if name not in chosen:
                chosen[name] = self._replacement(name, lang, label, rng)
            text += item.text[last:start]
            spans.append((len(text), len(text) + len(chosen[name]), label))
            text, last = text + chosen[name], end
        return NamedText(text + item.text[last:], spans)

    def _replacement(self, name: str, lang: str, label: str, rng: random.Random) -> str:
        kind = self.kinds.get((lang, name))
        if kind is None or kind.label != label:
            return name
        for own in (kind, kind._replace(kind="")):
            if len(self.names.get(own, ())) >= LEAST_NAMES:
                return rng.choice(self.names[own])
        return name


def read_types(data: DataFolder) -> Dict[str, Tuple[str, str]]:
    """Read the types of people, organisations and places.

    data (DataFolder): The data.
    RETURNS (Dict[str, Tuple[str, str]]): By entity: PER, ORG or LOC, and the first class. Entities with classes of
        different types are left out.
    """
    found: Dict[str, Tuple[str, str]] = {}
    types: Dict[str, Set[str]] = defaultdict(set)
    for own, of_class, _, label in read_rows(data.path(TYPES_FILE)):
        types[own].add(label)
        found.setdefault(own, (label, of_class))
    return {own: value for own, value in found.items() if value[0] in ALWAYS and len(types[own]) == 1}


def is_plain(name: str) -> bool:
    """Return whether a name has up to four words of letters, dots, hyphens and apostrophes.

    name (str): The name.
    RETURNS (bool): False for names with digits, commas or brackets, for those that begin with a small letter, and for
        one or two letters of an alphabet.
    """
    if len(name) < SHORT and name.upper() != name.lower():
        return False
    if not name or name[0].islower() or len(name.split()) > MAX_WORDS:
        return False
    return all(char.isalpha() or unicodedata.combining(char) or char in " .-'’·・" for char in name)


def script_of(name: str) -> str:
    """Return the script of the first letter of a name.

    name (str): The name, which begins with a letter.
    RETURNS (str): The first word of the letter's Unicode name, such as "LATIN".
    """
    return unicodedata.name(name[0], "").partition(" ")[0]
