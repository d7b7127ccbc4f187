"""Whether a mention means its best candidate, or something that the knowledge base lacks."""

from __future__ import annotations

import math
from collections import Counter
from typing import Container, Dict, Iterable, Optional, Sequence, Set, Tuple

import numpy

from ..types import Floats1d, Floats2d
from .entities import Entity
from .matching import Match
from .name_keys import loose_key
from .ranking import KIND_OF, agreement
from .store_format import NAME
from .text_classes import UNSPACED
from .titles import without_title

# Features of a mention and its best candidate, which need no encoder and no facts:
# - prominence: logarithm of how well-known all candidates together are by this name;
# - own_name: logarithm of the part of the candidate's prominence that this name has: 0 for its label, less for an
#   alias. That a name is in another language than the text does not count: the store's names are not complete;
# - probability: that of the candidate among the mention's candidates;
# - label: logarithm of the agreement of its type with the mention's label;
# - words: whether the mention has several words;
# - last_name: whether the mention is a part of a person's name;
# - part: whether it is a part of another candidate's name ("Barcelona" for the club);
# - organisation: whether the candidate is one. Many have the name of a place, such as national teams;
# - known: logarithm of how well-known the candidate is by its label;
# - unlabelled: whether the mention's label says nothing of its kind;
# - unlabelled_probability: the probability, where it does not: kinds then compete;
# - historical: whether a class of a candidate that is no person is historical: "England" is rarely the former kingdom;
# - prominence_squared, known_squared: squares of these, divided by 10, since differences between well-known entities
#   say more than those between little known ones.
LATER_NIL_FEATURES = (
    "organisation", "known", "unlabelled", "unlabelled_probability", "historical", "prominence_squared", "known_squared"
)  # fmt: skip
NIL_FEATURES = (
    "constant", "prominence", "own_name", "probability", "label", "words", "last_name", "part", *LATER_NIL_FEATURES
)  # fmt: skip
# A mention is linked if it is likelier that the candidate is meant than not: this is `nil` where both are equal.
EVEN = 0.1
_LEAST_SHARE = 0.3  # of an alias in "knowledge"
_STEPS = 50
_TOLERANCE = 1e-9
_MAX_ENDING = 4  # letters of an ending that an inflected name has
_MIN_STEM = 4
_LONG = 4  # letters of a name without spaces that counts as several words
_HISTORICAL = "historical"  # "historical country"
_SCALE = 10.0  # of squares
# So many people have a first name, at least: "Pierre" and "Tom", but not "Augustus" and "Raphael".
_LEAST_PEOPLE = 20
_MOST = 30.0  # largest logarithm of odds
# Of a mention that does not mean its candidates.
LEAST_SUPPORT = EVEN * math.exp(-_MOST)


def nil_features(
    mention: str,
    label: str,
    matches: Sequence[Match],
    prior: Optional[float],
    names: Sequence[str],
    classes: Sequence[str] = (),
) -> Floats1d:
    """Return what says whether a mention means its best candidate.

    mention (str): The mention.
    label (str): Its label.
    matches (Sequence[Match]): Its candidates with their prominence, the best one first.
    prior (Optional[float]): How well-known the best one is.
    names (Sequence[str]): Its labels in the text's language and in English, in lower case.
    classes (Sequence[str]): Names of its classes.
    RETURNS (Floats1d): The features `NIL_FEATURES`. Shape: (15,), float64.
    """
    best = matches[0]
    share = (best.prominence or 0.0) / prior if prior else 1.0
    prominence = sum(match.prominence or 0.0 for match in matches)
    well_known, known = (math.log(max(own, 1.0)) for own in (prominence, prior or 0.0))
    lower = " ".join(mention.lower().split())
    is_whole = lower in names
    is_long = " " in lower or (len(lower) >= _LONG and UNSPACED.search(lower) is not None)
    is_part = not is_whole and any(_is_part(lower, name) for name in names)
    return numpy.array(
        [
            1.0,
            well_known,
            math.log(min(max(share, _LEAST_SHARE), 1.0)),
            best.prior,
            math.log(agreement(label, best.type)),
            float(is_long),
            float(is_part and best.type == "PER"),
            float(is_part and best.type != "PER"),
            float(KIND_OF.get(best.type) == "ORG"),
            known,
            float(label not in KIND_OF),
            0.0 if label in KIND_OF else best.prior,
            float(best.type != "PER" and any(_HISTORICAL in own.lower().split() for own in classes)),
            well_known**2 / _SCALE,
            known**2 / _SCALE,
        ]
    )


def is_first_name(mention: str, best: Match, names: Sequence[str], first_names: Container[str]) -> bool:
    """Return whether a mention is only the first name of a person ("Maria"): it mostly means someone whom the knowledge
    base lacks.

    mention (str): The mention.
    best (Match): Its best candidate.
    names (Sequence[str]): The candidate's labels, in lower case. Their last words are no first names ("Michael
        Jordan"), except after a title ("Pope Francis").
    first_names (Container[str]): From `first_names_of`.
    RETURNS (bool): Whether it is.
    """
    lower = mention.lower()
    is_first = lower in first_names or loose_key(lower) in first_names
    is_last = any((without_title(name) or name).endswith(f" {lower}") for name in names)
    return KIND_OF.get(best.type) == "PER" and is_first and not is_last


def first_names_of(entities: Iterable[Entity]) -> Set[str]:
    """Return the first names that at least 20 people have.

    entities (Iterable[Entity]): The entities of a store.
    RETURNS (Set[str]): First words of their labels, in lower case.
    """
    found: Counter[str] = Counter()
    for entity in entities:
        if entity.type == "PER":
            labels = (own.name.lower().split() for own in entity.names if own.kind == NAME)
            found.update({words[0] for words in labels if len(words) > 1})
    return {name for name, n in found.items() if n >= _LEAST_PEOPLE}


def _is_part(mention: str, name: str) -> bool:
    """Whether a mention is a part of a name, or one of its words with another ending ("Путина", "владимир путин")."""
    if f" {mention} " in f" {name} ":
        return True
    return " " not in mention and any(_is_inflected(mention, word) for word in name.split()[1:])


def _is_inflected(mention: str, word: str) -> bool:
    stem = max(_MIN_STEM, len(word) - 1)
    return len(mention) <= len(word) + _MAX_ENDING and len(word) >= stem and mention[:stem] == word[:stem]


def labels_of(entity: Optional[Entity], lang: str) -> Tuple[str, ...]:
    """Return the labels of an entity that mentions are compared with.

    entity (Optional[Entity]): The entity.
    lang (str): Language of the text.
    RETURNS (Tuple[str, ...]): Its labels in that language, in English and without a language, in lower case.
    """
    names = entity.names if entity is not None else ()
    return tuple({own.name.lower() for own in names if own.kind == NAME and own.lang in (lang, "en", "")})


def support_of(weights: Dict[str, float], features: Floats1d) -> float:
    """Return how well the best candidate supports a mention, as `Ranking.support`.

    weights (Dict[str, float]): A weight for each of `NIL_FEATURES`.
    features (Floats1d): From `nil_features`. Shape: (15,).
    RETURNS (float): `EVEN` times the odds that the mention means the candidate.
    """
    logit = sum(weights[name] * float(value) for name, value in zip(NIL_FEATURES, features, strict=True))
    return EVEN * math.exp(min(max(logit, -_MOST), _MOST))


def fit_nil(features: Floats2d, is_meant: Sequence[bool], importance: Sequence[float], *, l2: float = 1.0) -> Floats1d:
    """Return the weights of a logistic regression, by Newton's method.

    features (Floats2d): Features of mentions. Shape: (n, n_features).
    is_meant (Sequence[bool]): Whether each mention means its best candidate.
    importance (Sequence[float]): How much each mention counts.
    l2 (float): Weight of the penalty: half the sum of the squared weights.
    RETURNS (Floats1d): The weights. Shape: (n_features,), float64.
    """
    counts, truth = numpy.asarray(importance, dtype="float64"), numpy.asarray(is_meant, dtype="float64")
    weights = numpy.zeros(features.shape[1])
    for _ in range(_STEPS):
        found = 1.0 / (1.0 + numpy.exp(-numpy.clip(features @ weights, -_MOST, _MOST)))
        gradient = features.T @ (counts * (truth - found)) - l2 * weights
        curved = features * (counts * found * (1.0 - found))[:, None]
        step = numpy.linalg.solve(curved.T @ features + l2 * numpy.eye(len(weights)), gradient)
        weights = weights + step
        if float(numpy.abs(step).max()) < _TOLERANCE:
            break
    return weights
