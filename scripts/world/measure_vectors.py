"""Measure how similar vectors of the same entity, and of the same sentence, are across languages, on XQuAD.

python scripts/world/measure_vectors.py XQUAD WORLD CHECKPOINT prints two precisions. Mentions: names of the store's
entities in the paragraphs, of entities that are found in at least five languages; how often the nearest mention in
another paragraph and another language is of the same entity, by `span._.mluke_vector` and by the mean of token
vectors. Sentences: how often the nearest question of another language is the same question, by the mean of token
vectors, without entities.
"""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path
from typing import Any, Dict, List, NamedTuple, Set, Tuple

import numpy
import spacy
import typer
from wasabi import msg

from spacy_mluke.kb.store import EntityStore

XQUAD = typer.Argument(..., help="Folder of XQuAD", exists=True, file_okay=False)
WORLD = typer.Argument(..., help="Folder of entities.sqlite", exists=True, file_okay=False)
CHECKPOINT = typer.Argument(..., help="Checkpoint")
SPAN_VECTORS = typer.Option("entity", help="Content of span._.mluke_vector: entity, both or centered")
OUTPUT = typer.Option(Path("out/vectors.json"), help="Where to write the figures")
LANGUAGES = ("en", "de", "es", "ru", "zh", "ar", "el")
MIN_LANGUAGES = 5


class Mention(NamedTuple):
    """A mention and its vectors. Shapes: (width,) each."""

    entity: str
    lang: str
    paragraph: int
    own: numpy.ndarray
    tokens: numpy.ndarray


def main(
    xquad: Path = XQUAD,
    world: Path = WORLD,
    checkpoint: str = CHECKPOINT,
    span_vectors: str = SPAN_VECTORS,
    output: Path = OUTPUT,
) -> None:
    """Print the two precisions."""
    store = EntityStore(world / "entities.sqlite")
    articles = {
        lang: json.loads((xquad / f"xquad.{lang}.json").read_text(encoding="utf8"))["data"] for lang in LANGUAGES
    }
    paragraphs = {lang: [p for article in own for p in article["paragraphs"]] for lang, own in articles.items()}
    mentions: List[Mention] = []
    sentences: Dict[str, numpy.ndarray] = {}
    for lang, own in paragraphs.items():
        nlp = spacy.blank(lang)
        nlp.add_pipe("mluke_mentions", config={"candidates": {"path": str(store.path)}})
        nlp.add_pipe("mluke", config={"model": {"name": checkpoint}, "span_vectors": span_vectors})
        mentions += find_mentions(nlp, store, lang, [p["context"] for p in own])
        questions = [question["question"] for p in own for question in p["qas"]]
        with nlp.select_pipes(disable="mluke_mentions"):
            docs = nlp.pipe(questions)
            sentences[lang] = numpy.stack([doc._.mluke.token_vectors.mean(axis=0) for doc in docs])
    figures = {"mentions": compare_mentions(mentions), "sentences": compare_sentences(sentences)}
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(json.dumps(figures, indent=1), encoding="utf8")
    for title, rows in figures.items():
        msg.divider(title)
        msg.table([(key, f"{value:.3f}" if isinstance(value, float) else value) for key, value in rows.items()])
    msg.good(f"Figures: {output}")


def find_mentions(nlp: Any, store: EntityStore, lang: str, texts: List[str]) -> List[Mention]:
    """Encode the unambiguous mentions of texts."""
    found = []
    for i, doc in enumerate(nlp.pipe(texts)):
        tokens = doc._.mluke.token_vectors
        for ent in doc.ents:
            matches = store.candidates(ent.text, lang)
            if len(matches) == 1 and ent._.mluke_vector is not None:
                mean = tokens[ent.start : ent.end].mean(axis=0)
                found.append(Mention(matches[0].id, lang, i, ent._.mluke_vector, mean))
    return found


def compare_mentions(mentions: List[Mention]) -> Dict[str, Any]:
    """Return the precision of the nearest mention in another paragraph and language."""
    languages: Dict[str, Set[str]] = defaultdict(set)
    for mention in mentions:
        languages[mention.entity].add(mention.lang)
    kept = [mention for mention in mentions if len(languages[mention.entity]) >= MIN_LANGUAGES]
    entities = numpy.asarray([mention.entity for mention in kept])
    langs = numpy.asarray([mention.lang for mention in kept])
    places = numpy.asarray([mention.paragraph for mention in kept])
    elsewhere = (langs[:, None] != langs[None, :]) & (places[:, None] != places[None, :])
    same = entities[:, None] == entities[None, :]
    asked = (elsewhere & same).any(axis=1)
    result: Dict[str, Any] = {"entities": len(set(entities)), "mentions": len(kept), "asked": int(asked.sum())}
    for name, vectors in (
        ("span vectors", numpy.stack([mention.own for mention in kept])),
        ("means of token vectors", numpy.stack([mention.tokens for mention in kept])),
    ):
        nearest = numpy.where(elsewhere, cosines(vectors, vectors), -2.0).argmax(axis=1)
        result[name] = float(same[numpy.arange(len(kept)), nearest][asked].mean())
    return result


def compare_sentences(sentences: Dict[str, numpy.ndarray]) -> Dict[str, Any]:
    """Return the precision of the nearest sentence in another language: the mean over pairs of languages, and English
    with each."""
    pairs: Dict[Tuple[str, str], float] = {}
    for a in LANGUAGES:
        for b in LANGUAGES:
            if a != b:
                nearest = cosines(sentences[a], sentences[b]).argmax(axis=1)
                pairs[a, b] = float((nearest == numpy.arange(len(nearest))).mean())
    result: Dict[str, Any] = {"sentences": len(sentences["en"]), "mean": float(numpy.mean(list(pairs.values())))}
    result.update({f"en-{lang}": pairs["en", lang] for lang in LANGUAGES[1:]})
    return result


def cosines(a: numpy.ndarray, b: numpy.ndarray) -> numpy.ndarray:
    """Return the cosine of each row of `a` with each row of `b`. Shape: (len(a), len(b))."""
    a, b = (rows / numpy.linalg.norm(rows, axis=1, keepdims=True) for rows in (a, b))
    return a @ b.T


if __name__ == "__main__":
    typer.run(main)
