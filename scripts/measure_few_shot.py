"""Measure how many examples a task of one's own needs, starting from the ready-made pipeline and from `mluke-small`.

    python -m scripts.measure_few_shot ner/de-mobie.dev.iob2 ner/de-mobie.test.iob2 --labels TIME,NUM,QUANTITY
    python -m scripts.measure_few_shot train.spacy test.spacy --config configs/relations_kbp37.cfg
    python -m scripts.measure_few_shot train.spacy test.spacy --training.optimizer.learn_rate.initial_rate 2e-4

Trains the config for each start, number of documents and seed, with the first documents of the shuffled training file.
Scores the last weights, not the best ones, and prints a line for each training as soon as it ends. Files are in IOB2 (a
sentence is a document, and other types than the given ones are not annotated) or in spaCy's format. With 0 steps, a
checkpoint that has a head is scored as it is.
"""

from __future__ import annotations

import argparse
import random
import tempfile
import time
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional, Sequence

import spacy
from spacy.cli._util import parse_config_overrides
from spacy.language import Language
from spacy.tokens import Doc, DocBin
from spacy.training.initialize import init_nlp
from spacy.training.loop import create_train_batches
from spacy.util import load_config, registry, resolve_dot_names
from thinc.api import fix_random_seed

from spacy_mluke.annotate.answers import get_questions
from spacy_mluke.report.predict import read_examples
from spacy_mluke.training.conll import make_conll_doc, read_conll
from spacy_mluke.training.corpus_files import DOCBIN, read_docbin

CONFIG = Path(__file__).resolve().parent.parent / "configs" / "ner_from_ready_made.cfg"
# The scores of a component that are printed.
SCORES = {
    "mluke_ner": ("ents_p", "ents_r", "ents_f"),
    "mluke_relations": ("rel_micro_p", "rel_micro_r", "rel_micro_f", "rel_macro_f"),
    "mluke_typing": ("types_micro_p", "types_micro_r", "types_micro_f"),
    "mluke_qa": ("qa_em", "qa_f1"),
}
STARTS = ("xx_mluke_small/mluke_ner", "mluke-small")


def main(arguments: Optional[Sequence[str]] = None) -> None:
    """Read the command line, and measure.

    arguments (Optional[Sequence[str]]): Arguments; None for those of the process.
    """
    parser = argparse.ArgumentParser(description="Measure how many examples a task needs.")
    parser.add_argument("train", type=Path, help="documents for training: .iob2 or .spacy")
    parser.add_argument("test", type=Path, help="documents for the scores: .iob2 or .spacy")
    parser.add_argument("--config", type=Path, default=CONFIG, help="what to train (default: %(default)s)")
    parser.add_argument("--labels", default="", help="for IOB2: the new types, separated by commas")
    parser.add_argument("--starts", default=",".join(STARTS), help="checkpoints, separated by commas")
    parser.add_argument("--sizes", default="50,200,1000", help="numbers of training documents; 0 for all")
    parser.add_argument("--steps", type=int, default=200, help="steps of each training")
    parser.add_argument("--seeds", default="0", help="seeds, separated by commas")
    parser.add_argument("--test-limit", type=int, default=0, help="number of test documents; 0 for all")
    parser.add_argument("--thresholds", default="", help="score with each of these thresholds, separated by commas")
    given, others = parser.parse_known_args(arguments)
    overrides = parse_config_overrides(others)
    labels = given.labels.split(",")
    thresholds = [float(threshold) for threshold in given.thresholds.split(",") if threshold]
    nlp = spacy.blank("xx")
    pool, test = (read_docs(nlp, path, labels) for path in (given.train, given.test))
    test = test[: given.test_limit or None]
    component = load_config(given.config)["nlp"]["pipeline"][-1]
    names = SCORES[component]
    print(f"{component}: {len(test)} test documents, {count(test)} entities or questions; {given.steps} steps")
    print(f"| start | documents | entities or questions | seed | threshold | {' | '.join(names)} | seconds of CPU |")
    for seed in map(int, given.seeds.split(",")):
        shuffled = random.Random(seed).sample(pool, len(pool))
        for size in map(int, given.sizes.split(",")):
            chosen = shuffled[: size or None]
            for start in given.starts.split(","):
                began = time.process_time()
                trained = train(given.config, chosen, start, n_steps=given.steps, seed=seed, overrides=overrides)
                seconds = time.process_time() - began
                pipe: Any = trained.get_pipe(component)
                for threshold in thresholds or [pipe.cfg["threshold"]]:
                    pipe.cfg["threshold"] = threshold
                    scores = evaluate(trained, test)
                    row = [start, len(chosen), count(chosen), seed, threshold]
                    row += [f"{100 * scores[name]:.1f}" for name in names]
                    print(f"| {' | '.join(map(str, row))} | {seconds:.0f} |", flush=True)


def read_docs(nlp: Language, path: Path, labels: Sequence[str]) -> List[Doc]:
    """Read documents: those of a file of spaCy, or the sentences of a file in IOB2 with the entities of some types.

    nlp (Language): Its vocabulary is used.
    path (Path): The file.
    labels (Sequence[str]): The types, for IOB2.
    RETURNS (List[Doc]): The documents.
    """
    if path.suffix == DOCBIN:
        return list(read_docbin(path, nlp.vocab))
    docs = [make_conll_doc(nlp, [sentence]) for sentence in read_conll(path)]
    for doc in docs:
        doc.set_ents([ent for ent in doc.ents if ent.label_ in labels])
    return docs


def count(docs: Sequence[Doc]) -> int:
    """Return the number of questions in documents, or of entities if there are no questions."""
    return sum(len(get_questions(doc) or doc.ents) for doc in docs)


def train(
    config: Path, docs: Sequence[Doc], start: str, *, n_steps: int, seed: int, overrides: Dict[str, Any]
) -> Language:
    """Train a pipeline with spaCy's batches, without evaluations on the way.

    config (Path): The config.
    docs (Sequence[Doc]): Training documents.
    start (str): The checkpoint.
    n_steps (int): Number of steps.
    seed (int): Seed of the training.
    overrides (Dict[str, Any]): Further settings of the config, such as "training.optimizer.learn_rate.initial_rate".
    RETURNS (Language): The trained pipeline.
    """
    with saved(docs) as corpus:
        settings: Dict[str, Any] = {
            "paths.checkpoint": start,
            "paths.train": str(corpus),
            "paths.dev": str(corpus),
            "system.seed": seed,
            "training.optimizer.learn_rate.total_steps": n_steps,
            "training.optimizer.learn_rate.warmup_steps": n_steps // 10,
            **overrides,
        }
        nlp = init_nlp(load_config(config, overrides=settings, interpolate=False))
        resolved = nlp.config.interpolate()
        chosen = registry.resolve(resolved["training"])
        (reader,) = resolve_dot_names(resolved, [chosen["train_corpus"]])
        fix_random_seed(seed)
        random.seed(seed)
        batches = create_train_batches(nlp, reader, chosen["batcher"], chosen["max_epochs"])
        optimizer = chosen["optimizer"]
        for _, batch in islice(batches, n_steps):
            nlp.update(batch, sgd=optimizer, drop=chosen["dropout"])
            optimizer.step_schedules()
    return nlp


def evaluate(nlp: Language, docs: Sequence[Doc]) -> Dict[str, Any]:
    """Score a pipeline on documents, with the tokens of the corpus.

    nlp (Language): The pipeline.
    docs (Sequence[Doc]): Gold documents.
    RETURNS (Dict[str, Any]): The scores of `nlp.evaluate`.
    """
    with saved(docs) as corpus:
        return nlp.evaluate(list(read_examples(nlp, corpus, gold_tokens=True)))


@contextmanager
def saved(docs: Sequence[Doc]) -> Iterator[Path]:
    """Write documents to a temporary file.

    docs (Sequence[Doc]): The documents.
    YIELDS (Path): The file.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"documents{DOCBIN}"
        DocBin(docs=docs, store_user_data=True).to_disk(path)
        yield path


if __name__ == "__main__":
    main()
