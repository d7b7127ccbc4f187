"""Order the names of an entity: in each language, the first is the one that readers of the language expect."""

from __future__ import annotations

from typing import Dict, List, Mapping, NamedTuple, Sequence, Set, Tuple

# Sources give several English labels, such as "Warsaw" and "Warszawa". These languages use English names of places.
_LIKE_ENGLISH = ("cy", "ms", "sw", "tl")


class CleanName(NamedTuple):
    """A name that is kept."""

    name: str
    langs: Tuple[str, ...]  # "" for all
    is_label: bool
    is_weak: bool  # linked where another component found it, but never searched
    common: Tuple[str, ...]  # languages of which it is an ordinary word


def english_label(names: Sequence[CleanName], forms: Mapping[str, Mapping[str, bool]]) -> str:
    """Return the English label: that of the languages that use English names, then that of most languages.

    names (Sequence[CleanName]): The names that are kept.
    forms (Mapping[str, Mapping[str, bool]]): For each name, its languages, and whether it is a label there.
    RETURNS (str): The label; "" if there is none.
    """

    def rank(name: str) -> Tuple[int, int, int, str]:
        return sum(lang in forms[name] for lang in _LIKE_ENGLISH), len(forms[name]), len(name), name

    found = [name.name for name in names if name.is_label and forms[name.name].get("en")]
    return max(found, key=rank, default="")


def labels_first(names: Sequence[CleanName], labels: Mapping[str, str], inflected: Set[str]) -> List[CleanName]:
    """Order names such that the first one in a language is its label. No name gets another language, but one:

    The label of most languages is stored without a language. Where an alias would precede it, it gets that language,
    too; but not languages whose names are also found inflected, so that what is found stays the same.

    names (Sequence[CleanName]): The names.
    labels (Mapping[str, str]): The label of each language.
    inflected (Set[str]): Languages whose names are also found inflected.
    RETURNS (List[CleanName]): The names, the labels first.
    """
    shared = [name for name in names if name.is_label and name.langs == ("",)]
    first: List[CleanName] = []
    rest: List[CleanName] = []
    for name in names:
        if not name.is_label or name in shared:
            continue
        own = tuple(lang for lang in name.langs if labels.get(lang, name.name) == name.name)
        other = tuple(lang for lang in name.langs if lang not in own)
        if own:
            first.append(name._replace(langs=own))
        if other:
            # The languages of which it is an ordinary word are said once.
            rest.append(name._replace(langs=other, common=() if own else name.common))
    hidden: Dict[str, None] = {lang: None for name in rest for lang in name.langs}
    for name in shared:
        own = tuple(sorted(lang for lang in hidden if labels.get(lang) == name.name and lang not in inflected))
        first.insert(0, name._replace(langs=("", *own)))
    aliases = [name for name in names if not name.is_label]
    return [*first, *rest, *aliases]
