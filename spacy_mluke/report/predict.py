"""Score a pipeline on a corpus."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any, Dict, Iterator, Optional

import spacy
import torch
from spacy.language import Language
from spacy.training import Example

from .. import __version__
from ..annotate.answers import get_questions, set_questions
from ..encoder.access import encoder_settings, is_encoder
from ..errors import Errors
from ..training.corpus import copy_entities, with_gold_tokens
from ..training.corpus_files import DOCBIN, DocBinCorpus
from .run import Run, score_run

ENTITIES = "doc.ents"


def predict_run(
    nlp: Language,
    data: Path,
    *,
    task: str,
    system: str,
    lang: str,
    seed: int = 0,
    n_samples: int = 1000,
    limit: int = 0,
    gold_entities: Optional[bool] = None,
    gold_tokens: bool = False,
) -> Run:
    """Run a pipeline on a corpus, and score its predictions.

    nlp (Language): The pipeline.
    data (Path): A .spacy file, or a directory of them.
    task (str): One of `metrics.TASKS`.
    system (str): Name of the system.
    lang (str): Language of the documents.
    seed (int): Seed of the training.
    n_samples (int): Number of bootstrap samples.
    limit (int): Maximum number of documents; 0: all.
    gold_entities (Optional[bool]): Whether the input has the gold entities; None: if a component needs entities and no
        earlier component sets them.
    gold_tokens (bool): Whether to use the tokens of the corpus, or those of the pipeline's tokenizer. With the latter,
        gold entities that do not match token boundaries are not in the input, and their annotation counts as missed.
    RETURNS (Run): The run.
    RAISES (ValueError): As `score_run`.
    """
    examples = list(read_examples(nlp, data, limit=limit, gold_entities=gold_entities, gold_tokens=gold_tokens))
    started = time.perf_counter()
    for eg, doc in zip(examples, nlp.pipe([eg.predicted for eg in examples]), strict=True):
        eg.predicted = doc
    seconds = time.perf_counter() - started
    about = {**describe(nlp), "words_per_second": round(sum(len(eg.predicted) for eg in examples) / max(seconds, 1e-9))}
    return score_run(
        task, examples, system=system, lang=lang, seed=seed, name=data.stem, n_samples=n_samples, about=about
    )


def read_examples(
    nlp: Language, data: Path, *, limit: int = 0, gold_entities: Optional[bool] = None, gold_tokens: bool = False
) -> Iterator[Example]:
    """Read a corpus as input of a pipeline.

    nlp (Language): The pipeline.
    data (Path): A .spacy file, or a directory of them.
    limit (int): Maximum number of documents; 0: all.
    gold_entities (Optional[bool]): As for `predict_run`.
    gold_tokens (bool): As for `predict_run`.
    YIELDS (Example): The input document with its questions, and the reference.
    RAISES (ValueError): ML325 if there is no corpus, ML324 for a file that is damaged.
    """
    with_entities = lacks_entities(nlp) if gold_entities is None else gold_entities
    if not (data.suffix == DOCBIN or any(data.rglob(f"*{DOCBIN}"))):
        raise ValueError(Errors.ML325.format(path=data))
    for eg in DocBinCorpus(data, limit=limit)(nlp):
        if gold_tokens:
            eg = with_gold_tokens(eg.reference)
        if with_entities:
            copy_entities(eg)
        questions = get_questions(eg.reference)
        if questions and not get_questions(eg.predicted):
            set_questions(eg.predicted, questions)
        yield eg


def lacks_entities(nlp: Language) -> bool:
    """Return whether a component of a pipeline needs entities that no earlier component sets.

    nlp (Language): The pipeline.
    RETURNS (bool): By the `requires` and `assigns` of the components' factories.
    """
    for name in nlp.pipe_names:
        meta = nlp.get_pipe_meta(name)
        if ENTITIES in meta.requires:
            return True
        if any(place == ENTITIES or place.startswith("token.ent_") for place in meta.assigns):
            return False
    return False


def describe(nlp: Language) -> Dict[str, Any]:
    """Describe a pipeline.

    nlp (Language): The pipeline.
    RETURNS (Dict[str, Any]): Versions, components, and the checkpoints that their encoders started from.
    """
    checkpoints = {}
    for name, pipe in nlp.pipeline:
        model = getattr(pipe, "model", None)
        if model is not None and model.has_ref("encoder") and is_encoder(model.get_ref("encoder")):
            checkpoints[name] = encoder_settings(model.get_ref("encoder"))["name"]
    versions = {"spacy_mluke": __version__, "spacy": spacy.__version__, "torch": torch.__version__}
    return {"components": list(nlp.pipe_names), "checkpoints": checkpoints, "versions": versions}
