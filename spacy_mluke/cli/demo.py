"""`demo`: entities linked and facts completed in many languages; how alike the vectors of the same entities are."""

from __future__ import annotations

import itertools
import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, List, Sequence, Tuple

import numpy
import typer
from spacy.language import Language
from spacy.tokens import Doc
from wasabi import msg

from ..storage.files import writing
from .demo_page import render_page
from .demo_world import complete_texts, link_texts, print_world

NAME = typer.Option("mluke-small", help="Checkpoint: the bundled one, a directory or a hub name")
OUTPUT = typer.Option(Path("out/demo.html"), help="Where to write the page")


@dataclass
class Mention:
    """One mention of the demo's texts."""

    language: str
    text: str
    entity: str


@dataclass
class Comparison:
    """How well one kind of vector brings the mentions of an entity together."""

    name: str
    similarity: numpy.ndarray  # (n_entities, n_entities): mean cosine of mentions in different languages
    same: float  # mean cosine of mentions of the same entity in different languages
    different: float  # and of different entities
    nearest: int  # mentions whose nearest mention in another language is of the same entity


def demo(name: str = NAME, output: Path = OUTPUT) -> None:
    """Link entities and complete facts in many languages, and show how alike the same entities are across them."""
    import spacy

    from ..pipeline.load import load

    started = time.perf_counter()
    nlp = spacy.blank("xx")
    nlp.add_pipe("mluke", config={"model": {"name": name}})
    docs, mentions = read_texts(nlp)
    docs = list(nlp.pipe(docs))
    seconds = time.perf_counter() - started
    entities = list(dict.fromkeys(mention.entity for mention in mentions))
    comparisons = [
        compare("Entity vectors", numpy.concatenate([doc._.mluke.vectors for doc in docs]), mentions, entities),
        compare("Means of token vectors", token_means(docs), mentions, entities),
    ]
    print_report(comparisons, mentions, entities)
    world = load(name, cloze=True)
    linked = link_texts(world)
    # A checkpoint without a head for entities completes nothing.
    cloze: Any = world.get_pipe("mluke_cloze")
    completed = complete_texts(world) if cloze.is_trained else []
    print_world(linked, completed)
    page = render_page(name, docs, comparisons, mentions, entities, linked, completed)
    with writing(output) as aside:
        aside.write_text(page, encoding="utf8")
    n_words = sum(len(doc) for doc in docs)
    msg.good(f"{len(mentions)} mentions in {len(docs)} texts ({n_words} tokens) in {seconds:.1f} s, loading included")
    msg.good(f"Page: {output}")


def read_texts(nlp: Language) -> Tuple[List[Doc], List[Mention]]:
    """Read the demo's texts.

    nlp (Language): A pipeline, for its tokenizer.
    RETURNS (Tuple[List[Doc], List[Mention]]): Documents whose `ents` are the mentions, and the mentions in that order.
    """
    rows = json.loads((Path(__file__).parent / "demo_texts.json").read_text(encoding="utf8"))
    docs: List[Doc] = []
    mentions: List[Mention] = []
    for row in rows:
        found: Dict[int, Mention] = {}
        for text, entity in row["mentions"].items():
            found[row["text"].index(text)] = Mention(row["lang"], text, entity)
        places = sorted(found)
        doc = make_doc(nlp, row["text"], [(start, start + len(found[start].text)) for start in places])
        spans = (doc.char_span(start, start + len(found[start].text), label=found[start].entity) for start in places)
        doc.ents = [span for span in spans if span is not None]
        docs.append(doc)
        mentions.extend(found[start] for start in places)
    return docs, mentions


def make_doc(nlp: Language, text: str, mentions: Sequence[Tuple[int, int]]) -> Doc:
    """Tokenize a text so that every mention begins and ends with a token, also where words are not spaced.

    nlp (Language): For its tokenizer.
    text (str): The text.
    mentions (Sequence[Tuple[int, int]]): Characters of the mentions, sorted and apart.
    RETURNS (Doc): The document.
    """
    cuts = [0]
    for start, end in mentions:
        # The space after a mention belongs to its last token.
        cuts.extend((start, end + 1 if text[end : end + 1] == " " else end))
    cuts.append(len(text))
    pieces = [text[start:end] for start, end in itertools.pairwise(cuts) if start < end]
    doc = Doc.from_docs([nlp.make_doc(piece) for piece in pieces], ensure_whitespace=False)
    assert doc is not None
    return doc


def token_means(docs: Sequence[Doc]) -> numpy.ndarray:
    """The plain rival of entity vectors: means of the mentions' token vectors. Shape: (n_mentions, width)."""
    return numpy.stack(
        [doc._.mluke.token_vectors[ent.start : ent.end].mean(axis=0) for doc in docs for ent in doc.ents]
    )


def compare(name: str, vectors: numpy.ndarray, mentions: Sequence[Mention], entities: Sequence[str]) -> Comparison:
    """Compare mentions in different languages by the cosine of their vectors, less the mean of all.

    All vectors of such an encoder point much the same way; taking the mean away leaves what tells them apart.

    name (str): What the vectors are.
    vectors (numpy.ndarray): Shape: (n_mentions, width).
    mentions (Sequence[Mention]): The mentions.
    entities (Sequence[str]): The entities, in the order wanted.
    RETURNS (Comparison): The result.
    """
    centred = vectors - vectors.mean(axis=0)
    centred = centred / numpy.linalg.norm(centred, axis=1, keepdims=True)
    cosines = centred @ centred.T
    languages = numpy.asarray([mention.language for mention in mentions])
    labels = numpy.asarray([entities.index(mention.entity) for mention in mentions])
    foreign = languages[:, None] != languages[None, :]
    alike = labels[:, None] == labels[None, :]
    similarity = numpy.zeros((len(entities), len(entities)))
    for i in range(len(entities)):
        for j in range(len(entities)):
            pairs = foreign & (labels[:, None] == i) & (labels[None, :] == j)
            similarity[i, j] = cosines[pairs].mean()
    nearest = numpy.where(foreign, cosines, -2.0).argmax(axis=1)
    return Comparison(
        name=name,
        similarity=similarity,
        same=float(cosines[foreign & alike].mean()),
        different=float(cosines[foreign & ~alike].mean()),
        nearest=int((labels[nearest] == labels).sum()),
    )


def print_report(comparisons: Sequence[Comparison], mentions: Sequence[Mention], entities: Sequence[str]) -> None:
    """Print the heat map of the first comparison as numbers, and all of them side by side."""
    n_languages = len({mention.language for mention in mentions})
    msg.divider(f"Cosine of entity vectors across {n_languages} languages, less their mean (x 100)")
    header = ["", *(str(i + 1) for i in range(len(entities)))]
    rows = [
        [f"{i + 1:>2} {entity}", *(f"{100 * value:.0f}" for value in comparisons[0].similarity[i])]
        for i, entity in enumerate(entities)
    ]
    msg.table(rows, header=header, divider=True, aligns=["l", *("r" for _ in entities)])
    msg.divider("Mentions in another language")
    msg.table(
        [[c.name, f"{c.same:.2f}", f"{c.different:.2f}", f"{c.nearest} of {len(mentions)}"] for c in comparisons],
        header=["", "same entity", "other entity", "nearest is the same"],
        divider=True,
        aligns=["l", "r", "r", "r"],
    )
