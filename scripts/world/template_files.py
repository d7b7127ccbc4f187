"""Read the templates of training sentences, and recognize patterns that equal one of them."""

from __future__ import annotations

import csv
import re
from collections import defaultdict
from pathlib import Path
from typing import Dict, List, NamedTuple, Set, Tuple

TEMPLATES = Path(__file__).parent / "templates"
_NO_WORD = re.compile(r"[\W_]+")


class Template(NamedTuple):
    """A sentence with placeholders for a subject, {X}, and an object, {Y}."""

    language: str
    relation: str
    text: str


def read_templates(split: str) -> Dict[Tuple[str, str], List[Template]]:
    """Read the templates of a split, by language and relation."""
    found: Dict[Tuple[str, str], List[Template]] = defaultdict(list)
    for path in sorted(TEMPLATES.glob("*.tsv")):
        with path.open(encoding="utf8") as file:
            for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE):
                if row["split"] == split:
                    found[path.stem, row["relation"]].append(Template(path.stem, row["relation"], row["template"]))
    return found


def trained_templates() -> Set[str]:
    """Return the templates of training, as `normal` returns them."""
    return {normal(template.text) for own in read_templates("train").values() for template in own}


def normal(template: str) -> str:
    """Return the letters of a template, or of a pattern of mLAMA, to compare them without punctuation and case."""
    return _NO_WORD.sub(" ", template.casefold()).strip()
