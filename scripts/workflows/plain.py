"""Train what mLUKE-E is compared with: the reference's classifier, in a plain PyTorch loop.

Same weights, sentences, budget and settings as mLUKE-E has, from the same config; what is trained is written as a
pipeline, and scored as all others are. The same command goes on after an interruption.

python -m scripts.workflows.plain corpus/relations training/relations metrics/relations
"""

from __future__ import annotations

import json
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, Iterator, List, Tuple

import numpy
import torch
import typer
from safetensors import safe_open
from safetensors.torch import save_file
from spacy.tokens import Doc
from spacy.training import Example
from spacy.util import load_config, load_model_from_config
from tqdm import tqdm
from wasabi import msg

from scripts.workflows.evaluate import read_docs
from scripts.workflows.majority import relate
from scripts.workflows.tasks import PLAIN, TASKS, run_folder
from scripts.workflows.train import (
    CONFIGS,
    CORPUS,
    ENCODER,
    EVERY,
    GPU,
    METRICS,
    PRECISION,
    SEED,
    STEPS,
    TRAINING,
)
from spacy_mluke.annotate.relations import get_relations
from spacy_mluke.encoder.checkpoint import export_huggingface, load_encoder
from spacy_mluke.encoder.quantized import Q4Embedding
from spacy_mluke.errors import check_choice
from spacy_mluke.extensions import install_extensions
from spacy_mluke.files import replacing
from spacy_mluke.report.summary import CURVE
from spacy_mluke.scorers import score_relations
from spacy_mluke.training.curve import add_point
from spacy_mluke.training.kbp37 import NO_RELATION

COMPONENT = "mluke_relations"
TOKENIZER_FILES = ("sentencepiece.bpe.model", "entity_vocab.json")


@dataclass(frozen=True)
class Settings:
    """What mLUKE-E's config says of training."""

    rate: float
    warmup: int
    weight_decay: float
    grad_clip: float
    dropout: float
    batch_size: int
    steps: int

    def rate_at(self, step: int) -> float:
        """The learning rate of a step: up to `rate`, then down to nothing."""
        up = step / max(1, self.warmup)
        down = (self.steps - step) / max(1.0, self.steps - self.warmup)
        return self.rate * (up if step < self.warmup else max(0.0, down))


def main(
    corpus: Path = CORPUS,
    training: Path = TRAINING,
    metrics: Path = METRICS,
    encoder: str = ENCODER,
    seed: int = SEED,
    steps: int = STEPS,
    eval_frequency: int = EVERY,
    gpu_id: int = GPU,
    mixed_precision: str = PRECISION,
) -> None:
    """Train the reference's classifier of relations."""
    check_choice("mixed_precision", mixed_precision, ("true", "false"))
    install_extensions()
    folder = training / run_folder(PLAIN, seed)
    settings = read_settings(steps)
    train, dev = (read_docs(corpus / f"{name}.spacy") for name in ("train", "dev"))
    labels = [NO_RELATION, *sorted({label_of(doc) for doc in train} - {NO_RELATION})]
    device = "cpu" if gpu_id < 0 else f"cuda:{gpu_id}"
    torch.manual_seed(seed)
    loop = PlainLoop(start_from(encoder, folder / "start"), labels, settings, device, mixed_precision == "true")
    state, best_folder = folder / "state.safetensors", folder / "best"
    done, best = loop.restore(state) if state.exists() else (0, -1.0)
    batches = draw_batches(len(train), settings.batch_size, seed, first=done)
    loss, started = 0.0, time.perf_counter()
    for step in tqdm(range(done + 1, settings.steps + 1), initial=done, total=settings.steps, disable=None):
        if step % eval_frequency == 1:
            # So a training that goes on draws the same dropout.
            torch.manual_seed(seed + step)
        loss += loop.update([train[i] for i in next(batches)], step - 1)
        if step % eval_frequency == 0 or step == settings.steps:
            scores = score(dev, loop.predict(dev))
            epoch = (step - 1) * settings.batch_size // len(train)
            point = {"step": step, "epoch": epoch, "words": 0, "losses": {COMPONENT: loss}, "other_scores": scores}
            add_point(metrics / run_folder(PLAIN, seed) / CURVE, {**point, "score": scores["rel_macro_f"]})
            seconds = time.perf_counter() - started
            msg.text(f"{step}: loss {loss:.1f}, macro F1 {100 * scores['rel_macro_f']:.2f}, {seconds:.0f} s")
            if scores["rel_macro_f"] > best:
                best = scores["rel_macro_f"]
                loop.save(best_folder)
            loop.save_state(state, step, best)
            loss = 0.0
    write_pipeline(best_folder, folder / "model-best")
    for path in (folder / "start", best_folder):
        shutil.rmtree(path)
    state.unlink()
    msg.good(f"Trained {TASKS['relations'].systems[PLAIN].title}: {folder / 'model-best'}")


def read_settings(steps: int) -> Settings:
    """Read what mLUKE-E's config says.

    steps (int): Steps; 0 for as many as the config says.
    RETURNS (Settings): The settings.
    """
    overrides = {"training.max_steps": steps} if steps else {}
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


def start_from(encoder: str, path: Path) -> Path:
    """Write a checkpoint as the reference reads it.

    encoder (str): The checkpoint.
    path (Path): Where to.
    RETURNS (Path): The directory; a file FROZEN in it says that the word table is not trained.
    """
    loaded = load_encoder(encoder)
    export_huggingface(loaded, path)
    if isinstance(loaded.network.embeddings.word_embeddings, Q4Embedding):
        (path / "FROZEN").touch()
    return path


def draw_batches(n: int, size: int, seed: int, *, first: int = 0) -> Iterator[List[int]]:
    """Batches of a training, epoch by epoch in another order.

    n (int): Sentences.
    size (int): Sentences of a batch.
    seed (int): The seed.
    first (int): Batches that have been taken before.
    YIELDS (List[int]): Numbers of sentences.
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


class PlainLoop:
    """The reference's classifier with torch's AdamW.

    path (Path): The checkpoint in the reference's format.
    labels (List[str]): The relations.
    settings (Settings): Of the training.
    device (str): Where it runs.
    in_bfloat16 (bool): Whether matrices are multiplied in bfloat16.
    """

    def __init__(self, path: Path, labels: List[str], settings: Settings, device: str, in_bfloat16: bool):
        from transformers import LukeForEntityPairClassification, MLukeTokenizer

        self.labels, self.settings, self.device, self.in_bfloat16 = labels, settings, device, in_bfloat16
        self.path = path
        self.tokenizer = MLukeTokenizer.from_pretrained(path, task="entity_pair_classification")
        drop = {"hidden_dropout_prob": settings.dropout, "attention_probs_dropout_prob": settings.dropout}
        self.model = LukeForEntityPairClassification.from_pretrained(
            path, num_labels=len(labels), id2label=dict(enumerate(labels)), **drop
        ).to(device)
        if (path / "FROZEN").exists():
            self.model.luke.embeddings.word_embeddings.requires_grad_(False)
        self.trained = {name: p for name, p in self.model.named_parameters() if p.requires_grad}
        spared = ("bias", "LayerNorm.weight")
        groups = [
            {"params": [p for name, p in self.trained.items() if not name.endswith(spared)]},
            {"params": [p for name, p in self.trained.items() if name.endswith(spared)], "weight_decay": 0.0},
        ]
        self.optimizer = torch.optim.AdamW(groups, lr=settings.rate, weight_decay=settings.weight_decay)

    def update(self, docs: List[Doc], step: int) -> float:
        """Take a step.

        docs (List[Doc]): The batch.
        step (int): How many were taken before.
        RETURNS (float): The batch's loss, summed over its sentences.
        """
        self.model.train()
        targets = torch.tensor([self.labels.index(label_of(doc)) for doc in docs], device=self.device)
        with self._precision():
            loss = self.model(**self._inputs(docs), labels=targets).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(list(self.trained.values()), self.settings.grad_clip)
        for group in self.optimizer.param_groups:
            group["lr"] = self.settings.rate_at(step)
        self.optimizer.step()
        self.optimizer.zero_grad()
        return loss.item() * len(docs)

    def predict(self, docs: List[Doc]) -> List[str]:
        """The relation of each sentence's entities.

        docs (List[Doc]): The sentences.
        RETURNS (List[str]): Labels.
        """
        self.model.eval()
        found: List[str] = []
        with torch.no_grad(), self._precision():
            for start in range(0, len(docs), 64):
                logits = self.model(**self._inputs(docs[start : start + 64])).logits
                found.extend(self.labels[i] for i in logits.argmax(-1).tolist())
        return found

    def _inputs(self, docs: List[Doc]) -> Any:
        # One by one: the reference reads a batch of spans as pairs of texts.
        items = [self.tokenizer(doc.text, entity_spans=spans_of(doc), truncation=True, max_length=512) for doc in docs]
        return self.tokenizer.pad(items, return_tensors="pt").to(self.device)

    def _precision(self) -> torch.autocast:
        return torch.autocast(self.device.partition(":")[0], torch.bfloat16, enabled=self.in_bfloat16)

    def save(self, path: Path) -> None:
        """Write the classifier in the published format.

        path (Path): The directory.
        """
        self.model.save_pretrained(path)
        for name in TOKENIZER_FILES:
            shutil.copy(self.path / name, path / name)

    def save_state(self, path: Path, step: int, best: float) -> None:
        """Write all that a training needs to go on.

        path (Path): The file.
        step (int): Steps that were taken.
        best (float): The best score so far.
        """
        tensors = {f"model.{name}": p.detach() for name, p in self.trained.items()}
        for name, parameter in self.trained.items():
            tensors.update({f"{key}.{name}": value for key, value in self.optimizer.state[parameter].items()})
        about = {"step": step, "best": best}
        with replacing(path) as aside:
            save_file({key: t.contiguous() for key, t in tensors.items()}, aside, {"about": json.dumps(about)})

    def restore(self, path: Path) -> Tuple[int, float]:
        """Go on from a state.

        path (Path): The file.
        RETURNS (Tuple[int, float]): Steps that were taken, the best score so far.
        """
        with safe_open(path, framework="pt") as tensors:
            about: Dict[str, Any] = json.loads(tensors.metadata()["about"])
            with torch.no_grad():
                for name, parameter in self.trained.items():
                    parameter.copy_(tensors.get_tensor(f"model.{name}"))
                    keys = ("step", "exp_avg", "exp_avg_sq")
                    # Entities' tables get no gradients, and have no state, where no other entities are read.
                    there = [key for key in keys if f"{key}.{name}" in tensors.keys()]  # noqa: SIM118
                    own = {key: tensors.get_tensor(f"{key}.{name}").to(parameter.device) for key in there}
                    if own:
                        self.optimizer.state[parameter] = own
        return about["step"], about["best"]


def score(docs: List[Doc], labels: List[str]) -> Dict[str, Any]:
    """Score predictions as mLUKE-E's are scored in training.

    docs (List[Doc]): With gold relations.
    labels (List[str]): What is predicted.
    RETURNS (Dict[str, Any]): Scores by name.
    """
    examples = [Example(doc.copy(), doc) for doc in docs]
    for eg, label in zip(examples, labels, strict=True):
        relate(eg.predicted, label)
    return score_relations(examples, pool_directions=True)


def write_pipeline(checkpoint: Path, path: Path) -> None:
    """Make a pipeline of the trained classifier.

    checkpoint (Path): The classifier in the published format.
    path (Path): Where to.
    """
    config = load_config(_config(), overrides={"paths.checkpoint": str(checkpoint)}, interpolate=True)
    nlp = load_model_from_config(config, auto_fill=True)
    nlp.get_pipe(COMPONENT).load()
    nlp.to_disk(path)


def label_of(doc: Doc) -> str:
    """The gold relation of a sentence."""
    return next((relation.label for relation in get_relations(doc)), NO_RELATION)


def spans_of(doc: Doc) -> List[Tuple[int, int]]:
    """Characters of its two entities."""
    return [(ent.start_char, ent.end_char) for ent in doc.ents]


def _config() -> Path:
    return CONFIGS / TASKS["relations"].systems[PLAIN].config


if __name__ == "__main__":
    typer.run(main)
