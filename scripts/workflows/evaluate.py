"""Score the systems of a task that were trained with one seed, in every language.

python -m scripts.workflows.evaluate relations corpus/relations training/relations metrics/relations
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any, Dict, List

import spacy
import typer
from spacy.language import Language
from spacy.tokens import Doc, DocBin
from spacy.training import Example
from thinc.api import require_gpu
from wasabi import msg

from scripts.workflows.majority import guess_by, relate
from scripts.workflows.tasks import MAJORITY, MARKED, TASKS, run_folder
from spacy_mluke.errors import check_choice
from spacy_mluke.extensions import install_extensions
from spacy_mluke.report.metrics import METRIC_NAMES, METRICS
from spacy_mluke.report.predict import describe, predict_run
from spacy_mluke.report.run import Run, score_run
from spacy_mluke.report.summary import CURVE
from spacy_mluke.training.corpus import copy_entities, with_gold_tokens

TASK = typer.Argument(..., help="relations, ner, qa, cloze or linking")
CORPUS = typer.Argument(..., help="Folder that convert has written", exists=True)
TRAINING = typer.Argument(..., help="Folder with the trained systems", exists=True)
METRICS_FOLDER = typer.Argument(..., help="Folder to write scores to")
SEED = typer.Option(0, help="Seed of the trained systems")
SAMPLES = typer.Option(1000, help="Number of bootstrap samples for confidence intervals")
GPU = typer.Option(-1, help="GPU id; -1: CPU")
ONLY = typer.Option("", help="Score this system only, such as plain; default: every system of the task's workflow")


def main(
    task: str = TASK,
    corpus: Path = CORPUS,
    training: Path = TRAINING,
    metrics: Path = METRICS_FOLDER,
    seed: int = SEED,
    samples: int = SAMPLES,
    gpu_id: int = GPU,
    only: str = ONLY,
) -> None:
    """Score the systems of a task."""
    check_choice("task", task, tuple(TASKS))
    if only:
        check_choice("only", only, tuple(TASKS[task].systems))
    install_extensions()
    if gpu_id >= 0:
        require_gpu(gpu_id)
    options: Dict[str, Any] = {"task": task, "seed": seed, "n_samples": samples}
    for folder in [only] if only else TASKS[task].usual:
        system = TASKS[task].systems[folder]
        nlp = spacy.load(training / run_folder(folder, seed) / "model-best")
        for lang in TASKS[task].langs:
            data = corpus / "test" / f"{lang}.spacy"
            names: Dict[str, Any] = {"lang": lang, "system": system.title}
            if system.reads_marked:
                run = classify_run(nlp, data, corpus / MARKED / "test" / data.name, **names, **options)
            else:
                # RELX's entities are not always tokens of the pipeline's tokenizer, such as "Inde" in "l'Inde".
                run = predict_run(nlp, data, gold_tokens=task == "relations", **names, **options)
            write_run(run, metrics / run_folder(folder, seed))
        curve = training / run_folder(folder, seed) / CURVE
        if curve.exists():
            shutil.copy(curve, metrics / run_folder(folder, seed))
    if TASKS[task].has_majority and not only:
        guess = guess_by(task, read_docs(corpus / "train.spacy"))
        for lang in TASKS[task].langs:
            data = corpus / "test" / f"{lang}.spacy"
            examples = [_example(doc) for doc in read_docs(data)]
            for eg in examples:
                guess(eg.predicted)
            run = score_run(task, examples, system=MAJORITY, lang=lang, seed=seed, name=lang, n_samples=samples)
            write_run(run, metrics / run_folder(MAJORITY, seed))


def classify_run(
    nlp: Language, data: Path, marked: Path, *, task: str, system: str, lang: str, seed: int, n_samples: int
) -> Run:
    """Score the categories that a text classifier predicts for marked sentences as relations.

    nlp (Language): A pipeline with textcat.
    data (Path): The corpus.
    marked (Path): The same sentences with markers around their entities.
    task (str): "relations".
    system (str): Name of the system.
    lang (str): Language of the documents.
    seed (int): The seed of the training.
    n_samples (int): Number of bootstrap samples.
    RETURNS (Run): The run, with scores and their intervals.
    """
    examples = [_example(doc) for doc in read_docs(data)]
    docs = read_docs(marked, nlp)
    for doc in docs:
        # textcat keeps categories that it does not know: without this, the gold relation would remain.
        doc.cats = {}
    for eg, doc in zip(examples, nlp.pipe(docs), strict=True):
        relate(eg.predicted, max(doc.cats, key=doc.cats.__getitem__))
    return score_run(
        task, examples, system=system, lang=lang, seed=seed, name=data.stem, n_samples=n_samples, about=describe(nlp)
    )


def read_docs(path: Path, nlp: Any = None) -> List[Doc]:
    """Read a corpus.

    path (Path): The file.
    nlp (Optional[Language]): The pipeline whose vocabulary the documents get; None for a blank one.
    RETURNS (List[Doc]): The documents.
    """
    vocab = (nlp or spacy.blank("xx")).vocab
    return list(DocBin().from_disk(path).get_docs(vocab))


def write_run(run: Run, folder: Path) -> None:
    """Write a run to a folder, and print its main score.

    run (Run): The run.
    folder (Path): The folder; the file is called LANG.json.
    """
    run.to_disk(folder / f"{run.lang}.json")
    name = next(iter(METRICS[run.task]))
    msg.text(f"{run.system}, {run.lang}: {METRIC_NAMES[name]} {100 * run.metrics[name]['value']:.1f}")


def _example(gold: Doc) -> Example:
    """Make an example whose predicted document has the gold tokens and entities, but no other annotation."""
    eg = with_gold_tokens(gold)
    copy_entities(eg)
    return eg


if __name__ == "__main__":
    typer.run(main)
