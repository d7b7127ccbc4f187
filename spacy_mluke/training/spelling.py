"""An augmenter that varies spelling: lower case, upper case, no accents."""

import random
import unicodedata
from typing import Callable, Iterator, List

from spacy.language import Language
from spacy.training import Example

from ..errors import check_at_least, check_fraction

Augmenter = Callable[[Language, Example], Iterator[Example]]


def build_spelling_augmenter_v1(
    lower: float = 0.0, upper: float = 0.0, no_accents: float = 0.0, seed: int = 0
) -> Augmenter:
    """Build an augmenter for corpora with named entities. Registered as `spacy-mluke.spelling_augmenter.v1`.

    Each example is returned unchanged or respelled. A respelled example keeps the annotation of tokens
    and `doc.ents`.

    lower (float): Probability that a text is lower-cased.
    upper (float): Probability that it is upper-cased.
    no_accents (float): Probability that its letters lose their accents ("é" becomes "e"), whatever its case.
    seed (int): Seed of the draws.
    RETURNS (Callable): The augmenter, for the option `augmenter` of `spacy.Corpus.v1`.
    RAISES (ValueError): ML310 for values that are not probabilities.
    """
    for option, value in (("lower", lower), ("upper", upper), ("no_accents", no_accents)):
        check_fraction(option, value)
    check_fraction("lower + upper", lower + upper)
    check_at_least("seed", seed, 0)
    rng = random.Random(seed)

    def augment(nlp: Language, example: Example) -> Iterator[Example]:
        draw, accent_draw = rng.random(), rng.random()
        words = [token.text for token in example.reference]
        changed = words
        if draw < lower:
            changed = [word.lower() for word in words]
        elif draw < lower + upper:
            changed = [word.upper() for word in words]
        if accent_draw < no_accents:
            changed = [strip_accents(word) for word in changed]
        yield example if changed == words or not all(changed) else respelled(nlp, example, changed)

    return augment


def strip_accents(word: str) -> str:
    """Return a word without the accents of its Latin, Greek and Cyrillic letters.

    word (str): The word.
    RETURNS (str): The word; letters of other scripts, whose marks are vowels, stay as they are.
    """
    kept = []
    for char in word:
        first, *marks = list(unicodedata.normalize("NFD", char))
        name = unicodedata.name(first, "")
        has_accents = bool(marks) and name.startswith(("LATIN", "GREEK", "CYRILLIC"))
        kept.append(first if has_accents else char)
    return "".join(kept)


def respelled(nlp: Language, example: Example, words: List[str]) -> Example:
    """Return an example whose words are respelled.

    nlp (Language): Tokenizes the predicted document.
    example (Example): The example.
    words (List[str]): A spelling for each token of the reference.
    RETURNS (Example): The example, with the annotation of tokens and entities.
    """
    annotation = example.to_dict()
    annotation["token_annotation"]["ORTH"] = words
    spaces = annotation["token_annotation"]["SPACY"]
    text = "".join(word + " " * bool(space) for word, space in zip(words, spaces, strict=True))
    return Example.from_dict(nlp.make_doc(text), annotation)
