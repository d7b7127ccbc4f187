"""The demo's linked entities and completed facts, in many languages."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, List, Sequence

from wasabi import msg

_TEXTS = Path(__file__).with_name("demo_tasks.json")


@dataclass(frozen=True)
class LinkedText:
    """A text and its linked mentions."""

    lang: str
    text: str
    mentions: List[Dict[str, Any]]  # "start", "end" (characters), "id", "name" (the entity's, in English)


@dataclass(frozen=True)
class CompletedText:
    """A text with a mask, and the predicted entities."""

    lang: str
    text: str
    fillers: List[Any]  # Filler, best first
    is_right: bool  # whether the first filler is right


def link_texts(nlp: Any) -> List[LinkedText]:
    """Find and link the places in the demo's texts.

    nlp (Language): A pipeline from `spacy_mluke.load`.
    RETURNS (List[LinkedText]): The texts.
    """
    rows = read_part("linked")
    linker = nlp.get_pipe("mluke_linker")
    found = []
    for row, doc in zip(rows, nlp.pipe([row["text"] for row in rows]), strict=True):
        entities = [(ent, linker.candidates.get(ent.kb_id_)) for ent in doc.ents]
        mentions = [
            {"start": ent.start_char, "end": ent.end_char, "id": entity.id, "name": entity.name("en")}
            for ent, entity in entities
            if entity is not None
        ]
        found.append(LinkedText(row["lang"], doc.text, mentions))
    return found


def complete_texts(nlp: Any, top_k: int = 3) -> List[CompletedText]:
    """Fill the masks of the demo's texts.

    nlp (Language): A pipeline from `spacy_mluke.load(cloze=True)`.
    top_k (int): Number of predictions for each mask.
    RETURNS (List[CompletedText]): The texts.
    """
    cloze = nlp.get_pipe("mluke_cloze")
    rows = read_part("completed")
    with nlp.select_pipes(disable=["mluke_cloze"]):
        docs = list(nlp.pipe([row["text"] for row in rows]))
    found = []
    for row, doc in zip(rows, docs, strict=True):
        # The encoder also reads the entities that are linked in the text.
        (fillers,) = cloze.fill(doc, top_k=top_k, lang=row["lang"])
        found.append(CompletedText(row["lang"], row["text"], fillers, fillers[0].kb_id in row["right"]))
    return found


def print_results(linked: Sequence[LinkedText], completed: Sequence[CompletedText]) -> None:
    """Print linked entities and completed facts.

    linked (Sequence[LinkedText]): From `link_texts`.
    completed (Sequence[CompletedText]): From `complete_texts`.
    """
    msg.divider("Entities linked in running text")
    for text in linked:
        mentions = ", ".join(f"{text.text[m['start'] : m['end']]} = {m['name']} ({m['id']})" for m in text.mentions)
        print(f"{text.lang}  {text.text}\n    {mentions}")
    msg.divider("Facts completed")
    for one in completed:
        fillers = ", ".join(f"{filler.text} {filler.score:.2f}" for filler in one.fillers)
        print(f"{one.lang}  {one.text}\n    {'✔' if one.is_right else '✘'} {fillers}")


def read_part(part: str) -> List[Dict[str, Any]]:
    """Return the demo's texts of one part.

    part (str): "linked", "completed", "read" or "answered".
    RETURNS (List[Dict[str, Any]]): The texts, each with `lang`, `text` and what its part needs.
    """
    return json.loads(_TEXTS.read_text(encoding="utf8"))[part]
