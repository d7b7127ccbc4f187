"""Read mentions that are linked to Wikidata: FewRel, KnowledgeNet, and RELX-Distant's samples."""

from __future__ import annotations

import hashlib
import json
import random
from collections import defaultdict
from pathlib import Path
from typing import Any, Callable, Dict, Iterable, List, NamedTuple, Optional, Sequence

from spacy.tokens import Doc, Span

CORPORA = ("en-fewrel.val", "en-knowledgenet.train")
RELX = ("de", "es", "fr", "en")
UNKNOWN = "X"  # label of a mention whose kind is not known
PRONOUNS = {"he", "she", "it", "his", "her", "its", "they", "their", "who", "which", "that", "where", "him", "this"}
# Of each relation, the kinds of its head and tail. Those of P361 (part of) and P155 (follows) are not known.
_KINDS = {
    "P19": ("PER", "LOC"), "P25": ("PER", "PER"), "P26": ("PER", "PER"), "P27": ("PER", "LOC"), "P40": ("PER", "PER"),
    "P59": ("OTHER", "OTHER"), "P69": ("PER", "ORG"), "P102": ("PER", "ORG"), "P108": ("PER", "ORG"),
    "P112": ("ORG", "PER"), "P159": ("ORG", "LOC"), "P169": ("ORG", "PER"), "P177": ("LOC", "LOC"),
    "P206": ("LOC", "LOC"), "P364": ("WORK", "OTHER"), "P410": ("PER", "OTHER"), "P412": ("PER", "OTHER"),
    "P413": ("PER", "OTHER"), "P463": (UNKNOWN, "ORG"), "P551": ("PER", "LOC"), "P569": ("PER", UNKNOWN),
    "P570": ("PER", UNKNOWN), "P571": ("ORG", UNKNOWN), "P641": (UNKNOWN, "OTHER"), "P749": ("ORG", "ORG"),
    "P921": ("WORK", UNKNOWN), "P2094": ("PER", "OTHER"),
}  # fmt: skip
# A tenth of the sentences and of the entities is for the final figures, two tenths are to choose by.
TRAIN, DEVELOPMENT, TEST = "train", "development", "test"
_PARTS = {1: TEST, 0: DEVELOPMENT, 2: DEVELOPMENT}


class Gold(NamedTuple):
    """A mention."""

    start: int  # in characters
    end: int
    qid: str  # "" if it is not linked
    kind: str  # PER, ORG, LOC, WORK, EVENT, OTHER by its relation, or UNKNOWN


class Sentence(NamedTuple):
    """A sentence with its mentions, the first ones first; they do not overlap."""

    text: str
    lang: str
    golds: List[Gold]


def read_corpus(path: Path) -> List[Sentence]:
    """Read the sentences of FewRel or KnowledgeNet. Pronouns are no mentions.

    path (Path): The file (JSON lines).
    RETURNS (List[Sentence]): The sentences, sorted.
    """
    found: Dict[str, List[Gold]] = defaultdict(list)
    for line in path.read_text(encoding="utf8").splitlines():
        record = json.loads(line)
        kinds = _KINDS.get(record["relation"], (UNKNOWN, UNKNOWN))
        for role, kind in zip(("head", "tail"), kinds, strict=True):
            own = record[role]
            if own["name"].lower() not in PRONOUNS:
                found[record["text"]].append(Gold(own["start"], own["end"], own.get("qid") or "", kind))
    return [Sentence(text, "en", _distinct(golds)) for text, golds in sorted(found.items())]


def read_relx(folder: Path, lang: str) -> List[Sentence]:
    """Read the samples of RELX-Distant in a language.

    folder (Path): The folder of RELX_distant_*.json.
    lang (str): The language.
    RETURNS (List[Sentence]): The sentences, sorted.
    """
    found: Dict[str, List[Gold]] = defaultdict(list)
    for record in json.loads((folder / f"RELX_distant_{lang}.json").read_text(encoding="utf8")):
        kinds = _KINDS.get(record["relation"], (UNKNOWN, UNKNOWN))
        for role, kind in zip(("entity1", "entity2"), kinds, strict=True):
            start, end = record[f"{role}_indices"]
            found[record["sentence"]].append(Gold(start, end, record[role], kind))
    return [Sentence(text, lang, _distinct(golds)) for text, golds in sorted(found.items())]


def sample(sentences: Sequence[Sentence], n: int, seed: int) -> List[Sentence]:
    """Return some of the sentences in random order.

    sentences (Sequence[Sentence]): The sentences.
    n (int): Their maximum number; 0 for all.
    seed (int): The seed.
    RETURNS (List[Sentence]): The sentences.
    """
    found = list(sentences)
    random.Random(seed).shuffle(found)
    return found[: n or None]


def part_of(text: str, gold: Gold) -> str:
    """Return which part of the data a mention belongs to: by its sentence, and by its entity or else its name.

    text (str): The sentence.
    gold (Gold): The mention.
    RETURNS (str): `TRAIN`, `DEVELOPMENT` or `TEST`. What belongs to a part by one of the two is in that part.
    """
    parts = [_PARTS.get(bucket(key), TRAIN) for key in (text, gold.qid or text[gold.start : gold.end])]
    return next(part for part in (TEST, DEVELOPMENT, TRAIN) if part in parts)


def make_docs(nlp: Any, sentences: Iterable[Sentence], label: Callable[[Gold], str]) -> List[Doc]:
    """Return documents whose entities are gold mentions. Mentions that are not bounded by tokens are left out.

    nlp (Language): Tokenizes.
    sentences (Iterable[Sentence]): The sentences.
    label (Callable[[Gold], str]): Returns the label of a mention.
    RETURNS (List[Doc]): The documents.
    """
    docs = []
    for sentence in sentences:
        doc = nlp.make_doc(sentence.text)
        ents: List[Span] = []
        for gold in sentence.golds:
            span: Optional[Span] = doc.char_span(gold.start, gold.end, label=label(gold))
            if span is not None and (not ents or span.start >= ents[-1].end):
                ents.append(span)
        doc.ents = ents
        docs.append(doc)
    return docs


def _distinct(golds: Iterable[Gold]) -> List[Gold]:
    """The mentions without overlaps. Of equal ones, that whose kind is known."""
    found: List[Gold] = []
    for gold in sorted(golds, key=_by_place):
        if not found or gold.start >= found[-1].end:
            found.append(gold)
    return found


def _by_place(gold: Gold) -> Any:
    return gold.start, -gold.end, not gold.qid, gold.kind == UNKNOWN


def bucket(key: str) -> int:
    """Return which of ten parts of the data a text or an entity belongs to."""
    return int(hashlib.sha256(key.encode("utf8")).hexdigest()[:8], 16) % 10
