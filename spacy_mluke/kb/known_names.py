"""What is known about names. By a knowledge base: the types of entities with this name, and of names that begin or end
with its words. By annotated texts: a lexicon of words. NumPy only: exported models read it, too."""

from __future__ import annotations

import io
import zipfile
from dataclasses import dataclass
from typing import Any, Dict, Iterable, List, Mapping, Optional, Sequence, Set, Tuple

import numpy

from ..errors import Errors
from ..types import Bools1d, Floats2d, Ints1d
from .entities import Entity
from .name_lexicon import N_LEXICON_FEATURES, ORDINARY, NameLexicon
from .name_words import N_TYPES, TYPES, is_character, look_up, make_table, split_name, unpack
from .store_format import CROSS_REFERENCE, STEM

# The share of a type is stored in 2 bits, the number of entities in 4 bits, on a scale of logarithms.
_SHARE_BITS, _COUNT_BITS = 2, 4
_SHARES, _COUNTS, _STEPS = 3, 15, 1.5
# For the whole name, for its first word and for its last word: whether it is known, and a number for each type. Then
# the spelling: capital, upper case, lower case, user name or tag, one word, two words.
N_FEATURES = 3 * (1 + N_TYPES) + 6
# Added to the logit of the negative class for names of ordinary words.
_CERTAINLY = 30.0
_N_CASES = 3  # the features of capitals, which come first
_MARKS = ("@", "#")
_COLUMNS = ("names", "shares", "words", "counts")
# Arrays of the lexicon, if there is one, in the order of its fields.
_LEXICON = ("lexicon_words", "lexicon_ratios")
_HASHES = ("names", "words", "lexicon_words")
_TYPES = {"names": "uint32", "shares": "uint8", "words": "uint32", "counts": "uint32", "weights": "float32"}
_LEXICON_TYPES = {"lexicon_words": "uint32", "lexicon_ratios": "uint64"}


@dataclass(frozen=True)
class KnownNames:
    """Names and their words, by hashes of 32 bits.

    names (Ints1d): Hashes of names, sorted. Shape: (n_names,), uint32.
    shares (Ints1d): The share of each type in the priors of the entities with this name: two bits each. Shape:
        (n_names,), uint8.
    words (Ints1d): Hashes of words, sorted. Shape: (n_words,), uint32.
    counts (Ints1d): How many entities of each type have a name of several words that begins with this word, and that
        ends with it: four bits each. Shape: (n_words,), uint32.
    lexicon (Optional[NameLexicon]): What annotated texts say about words. None: nothing.
    """

    names: Ints1d
    shares: Ints1d
    words: Ints1d
    counts: Ints1d
    lexicon: Optional[NameLexicon] = None

    @property
    def n_features(self) -> int:
        """Number of features: N_FEATURES, and those of the lexicon."""
        return N_FEATURES + (0 if self.lexicon is None else N_LEXICON_FEATURES)

    @classmethod
    def of(cls, entities: Iterable[Entity], *, least_prior: float = 0.0, least_count: int = 1) -> KnownNames:
        """Collect the names of entities.

        entities (Iterable[Entity]): Such as `open_store("knowledge").entities()`. Their types are PER, ORG, LOC or
            others.
        least_prior (float): Names whose entities have a lower prior in sum are left out.
        least_count (int): Words that fewer entities have are left out.
        RETURNS (KnownNames): The names.
        """
        names: Dict[str, List[float]] = {}
        words: Dict[str, List[int]] = {}
        for entity in entities:
            kind = TYPES.index(entity.type) if entity.type in TYPES else len(TYPES)
            places: Set[Tuple[str, int]] = set()
            own = {name.name for name in entity.names if name.kind not in (STEM, CROSS_REFERENCE)}
            for parts in {tuple(split_name(name)) for name in own}:
                if parts:
                    prior = 1.0 if entity.prior is None else entity.prior
                    names.setdefault(" ".join(parts), [0.0] * N_TYPES)[kind] += prior
                if len(parts) > 1:
                    places |= {(parts[0], kind), (parts[-1], kind + N_TYPES)}
            for word, place in places:
                words.setdefault(word, [0] * (2 * N_TYPES))[place] += 1
        kept_names = {name: row for name, row in names.items() if sum(row) >= max(least_prior, 1e-9)}
        kept_words = {word: row for word, row in words.items() if sum(row) >= least_count}
        priors = numpy.asarray(list(kept_names.values())).reshape((-1, N_TYPES))
        shares = numpy.rint(_SHARES * priors / priors.sum(axis=1, keepdims=True))
        counts = numpy.asarray(list(kept_words.values())).reshape((-1, 2 * N_TYPES))
        logs = numpy.minimum(_COUNTS, numpy.rint(_STEPS * numpy.log1p(counts)))
        return cls(
            *make_table(list(kept_names), shares, _SHARE_BITS, "uint8"),
            *make_table(list(kept_words), logs, _COUNT_BITS, "uint32"),
        )

    def features(self, names: Sequence[str], is_mixed: Optional[Bools1d] = None) -> Floats2d:
        """Return what is known about names, and how they are spelled.

        names (Sequence[str]): The names, as in a text.
        is_mixed (Optional[Bools1d]): Whether the text of each is in mixed case: in other texts, capitals say nothing.
            None: all are. Shape: (n_names,).
        RETURNS (Floats2d): Shape: (n_names, n_features).
        """
        parts = [split_name(name) for name in names]
        is_known, whole = _values(self.names, self.shares, [" ".join(words) for words in parts])
        # The characters of Chinese and Japanese names are no words.
        are_words = [words if words and not is_character(words[0]) else [""] for words in parts]
        ends = []
        for place, first in ((0, 0), (-1, N_TYPES)):
            is_found, counts = _values(self.words, self.counts, [words[place] for words in are_words])
            ends += [is_found, *(unpack(counts, first, _COUNT_BITS) / _STEPS).T]
        columns = [is_known, *(unpack(whole, 0, _SHARE_BITS) / _SHARES).T, *ends]
        spelling = [_spelling(name, len(words)) for name, words in zip(names, parts, strict=True)]
        spelled = numpy.asarray(spelling, dtype="float32").reshape((-1, N_FEATURES - len(columns)))
        if is_mixed is not None:
            spelled[~is_mixed, :_N_CASES] = 0.0
        more = [] if self.lexicon is None else [self.lexicon.features(names, parts)]
        return numpy.hstack([numpy.stack(columns, axis=1), spelled, *more]).astype("float32")


@dataclass(frozen=True)
class NameEvidence:
    """What known names say about the labels of a component: weights for `KnownNames.features`.

    known (KnownNames): The names.
    classes (List[str]): Labels that have weights.
    weights (Floats2d): A row for each feature, and one more for all names. Shape:
        (known.n_features + 1, n_labels).
    """

    known: KnownNames
    classes: List[str]
    weights: Floats2d

    def logits(self, names: Sequence[str], classes: Sequence[str], is_mixed: Optional[Bools1d] = None) -> Floats2d:
        """Return what is added to the logits of names.

        names (Sequence[str]): The names.
        classes (Sequence[str]): The classes of the columns to return. A class without weights has zeros.
        is_mixed (Optional[Bools1d]): As for `KnownNames.features`.
        RETURNS (Floats2d): Shape: (n_names, n_classes).
        """
        found = numpy.zeros((len(names), len(classes)), dtype="float32")
        own = [i for i, name in enumerate(classes) if name in self.classes]
        columns = [self.classes.index(classes[i]) for i in own]
        if len(names):
            features = self.known.features(names, is_mixed)
            found[:, own] = features @ self.weights[:-1, columns] + self.weights[-1, columns]
        return found

    def without_ordinary_words(self, negative: str) -> NameEvidence:
        """Return evidence by which names of ordinary words are of the negative class, if there is a lexicon.

        negative (str): The negative class, which has no weights yet.
        RETURNS (NameEvidence): The evidence.
        """
        if self.known.lexicon is None:
            return self
        column = numpy.zeros((len(self.weights), 1), dtype="float32")
        column[N_FEATURES + ORDINARY] = _CERTAINLY
        return NameEvidence(self.known, [*self.classes, negative], numpy.hstack([self.weights, column]))

    def to_bytes(self) -> bytes:
        """Return names and weights as bytes.

        RETURNS (bytes): An archive of arrays.
        """
        columns: Dict[str, Any] = {name: getattr(self.known, name) for name in _COLUMNS}
        lexicon = self.known.lexicon
        if lexicon is not None:
            columns.update(zip(_LEXICON, (lexicon.words, lexicon.ratios), strict=True))
        # Differences of sorted numbers are small, and compress well.
        for name in set(_HASHES) & set(columns):
            columns[name] = numpy.diff(columns[name], prepend=numpy.uint32(0))
        file = io.BytesIO()
        numpy.savez_compressed(file, **columns, weights=self.weights, classes=numpy.asarray(self.classes, dtype="U"))
        return file.getvalue()

    @classmethod
    def from_bytes(cls, data: bytes, source: str) -> NameEvidence:
        """Read what `to_bytes` returned.

        data (bytes): The bytes.
        source (str): Where they are from, for the message.
        RETURNS (NameEvidence): Names and weights.
        RAISES (ValueError): ML468 if they are damaged.
        """
        try:
            with numpy.load(io.BytesIO(data), allow_pickle=False) as file:
                # Files of earlier versions have no lexicon.
                own = _LEXICON if set(_LEXICON) & set(file.files) else ()
                found: Dict[str, Any] = {name: file[name] for name in (*_COLUMNS, *own, "weights", "classes")}
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
            raise ValueError(Errors.ML468.format(source=source, reason=error)) from error
        _check(found, source)
        for name in set(_HASHES) & set(found):
            found[name] = numpy.cumsum(found[name], dtype="uint32")
        lexicon = NameLexicon(*(found[name] for name in own)) if own else None
        known = KnownNames(**{name: found[name] for name in _COLUMNS}, lexicon=lexicon)
        return cls(weights=found["weights"], classes=found["classes"].tolist(), known=known)


def _check(found: Mapping[str, Any], source: str) -> None:
    """Check the arrays of a file."""
    has_lexicon = set(_LEXICON) <= set(found)
    expected = {**_TYPES, **(_LEXICON_TYPES if has_lexicon else {})}
    n_features = N_FEATURES + (N_LEXICON_FEATURES if has_lexicon else 0)
    shapes = {name: found[name].shape for name in expected}
    is_right = all(found[name].dtype == numpy.dtype(kind) for name, kind in expected.items())
    for first, second in (("names", "shares"), ("words", "counts"), *([_LEXICON] if has_lexicon else [])):
        is_right &= shapes[first] == shapes[second] and len(shapes[first]) == 1
    is_right &= shapes["weights"] == (n_features + 1, *found["classes"].shape)
    if not is_right or found["classes"].dtype.kind != "U":
        raise ValueError(Errors.ML468.format(source=source, reason=f"its arrays have the shapes {shapes}"))


def name_at(text: str, start: int, end: int) -> str:
    """Return a name in a text: with the @ before it, if there is one, because corpora split user names there.

    text (str): The text.
    start (int): First character of the name.
    end (int): Its end.
    RETURNS (str): The name.
    """
    before = text[max(0, start - 2) : start].rstrip()
    return f"@{text[start:end]}" if before.endswith("@") else text[start:end]


def is_mixed_case(text: str) -> bool:
    """Return whether a text has both small letters and capitals.

    text (str): The text.
    RETURNS (bool): False for texts in lower case, in upper case, and in scripts without case.
    """
    return text != text.lower() and text != text.upper()


def are_mixed_case(texts: Iterable[str], owners: Ints1d) -> Bools1d:
    """Return whether names are in texts with both small letters and capitals.

    texts (Iterable[str]): The texts.
    owners (Ints1d): The text of each name. Shape: (n_names,).
    RETURNS (Bools1d): Shape: (n_names,).
    """
    return numpy.asarray([is_mixed_case(text) for text in texts], dtype=bool)[owners]


def _spelling(name: str, n_words: int) -> List[bool]:
    first = name[:1]
    return [first.isupper(), name.isupper(), name.islower(), first in _MARKS, n_words == 1, n_words == 2]


def _values(table: Ints1d, values: Ints1d, keys: List[str]) -> Tuple[Bools1d, Ints1d]:
    """Whether keys are known, and their values: 0 for one that is not known. Shapes: (n_keys,)."""
    places = look_up(table, keys)
    found = numpy.zeros(len(keys), dtype=values.dtype)
    found[places >= 0] = values[places[places >= 0]]
    return places >= 0, found
