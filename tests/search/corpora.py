"""Small annotated corpora, as `annotate` writes them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence

import pyarrow
import pyarrow.parquet

from spacy_mluke.bulk.rows import make_schema

WIDTH = 4
# Text, language, and mentions: words, label, id, score, score of the link, vector, finer types.
DOCS: List[Any] = [
    ("Tokyo is far from Paris.", "en", [
        ("Tokyo", "LOC", "Q1490", 0.9, 0.8, [1, 0, 0, 0], ["city"]),
        ("Paris", "LOC", "Q90", 0.5, 0.4, [0, 1, 0, 0], ["city"]),
    ]),
    ("Tokio liegt in Japan.", "de", [
        ("Tokio", "LOC", "Q1490", 0.8, 0.9, [3, 1, 0, 0], ["city"]),
        ("Japan", "LOC", "Q17", None, None, [0, 0, 1, 0], ["country"]),
    ]),
    ("Nobody is here.", "en", []),
    ("東京のマリー", "ja", [
        ("東京", "LOC", "Q1490", 0.7, 0.5, [2, 2, 0, 0], []),
        ("マリー", "PER", "NIL", 0.6, None, None, []),
    ]),
    ("Tokyo again", "en", [("Tokyo", "ORG", "", 0.9, None, [10, 1, 0, 0], [])]),
]  # fmt: skip


def rows(docs: Sequence[Any] = DOCS, *, width: Optional[int] = WIDTH) -> List[Dict[str, Any]]:
    """Return documents as rows of Parquet."""
    found = []
    for number, (text, lang, mentions) in enumerate(docs):
        entities = []
        for words, label, kb_id, score, link_score, vector, types in mentions:
            start = text.index(words)
            entity = {
                "start": start, "end": start + len(words), "text": words, "label": label, "kb_id": kb_id,
                "score": score,
                "types": [{"label": one, "score": 1.0} for one in types],
                "candidates": [] if link_score is None else [{"entity": kb_id, "prior": 0.5, "score": link_score}],
            }  # fmt: skip
            if width is not None:
                entity["vector"] = vector
            entities.append(entity)
        meta = json.dumps({"lang": lang}) if number % 2 == 0 else None
        row_lang = "xx" if meta else lang
        found.append({"id": f"d{number}", "text": text, "lang": row_lang, "entities": entities, "meta": meta})
    return found


def write(path: Path, docs: Sequence[Any] = DOCS, *, width: Optional[int] = WIDTH, encoder: str = "tiny") -> Path:
    """Write a Parquet file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    schema = make_schema(width, "xx_pipeline", encoder)
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows(docs, width=width), schema=schema), path)
    return path
