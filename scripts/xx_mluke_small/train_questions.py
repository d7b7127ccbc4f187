"""Train question answering.

    python -m scripts.xx_mluke_small.train_questions ../shared/data training/xx_mluke_small/questions \
        --minutes 100 --resume

Writes OUTPUT/pipeline with `mluke_qa`. An interrupted training leaves OUTPUT/training-state.
"""

from __future__ import annotations

import random
from operator import attrgetter
from typing import Any, Dict, List, Mapping, Optional, Sequence

import spacy
from spacy.language import Language
from spacy.training import Example
from torch import Tensor

from scripts.xx_mluke_small.batches import batch_by_cost
from scripts.xx_mluke_small.questions import DrawnQuestion, QuestionReader, read_questions
from scripts.xx_mluke_small.training_files import DataFolder
from scripts.xx_mluke_small.training_loop import (
    TRAINING_JSON,
    finish,
    open_pipeline,
    read_command_line,
    state_to_resume,
    train,
    write_json,
)
from spacy_mluke.encoder.optimizer import build_adamw_v1
from spacy_mluke.storage.pipelines import save
from spacy_mluke.training.squad import Paragraph, make_doc

NAME = "mluke_qa"
DECAY, DROPOUT = 0.01, 0.1
# Wordpieces of a batch, about, and the number of questions that are sorted by length together.
BATCH_PIECES, BUFFER = 900, 96
_FIRST_FILE, _N_FIRST = "en-squadshifts_wiki.test.json", 8


def main(args: Optional[List[str]] = None) -> None:
    """Read the command line, and train."""
    given, budget = read_command_line("Train question answering.", args)
    path = state_to_resume(given)
    nlp = open_pipeline(given, path, make_pipeline)
    training = QuestionTraining(nlp, DataFolder(given.data), given.seed, given.rate)
    if path is None and given.start is None:
        training.initialize()
    state = train(training, budget, given, path)
    save(nlp, given.output / "pipeline")
    about = {"steps": state.n_steps, **state.extra}
    write_json(given.output / TRAINING_JSON, about)
    finish(given.output)


def make_pipeline(checkpoint: str, frozen: Sequence[str]) -> Language:
    """Return a pipeline with an untrained `mluke_qa`.

    checkpoint (str): The checkpoint to start from.
    frozen (Sequence[str]): Parts of the encoder that are not trained.
    RETURNS (Language): The pipeline.
    """
    nlp = spacy.blank("xx")
    encoder = {"name": checkpoint, "visibility": "isolated", "frozen": list(frozen)}
    nlp.add_pipe(NAME, config={"null_threshold": None, "model": {"encoder": encoder, "dropout": DROPOUT}})
    return nlp


class QuestionTraining:
    """Trains `mluke_qa`.

    nlp (Language): The pipeline.
    data (DataFolder): The data.
    seed (int): Seed of the order of batches.
    rate (float): Learning rate.
    """

    def __init__(self, nlp: Language, data: DataFolder, seed: int, rate: float):
        self.nlp = nlp
        self.rate = rate
        self.optimizer = build_adamw_v1(rate, weight_decay=DECAY)
        rng = random.Random(seed)
        self._reader = QuestionReader(read_questions(data), rng)
        self._first = [self._reader.make_paragraph(_FIRST_FILE, number) for number in range(_N_FIRST)]
        options: Dict[str, Any] = {"limit": BATCH_PIECES, "buffer": BUFFER, "rng": rng}
        self._batches = batch_by_cost(self._reader.draw(), attrgetter("cost"), **options)

    def initialize(self) -> None:
        """Initialize the pipeline."""
        examples = [make_example(self.nlp, paragraph) for paragraph in self._first if paragraph is not None]
        self.nlp.initialize(lambda: examples)

    def draw(self) -> List[DrawnQuestion]:
        """Return the next batch."""
        return next(self._batches)

    def learn(self, batch: List[DrawnQuestion], factor: float) -> Optional[Dict[str, float]]:
        """Learn a batch; as `training_loop.Training.learn`."""
        self.optimizer.learn_rate = self.rate * factor
        examples = [make_example(self.nlp, item.paragraph) for item in batch]
        losses = self.nlp.update(examples, sgd=self.optimizer, drop=DROPOUT, losses={})
        return {"questions": losses[NAME] / len(examples)}

    def tensors(self) -> Dict[str, Tensor]:
        """Return no tensors: all are in the pipeline."""
        return {}

    def restore(self, tensors: Mapping[str, Tensor]) -> None:
        """Restore nothing: all weights are in the pipeline."""


def make_example(nlp: Language, paragraph: Paragraph) -> Example:
    """Return a part of a text and its question as an example for `mluke_qa`.

    nlp (Language): Its tokenizer is used.
    paragraph (Paragraph): The part and its question.
    RETURNS (Example): The example.
    """
    reference = make_doc(nlp, paragraph)
    predicted = nlp.make_doc(paragraph.text)
    predicted._.mluke_questions = reference._.mluke_questions
    return Example(predicted, reference)


if __name__ == "__main__":
    main()
