"""Build the bundled knowledge base: the best-known entities of Wikidata, with names, types, priors and facts.

python scripts/build_knowledge.py DATA WORLD OUT reads DATA/entities and DATA/ner, and the folder of assets/world. It
writes the files of the knowledge base to OUT, and samples of the names that were dropped to OUT-samples.json.
"""

from __future__ import annotations

import hashlib
import json
import lzma
import random
import shutil
import sys
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any, Dict, Iterable, List, Sequence, Tuple

import typer
from wasabi import msg

sys.path.insert(0, str(Path(__file__).resolve().parent))
from knowledge.cleaning import NOT_LATIN, Cleaner, CleanName
from knowledge.demonyms import add_demonyms
from knowledge.frequencies import count_words
from knowledge.keywords import read_keywords
from knowledge.more import read_more, read_more_facts
from knowledge.sources import (
    Item,
    lines,
    read_citizenships,
    read_class_names,
    read_facts,
    read_links,
    read_names,
    read_occupations,
    read_prominence,
    read_types,
    read_world,
)
from knowledge.surnames import add_surnames, weight

from spacy_mluke.kb.packed import (
    CLASSES,
    CORRECTIONS,
    ENTITIES,
    FACTS,
    KEYWORDS,
    MERGED,
    MORE_ENTITIES,
    MORE_FACTS,
    PackedEntity,
    read_merged,
    read_packed_entities,
    read_packed_facts,
)
from spacy_mluke.kb.packed_cells import SEPARATOR

DATA = typer.Argument(..., help="Folder of entities and ner", exists=True, file_okay=False)
WORLD = typer.Argument(..., help="Folder of assets/world", exists=True, file_okay=False)
OUT = typer.Argument(..., help="Folder to write")
N = typer.Option(100_000, help="Number of entities")
PRESET = typer.Option(6, help="Effort of the compression")

LANGUAGES = {
    "af", "ar", "az", "be", "bg", "bn", "bs", "ca", "cs", "cy", "da", "de", "el", "en", "es", "et", "eu", "fa",
    "fi", "fr", "ga", "gl", "he", "hi", "hr", "hu", "hy", "id", "is", "it", "ja", "ka", "kk", "ko", "la", "lb",
    "lt", "lv", "mk", "ml", "mr", "ms", "nb", "nl", "nn", "no", "pl", "pt", "ro", "ru", "sh", "sk", "sl", "sq",
    "sr", "sv", "sw", "ta", "te", "th", "tl", "tr", "uk", "ur", "uz", "vi", "zh", "zh-hant",
}  # fmt: skip
# Ids of Wikidata that the data's table of links lacks: territories, and cities that share names, country and class with
# an entity of Wikidata. All were read.
LINKS = Path(__file__).resolve().parent / "knowledge" / "links.tsv"
# Adjectives of countries ("German"), written for this in the languages of its columns.
DEMONYMS = Path(__file__).resolve().parent / "knowledge" / "demonyms.tsv"
# Names of classes for which the data has several labels, or a wrong one. All were read.
CLASS_NAMES = Path(__file__).resolve().parent / "knowledge" / "class_names.tsv"
# Entities whose names the data lacks. They are packed apart: a change of them is a small one.
MORE = Path(__file__).resolve().parent / "knowledge"
NAMES_TABLE, ENTITIES_TABLE, FACTS_TABLE = MORE / "more_names.tsv", MORE / "more_entities.tsv", MORE / "more_facts.tsv"
# Cities of the register of places that the packed files have apart from their entity of Wikidata, and one that they
# have as another one of the same name. All were read. They are merged when the files are read.
MERGED_TABLE = MORE / MERGED
# Names that the sources have as labels of the wrong namesake, such as "Mexico" of Mexico City, or as rare aliases.
CORRECTIONS_TABLE = MORE / CORRECTIONS
# What places that share names are in and at, and who and what is from there. Written for this.
PLACES_TABLE, KEYWORDS_TABLE = MORE / "place_facts.tsv", MORE / "keywords.tsv"
MAX_OCCUPATIONS = 5  # of one person
_OTHER = 25.0  # entities that are neither persons, places, organisations, works nor events must be better known
_ALIAS, _WEAK, _USUAL = "~", "!", "^"


def main(data: Path = DATA, world: Path = WORLD, out: Path = OUT, n: int = N, preset: int = PRESET) -> None:
    """Build it."""
    entities = data / "entities"
    types, class_names = read_types(entities / "types.tsv.xz")
    prominence = read_prominence(entities / "popularity.tsv.xz", entities / "names.tsv.xz")
    places, place_facts = read_world(world)
    links = read_links(entities / "geonames_qid.tsv", LINKS)
    links = {own: qid for own, qid in links.items() if own in places}
    items = choose(types, prominence, places, links, n)
    names = read_names(entities / "names.tsv.xz", set(items), LANGUAGES)
    for qid, own in names.items():
        items[qid].names += own
    items = {qid: item for qid, item in items.items() if item.names}
    n_demonyms = add_demonyms(items, DEMONYMS, links)
    n_surnames = add_surnames(items, read_citizenships(entities / "facts.tsv.xz"))
    cleaner = Cleaner(count_words(data / "ner"))
    cleaner.counts["people by their last name"] = n_surnames
    cleaner.counts["countries by their adjectives"] = n_demonyms
    cleaned = {qid: cleaner.clean(items[qid]) for qid in sorted(items, key=number)}
    cleaned = {qid: own for qid, own in cleaned.items() if own}
    more = clean_more(data, items, types, cleaner)
    known = {*cleaned, *more, *read_merged(MORE).values()}
    facts = set(read_facts(entities / "facts.tsv.xz", known))
    of_places = set(read_more_facts(PLACES_TABLE)) - facts
    facts.update(of_places, read_more_facts(FACTS_TABLE))
    for relation, subject, object_ in place_facts:
        facts.add((relation, links.get(subject, subject), links.get(object_, object_)))
    facts = {fact for fact in facts if fact[1] in known and fact[2] in known}
    more_facts = {fact for fact in facts if fact in of_places or not (fact[1] in cleaned and fact[2] in cleaned)}
    out.mkdir(parents=True, exist_ok=True)
    occupations, occupation_names = read_occupations(entities / "facts.tsv.xz", entities / "names.tsv.xz")
    class_names = {**occupation_names, **class_names, **read_class_names(CLASS_NAMES)}
    for qid in {*cleaned, *more}:
        if items[qid].type == "PER":
            items[qid].classes += occupations.get(qid, [])[:MAX_OCCUPATIONS]
    # The classes of the other entities come first, with the numbers that they have without these.
    classes = list(dict.fromkeys([*count_classes(items, cleaned), *count_classes(items, more)]))
    places_of = {class_id: i for i, class_id in enumerate(classes)}
    for file, own in ((ENTITIES, cleaned), (MORE_ENTITIES, more)):
        pack(out / file, (entity_line(items[qid], names, places_of) for qid, names in own.items()), preset)
    pack(out / FACTS, fact_lines(facts - more_facts), preset)
    pack(out / MORE_FACTS, fact_lines(more_facts), preset)
    rows = (f"{class_id}\t{class_name(class_id, class_names)}\n" for class_id in classes)
    (out / CLASSES).write_text("".join(rows), encoding="utf8")
    shutil.copyfile(MERGED_TABLE, out / MERGED)
    shutil.copyfile(CORRECTIONS_TABLE, out / CORRECTIONS)
    packed = read_packed_entities(out)
    keywords = read_keywords(KEYWORDS_TABLE, packed, cleaner.frequencies)
    pack(out / KEYWORDS, (f"{own}\t{' '.join(words)}" for own, words in keywords), preset)
    write_manifest(out, packed, cleaner)


def clean_more(
    data: Path,
    items: Dict[str, Item],
    types: Dict[str, Tuple[str, List[str]]],
    cleaner: Cleaner,
) -> Dict[str, List[CleanName]]:
    """Add the entities that the data lacks to `items`, and return their names, and further names of the others."""
    entities = data / "entities"
    nameless = {row[0] for row in lines(NAMES_TABLE)}
    prominence = read_prominence(entities / "popularity.tsv.xz", entities / "names.tsv.xz", nameless)
    more = read_more(NAMES_TABLE, ENTITIES_TABLE, items, types, prominence, sorted(LANGUAGES - NOT_LATIN))
    new = {qid: item for qid, item in more.items() if qid not in items}
    for qid, names in read_names(entities / "names.tsv.xz", set(new), LANGUAGES).items():
        new[qid].names += names
    n_surnames = add_surnames(new, read_citizenships(entities / "facts.tsv.xz"), items)
    cleaner.counts["people by their last name"] += n_surnames
    items.update(new)
    found = {qid: cleaner.clean(more[qid]) for qid in sorted(more, key=number)}
    return {qid: own for qid, own in found.items() if own}


def count_classes(items: Dict[str, Item], chosen: Iterable[str]) -> List[str]:
    """Return the classes of entities, the most frequent ones first."""
    used = Counter(class_id for qid in chosen for class_id in items[qid].classes)
    return sorted(used, key=lambda class_id: (-used[class_id], class_id))


def choose(
    types: Dict[str, Tuple[str, List[str]]],
    prominence: Dict[str, float],
    places: Dict[str, Item],
    links: Dict[str, str],
    n: int,
) -> Dict[str, Item]:
    """Return the best-known entities, and all of assets/world."""
    items: Dict[str, Item] = {}
    for own, place in places.items():
        qid = links.get(own, own)
        item = items.setdefault(qid, Item(qid, place.type, list(place.classes)))
        item.names += place.names
        item.population = max(item.population, place.population)
        item.prominence = max(item.prominence, place.prominence)
        if qid != own:
            item.references.append(own)
    for qid, item in items.items():
        if qid in prominence:
            item.prominence = max(item.prominence, prominence[qid])
        if qid in types:
            item.classes = types[qid][1]
    ranked = sorted(
        (qid for qid in types if qid in prominence and qid not in items),
        key=lambda qid: (-prominence[qid] + (_OTHER if types[qid][0] == "OTHER" else 0.0), number(qid)),
    )
    for qid in ranked[: n - len(items)]:
        items[qid] = Item(qid, *types[qid], prominence[qid])
    return items


def number(qid: str) -> Tuple[int, str]:
    """Sort key of ids: Wikidata's by their number, then others."""
    return (int(qid[1:]), "") if qid[0] == "Q" and qid[1:].isdigit() else (1 << 60, qid)


def entity_line(item: Item, names: Iterable[CleanName], classes: Dict[str, int]) -> str:
    """Return an entity as a line: id, type, prior, other ids, classes by their numbers, and its names."""
    cells = [
        item.id, item.type, f"{weight(item):.0f}", " ".join(sorted(item.references)),
        " ".join(str(classes[c]) for c in dict.fromkeys(item.classes)),
    ]  # fmt: skip
    for name in names:
        is_usual = name.name in item.demonyms
        marks = ("" if name.is_label else _USUAL if is_usual else _ALIAS) + (_WEAK if name.is_weak else "")
        common = ":" + ",".join(name.common) if name.common else ""
        cells.append(f"{marks}{','.join(name.langs)}{common}={name.name}")
    return "\t".join(cells)


def class_name(class_id: str, names: Dict[str, str]) -> str:
    """Return the name of a class: "" if there is none. In assets/world, the id of a class is its name."""
    name = names.get(class_id, class_id)
    return "" if name == class_id and name[0] == "Q" else name


def fact_lines(facts: Iterable[Tuple[str, str, str]]) -> Iterable[str]:
    """Yield a line for each relation and subject: relation, subject, objects."""
    found: Dict[Tuple[str, str], List[str]] = defaultdict(list)
    for relation, subject, object_ in facts:
        found[relation, subject].append(object_)
    for relation, subject in sorted(found, key=lambda key: (int(key[0][1:]), number(key[1]))):
        objects = sorted(found[relation, subject], key=number)
        yield f"{relation}\t{subject}\t{' '.join(objects)}"


def pack(path: Path, rows: Iterable[str], preset: int) -> None:
    """Write a compressed table."""
    text = "".join(f"{row}\n" for row in rows)
    path.write_bytes(lzma.compress(text.encode("utf8"), preset=preset))


def write_manifest(out: Path, entities: Sequence[PackedEntity], cleaner: Cleaner) -> None:
    """Write counts and checksums of what was written, and samples of what was dropped."""
    files = (ENTITIES, FACTS, CLASSES, MORE_ENTITIES, MORE_FACTS, MERGED, CORRECTIONS, KEYWORDS)
    counts: Dict[str, Any] = {
        "entities": len(entities),
        "types": dict(sorted(Counter(entity.type for entity in entities).items())),
        "names": sum(entity.names.count(SEPARATOR) + 1 for entity in entities),
        "facts": len(set(read_packed_facts(out))),
        "cleaning": dict(sorted(cleaner.counts.items())),
    }
    sums = {name: hashlib.sha256((out / name).read_bytes()).hexdigest() for name in files}
    manifest = {"counts": counts, "sha256": sums}
    (out / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf8")
    rng = random.Random(0)
    samples = {reason: rng.sample(own, min(40, len(own))) for reason, own in sorted(cleaner.samples.items())}
    (out.parent / f"{out.name}-samples.json").write_text(
        json.dumps(samples, indent=1, ensure_ascii=False), encoding="utf8"
    )
    size = sum((out / name).stat().st_size for name in files)
    msg.good(f"{out}: {size / 1e6:.2f} MB", json.dumps(counts))


if __name__ == "__main__":
    typer.run(main)
