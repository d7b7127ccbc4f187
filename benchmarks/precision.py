"""Measure how much int8 and bfloat16 change vectors, in each language of XQuAD.

    python -m benchmarks.precision --name mluke-small

Prints a table: mean and lowest cosine between the vectors and those of float32, of entities (capitalised words) and of
tokens.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, List

import numpy
import typer
from wasabi import msg

from .texts import LANGUAGES, capitalised

NAME = typer.Option("mluke-small", help="Checkpoint")
DATA = typer.Option(Path("../shared/data/xquad"), help="Folder with xquad.LANG.json")
N_TEXTS = typer.Option(40, help="Number of paragraphs in each language")
SYSTEMS: Dict[str, Dict[str, Any]] = {"int8": {"quantize": "int8"}, "bfloat16": {"dtype": "bfloat16"}}


def main(name: str = NAME, data: Path = DATA, n_texts: int = N_TEXTS) -> None:
    """Print cosines between vectors in few bits and vectors in float32."""
    import json

    texts = {}
    for lang in LANGUAGES:
        articles = json.loads((data / f"xquad.{lang}.json").read_text(encoding="utf8"))["data"]
        texts[lang] = [p["context"] for article in articles for p in article["paragraphs"]][:n_texts]
    exact = vectors(name, texts, {})
    rows = []
    for system, options in SYSTEMS.items():
        found = vectors(name, texts, options)
        for lang in texts:
            cells = []
            for of_exact, of_found in zip(exact[lang], found[lang], strict=True):
                cosines = (of_exact * of_found).sum(1) / numpy.linalg.norm(of_exact, axis=1)
                cosines /= numpy.linalg.norm(of_found, axis=1)
                cells += [f"{len(cosines):,}", f"{cosines.mean():.4f}", f"{cosines.min():.4f}"]
            rows.append((system, lang, *cells))
    header = ("", "", "entities", "mean cosine", "lowest", "tokens", "mean cosine", "lowest")
    msg.table(rows, header=header, aligns=tuple("llrrrrrr"), divider=True)


def vectors(name: str, texts: Dict[str, List[str]], options: Dict[str, Any]) -> Dict[str, List[numpy.ndarray]]:
    """Return vectors of entities and tokens. Entities are capitalised words; without any, every third token.

    RETURNS (Dict[str, List[numpy.ndarray]]): Entity vectors and token vectors, by language. Shapes: (n, width).
    """
    import spacy

    nlp = spacy.blank("xx")
    suggester = {"@misc": "spacy-mluke.spans_suggester.v1", "spans_key": "sc"}
    pipe: Any = nlp.add_pipe("mluke", config={"model": {"name": name, **options}, "suggester": suggester})
    found = {}
    for lang, paragraphs in texts.items():
        docs = []
        for text in paragraphs:
            doc = nlp.make_doc(text)
            spans = [doc.char_span(start, end, alignment_mode="expand") for start, end in capitalised(text)]
            doc.spans["sc"] = [span for span in spans if span is not None] or [
                doc[i : i + 1] for i in range(0, len(doc), 3)
            ]
            docs.append(doc)
        states_of_docs = [doc._.mluke for doc in pipe.pipe(iter(docs))]
        entities = numpy.concatenate([states.vectors for states in states_of_docs])
        tokens = numpy.concatenate([states.token_vectors for states in states_of_docs])
        # Whitespace tokens have no wordpiece, and a zero vector.
        found[lang] = [rows[numpy.abs(rows).sum(1) > 0] for rows in (entities, tokens)]
    return found


if __name__ == "__main__":
    typer.run(main)
