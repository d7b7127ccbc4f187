"""Train a system to compare the names of `xx_mluke_small` with: on the same texts, for as many batches.

    python -m scripts.xx_mluke_small.train_baseline ../shared/data training/xx_mluke_small/tok2vec \
        --system tok2vec --steps 300

Systems: `entities` (the span classifier of the pipeline, which reads candidates as entities), `words` (the same
encoder without entities: `spacy-mluke.BoundaryClassifier.v1`), `tok2vec` (spaCy's `ner`, not pretrained). The first two
start from the checkpoint. Writes OUTPUT/pipeline, which `scripts.xx_mluke_small.evaluate --task names` scores.
"""

from __future__ import annotations

import argparse
import random
from typing import Callable, Dict, List, Mapping, Optional, Sequence

from spacy.language import Language
from spacy.training import Example
from spacy.util import load_config
from torch import Tensor

from scripts.workflows.tasks import CONFIGS
from scripts.xx_mluke_small.batches import batch_by_cost
from scripts.xx_mluke_small.examples import make_blank
from scripts.xx_mluke_small.names import draw_names, first_examples, read_name_sources
from scripts.xx_mluke_small.sources import ALWAYS
from scripts.xx_mluke_small.train_names_and_relations import (
    BATCH_ROWS,
    DROPOUT,
    NAME,
    NAME_BUFFER,
    make_pipeline,
    name_cost,
)
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

WORDS = "spacy-mluke.BoundaryClassifier.v1"
TOK2VEC = CONFIGS / "baselines" / "ner_tok2vec.cfg"
# Learning rate of `tok2vec`: spaCy's default. The other systems take `--rate`.
TOK2VEC_RATE, DECAY = 1e-3, 0.01


def main(args: Optional[List[str]] = None) -> None:
    """Read the command line, and train."""
    given, budget = read_command_line("Train a system to compare with.", args, add_own_options)
    path = state_to_resume(given)
    nlp = open_pipeline(given, path, SYSTEMS[given.system])
    training = BaselineTraining(nlp, DataFolder(given.data), given, is_new=path is None)
    state = train(training, budget, given, path)
    save(nlp, given.output / "pipeline")
    about = {"system": given.system, "steps": state.n_steps, **state.extra}
    write_json(given.output / TRAINING_JSON, about)
    finish(given.output)


def add_own_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of this training.

    parser (argparse.ArgumentParser): The parser.
    """
    parser.add_argument("--system", choices=SYSTEMS, required=True, help="entities, words or tok2vec")


def make_words(checkpoint: str, frozen: Sequence[str]) -> Language:
    """Return a pipeline with an untrained `mluke_ner` that reads words alone.

    checkpoint (str): The checkpoint to start from.
    frozen (Sequence[str]): Parts of the encoder that are not trained.
    RETURNS (Language): The pipeline.
    """
    config = make_pipeline(checkpoint, frozen).get_pipe_config(NAME)
    config["model"]["@architectures"] = WORDS
    nlp = make_blank()
    nlp.add_pipe(config.pop("factory"), NAME, config=config)
    return nlp


def make_tok2vec(_checkpoint: str, _frozen: Sequence[str]) -> Language:
    """Return a pipeline with spaCy's untrained `tok2vec` and `ner`. The latter has the name that `evaluate` looks for.

    RETURNS (Language): The pipeline.
    """
    components = load_config(TOK2VEC, interpolate=True)["components"]
    nlp = make_blank()
    for name, config in (("tok2vec", components["tok2vec"]), (NAME, components["ner"])):
        nlp.add_pipe(config.pop("factory"), name, config=config)
    return nlp


class BaselineTraining:
    """Trains a system on the names of all sources: persons, organizations and places, which all of them annotate.

    nlp (Language): The pipeline.
    data (DataFolder): The data.
    given (argparse.Namespace): The options: system, seed of the order of batches, learning rate.
    is_new (bool): Whether to initialize the pipeline.
    """

    def __init__(self, nlp: Language, data: DataFolder, given: argparse.Namespace, *, is_new: bool):
        self.nlp = nlp
        self.rate = TOK2VEC_RATE if given.system == "tok2vec" else given.rate
        self.optimizer = build_adamw_v1(self.rate, weight_decay=DECAY)
        sources = read_name_sources(data)
        if is_new:
            examples = [keep_labels(example) for example in first_examples(nlp, sources)]
            nlp.initialize(lambda: examples)
        rng = random.Random(given.seed)
        drawn = (keep_labels(example) for example in draw_names(nlp, sources, rng))
        self._batches = batch_by_cost(drawn, name_cost, limit=BATCH_ROWS, buffer=NAME_BUFFER, rng=rng)

    def draw(self) -> Sequence[Example]:
        """Return the next batch."""
        return next(self._batches)

    def learn(self, batch: Sequence[Example], factor: float) -> Optional[Dict[str, float]]:
        """Learn a batch; as `training_loop.Training.learn`."""
        self.optimizer.learn_rate = self.rate * factor
        losses = self.nlp.update(batch, sgd=self.optimizer, drop=DROPOUT, losses={})
        return {"names": losses[NAME]}

    def tensors(self) -> Dict[str, Tensor]:
        """Return no tensors: all are in the pipeline."""
        return {}

    def restore(self, tensors: Mapping[str, Tensor]) -> None:
        """Restore nothing: all weights are in the pipeline."""


def keep_labels(example: Example) -> Example:
    """Remove the names of other types from an example.

    example (Example): The example.
    RETURNS (Example): The same example.
    """
    reference = example.reference
    reference.set_ents([ent for ent in reference.ents if ent.label_ in ALWAYS], default="outside")
    return example


SYSTEMS: Dict[str, Callable[[str, Sequence[str]], Language]] = {
    "entities": make_pipeline,
    "words": make_words,
    "tok2vec": make_tok2vec,
}

if __name__ == "__main__":
    main()
