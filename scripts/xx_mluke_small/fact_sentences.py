"""Make sentences in which several people and countries are near each other, and tell which person is of which country.

Sentences with relations are chosen for the one pair that they annotate, nearly always with a relation. A classifier
that learns from them alone gives every person the country nearby. Here, most pairs have no relation.
"""

from __future__ import annotations

import lzma
import random
import re
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Dict, Iterator, List, Sequence, Set, Tuple

from scripts.xx_mluke_small.relations import Bounds
from scripts.xx_mluke_small.training_files import FACTS_FILE, NAMES_FILE, DataFolder

CITIZENSHIP, COUNTRY, ADMINISTRATIVE_UNIT = "P27", "P17", "P131"
TEMPLATES = Path(__file__).with_name("fact_templates.tsv")
# Slots: {a} and {b} are people, {A} and {B} their countries, {NA} and {NB} these as English adjectives; {c} is a city
# in the country {C}; {D} is any other country, {ND} its adjective.
_SLOT = re.compile(r"\{(\w+)\}")
_PEOPLE, _OWN = ("a", "b"), {"A": "a", "B": "b"}
# Countries, with their English names and adjectives: the data's first English names are often abbreviations.
COUNTRIES: Dict[str, Tuple[str, str]] = {
    "Q30": ("the United States", "American"), "Q183": ("Germany", "German"), "Q145": ("the United Kingdom", "British"),
    "Q142": ("France", "French"), "Q16": ("Canada", "Canadian"), "Q40": ("Austria", "Austrian"),
    "Q159": ("Russia", "Russian"), "Q38": ("Italy", "Italian"), "Q29": ("Spain", "Spanish"),
    "Q39": ("Switzerland", "Swiss"), "Q17": ("Japan", "Japanese"), "Q36": ("Poland", "Polish"),
    "Q34": ("Sweden", "Swedish"), "Q408": ("Australia", "Australian"), "Q28": ("Hungary", "Hungarian"),
    "Q668": ("India", "Indian"), "Q801": ("Israel", "Israeli"), "Q20": ("Norway", "Norwegian"),
    "Q43": ("Turkey", "Turkish"), "Q35": ("Denmark", "Danish"), "Q31": ("Belgium", "Belgian"),
    "Q155": ("Brazil", "Brazilian"), "Q27": ("Ireland", "Irish"), "Q414": ("Argentina", "Argentine"),
    "Q96": ("Mexico", "Mexican"), "Q41": ("Greece", "Greek"), "Q33": ("Finland", "Finnish"),
    "Q794": ("Iran", "Iranian"), "Q884": ("South Korea", "South Korean"), "Q218": ("Romania", "Romanian"),
    "Q148": ("China", "Chinese"), "Q213": ("Czechia", "Czech"), "Q212": ("Ukraine", "Ukrainian"),
    "Q219": ("Bulgaria", "Bulgarian"), "Q45": ("Portugal", "Portuguese"), "Q298": ("Chile", "Chilean"),
    "Q79": ("Egypt", "Egyptian"), "Q843": ("Pakistan", "Pakistani"), "Q403": ("Serbia", "Serbian"),
    "Q258": ("South Africa", "South African"), "Q191": ("Estonia", "Estonian"), "Q241": ("Cuba", "Cuban"),
    "Q928": ("the Philippines", "Filipino"), "Q77": ("Uruguay", "Uruguayan"), "Q419": ("Peru", "Peruvian"),
    "Q739": ("Colombia", "Colombian"), "Q211": ("Latvia", "Latvian"), "Q222": ("Albania", "Albanian"),
    "Q1033": ("Nigeria", "Nigerian"), "Q664": ("New Zealand", "New Zealand"), "Q215": ("Slovenia", "Slovenian"),
    "Q252": ("Indonesia", "Indonesian"), "Q37": ("Lithuania", "Lithuanian"), "Q822": ("Lebanon", "Lebanese"),
    "Q55": ("the Netherlands", "Dutch"), "Q399": ("Armenia", "Armenian"), "Q717": ("Venezuela", "Venezuelan"),
    "Q224": ("Croatia", "Croatian"), "Q869": ("Thailand", "Thai"), "Q214": ("Slovakia", "Slovak"),
}  # fmt: skip
_MOST_TRIES = 50


@dataclass(frozen=True)
class FactSentence:
    """A sentence with entities, and the relations that hold; of all other pairs, none is stated."""

    text: str
    entities: List[Bounds]
    types: List[str]  # of the entities: PER, LOC or NORP
    facts: Dict[Tuple[int, int], List[str]]  # number of head and tail -> relations
    unknown: Dict[Tuple[int, int], List[str]]  # relations that may hold


class FactSentences:
    """Makes sentences of templates, names and facts.

    data (DataFolder): The data.
    """

    def __init__(self, data: DataFolder):
        lines = TEMPLATES.read_text(encoding="utf8").splitlines()
        self.templates: List[Tuple[str, str]] = [(lang, text) for lang, _, text in (x.partition("\t") for x in lines)]
        self.country_of, self.cities_of = read_countries(data)
        people, cities = set(self.country_of), {city for own in self.cities_of.values() for city in own}
        languages = {lang for lang, _ in self.templates}
        self.names = read_labels(data, people | cities | set(COUNTRIES), languages)
        self.names["en"].update({own: name for own, (name, _) in COUNTRIES.items() if own in self.names["en"]})
        self.people = {lang: sorted(people & set(self.names[lang])) for lang in sorted(languages)}

    def draw(self, rng: random.Random) -> Iterator[FactSentence]:
        """Draw sentences without end. There is none if the data has too few names.

        rng (random.Random): Random numbers.
        YIELDS (FactSentence): The sentences.
        """
        n_failed = 0
        while n_failed < _MOST_TRIES:
            lang, template = rng.choice(self.templates)
            values = self._choose(lang, rng)
            if values is None:
                n_failed += 1
                continue
            n_failed = 0
            yield self._fill(lang, template, values)

    def _choose(self, lang: str, rng: random.Random) -> Dict[str, str] | None:
        """Choose an entity for each slot: people of different countries, a city, and another country."""
        names, people = self.names[lang], self.people[lang]
        for _ in range(_MOST_TRIES):
            if len(people) < 2:
                break
            a, b = rng.sample(people, 2)
            countries = [own for own in COUNTRIES if own in names]
            other, place = rng.choice(countries), rng.choice(countries)
            cities = [city for city in self.cities_of.get(place, ()) if city in names]
            owners = [self.country_of[a], self.country_of[b]]
            if cities and len({*owners, other, place}) == 4 and set(owners) <= set(countries):
                return {"a": a, "b": b, "A": owners[0], "B": owners[1], "c": rng.choice(cities), "C": place, "D": other}
        return None

    def _fill(self, lang: str, template: str, values: Dict[str, str]) -> FactSentence:
        text, last = "", 0
        places: Dict[str, int] = {}
        entities: List[Bounds] = []
        types: List[str] = []
        for slot in _SLOT.finditer(template):
            text += template[last : slot.start()]
            last = slot.end()
            key = slot[1].removeprefix("N")
            name = COUNTRIES[values[key]][1] if slot[1] != key else self.names[lang][values[key]]
            places[key] = len(entities)
            entities.append((len(text), len(text) + len(name)))
            types.append("PER" if key in _PEOPLE else "LOC" if slot[1] == key else "NORP")
            text += name
        facts: Dict[Tuple[int, int], List[str]] = {}
        unknown: Dict[Tuple[int, int], List[str]] = {}
        for country, person in _OWN.items():
            if country in places and person in places:
                facts[places[person], places[country]] = [CITIZENSHIP]
        if "c" in places and "C" in places:
            facts[places["c"], places["C"]] = [COUNTRY]
            unknown[places["c"], places["C"]] = [ADMINISTRATIVE_UNIT]
        return FactSentence(text + template[last:], entities, types, facts, unknown)


def read_countries(data: DataFolder) -> Tuple[Dict[str, str], Dict[str, List[str]]]:
    """Read who is a citizen of which country, and which cities a country has.

    data (DataFolder): The data.
    RETURNS (Tuple[Dict[str, str], Dict[str, List[str]]]): The country of each person with a single one; the cities of
        each country where somebody was born. Facts that mLAMA asks for are left out.
    """
    found: Dict[str, Dict[str, Set[str]]] = {CITIZENSHIP: defaultdict(set), COUNTRY: defaultdict(set)}
    birthplaces = set()
    for relation, head, tail, sources in read_rows(data.path(FACTS_FILE)):
        if "mlama" in sources.split("+"):
            continue
        if relation in found:
            found[relation][head].add(tail)
        elif relation == "P19":
            birthplaces.add(tail)
    single = {head: next(iter(tails)) for head, tails in found[CITIZENSHIP].items() if len(tails) == 1}
    cities: Dict[str, List[str]] = defaultdict(list)
    for city, countries in found[COUNTRY].items():
        if city in birthplaces and city not in COUNTRIES and len(countries) == 1:
            cities[next(iter(countries))].append(city)
    return {head: own for head, own in single.items() if own in COUNTRIES}, dict(cities)


def read_labels(data: DataFolder, wanted: Set[str], languages: Set[str]) -> Dict[str, Dict[str, str]]:
    """Read the first label of entities in some languages.

    data (DataFolder): The data.
    wanted (Set[str]): Ids of the entities.
    languages (Set[str]): The languages.
    RETURNS (Dict[str, Dict[str, str]]): By language: id -> label. Labels without a letter are left out.
    """
    found: Dict[str, Dict[str, str]] = {lang: {} for lang in sorted(languages)}
    for own, lang, name, kind in read_rows(data.path(NAMES_FILE)):
        if kind == "label" and lang in found and own in wanted and name[:1].isalpha():
            found[lang].setdefault(own, name)
    return found


def read_rows(path: Path) -> Iterator[Sequence[str]]:
    """Read a compressed table.

    path (Path): The file: tab-separated, without a head line.
    YIELDS (Sequence[str]): The four cells of a row.
    """
    with lzma.open(path, "rt", encoding="utf8") as file:
        for line in file:
            yield line.rstrip("\n").split("\t")
