"""Generate the training corpus of the bundled checkpoint: sentences with facts in many languages, and real texts.

python scripts/world/make_corpus.py WORLD FACTBOOK OUT writes train.spacy, dev.spacy and held_out.tsv to OUT, of
WORLD/names.tsv, WORLD/facts.tsv (see entities.py) and WORLD/entities.sqlite, the templates beside this file, and the
World Factbook's texts (real_text.py). Names are entities with their ids as `kb_id_`. No document has both entities of
a held-out pair.
"""

from __future__ import annotations

import csv
import random
from collections import Counter, defaultdict
from pathlib import Path
from typing import Dict, List, Set, Tuple

import spacy
import typer
from facts import HELD_OUT as HELD_OUT_FRACTION
from facts import Fact, draw_held_out, pair_of, read_facts
from real_text import WHEEL, annotate, read_factbook, tells
from spacy.language import Language
from spacy.tokens import Doc, DocBin
from template_files import Template, read_templates
from tqdm import tqdm
from wasabi import msg

from spacy_mluke.annotate.mentions import split_tokens
from spacy_mluke.kb.store import EntityStore

WORLD = typer.Argument(..., help="Folder of names.tsv and facts.tsv", exists=True, file_okay=False)
FACTBOOK = typer.Argument(..., help=f"The wheel {WHEEL}", exists=True, dir_okay=False)
OUT = typer.Argument(..., help="Folder to write to")
N_TRAIN = typer.Option(120_000, help="Training documents")
N_DEV = typer.Option(700, help="Sentences to evaluate with during training")
HELD_OUT = typer.Option(HELD_OUT_FRACTION, help="Fraction of entity pairs that are held out from training")
SEED = typer.Option(0, help="Where random numbers start")
# Fractions of the training documents: real texts, and real texts with replaced names. Replaced names cannot be guessed
# from the context, so the model has to read visible names.
REAL_SHARE, SWAPPED_SHARE = 0.1, 0.05
# Fraction and lengths of documents that are lists of names, in one or in several languages.
LIST_SHARE, LIST_LENGTHS = 0.15, (6, 14)
SENTENCES = [(1, 0.45), (2, 0.2), (3, 0.1), (4, 0.1), (6, 0.1), (8, 0.05)]
# Probability that a sentence after the first is in another language.
MIXED = 0.15
OFTENER = 20
# Weights of relations, multiplied by the square root of the number of facts.
OFTEN = {"P1376": 3.5, "P36": 1.5, "P47": 1.5, "P37": 1.2, "P17": 0.8, "P30": 0.7, "P38": 0.6}
# Probabilities of another name in the sentence's language, and of a name in another language.
OTHER_NAME, FOREIGN_NAME = 0.12, 0.2
# Probability that a city is only words: a country has many cities, so the context does not determine the city.
CITY_AS_WORDS = 0.6
# CLDR capitalises these words as at the start of a list item; within a sentence they are lower case.
_SMALL = {"vi": ("Tiếng ", "Châu "), "id": ("Bahasa ",)}


Names = Dict[str, Dict[str, str]]  # language -> id -> name; "" for names of no language

AllNames = Dict[str, Dict[str, List[str]]]  # language -> id -> all names except stems


class Sources:
    """The data that sentences are generated from.

    names (Names): The first name of each entity.
    all_names (Dict[str, Dict[str, List[str]]]): All names of each entity.
    types (Dict[str, str]): Types of entities.
    facts (List[Fact]): Facts for sentences.
    shared (Set[str]): Entities with ambiguous names; their facts are used more often.
    """

    def __init__(self, names: Names, all_names: AllNames, types: Dict[str, str], facts: List[Fact], shared: Set[str]):
        self.names = names
        self.all_names = all_names
        self.languages = sorted(language for language in names if language)
        self.cities = sorted(entity for entity, kind in types.items() if kind == "CITY")
        self.others = sorted(
            {entity for fact in facts for entity in (fact.subject, fact.object) if types[entity] != "CITY"}
        )
        self.types = types
        self.of_type: Dict[str, List[str]] = defaultdict(list)
        for entity in sorted(types):
            self.of_type[types[entity]].append(entity)
        self.shared = shared
        weighted = [fact for fact in facts for _ in range(OFTENER if fact.subject in shared else 1)]
        self.facts = by_relation(weighted)
        self.about: Dict[str, List[Fact]] = defaultdict(list)
        for fact in facts:
            self.about[fact.subject].append(fact)
            self.about[fact.object].append(fact)


def main(
    world: Path = WORLD,
    factbook: Path = FACTBOOK,
    out: Path = OUT,
    n_train: int = N_TRAIN,
    n_dev: int = N_DEV,
    held_out: float = HELD_OUT,
    seed: int = SEED,
) -> None:
    """Write the corpus."""
    rng = random.Random(seed)
    names, all_names, types = read_names(world / "names.tsv")
    facts = read_facts(world / "facts.tsv")
    hidden = draw_held_out(facts, held_out, rng)
    known = [fact for fact in facts if pair_of(fact) not in hidden]
    out.mkdir(parents=True, exist_ok=True)
    with (out / "held_out.tsv").open("w", encoding="utf8") as file:
        file.writelines("\t".join(fact) + "\n" for fact in facts if pair_of(fact) in hidden)
    sources = Sources(names, all_names, types, known, namesakes(names["en"]))
    country_of = {fact.subject: fact.object for fact in facts if fact.relation == "P17"}
    real = annotate(read_factbook(factbook), EntityStore(world / "entities.sqlite"), hidden, country_of)
    for split, n in (("train", n_train), ("dev", n_dev)):
        templates = read_templates(split)
        nlp = spacy.blank("xx")
        bin_ = DocBin(attrs=["ENT_IOB", "ENT_TYPE", "ENT_KB_ID"])
        n_real, n_swapped, n_lists = (
            round(share * n) if split == "train" else 0 for share in (REAL_SHARE, SWAPPED_SHARE, LIST_SHARE)
        )
        for i in tqdm(range(n), desc=split, disable=None):
            if i < n_real:
                bin_.add(real[i % len(real)])
                continue
            if i < n_real + n_swapped:
                bin_.add(swap_names(nlp, sources, rng.choice(real), rng))
                continue
            if i < n_real + n_swapped + n_lists:
                bin_.add(make_list(nlp, sources, rng))
                continue
            n_sentences = rng.choices(*zip(*SENTENCES, strict=True))[0] if split == "train" else 1
            doc = make_doc(nlp, sources, templates, n_sentences, rng)
            while tells(doc, hidden):
                doc = make_doc(nlp, sources, templates, n_sentences, rng)
            bin_.add(doc)
        bin_.to_disk(out / f"{split}.spacy")
    msg.good(f"{out}: {n_train:,} + {n_dev:,} documents, including {len(real):,} real texts")
    msg.good(f"{len(facts):,} facts, {len(hidden):,} pairs held out")


def make_doc(
    nlp: Language,
    sources: Sources,
    templates: Dict[Tuple[str, str], List[Template]],
    n_sentences: int,
    rng: random.Random,
) -> Doc:
    """Generate sentences in a random language; with several sentences, half of the time about one fact's entities."""
    languages = sorted({language for language, _ in templates})
    own = rng.choice(languages)
    text, places = "", []
    topic = ""
    for _ in range(n_sentences):
        language = rng.choice(languages) if text and rng.random() < MIXED else own
        fact = draw_fact(sources, language, topic, rng)
        if n_sentences > 1 and not topic and rng.random() < 0.5:
            topic = fact.subject if fact.relation != "P17" else fact.object
        template = rng.choice(templates[language, fact.relation]).text
        slots = {"{X}": fact.subject, "{Y}": fact.object}
        text += "" if not text or language in ("ja", "zh") else " "
        for slot in sorted(slots, key=template.index):
            before, _, template = template.partition(slot)
            name = draw_name(sources, language, slots[slot], rng)
            text += before
            is_told_apart = fact.relation != "P17" or slot == "{Y}" or slots[slot] in sources.shared
            if is_told_apart or rng.random() >= CITY_AS_WORDS:
                places.append((len(text), len(text) + len(name), slots[slot]))
            text += name
        text += template
    return with_mentions(nlp, sources, text, places)


def swap_names(nlp: Language, sources: Sources, doc: Doc, rng: random.Random) -> Doc:
    """Replace the names in a text by names of other entities of the same type, in one language."""
    text, places, end = "", [], 0
    language = rng.choice(sources.languages)
    for ent in doc.ents:
        own = [entity for entity in sources.of_type[ent.label_] if name_in(sources.names, language, entity)]
        entity = rng.choice(own) if own else ent.kb_id_
        name = name_in(sources.names, language, entity) or ent.text
        text += doc.text[end : ent.start_char]
        places.append((len(text), len(text) + len(name), entity))
        text += name
        end = ent.end_char
    return with_mentions(nlp, sources, text + doc.text[end:], places)


def make_list(nlp: Language, sources: Sources, rng: random.Random) -> Doc:
    """Generate a list of names of random entities, in one language or in several."""
    text, places = "", []
    language = rng.choice(["", *sources.languages])
    for _ in range(rng.randint(*LIST_LENGTHS)):
        # Most entities are cities; half of the entities in lists are not.
        entity = rng.choice(sources.cities if rng.random() < 0.5 else sources.others)
        own = language or rng.choice(sources.languages)
        name = draw_name(sources, own, entity, rng)
        text += ", " if text else ""
        places.append((len(text), len(text) + len(name), entity))
        text += name
    return with_mentions(nlp, sources, text, places)


def with_mentions(nlp: Language, sources: Sources, text: str, places: List[Tuple[int, int, str]]) -> Doc:
    """Make a document from a text and the entities of some of its placeholders."""
    doc = nlp.make_doc(text)
    split_tokens(doc, [char for start, end, _ in places for char in (start, end)])
    spans = [doc.char_span(start, end, label=sources.types[entity], kb_id=entity) for start, end, entity in places]
    doc.ents = [span for span in spans if span is not None]
    return doc


def draw_name(sources: Sources, language: str, entity: str, rng: random.Random) -> str:
    """Return a name of an entity in a language, or sometimes in another one."""
    drawn = rng.random()
    if drawn < FOREIGN_NAME:
        language = rng.choice(sources.languages)
    elif drawn < FOREIGN_NAME + OTHER_NAME and entity in sources.all_names[language]:
        return rng.choice(sources.all_names[language][entity])
    return name_in(sources.names, language, entity) or sources.names["en"][entity]


def draw_fact(sources: Sources, language: str, topic: str, rng: random.Random) -> Fact:
    """Return a random relation and a fact with names in a language; about an entity, if it has facts."""
    relations = sorted(sources.facts)
    # The probability of a relation grows with the square root of its number of facts.
    weights = [OFTEN[relation] * len(sources.facts[relation]) ** 0.5 for relation in relations]
    while True:
        own = sources.about.get(topic, [])
        relation = rng.choices(relations, weights)[0]
        fact = rng.choice(own) if own and rng.random() < 0.9 else rng.choice(sources.facts[relation])
        if all(name_in(sources.names, language, entity) for entity in (fact.subject, fact.object)):
            return fact


def namesakes(english: Dict[str, str]) -> Set[str]:
    """Return the entities that share their English name with another entity."""
    counts = Counter(name.casefold() for name in english.values())
    return {entity for entity, name in english.items() if counts[name.casefold()] > 1}


def name_in(names: Names, language: str, entity: str) -> str:
    """Return the name of an entity in a sentence of a language; "" if it has no name in the language's script."""
    name = names[language].get(entity, "")
    if not name and is_latin(names[language]):
        name = names[""].get(entity, "")
    for prefix in _SMALL.get(language, ()):
        if name.startswith(prefix):
            return name[0].lower() + name[1:]
    return name


def is_latin(own: Dict[str, str]) -> bool:
    """Return whether a language has the Latin script."""
    return own["iso3166:JP"][0] < "\u0250"


def read_names(path: Path) -> Tuple[Names, AllNames, Dict[str, str]]:
    """Read the first name of each entity in each language, all of its names, and the entities' types."""
    names: Names = defaultdict(dict)
    all_names: AllNames = defaultdict(_lists)
    types: Dict[str, str] = {}
    with path.open(encoding="utf8", newline="") as file:
        for row in csv.DictReader(file, delimiter="\t"):
            types.setdefault(row["id"], row["type"])
            if row["kind"] == "name":
                names[row["language"]].setdefault(row["id"], row["name"])
            if row["kind"] != "stem":
                all_names[row["language"]][row["id"]].append(row["name"])
    return names, all_names, types


def _lists() -> Dict[str, List[str]]:
    return defaultdict(list)


def by_relation(facts: List[Fact]) -> Dict[str, List[Fact]]:
    """Sort facts by what they say."""
    found: Dict[str, List[Fact]] = defaultdict(list)
    for fact in facts:
        found[fact.relation].append(fact)
    return found


if __name__ == "__main__":
    typer.run(main)
