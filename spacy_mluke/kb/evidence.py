"""What the other names of a text say for a mention's candidates, by facts."""

from __future__ import annotations

import math
from functools import partial
from typing import (
    Callable,
    Collection,
    Container,
    Dict,
    FrozenSet,
    Iterable,
    Iterator,
    List,
    Mapping,
    Optional,
    Sequence,
    Tuple,
)

import numpy

from ..types import Floats1d, Floats2d
from .caches import cached
from .countries import Countries
from .nil import is_first_name, labels_of, nil_features
from .ranking import KIND_OF, agreement, is_no_person
from .store import Entity, Fact, Match

FactsOf = Callable[[str], Iterable[Fact]]
# The prior of an entity, its labels, and the names of its classes.
Known = Tuple[Optional[float], Tuple[str, ...], Tuple[str, ...]]
# Features of a candidate that need no encoder.
FACT_FEATURES = ("prior", "label", "facts", "country", "keywords")
_FLOOR = 1e-6  # minimum prior
_LEAST = 0.2  # minimum prior of what another name may mean
_MAX_FACTS = 200  # facts of an entity that are read


class Evidence:
    """Computes features of candidates from the facts of a knowledge base. Facts are cached.

    facts_of (FactsOf): Returns the facts about an entity.
    get (Callable[[str], Optional[Entity]]): Returns an entity by its id, or by its id in another register.
    classes_of (Callable[[str], Sequence[str]]): Returns the names of an entity's classes.
    keywords_of (Callable[[str], Iterable[str]]): Returns the keywords of an entity.
    """

    def __init__(
        self,
        facts_of: FactsOf,
        get: Callable[[str], Optional[Entity]],
        classes_of: Callable[[str], Sequence[str]],
        keywords_of: Callable[[str], Iterable[str]],
    ):
        self.facts_of, self.get, self.classes_of, self.keywords_of = facts_of, get, classes_of, keywords_of
        self._countries = Countries(self.facts, classes_of, get)
        self._facts: Dict[str, List[Fact]] = {}
        self._keywords: Dict[str, FrozenSet[str]] = {}
        self._known: Dict[Tuple[str, str], Known] = {}
        self._names: Dict[Tuple[str, str], Optional[str]] = {}
        self._described: Dict[Tuple[str, str], Tuple[str, str]] = {}

    def features(
        self,
        matches: Sequence[Match],
        label: str,
        others: Sequence[Sequence[Match]],
        words: Collection[str],
        *,
        use_facts: bool,
    ) -> Floats2d:
        """Return the features of a mention's candidates.

        matches (Sequence[Match]): The candidates.
        label (str): The mention's label.
        others (Sequence[Sequence[Match]]): Candidates of the names of the text. Names that share a candidate with the
            mention do not count.
        words (Collection[str]): Words around the mention, from `keywords.words_around`.
        use_facts (bool): Whether to use facts and keywords. Without, the features that need them are 0.
        RETURNS (Floats2d): A row for each candidate, with the columns `FACT_FEATURES`. Shape: (n, 5), float64.
        """
        found = numpy.zeros((len(matches), len(FACT_FEATURES)))
        found[:, 0] = [math.log(max(match.prior, _FLOOR)) for match in matches]
        found[:, 1] = [math.log(agreement(label, match.type)) for match in matches]
        if use_facts:
            context = context_of(others, {match.id for match in matches})
            # Where people are from says little of the places in a text: Obama may be in Paris.
            places = context_of(others, {match.id for match in matches}, kind="LOC")
            countries = self._countries.evidence(places)
            for i, match in enumerate(matches):
                found[i, 2] = math.log1p(self._related(match.id, context))
                found[i, 4] = math.log1p(len(self.keywords(match.id).intersection(words)))
                if countries:
                    own = (countries.get(country, 0.0) for country in self._countries.of(match.id))
                    found[i, 3] = max(own, default=0.0)
        return found

    def nil_features(
        self,
        mention: str,
        label: str,
        lang: str,
        matches: Sequence[Match],
        first_names: Container[str],
        *,
        is_named: bool = False,
    ) -> Optional[Floats1d]:
        """Return what says whether a mention means its best candidate: see `nil.nil_features`.

        mention (str): The mention.
        label (str): Its label.
        lang (str): The language of the text.
        matches (Sequence[Match]): Its candidates, the best one first.
        first_names (Container[str]): First names of people, in lower case.
        is_named (bool): Whether the text has a longer name of the best candidate.
        RETURNS (Optional[Floats1d]): The features `NIL_FEATURES`. Shape: (15,), float64. None if it does not mean it
            whatever these say: it is labelled as a person, and the candidate is none; or it is only a first name.
        """
        prior, names, classes = self._read(matches[0].id, lang)
        is_alone = not is_named and is_first_name(mention, matches[0], names, first_names)
        if is_alone or is_no_person(label, matches[0].type):
            return None
        return nil_features(mention, label, matches, prior, names, classes)

    def _read(self, entity_id: str, lang: str) -> Known:
        def read() -> Known:
            entity = self.get(entity_id)
            return (entity.prior if entity else None, labels_of(entity, lang), tuple(self.classes_of(entity_id)))

        return cached(self._known, (entity_id, lang), read)

    def name(self, entity_id: str, lang: str) -> Optional[str]:
        """Return the name of an entity in a language, as `Entity.name`.

        entity_id (str): Its id.
        lang (str): The language.
        RETURNS (Optional[str]): The name; None for an unknown entity.
        """

        def read() -> Optional[str]:
            entity = self.get(entity_id)
            return entity.name(lang) if entity else None

        return cached(self._names, (entity_id, lang), read)

    def describe(
        self,
        matches: Sequence[Match],
        lang: str,
        classes_of: Callable[[str], Sequence[str]],
        descriptions_of: Callable[[str], Mapping[str, str]],
    ) -> List[Tuple[str, str]]:
        """Return what `describe` does. Descriptions are cached: the functions must always return the same."""

        def read(match: Match) -> Tuple[str, str]:
            (found,) = describe([match], lang, self, classes_of, descriptions_of)
            return found

        return [cached(self._described, (match.id, lang), partial(read, match)) for match in matches]

    def facts(self, entity_id: str) -> List[Fact]:
        """Return the first facts about an entity.

        entity_id (str): Its id.
        RETURNS (List[Fact]): At most 200 facts.
        """
        return cached(self._facts, entity_id, lambda: list(self.facts_of(entity_id))[:_MAX_FACTS])

    def keywords(self, entity_id: str) -> FrozenSet[str]:
        """Return the keywords of an entity.

        entity_id (str): Its id.
        RETURNS (FrozenSet[str]): Words, as `loose_key` spells them.
        """
        return cached(self._keywords, entity_id, lambda: frozenset(self.keywords_of(entity_id)))

    def _related(self, entity_id: str, context: Dict[str, float]) -> float:
        """Weight of the other entities that are connected with an entity by a fact, in either direction."""
        objects = {fact.object for fact in self._telling(entity_id)}
        return sum(
            weight
            for other, weight in context.items()
            if other in objects or any(fact.object == entity_id for fact in self._telling(other))
        )

    def _telling(self, entity_id: str) -> Iterator[Fact]:
        """The facts that are evidence."""
        return (fact for fact in self.facts(entity_id) if fact.property not in _DULL)


def context_of(
    others: Iterable[Sequence[Match]], excluded: Collection[str], *, kind: Optional[str] = None
) -> Dict[str, float]:
    """Return the entities that the names of a text may mean, with the probability of each.

    others (Iterable[Sequence[Match]]): Candidates of each name.
    excluded (Collection[str]): Ids of a mention's candidates. Names that share one of them are skipped.
    kind (Optional[str]): Kind of the entities, such as "LOC"; those of an unknown kind count, too. None for all.
    RETURNS (Dict[str, float]): Ids and priors, of at least 0.2.
    """
    found: Dict[str, float] = {}
    for own in others:
        if not any(match.id in excluded for match in own):
            for match in own:
                if match.prior >= _LEAST and (kind is None or KIND_OF.get(match.type, kind) == kind):
                    found[match.id] = max(found.get(match.id, 0.0), match.prior)
    return found


def describe(
    matches: Sequence[Match],
    lang: str,
    evidence: Evidence,
    classes_of: Callable[[str], Sequence[str]],
    descriptions_of: Callable[[str], Mapping[str, str]],
) -> List[Tuple[str, str]]:
    """Describe candidates in words: their names and descriptions. A candidate that the knowledge base does not describe
    is described by its classes, and the names of what its facts are about.

    matches (Sequence[Match]): The candidates.
    lang (str): Language of the first name, and of the description if there is one in it. The other words are English.
    evidence (Evidence): Has the facts.
    classes_of (Callable[[str], Sequence[str]]): Returns the names of an entity's classes.
    descriptions_of (Callable[[str], Mapping[str, str]]): Returns an entity's descriptions by language.
    RETURNS (List[Tuple[str, str]]): Name and description of each.
    """
    found = []
    for match in matches:
        name = evidence.name(match.id, lang) or match.id
        texts = descriptions_of(match.id)
        if texts:
            text = texts.get(lang) or texts.get("en") or next(iter(texts.values()))
            found.append((" ".join(name.split()), " ".join(f"{name}: {text}".split())))
            continue
        english = evidence.name(match.id, "en") or name
        title = name if name == english else f"{name} ({english})"
        kinds = [own for own in classes_of(match.id) if own != "human"][:_MAX_CLASSES]
        objects = [fact.object for fact in sorted(evidence.facts(match.id), key=_rank) if fact.property not in _DULL]
        names: List[str] = []
        for own in dict.fromkeys(objects):
            other = evidence.name(own, "en") if len(names) < _MAX_OBJECTS else None
            if other is not None:
                names.append(other)
        words = f"{title}: {', '.join(kinds)}. {', '.join(names)}"
        found.append((" ".join(title.split()), " ".join(words.split())))
    return found


_MAX_CLASSES, _MAX_OBJECTS = 5, 10
# Facts that say little of an entity: twin towns, diplomatic relations, cause of death. They are neither evidence nor in
# descriptions.
_DULL = ("P190", "P530", "P509")
_LAST = ("P463", "P47", "P1412")


def _rank(fact: Fact) -> bool:
    return fact.property in _LAST
