"""Train named entities and relations on one encoder.

    python -m scripts.xx_mluke_small.train_names_and_relations ../shared/data training/xx_mluke_small/names \
        --minutes 108 --resume

`--start` goes on from the output of an earlier training. Writes OUTPUT/pipeline with `mluke_ner`,
OUTPUT/relations.safetensors with the weights of the classifier of relations, and OUTPUT/relations.json with its labels.
An interrupted training leaves OUTPUT/training-state.
"""

from __future__ import annotations

import argparse
import json
import random
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple, Union, cast

from safetensors.torch import load_file, save_file
from spacy.language import Language
from spacy.training import Example
from torch import Tensor

from scripts.xx_mluke_small.batches import batch_by_cost
from scripts.xx_mluke_small.examples import make_blank
from scripts.xx_mluke_small.fact_sentences import FactSentences
from scripts.xx_mluke_small.name_swaps import NameSwaps
from scripts.xx_mluke_small.names import draw_names, first_examples, read_name_sources
from scripts.xx_mluke_small.pair_training import PairTraining
from scripts.xx_mluke_small.relation_examples import INVERSE, SYMMETRIC, RelationExample, RelationReader
from scripts.xx_mluke_small.relations import read_relations
from scripts.xx_mluke_small.sources import NAME_LABELS, language_of
from scripts.xx_mluke_small.training_files import DataFolder
from scripts.xx_mluke_small.training_loop import (
    finish,
    open_pipeline,
    read_command_line,
    state_to_resume,
    train,
    write_json,
)
from spacy_mluke.encoder.access import load_model
from spacy_mluke.encoder.optimizer import build_adamw_v1
from spacy_mluke.storage.pipelines import save

NAME = "mluke_ner"
RELATIONS_WEIGHTS, RELATIONS_JSON = "relations.safetensors", "relations.json"
# Learning rate of the classifier of relations.
PAIR_RATE, DECAY, DROPOUT = 7e-4, 0.01, 0.1
# Negative candidate spans for each token, how they are sampled, and the maximum number of tokens of a candidate.
NEGATIVES, SAMPLING, MAX_TOKENS = 1.0, "near", 12
# Wordpieces and entities of a batch, about; a token is 1.35 wordpieces. Examples that are sorted by size together.
BATCH_ROWS, PIECES_PER_TOKEN, SPECIAL_PIECES = 600, 1.35, 2
NAME_BUFFER, RELATION_BUFFER = 128, 64

Batch = Tuple[str, Sequence[Union[Example, RelationExample]]]


def main(args: Optional[List[str]] = None) -> None:
    """Read the command line, and train."""
    given, budget = read_command_line("Train named entities and relations.", args, add_own_options)
    path = state_to_resume(given)
    nlp = open_pipeline(given, path, make_pipeline, {f"components.{NAME}.negative_sampling": SAMPLING})
    is_new = path is None and given.start is None
    training = NameRelationTraining(nlp, DataFolder(given.data), given, is_new=is_new)
    if path is None and given.start is not None:
        training.start_from(given.start)
    state = train(training, budget, given, path)
    training.to_disk(given.output, {"steps": state.n_steps, **state.extra})
    finish(given.output)


def add_own_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of this training.

    parser (argparse.ArgumentParser): The parser.
    """
    parser.add_argument(
        "--relation-batches",
        type=float,
        default=0.33,
        help="fraction of batches that are of relations (default: %(default)s)",
    )
    parser.add_argument(
        "--pair-rate",
        type=float,
        default=PAIR_RATE,
        help="learning rate of the classifier of relations (default: %(default)s)",
    )


def make_pipeline(checkpoint: str, frozen: Sequence[str]) -> Language:
    """Return a pipeline with an untrained `mluke_ner`.

    checkpoint (str): The checkpoint to start from.
    frozen (Sequence[str]): Parts of the encoder that are not trained.
    RETURNS (Language): The pipeline.
    """
    nlp = make_blank()
    encoder = {"name": checkpoint, "visibility": "isolated", "max_entities": 0, "frozen": list(frozen)}
    nlp.add_pipe(
        NAME,
        config={
            "model": {"encoder": encoder, "dropout": DROPOUT},
            "suggester": {
                "@misc": "spacy-mluke.sentence_ngrams.v1",
                "min_size": 1,
                "max_size": MAX_TOKENS,
                "skip_punctuation": True,
            },
            "negatives_per_token": NEGATIVES,
            "negative_sampling": SAMPLING,
        },
    )
    return nlp


class NameRelationTraining:
    """Trains `mluke_ner` and a classifier of relations that reads the same encoder.

    nlp (Language): The pipeline.
    data (DataFolder): The data.
    given (argparse.Namespace): The options: seed of the order of batches, learning rates, fraction of batches that are
        of relations.
    is_new (bool): Whether to initialize the pipeline.
    """

    def __init__(self, nlp: Language, data: DataFolder, given: argparse.Namespace, *, is_new: bool):
        self.nlp = nlp
        self.rate = given.rate
        self.relation_batches = given.relation_batches
        self.rng = random.Random(given.seed)
        sources = read_name_sources(data)
        relations = read_relations(data)
        self.labels = relations.labels
        self.ner = cast(Any, nlp.get_pipe(NAME))
        if is_new:
            for label in NAME_LABELS:
                self.ner.add_label(label)
            examples = first_examples(nlp, sources)
            nlp.initialize(lambda: examples)
        encoder = self.ner.model.get_ref("encoder")
        self.pairs = PairTraining(encoder, load_model(encoder).config.hidden_size, len(self.labels), given.pair_rate)
        self.optimizer = build_adamw_v1(self.rate, weight_decay=DECAY)
        options: Dict[str, Any] = {"limit": BATCH_ROWS, "rng": self.rng}
        facts, swaps = FactSentences(data), NameSwaps(data, {language_of(file) for file in sources})
        reader = RelationReader(relations, nlp.make_doc, self.rng, facts)
        names = draw_names(nlp, sources, self.rng, facts, swaps)
        self._names = batch_by_cost(names, name_cost, buffer=NAME_BUFFER, **options)
        self._relations = batch_by_cost(reader.draw(), relation_cost, buffer=RELATION_BUFFER, **options)

    def start_from(self, folder: Path) -> None:
        """Start from the classifier of relations of an earlier training.

        folder (Path): The output of that training.
        RAISES (ValueError): If it had another tokenizer, or other relations.
        """
        if self.nlp.config["nlp"]["tokenizer"] != make_blank().config["nlp"]["tokenizer"]:
            raise ValueError(f"'{folder}' was trained with another tokenizer. Train anew, without --start.")
        labels = json.loads((folder / RELATIONS_JSON).read_text(encoding="utf8"))["labels"]
        if labels != self.labels:
            raise ValueError(
                f"'{folder}' was trained on other relations than the data has. Train anew, without --start."
            )
        weights = load_file(folder / RELATIONS_WEIGHTS)
        # Earlier trainings had no distances: these start at 0.
        self.pairs.scorer.load_state_dict({**self.pairs.distances(), **weights})

    def draw(self) -> Batch:
        """Return the next batch: the task, and examples."""
        if self.rng.random() >= self.relation_batches:
            return "names", next(self._names)
        return "relations", next(self._relations)

    def learn(self, batch: Batch, factor: float) -> Optional[Dict[str, float]]:
        """Learn a batch; as `training_loop.Training.learn`."""
        task, examples = batch
        self.optimizer.learn_rate = self.rate * factor
        if task == "names":
            losses = self.ner.update(cast(List[Example], examples), sgd=self.optimizer, drop=DROPOUT, losses={})
            return {task: losses[NAME]}
        loss = self.pairs.learn(cast(List[RelationExample], examples), self.optimizer, factor)
        return None if loss is None else {task: loss}

    def tensors(self) -> Dict[str, Tensor]:
        """Return the state of the classifier of relations."""
        return self.pairs.tensors()

    def restore(self, tensors: Mapping[str, Tensor]) -> None:
        """Restore the state of the classifier of relations."""
        self.pairs.restore(tensors)

    def to_disk(self, folder: Path, about: Mapping[str, Any]) -> None:
        """Write the pipeline and the classifier of relations.

        folder (Path): The folder.
        about (Mapping[str, Any]): Steps, seconds and what else is known about the training.
        """
        save(self.nlp, folder / "pipeline")
        save_file(self.pairs.scorer.state_dict(), folder / RELATIONS_WEIGHTS)
        inverses = {**INVERSE, **{label: label for label in SYMMETRIC}}
        known = {label: back for label, back in inverses.items() if label in self.labels and back in self.labels}
        content = {"labels": self.labels, "inverses": dict(sorted(known.items())), "training": dict(about)}
        write_json(folder / RELATIONS_JSON, content)


def name_cost(eg: Example) -> float:
    """Return the number of rows that the encoder reads of an example: wordpieces and candidate spans, about."""
    return len(eg.predicted) * (PIECES_PER_TOKEN + NEGATIVES) + SPECIAL_PIECES


def relation_cost(example: RelationExample) -> float:
    """Return the number of rows that the encoder reads of an example: wordpieces and mentions, about."""
    return len(example.doc) * PIECES_PER_TOKEN + len(example.spans) + SPECIAL_PIECES


if __name__ == "__main__":
    main()
