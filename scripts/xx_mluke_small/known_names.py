"""Teach `mluke_ner` what the bundled knowledge base knows about names.

    python -m scripts.xx_mluke_small.known_names PIPELINE ../shared/data OUTPUT

writes a copy of an assembled pipeline. `assemble` does the same. No weight of an encoder changes.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any, List, Optional

import numpy
import spacy
import torch
from spacy.language import Language
from spacy.training import Example

from scripts.xx_mluke_small.examples import make_example
from scripts.xx_mluke_small.name_bias import correct_biases, development_examples
from scripts.xx_mluke_small.scoring import choose
from scripts.xx_mluke_small.sentences import read_named_texts
from scripts.xx_mluke_small.sources import ALWAYS, source_of
from scripts.xx_mluke_small.training_files import NAME_FILES, NAMES, DataFolder
from spacy_mluke.kb.bundled import open_store
from spacy_mluke.kb.known_names import KnownNames
from spacy_mluke.storage.pipelines import save

NER = "mluke_ner"
# Texts of each source that the weights are learned from, and their maximum number of characters.
N_TEXTS, MAX_CHARACTERS, SEED = 150, 1400, 17
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
    parser.add_argument(
        "--texts", type=int, default=N_TEXTS, help="texts of each source to learn from (default: %(default)s)"
    )
    given = parser.parse_args(args)
    torch.set_num_threads(1)
    nlp = spacy.load(given.pipeline)
    data = DataFolder(given.data)
    learn_known_names(nlp, data, given.texts)
    correct_biases(nlp.get_pipe(NER), development_examples(nlp, given.data))
    save(nlp, given.output)


def learn_known_names(nlp: Language, data: DataFolder, n_texts: int = N_TEXTS) -> None:
    """Teach `mluke_ner` what the bundled knowledge base knows about names.

    nlp (Language): The pipeline, changed in place.
    data (DataFolder): The training data.
    n_texts (int): Texts of each source to learn from.
    """
    entities = list(open_store("knowledge").entities())
    least = float(numpy.percentile([entity.prior or 0.0 for entity in entities], LEAST_KNOWN))
    known = KnownNames.of(entities, least_prior=least, least_count=LEAST_COUNT)
    ner: Any = nlp.get_pipe(NER)
    n = ner.learn_known_names(name_examples(nlp, data, n_texts), known, labels=ALWAYS)
    print(f"{len(known.names):,} names and {len(known.words):,} words; weights from {n:,} candidates.")


def name_examples(nlp: Language, data: DataFolder, n: int) -> List[Example]:
    """Return texts of each source as they are, with people, organisations, places and what else the source annotates.

    nlp (Language): Its tokenizer is used.
    data (DataFolder): The training data.
    n (int): Texts of each source.
    RETURNS (List[Example]): The examples.
    """
    found: List[Example] = []
    for file in NAME_FILES:
        source = source_of(file)
        if source.name != SKIPPED:
            texts = [item for item in read_named_texts(data.path(f"{NAMES}/{file}")) if item.text.strip()]
            short = [item for item in texts if len(item.text) <= MAX_CHARACTERS]
            found += [make_example(nlp, item, source.labels) for item in choose(short, n, seed=SEED)]
    return found


if __name__ == "__main__":
    main()
