"""The demo's comparison of vectors: do mentions of the same entity have similar vectors across languages?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Sequence

import numpy
from spacy.tokens import Doc
from wasabi import msg

from .demo_texts import Mention


@dataclass
class Comparison:
    """How similar mentions of the same entity are, by one kind of vector."""

    name: str
    similarity: numpy.ndarray  # (n_entities, n_entities): mean cosine of mentions in different languages
    same: float  # mean cosine of mentions of the same entity in different languages
    different: float  # mean cosine of mentions of different entities in different languages
    nearest: int  # number of mentions whose nearest mention in another language is of the same entity


def token_means(docs: Sequence[Doc]) -> numpy.ndarray:
    """Return the mean token vector of each mention, to compare with entity vectors. Shape: (n_mentions, width)."""
    return numpy.stack(
        [doc._.mluke.token_vectors[ent.start : ent.end].mean(axis=0) for doc in docs for ent in doc.ents]
    )


def compare(name: str, vectors: numpy.ndarray, mentions: Sequence[Mention], entities: Sequence[str]) -> Comparison:
    """Compare mentions in different languages by the cosine of their centred vectors.

    All vectors of such an encoder have similar directions. Subtracting their mean leaves the differences.

    name (str): Name of this kind of vector.
    vectors (numpy.ndarray): Shape: (n_mentions, width).
    mentions (Sequence[Mention]): The mentions.
    entities (Sequence[str]): The entities, in the order of the result.
    RETURNS (Comparison): The result.
    """
    centred = vectors - vectors.mean(axis=0)
    centred = centred / numpy.linalg.norm(centred, axis=1, keepdims=True)
    cosines = centred @ centred.T
    languages = numpy.asarray([mention.language for mention in mentions])
    labels = numpy.asarray([entities.index(mention.entity) for mention in mentions])
    other_language = languages[:, None] != languages[None, :]
    same_entity = labels[:, None] == labels[None, :]
    similarity = numpy.zeros((len(entities), len(entities)))
    for i in range(len(entities)):
        for j in range(len(entities)):
            pairs = other_language & (labels[:, None] == i) & (labels[None, :] == j)
            similarity[i, j] = cosines[pairs].mean()
    nearest = numpy.where(other_language, cosines, -2.0).argmax(axis=1)
    return Comparison(
        name=name,
        similarity=similarity,
        same=float(cosines[other_language & same_entity].mean()),
        different=float(cosines[other_language & ~same_entity].mean()),
        nearest=int((labels[nearest] == labels).sum()),
    )


def print_report(comparisons: Sequence[Comparison], mentions: Sequence[Mention], entities: Sequence[str]) -> None:
    """Print the similarities of the first comparison, and a summary of each comparison."""
    n_languages = len({mention.language for mention in mentions})
    msg.divider(f"Cosine of centred entity vectors across {n_languages} languages (x 100)")
    header = ["", *(str(i + 1) for i in range(len(entities)))]
    rows = [
        [f"{i + 1:>2} {entity}", *(f"{100 * value:.0f}" for value in comparisons[0].similarity[i])]
        for i, entity in enumerate(entities)
    ]
    msg.table(rows, header=header, divider=True, aligns=["l", *("r" for _ in entities)])
    msg.divider("Similarity to mentions in other languages")
    msg.table(
        [[c.name, f"{c.same:.2f}", f"{c.different:.2f}", f"{c.nearest} of {len(mentions)}"] for c in comparisons],
        header=["", "same entity", "different entity", "nearest mention: same entity"],
        divider=True,
        aligns=["l", "r", "r", "r"],
    )
