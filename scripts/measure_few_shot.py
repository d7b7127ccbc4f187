"""Measure how many examples `mluke_ner` needs for new types, starting from the ready-made pipeline and from
`mluke-small`.

    python -m scripts.measure_few_shot ner/de-mobie.dev.iob2 ner/de-mobie.test.iob2 --labels TIME,NUM,QUANTITY

Trains `configs/ner_from_ready_made.cfg` for each start, number of sentences and seed, with the first sentences of the
shuffled training file; other types than the given ones are not annotated. Scores the last weights, not the best ones,
and prints a line for each training as soon as it ends.
"""

from __future__ import annotations

import argparse
import random
import tempfile
import time
from itertools import islice
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence

import spacy
from spacy.language import Language
from spacy.tokens import Doc, DocBin
from spacy.training import Example
from spacy.training.initialize import init_nlp
from spacy.training.loop import create_train_batches
from spacy.util import load_config, registry, resolve_dot_names
from thinc.api import fix_random_seed

from spacy_mluke.training.conll import make_conll_doc, read_conll

CONFIG = Path(__file__).resolve().parent.parent / "configs" / "ner_from_ready_made.cfg"
STARTS = ("xx_mluke_small/mluke_ner", "mluke-small")


def main(arguments: Optional[Sequence[str]] = None) -> None:
    """Read the command line, and measure.

    arguments (Optional[Sequence[str]]): Arguments; None for those of the process.
    """
    parser = argparse.ArgumentParser(description="Measure how many examples mluke_ner needs.")
    parser.add_argument("train", type=Path, help="sentences in IOB2, for training")
    parser.add_argument("test", type=Path, help="sentences in IOB2, for the scores")
    parser.add_argument("--labels", required=True, help="the new types, separated by commas")
    parser.add_argument("--starts", default=",".join(STARTS), help="checkpoints, separated by commas")
    parser.add_argument("--sizes", default="50,200,1000", help="numbers of training sentences")
    parser.add_argument("--steps", type=int, default=100, help="steps of each training")
    parser.add_argument("--seeds", default="0", help="seeds, separated by commas")
    parser.add_argument("--test-limit", type=int, default=0, help="number of test sentences; 0 for all")
    given = parser.parse_args(arguments)
    labels = given.labels.split(",")
    nlp = spacy.blank("xx")
    pool, test = (read_docs(nlp, path, labels) for path in (given.train, given.test))
    test = test[: given.test_limit or None]
    print(f"{len(test)} test sentences, {count(test)} entities; {given.steps} steps")
    print("| start | sentences | entities | seed | precision | recall | F1 | seconds of CPU |")
    for seed in map(int, given.seeds.split(",")):
        shuffled = random.Random(seed).sample(pool, len(pool))
        for size in map(int, given.sizes.split(",")):
            for start in given.starts.split(","):
                began = time.process_time()
                trained = train(shuffled[:size], start, n_steps=given.steps, seed=seed)
                seconds = time.process_time() - began
                scores = evaluate(trained, test)
                figures = " | ".join(f"{100 * scores[f'ents_{key}']:.1f}" for key in "prf")
                chosen = shuffled[:size]
                print(f"| {start} | {len(chosen)} | {count(chosen)} | {seed} | {figures} | {seconds:.0f} |", flush=True)


def read_docs(nlp: Language, path: Path, labels: Sequence[str]) -> List[Doc]:
    """Read sentences with the entities of some types.

    nlp (Language): Its vocabulary is used.
    path (Path): The file, in IOB2.
    labels (Sequence[str]): The types.
    RETURNS (List[Doc]): A document for each sentence.
    """
    docs = [make_conll_doc(nlp, [sentence]) for sentence in read_conll(path)]
    for doc in docs:
        doc.set_ents([ent for ent in doc.ents if ent.label_ in labels])
    return docs


def count(docs: Sequence[Doc]) -> int:
    """Return the number of entities in documents."""
    return sum(len(doc.ents) for doc in docs)


def train(docs: Sequence[Doc], start: str, *, n_steps: int, seed: int) -> Language:
    """Train a pipeline with spaCy's batches, without evaluations on the way.

    docs (Sequence[Doc]): Training documents.
    start (str): The checkpoint.
    n_steps (int): Number of steps.
    seed (int): Seed of the training.
    RETURNS (Language): The trained pipeline.
    """
    with tempfile.TemporaryDirectory() as folder:
        corpus = str(Path(folder) / "train.spacy")
        DocBin(docs=docs).to_disk(corpus)
        settings: Dict[str, Any] = {
            "paths.checkpoint": start,
            "paths.train": corpus,
            "paths.dev": corpus,
            "system.seed": seed,
            "training.optimizer.learn_rate.total_steps": n_steps,
            "training.optimizer.learn_rate.warmup_steps": n_steps // 10,
        }
        nlp = init_nlp(load_config(CONFIG, overrides=settings, interpolate=False))
        config = nlp.config.interpolate()
        chosen = registry.resolve(config["training"])
        (reader,) = resolve_dot_names(config, [chosen["train_corpus"]])
        fix_random_seed(seed)
        random.seed(seed)
        batches = create_train_batches(nlp, reader, chosen["batcher"], chosen["max_epochs"])
        optimizer = chosen["optimizer"]
        for _, batch in islice(batches, n_steps):
            nlp.update(batch, sgd=optimizer, drop=chosen["dropout"])
            optimizer.step_schedules()
    return nlp


def evaluate(nlp: Language, docs: Sequence[Doc]) -> Dict[str, Any]:
    """Score a pipeline on documents with the tokens of the corpus.

    nlp (Language): The pipeline.
    docs (Sequence[Doc]): Documents with gold entities.
    RETURNS (Dict[str, Any]): The scores of `nlp.evaluate`.
    """
    words = [Doc(nlp.vocab, words=[token.text for token in doc]) for doc in docs]
    return nlp.evaluate([Example(predicted, gold) for predicted, gold in zip(words, docs, strict=True)])


if __name__ == "__main__":
    main()
