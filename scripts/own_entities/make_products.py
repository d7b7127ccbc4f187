"""Make a table of 200 invented products in three languages, and sentences about them.

    python -m scripts.own_entities.make_products projects/own_entities

Writes products.csv and sentences.jsonl. Ambiguous names are among them: two products with one name, products with the
name of a place, a person or a work, and products whose name is a common word.
"""

from __future__ import annotations

import argparse
import csv
import json
from itertools import cycle
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional, Tuple

LANGS = ("en", "de", "tr")
TEMPLATES = json.loads(Path(__file__).with_name("templates.json").read_text(encoding="utf8"))
MAKERS = {"maker-oltan": "Oltan", "maker-brevik": "Brevik & Sons", "maker-sumaya": "Sumaya Labs", "maker-kelm": "Kelm"}
# Names of places, people and works; two products of different categories have each of the second list.
KNOWN = """
Paris Amazon Mercury Jordan Java Victoria Phoenix Aurora Lincoln Orlando Sierra Florence Milan Vienna Geneva Atlas
Apollo Venus Saturn Titan Neptune Orion Athena Nile Everest Sahara Havana Malaga Verona Siena Columbia Madison Austin
Houston Dakota Savannah Montana Kenya Pegasus Odyssey
"""
SHARED = """
Nova Zenith Vega Lumen Solara Kestrel Onyx Tundra Marlin Cobalt Ember Halo Quartz Falcon Willow Indigo Saffron
Bison Corvus Juniper
"""
COMMON = """
Spark Bolt Breeze Pulse Comet Swift Leaf Stone Glow Flash Wave Shadow Rocket Cloud Anchor Bridge Crown Dream Frost
Hero Joy Magic Motion Night Ocean Pearl Rain River Silk Star
"""
SYLLABLES = ("zel", "vor", "mi", "dra", "quo", "ti", "lux", "ne", "ka", "ro")


def main(args: Optional[List[str]] = None) -> None:
    """Read the command line, and write the files."""
    parser = argparse.ArgumentParser(description="Make a table of invented products.")
    parser.add_argument("output", type=Path, help="folder for products.csv and sentences.jsonl")
    folder = parser.parse_args(args).output
    folder.mkdir(parents=True, exist_ok=True)
    products = list(make_products())
    with (folder / "products.csv").open("w", encoding="utf8", newline="") as file:
        writer = csv.DictWriter(file, list(products[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows([*products, *makers(list(products[0]))])
    with (folder / "sentences.jsonl").open("w", encoding="utf8") as file:
        for sentence in make_sentences(products):
            file.write(json.dumps(sentence, ensure_ascii=False) + "\n")


def names() -> Iterator[str]:
    """Return the names of the products: 40 of known entities, 20 twice, 30 common words, and invented ones."""
    yield from KNOWN.split()
    for name in SHARED.split():
        yield from (name, name)
    yield from COMMON.split()
    for n in range(90):
        first, second = SYLLABLES[n % 10], SYLLABLES[(n // 10 + n + 1) % 10]
        yield f"{first}{second}".capitalize() + ("" if n % 3 else f" {n // 3 + 2}")


def make_products() -> Iterator[Dict[str, str]]:
    """Return the rows of the table."""
    categories = cycle(TEMPLATES)
    for n, name in enumerate(names()):
        category = next(categories)
        own = TEMPLATES[category]
        feature = own["feature"][n // 10 % 2]
        yield {
            "id": f"{category}-{n:03}",
            "type": "PRODUCT",
            **{f"name:{lang}": name for lang in LANGS},
            **{
                f"description:{lang}": own["description"][lang].format(feature=feature[i])
                for i, lang in enumerate(LANGS)
            },
            "types": category,
            "fact:maker": list(MAKERS)[n % len(MAKERS)],
        }


def makers(columns: List[str]) -> Iterator[Dict[str, str]]:
    """Return the rows of the makers."""
    for entity_id, name in MAKERS.items():
        row = {"id": entity_id, "type": "ORG", **{f"name:{lang}": name for lang in LANGS}}
        yield {column: row.get(column, "") for column in columns}


def make_sentences(products: List[Dict[str, str]]) -> Iterator[Dict[str, Any]]:
    """Return a sentence about each product, in one of the three languages."""
    for n, product in enumerate(products):
        lang = LANGS[n % len(LANGS)]
        texts = TEMPLATES[product["types"]]["text"][lang]
        text, bounds = fill(texts[n // 30 % len(texts)], product[f"name:{lang}"])
        yield {"lang": lang, "text": text, "kind": kind_of(n), "links": [[*bounds, product["id"]]]}


def kind_of(n: int) -> str:
    """Return the kind of a product's name."""
    limits = (("known", 40), ("shared", 80), ("common word", 110), ("invented", 200))
    return next(kind for kind, limit in limits if n < limit)


def fill(template: str, name: str) -> Tuple[str, Tuple[int, int]]:
    """Put a name into a template, and return its characters."""
    start = template.index("{}")
    return template.replace("{}", name, 1), (start, start + len(name))


if __name__ == "__main__":
    main()
