"""Draw training examples of named entities from all sources."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Dict, Iterator, List, Optional

from spacy.language import Language
from spacy.training import Example

from scripts.xx_mluke_small.augmentation import vary_case
from scripts.xx_mluke_small.examples import make_example
from scripts.xx_mluke_small.fact_sentences import FactSentences
from scripts.xx_mluke_small.name_swaps import SWAPPED, NameSwaps
from scripts.xx_mluke_small.relations import read_documents
from scripts.xx_mluke_small.sentences import WITHOUT_SPACES, NamedText, join_texts, read_named_texts
from scripts.xx_mluke_small.sources import NAME_LABELS, language_of, source_of
from scripts.xx_mluke_small.training_files import (
    DOCUMENTS_FILE,
    DOCUMENTS_WEIGHT,
    NAME_FILES,
    NAMES,
    DataFolder,
)

# Sentences that follow each other in a file are joined sometimes, so that longer texts are seen, too.
JOINED, MIN_JOINED, MAX_JOINED = 0.15, 2, 5
MAX_CHARACTERS = 1400  # longer texts are skipped
# Probability of a sentence made of facts: there, adjectives of countries are known in English, too.
FACTS = 0.06


@dataclass(frozen=True)
class NameSource:
    """The texts of one file."""

    texts: List[NamedText]
    labels: List[str]  # the labels that its annotators marked
    weight: float  # proportional to the probability of drawing from it
    space: str  # what to put between sentences that are joined
    is_joined: bool = True  # whether sentences are joined sometimes; if not, texts are documents


def read_name_sources(data: DataFolder) -> Dict[str, NameSource]:
    """Read the named entities of all training files.

    data (DataFolder): The data.
    RETURNS (Dict[str, NameSource]): By file name.
    """
    sources = {
        file: _make_source(file, read_named_texts(data.path(f"{NAMES}/{file}")), weight)
        for file, weight in NAME_FILES.items()
    }
    documents = read_documents(data).train
    texts = [NamedText(document.text, document.named_spans(NAME_LABELS)) for document in documents]
    sources[DOCUMENTS_FILE] = _make_source(DOCUMENTS_FILE, texts, DOCUMENTS_WEIGHT, is_joined=False)
    return sources


def _make_source(file: str, texts: List[NamedText], weight: float, *, is_joined: bool = True) -> NameSource:
    space = "" if language_of(file) in WITHOUT_SPACES else " "
    return NameSource(texts, source_of(file).labels, len(texts) ** 0.5 * weight, space, is_joined)


def draw_names(
    nlp: Language,
    sources: Dict[str, NameSource],
    rng: random.Random,
    facts: Optional[FactSentences] = None,
    swaps: Optional[NameSwaps] = None,
) -> Iterator[Example]:
    """Draw examples without end: a source by its weight, then the next of its texts in random order.

    nlp (Language): Its tokenizer is used.
    sources (Dict[str, NameSource]): As from `read_name_sources`.
    rng (random.Random): Random numbers.
    facts (Optional[FactSentences]): Makes some of the texts; None for none of these.
    swaps (Optional[NameSwaps]): Replaces names in some of the texts; None: they stay as they are.
    YIELDS (Example): The examples, with the labels that their source annotates.
    """
    made = iter(()) if facts is None else facts.draw(rng)
    names = list(sources)
    weights = [source.weight for source in sources.values()]
    orders = {name: list(range(len(source.texts))) for name, source in sources.items()}
    for order in orders.values():
        rng.shuffle(order)
    n_drawn = dict.fromkeys(names, 0)
    while True:
        if facts is not None and rng.random() < FACTS and (sentence := next(made, None)) is not None:
            spans = [(*bounds, label) for bounds, label in zip(sentence.entities, sentence.types, strict=True)]
            yield make_example(nlp, NamedText(vary_case(sentence.text, rng), spans), list(NAME_LABELS))
            continue
        (name,) = rng.choices(names, weights)
        source, order = sources[name], orders[name]
        first = order[n_drawn[name] % len(order)]
        n_drawn[name] += 1
        n_joined = 1
        if source.is_joined and rng.random() < JOINED:
            n_joined = rng.randint(MIN_JOINED, MAX_JOINED)
        group = [item for item in source.texts[first : first + n_joined] if item.text.strip()]
        if not group:
            continue
        item = join_texts(group, source.space)
        if len(item.text) > MAX_CHARACTERS:
            item = group[0]
        if len(item.text) > MAX_CHARACTERS:
            continue
        if swaps is not None and rng.random() < SWAPPED:
            item = swaps.swap(item, language_of(name), rng)
        yield make_example(nlp, NamedText(vary_case(item.text, rng), item.spans), source.labels)


def first_examples(nlp: Language, sources: Dict[str, NameSource], n: int = 30) -> List[Example]:
    """Return the first examples of each source, to initialize the pipeline with.

    nlp (Language): Its tokenizer is used.
    sources (Dict[str, NameSource]): The sources.
    n (int): Number of texts of each source.
    RETURNS (List[Example]): The examples.
    """
    return [
        make_example(nlp, item, source.labels)
        for source in sources.values()
        for item in source.texts[:n]
        if item.text.strip()
    ]
