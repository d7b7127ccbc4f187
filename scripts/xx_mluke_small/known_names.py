"""Teach `mluke_ner` what the bundled knowledge base and the training texts say about names.

    python -m scripts.xx_mluke_small.known_names PIPELINE ../shared/data OUTPUT

writes a copy of an assembled pipeline. `assemble` does the same. No weight of an encoder changes.
"""

from __future__ import annotations

import argparse
import random
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional, Sequence

import numpy
import spacy
import torch
from spacy.language import Language
from spacy.training import Example
from spacy.util import fix_random_seed

from scripts.xx_mluke_small.augmentation import lower_some
from scripts.xx_mluke_small.examples import make_example
from scripts.xx_mluke_small.name_bias import correct_biases, development_examples
from scripts.xx_mluke_small.names import draw_names, read_name_sources
from scripts.xx_mluke_small.scoring import choose
from scripts.xx_mluke_small.sentences import NamedText, read_named_texts
from scripts.xx_mluke_small.sources import ALWAYS, source_of
from scripts.xx_mluke_small.training_files import NAME_FILES, NAMES, DataFolder
from spacy_mluke.kb.bundled import open_store
from spacy_mluke.kb.known_names import KnownNames
from spacy_mluke.kb.name_lexicon import NameLexicon
from spacy_mluke.storage.pipelines import save

NER = "mluke_ner"
# Texts of each source that the weights are learned from, how many of them in small letters, and their maximum number of
# characters.
N_TEXTS, LOWER, MAX_CHARACTERS, SEED = 150, 0.2, 1400, 17
# Texts to learn from which candidates need not be encoded. They need some thousand entities: one in a thousand may be
# lost.
WEIGHTS_TEXTS = 1500
# Newspapers of 1859 to 1933, whose names are full of wrong letters.
SKIPPED = "europeana"
# Names of entities that are less known than so many percent are left out, and words of fewer entities than three: the
# table takes 2 MB in place of 3, and scores are the same.
LEAST_KNOWN, LEAST_COUNT = 60, 3


def main(args: Optional[List[str]] = None) -> None:
    """Read the command line, and write the pipeline."""
    parser = argparse.ArgumentParser(description="Teach mluke_ner what the knowledge base knows about names.")
    parser.add_argument("pipeline", type=Path, help="folder of the pipeline")
    parser.add_argument("data", type=Path, help="folder with ner in it")
    parser.add_argument("output", type=Path, help="folder to write the pipeline to")
    given = parser.parse_args(args)
    torch.set_num_threads(1)
    fix_random_seed(0)
    nlp = spacy.load(given.pipeline)
    data = DataFolder(given.data)
    examples = islice(draw_names(nlp, read_name_sources(data), random.Random(0)), WEIGHTS_TEXTS)
    finish_names(nlp, data, list(examples))
    save(nlp, given.output)


def finish_names(nlp: Language, data: DataFolder, examples: Sequence[Example]) -> None:
    """Do what follows the training of `mluke_ner` and of its pruner: teach it what is known about names, correct how
    many names it finds, and learn which candidates need not be encoded.

    nlp (Language): The pipeline, changed in place.
    data (DataFolder): The training data.
    examples (Sequence[Example]): Texts drawn as for training, to learn which candidates need not be encoded.
    """
    ner: Any = nlp.get_pipe(NER)
    ner.cfg["candidate_weights"] = None
    learn_known_names(nlp, data)
    correct_biases(ner, development_examples(nlp, data.root))
    n_entities = ner.learn_candidate_weights(eg.predicted for eg in examples)
    print(f"The weights of candidates were learned from {n_entities} predicted entities.")


def learn_known_names(nlp: Language, data: DataFolder, n_texts: int = N_TEXTS) -> None:
    """Teach `mluke_ner` what the bundled knowledge base knows about names, and what the other training texts say about
    their words.

    nlp (Language): The pipeline, changed in place.
    data (DataFolder): The training data.
    n_texts (int): Texts of each source to learn weights from.
    """
    entities = list(open_store("knowledge").entities())
    least = float(numpy.percentile([entity.prior or 0.0 for entity in entities], LEAST_KNOWN))
    known = KnownNames.of(entities, least_prior=least, least_count=LEAST_COUNT)
    ner: Any = nlp.get_pipe(NER)
    sources = split_texts(data, n_texts)
    lexicon = NameLexicon.of((item.text, item.spans) for part in sources.values() for item in part.counted)
    examples = name_examples(nlp, sources)
    n = ner.learn_known_names(examples, known, labels=ALWAYS, lexicon=lexicon)
    print(f"{len(known.names):,} names and {len(known.words):,} words; {len(lexicon.words):,} words of the lexicon.")
    print(f"Weights from {n:,} candidates.")


@dataclass(frozen=True)
class SplitTexts:
    """The texts of a file: the lexicon counts words in some of them, and weights are learned from the others."""

    counted: List[NamedText]
    learned: List[NamedText]


def split_texts(data: DataFolder, n: int) -> Dict[str, SplitTexts]:
    """Read the texts of all training files but old newspapers.

    data (DataFolder): The training data.
    n (int): Texts of each file to learn weights from. The lexicon counts no text that is equal to one of them.
    RETURNS (Dict[str, SplitTexts]): By file name.
    """
    found: Dict[str, SplitTexts] = {}
    for file in NAME_FILES:
        if source_of(file).name != SKIPPED:
            texts = [item for item in read_named_texts(data.path(f"{NAMES}/{file}")) if item.text.strip()]
            learned = choose([item for item in texts if len(item.text) <= MAX_CHARACTERS], n, seed=SEED)
            found[file] = SplitTexts(texts, learned)
    own = {item.text for part in found.values() for item in part.learned}
    return {
        file: SplitTexts([item for item in part.counted if item.text not in own], part.learned)
        for file, part in found.items()
    }


def name_examples(nlp: Language, sources: Mapping[str, SplitTexts]) -> List[Example]:
    """Return the texts that weights are learned from, some of them in small letters, with people, organisations, places
    and what else their source annotates.

    nlp (Language): Its tokenizer is used.
    sources (Mapping[str, SplitTexts]): The texts of each file.
    RETURNS (List[Example]): The examples.
    """
    found: List[Example] = []
    rng = random.Random(SEED)
    for file, part in sources.items():
        for item in part.learned:
            text = lower_some(item.text, LOWER, rng)
            found.append(make_example(nlp, NamedText(text, item.spans), source_of(file).labels))
    return found


if __name__ == "__main__":
    main()
