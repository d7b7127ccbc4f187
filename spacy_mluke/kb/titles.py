"""Titles before names of people: "King Louis XIV", "Sir Mike Jackson", "Präsident Macron"."""

from __future__ import annotations

from typing import Optional

# In lower case, without a final stop, in languages that put them first. "San" and "Saint" are parts of names of places,
# and of saints, so they are only left out if nothing has the name with them.
_WORDS = """
sir dame lord lady king queen prince princess emperor empress tsar sultan pope saint st cardinal archbishop bishop
president chancellor premier minister senator governor mayor ambassador general admiral colonel captain major
mr mrs ms miss dr prof professor judge justice
könig königin kaiser kaiserin prinz prinzessin papst präsident präsidentin bundeskanzler bundeskanzlerin kanzler
kanzlerin minister ministerin herr frau heiliger heilige
roi reine empereur impératrice prince princesse pape président présidente ministre monsieur madame m mme général
rey reina emperador emperatriz príncipe princesa papa presidente presidenta ministro ministra señor señora don doña
san santa
re regina imperatore imperatrice principe principessa signor signora generale
rei rainha imperador imperatriz dom dona senhor senhora santo
koning koningin keizer prins prinses paus meneer mevrouw
kung drottning kejsare kejser konge dronning påve pave
król królowa cesarz papież prezydent premier pan pani
král královna císař papež
король королева царь царица император императрица принц принцесса папа президент премьер генерал
"""
_TITLES = frozenset(_WORDS.split())


def without_title(name: str) -> Optional[str]:
    """Return the name of a person without titles.

    name (str): The name.
    RETURNS (Optional[str]): What follows the titles; None if there is none of them, or nothing else.
    """
    words = name.split()
    first = 0
    while first < len(words) and words[first].rstrip(".").lower() in _TITLES:
        first += 1
    return " ".join(words[first:]) if 0 < first < len(words) else None
