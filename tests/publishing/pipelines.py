"""Saved pipelines with the meta data of a training."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import spacy

PERFORMANCE = {
    "ents_f": 0.8125,
    "ents_p": 0.9,
    "ents_per_type": {"LOC": {"p": 0.5, "r": 0.25, "f": 0.333}},
    "rel_micro_f": 0.5,
    "qa_em": 0.25,
    "mluke_ner_loss": 0.5,
    "speed": 1200.0,
}


def save(path: Path, **meta: Any) -> Path:
    """Save a pipeline of mluke_ner and spaCy's own components, whose meta data are given."""
    nlp = spacy.blank("de")
    nlp.add_pipe("entity_ruler")
    nlp.to_disk(path)
    config = (path / "config.cfg").read_text(encoding="utf8")
    # Only the names of components matter: nothing is loaded.
    config = config.replace('pipeline = ["entity_ruler"]', 'pipeline = ["entity_ruler", "names"]')
    (path / "config.cfg").write_text(f'{config}\n[components.names]\nfactory = "mluke_ner"\n', encoding="utf8")
    content = json.loads((path / "meta.json").read_text(encoding="utf8"))
    content.update(name="places", version="1.2.3", labels={"names": ["LOC", "PER"]}, performance=PERFORMANCE)
    content.update(meta)
    (path / "meta.json").write_text(json.dumps(content), encoding="utf8")
    return path
