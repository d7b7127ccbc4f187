"""Train the reference's relation classifier in a plain PyTorch loop, to compare mLUKE-E with it.

Weights, sentences, number of steps and settings are those of mLUKE-E, from the same config. The trained classifier is
written as a pipeline and scored as every other system. The same command resumes an interrupted training.

    python -m scripts.workflows.train relations plain corpus/relations training/relations
"""

from __future__ import annotations

import shutil
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any, Dict, Iterator, List

import numpy
import torch
from spacy.tokens import Doc
from spacy.training import Example
from spacy.util import load_config, load_model_from_config
from tqdm import tqdm
from wasabi import msg

from scripts.workflows.evaluate import read_docs
from scripts.workflows.majority import relate
from scripts.workflows.plain_loop import PlainLoop, Settings, label_of
from scripts.workflows.tasks import CONFIGS, PLAIN, TASKS
from spacy_mluke import save
from spacy_mluke.checkpoint.huggingface import export_huggingface
from spacy_mluke.checkpoint.load import load_encoder
from spacy_mluke.extensions import install_extensions
from spacy_mluke.network.quantized_table import Q4Embedding
from spacy_mluke.scorers.groups import score_relations
from spacy_mluke.training.curve import add_point
from spacy_mluke.training.kbp37 import NO_RELATION

COMPONENT = "mluke_relations"


def train_plain(
    corpus: Path,
    folder: Path,
    curve: Path,
    *,
    encoder: str,
    seed: int,
    steps: int,
    eval_frequency: int,
    gpu_id: int,
    in_bfloat16: bool,
) -> None:
    """Train the reference's relation classifier and write it as a pipeline.

    corpus (Path): Folder that convert has written.
    folder (Path): Folder to write model-best to.
    curve (Path): File for the learning curve.
    encoder (str): The checkpoint to start from.
    seed (int): The seed.
    steps (int): Number of steps; 0: as in the config.
    eval_frequency (int): Steps between evaluations.
    gpu_id (int): GPU id; -1: CPU.
    in_bfloat16 (bool): Whether to train in bfloat16.
    """
    install_extensions()
    settings = read_settings(steps)
    train, dev = (read_docs(corpus / f"{name}.spacy") for name in ("train", "dev"))
    labels = [NO_RELATION, *sorted({label_of(doc) for doc in train} - {NO_RELATION})]
    device = "cpu" if gpu_id < 0 else f"cuda:{gpu_id}"
    torch.manual_seed(seed)
    has_fixed_words = start_from(encoder, folder / "start")
    loop = PlainLoop(folder / "start", labels, settings, device, in_bfloat16=in_bfloat16, fixed_words=has_fixed_words)
    state, best_folder = folder / "state.safetensors", folder / "best"
    options: Dict[str, Any] = {
        "encoder": encoder,
        "seed": seed,
        "every": eval_frequency,
        "settings": asdict(settings),
        "labels": labels,
    }
    found = loop.restore(state, options) if state.exists() else None
    if found is None and state.exists():
        msg.warn("The interrupted training has other settings", f"Training restarts from the first step: {folder}")
    done, best = found or (0, -1.0)
    batches = draw_batches(len(train), settings.batch_size, seed, first=done)
    loss, started = 0.0, time.perf_counter()
    for step in tqdm(range(done + 1, settings.steps + 1), initial=done, total=settings.steps, disable=None):
        if (step - 1) % eval_frequency == 0:
            # A resumed training draws the same dropout.
            torch.manual_seed(seed + step)
        loss += loop.update(loop.read([train[i] for i in next(batches)], gold=True), step - 1)
        if step % eval_frequency == 0 or step == settings.steps:
            scores = score(dev, loop.predict(dev))
            epoch = (step - 1) * settings.batch_size // len(train)
            point = {"step": step, "epoch": epoch, "words": 0, "losses": {COMPONENT: loss}, "other_scores": scores}
            add_point(curve, {**point, "score": scores["rel_macro_f"]})
            seconds = time.perf_counter() - started
            msg.text(f"{step}: loss {loss:.1f}, macro F1 {100 * scores['rel_macro_f']:.2f}, {seconds:.0f} s")
            if scores["rel_macro_f"] > best:
                best = scores["rel_macro_f"]
                loop.save(best_folder)
            loop.save_state(state, step, best, options)
            loss = 0.0
    write_pipeline(best_folder, folder / "model-best", encoder)
    for path in (folder / "start", best_folder):
        shutil.rmtree(path)
    state.unlink()
    msg.good(f"Trained {TASKS['relations'].systems[PLAIN].title}: {folder / 'model-best'}")


def read_settings(steps: int) -> Settings:
    """Read the training settings of mLUKE-E's config.

    steps (int): Number of steps; 0: as in the config.
    RETURNS (Settings): The settings.
    """
    overrides = {"training.optimizer.learn_rate.total_steps": steps} if steps else {}
    found = load_config(_config(), overrides=overrides, interpolate=True)["training"]
    optimizer = found["optimizer"]
    rate = optimizer["learn_rate"]
    return Settings(
        rate=rate["initial_rate"],
        warmup=rate["warmup_steps"],
        weight_decay=optimizer["weight_decay"],
        grad_clip=optimizer["grad_clip"],
        dropout=found["dropout"],
        batch_size=found["batcher"]["size"],
        steps=found["max_steps"],
    )


def start_from(encoder: str, path: Path) -> bool:
    """Export a checkpoint in the format of transformers.

    encoder (str): The checkpoint.
    path (Path): Directory to write.
    RETURNS (bool): Whether its word embeddings are quantized, and therefore not trained.
    """
    loaded = load_encoder(encoder)
    export_huggingface(loaded, path)
    return isinstance(loaded.network.embeddings.word_embeddings, Q4Embedding)


def draw_batches(n: int, size: int, seed: int, *, first: int = 0) -> Iterator[List[int]]:
    """Yield batches of shuffled sentences, without end.

    n (int): Number of sentences.
    size (int): Batch size.
    seed (int): The seed.
    first (int): Number of batches to skip, for a resumed training.
    YIELDS (List[int]): Indices of the batch's sentences.
    """
    random = numpy.random.RandomState(seed)
    rest: List[int] = []
    while True:
        while len(rest) < size:
            rest.extend(random.permutation(n).tolist())
        batch, rest = rest[:size], rest[size:]
        first -= 1
        if first < 0:
            yield batch


def score(docs: List[Doc], labels: List[str]) -> Dict[str, Any]:
    """Score predicted relations with the scorer of mLUKE-E's config.

    docs (List[Doc]): Documents with gold relations.
    labels (List[str]): The predicted label of each document.
    RETURNS (Dict[str, Any]): Scores by name.
    """
    examples = [Example(doc.copy(), doc) for doc in docs]
    for eg, label in zip(examples, labels, strict=True):
        relate(eg.predicted, label)
    return score_relations(examples, pool_directions=True)


def write_pipeline(checkpoint: Path, path: Path, encoder: str) -> None:
    """Write a pipeline with the trained classifier.

    checkpoint (Path): The classifier in the format of transformers.
    path (Path): Directory to write.
    encoder (str): The checkpoint that training started from, for the pipeline's config.
    """
    config = load_config(_config(), overrides={"paths.checkpoint": str(checkpoint)}, interpolate=True)
    nlp = load_model_from_config(config, auto_fill=True)
    pipe: Any = nlp.get_pipe(COMPONENT)
    pipe.load()
    nlp.get_pipe_config(COMPONENT)["model"]["encoder"]["name"] = encoder
    save(nlp, path)


def _config() -> Path:
    return CONFIGS / TASKS["relations"].systems[PLAIN].config
