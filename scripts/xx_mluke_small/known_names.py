"""Teach `mluke_ner` what the bundled knowledge base knows about names.

    python -m scripts.xx_mluke_small.known_names PIPELINE ../shared/data OUTPUT

writes a copy of an assembled pipeline. `assemble` does the same. No weight of an encoder changes.
"""

from __future__ import annotations

import argparse
import random
from pathlib import Path
from typing import Any, List, Optional

import numpy
import spacy
import torch
from spacy.language import Language

from scripts.xx_mluke_small.name_bias import correct_negatives, development_examples
from scripts.xx_mluke_small.names import draw_names, read_name_sources
from scripts.xx_mluke_small.training_files import DataFolder
from spacy_mluke.kb.bundled import open_store
from spacy_mluke.kb.known_names import KnownNames
from spacy_mluke.storage.pipelines import save

NER = "mluke_ner"
# Texts that the weights are learned from. Names of entities that are less known than so many percent are left out, and
# words of fewer entities than three: the table takes 2 MB in place of 3, and scores are the same.
N_TEXTS, LEAST_KNOWN, LEAST_COUNT = 1500, 60, 3
SEED = 1


def main(args: Optional[List[str]] = None) -> None:
    """Read the command line, and write the pipeline."""
    parser = argparse.ArgumentParser(description="Teach mluke_ner what the knowledge base knows about names.")
    parser.add_argument("pipeline", type=Path, help="folder of the pipeline")
    parser.add_argument("data", type=Path, help="folder with ner in it")
    parser.add_argument("output", type=Path, help="folder to write the pipeline to")
    parser.add_argument("--texts", type=int, default=N_TEXTS, help="texts to learn from (default: %(default)s)")
    given = parser.parse_args(args)
    torch.set_num_threads(1)
    nlp = spacy.load(given.pipeline)
    data = DataFolder(given.data)
    learn_known_names(nlp, data, given.texts)
    correct_negatives(nlp.get_pipe(NER), development_examples(nlp, given.data))
    save(nlp, given.output)


def learn_known_names(nlp: Language, data: DataFolder, n_texts: int = N_TEXTS) -> None:
    """Teach `mluke_ner` what the bundled knowledge base knows about names.

    nlp (Language): The pipeline, changed in place.
    data (DataFolder): The training data.
    n_texts (int): Texts to learn from.
    """
    entities = list(open_store("knowledge").entities())
    least = float(numpy.percentile([entity.prior or 0.0 for entity in entities], LEAST_KNOWN))
    known = KnownNames.of(entities, least_prior=least, least_count=LEAST_COUNT)
    examples = draw_names(nlp, read_name_sources(data), random.Random(SEED))
    ner: Any = nlp.get_pipe(NER)
    n = ner.learn_known_names([next(examples) for _ in range(n_texts)], known)
    print(f"{len(known.names):,} names and {len(known.words):,} words; weights from {n:,} candidates.")


if __name__ == "__main__":
    main()
