"""Sentences that tell the facts of the world in many languages: what the bundled model learns entities from.

python scripts/world/corpus.py WORLD OUT writes train.spacy, dev.spacy and held_out.tsv to OUT, of WORLD/names.tsv and
WORLD/facts.tsv (see entities.py) and the templates beside this file. Names are entities with their ids as `kb_id_`.
Facts that are held out are in no training sentence, in neither direction.
"""

from __future__ import annotations

import csv
import random
from collections import defaultdict
from pathlib import Path
from typing import Dict, List, NamedTuple, Tuple

import spacy
import typer
from spacy.language import Language
from spacy.tokens import Doc, DocBin
from tqdm import tqdm
from wasabi import msg

from spacy_mluke.annotate.mentions import cut_tokens

TEMPLATES = Path(__file__).parent / "templates"
WORLD = typer.Argument(..., help="Folder of names.tsv and facts.tsv", exists=True, file_okay=False)
OUT = typer.Argument(..., help="Folder to write to")
N_TRAIN = typer.Option(120_000, help="Training sentences")
N_DEV = typer.Option(700, help="Sentences to evaluate with during training")
HELD_OUT = typer.Option(0.05, help="Share of pairs of entities that training does not see")
SEED = typer.Option(0, help="Where random numbers start")
# CLDR capitalises these as in a list; in a sentence they are words like others.
_SMALL = {"vi": ("Tiếng ", "Châu "), "id": ("Bahasa ",)}


class Template(NamedTuple):
    """A sentence with places for a subject, {X}, and an object, {Y}."""

    language: str
    relation: str
    text: str


class Fact(NamedTuple):
    """Two entities and what holds between them."""

    relation: str
    subject: str
    object: str


Names = Dict[str, Dict[str, str]]  # language -> id -> name; "" for names of no language


def main(
    world: Path = WORLD,
    out: Path = OUT,
    n_train: int = N_TRAIN,
    n_dev: int = N_DEV,
    held_out: float = HELD_OUT,
    seed: int = SEED,
) -> None:
    """Write the corpus."""
    rng = random.Random(seed)
    names, types = read_names(world / "names.tsv")
    facts = read_facts(world / "facts.tsv")
    pairs = sorted({pair_of(fact) for fact in facts})
    hidden = set(rng.sample(pairs, round(held_out * len(pairs))))
    known = by_relation([fact for fact in facts if pair_of(fact) not in hidden])
    out.mkdir(parents=True, exist_ok=True)
    with (out / "held_out.tsv").open("w", encoding="utf8") as file:
        file.writelines("\t".join(fact) + "\n" for fact in facts if pair_of(fact) in hidden)
    for split, n in (("train", n_train), ("dev", n_dev)):
        templates = read_templates(split)
        nlp = spacy.blank("xx")
        bin_ = DocBin(attrs=["ENT_IOB", "ENT_TYPE", "ENT_KB_ID"])
        for _ in tqdm(range(n), desc=split, disable=None):
            bin_.add(make_doc(nlp, names, types, known, templates, rng))
        bin_.to_disk(out / f"{split}.spacy")
    msg.good(f"{out}: {n_train:,} + {n_dev:,} sentences, {len(facts):,} facts, {len(hidden):,} pairs held out")


def make_doc(
    nlp: Language,
    names: Names,
    types: Dict[str, str],
    facts: Dict[str, List[Fact]],
    templates: Dict[Tuple[str, str], List[Template]],
    rng: random.Random,
) -> Doc:
    """Draw a language, a relation, a fact that has names in that language, and a template."""
    languages = sorted({language for language, _ in templates})
    relations = sorted(facts)
    # Relations with many facts come more often, and less often than in proportion.
    weights = [len(facts[relation]) ** 0.5 for relation in relations]
    while True:
        language = rng.choice(languages)
        relation = rng.choices(relations, weights)[0]
        fact = rng.choice(facts[relation])
        subject, object_ = (name_in(names, language, entity) for entity in (fact.subject, fact.object))
        if subject and object_:
            template = rng.choice(templates[language, relation])
            return fill(nlp, template.text, {"{X}": (subject, fact.subject), "{Y}": (object_, fact.object)}, types)


def fill(nlp: Language, template: str, slots: Dict[str, Tuple[str, str]], types: Dict[str, str]) -> Doc:
    """Put names into a template."""
    text, places = template, []
    for slot in sorted(slots, key=template.index):
        name, entity = slots[slot]
        start = text.index(slot)
        text = text.replace(slot, name, 1)
        places.append((start, start + len(name), entity))
    doc = nlp.make_doc(text)
    cut_tokens(doc, [char for start, end, _ in places for char in (start, end)])
    spans = [doc.char_span(start, end, label=types[entity], kb_id=entity) for start, end, entity in places]
    doc.ents = [span for span in spans if span is not None]
    return doc


def name_in(names: Names, language: str, entity: str) -> str:
    """What an entity is called in a sentence of a language; "" if it has no name that fits its script."""
    name = names[language].get(entity, "")
    if not name and is_latin(names[language]):
        name = names[""].get(entity, "")
    for prefix in _SMALL.get(language, ()):
        if name.startswith(prefix):
            return name[0].lower() + name[1:]
    return name


def is_latin(own: Dict[str, str]) -> bool:
    """Whether a language writes names as most of the world's maps do."""
    return own["iso3166:JP"][0] < "\u0250"


def read_names(path: Path) -> Tuple[Names, Dict[str, str]]:
    """Read the first name of each entity in each language, and the entities' types."""
    names: Names = defaultdict(dict)
    types: Dict[str, str] = {}
    with path.open(encoding="utf8", newline="") as file:
        for row in csv.DictReader(file, delimiter="\t"):
            types.setdefault(row["id"], row["type"])
            if row["kind"] == "name":
                names[row["language"]].setdefault(row["id"], row["name"])
    return names, types


def read_facts(path: Path) -> List[Fact]:
    """Read the facts."""
    with path.open(encoding="utf8") as file:
        return [Fact(**row) for row in csv.DictReader(file, delimiter="\t")]


def read_templates(split: str) -> Dict[Tuple[str, str], List[Template]]:
    """Read the templates of a split, by language and relation."""
    found: Dict[Tuple[str, str], List[Template]] = defaultdict(list)
    for path in sorted(TEMPLATES.glob("*.tsv")):
        with path.open(encoding="utf8") as file:
            for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE):
                if row["split"] == split:
                    found[path.stem, row["relation"]].append(Template(path.stem, row["relation"], row["template"]))
    return found


def by_relation(facts: List[Fact]) -> Dict[str, List[Fact]]:
    """Sort facts by what they say."""
    found: Dict[str, List[Fact]] = defaultdict(list)
    for fact in facts:
        found[fact.relation].append(fact)
    return found


def pair_of(fact: Fact) -> Tuple[str, str]:
    """The two entities, whatever their order."""
    return min(fact.subject, fact.object), max(fact.subject, fact.object)


if __name__ == "__main__":
    typer.run(main)
