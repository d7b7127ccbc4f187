"""The reference's relation classifier (`LukeForEntityPairClassification`) in a plain PyTorch loop."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, List, Optional, Tuple

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from spacy.tokens import Doc

from spacy_mluke.annotate.relations import get_relations
from spacy_mluke.storage.files import replacing
from spacy_mluke.training.kbp37 import NO_RELATION

TOKENIZER_FILES = ("sentencepiece.bpe.model", "entity_vocab.json")
_ADAM = ("step", "exp_avg", "exp_avg_sq")


@dataclass(frozen=True)
class Settings:
    """The training settings of mLUKE-E's config."""

    rate: float
    warmup: int
    weight_decay: float
    grad_clip: float
    dropout: float
    batch_size: int
    steps: int

    def rate_at(self, step: int) -> float:
        """Return the learning rate of a step: linear warmup to `rate`, then linear decay to 0."""
        up = step / max(1, self.warmup)
        down = (self.steps - step) / max(1.0, self.steps - self.warmup)
        return self.rate * (up if step < self.warmup else max(0.0, down))


class PlainLoop:
    """The reference's classifier, trained with PyTorch's AdamW.

    path (Path): The checkpoint in the format of transformers.
    labels (List[str]): The relations.
    settings (Settings): Training settings.
    device (str): The PyTorch device.
    in_bfloat16 (bool): Whether to train in bfloat16.
    fixed_words (bool): Whether to freeze the word embeddings.
    """

    def __init__(
        self,
        path: Path,
        labels: List[str],
        settings: Settings,
        device: str = "cpu",
        *,
        in_bfloat16: bool = False,
        fixed_words: bool = False,
    ):
        from transformers import LukeForEntityPairClassification, MLukeTokenizer

        self.labels, self.settings, self.device, self.in_bfloat16 = labels, settings, device, in_bfloat16
        self.path = path
        self.tokenizer = MLukeTokenizer.from_pretrained(path, task="entity_pair_classification")
        drop = {"hidden_dropout_prob": settings.dropout, "attention_probs_dropout_prob": settings.dropout}
        self.model = LukeForEntityPairClassification.from_pretrained(
            path, num_labels=len(labels), id2label=dict(enumerate(labels)), **drop
        ).to(device)
        if fixed_words:
            self.model.luke.embeddings.word_embeddings.requires_grad_(False)
        self.trained = {name: p for name, p in self.model.named_parameters() if p.requires_grad}
        spared = ("bias", "LayerNorm.weight")
        groups: List[Dict[str, Any]] = [
            {"params": [p for name, p in self.trained.items() if not name.endswith(spared)]},
            {"params": [p for name, p in self.trained.items() if name.endswith(spared)], "weight_decay": 0.0},
        ]
        self.optimizer = torch.optim.AdamW(groups, lr=settings.rate, weight_decay=settings.weight_decay)

    def read(self, docs: List[Doc], *, gold: bool = False) -> Any:
        """Return the network's input for sentences.

        docs (List[Doc]): Documents with two entities each.
        gold (bool): Whether to include the gold labels.
        RETURNS (BatchEncoding): The input.
        """
        # One by one: for a batch, the reference's tokenizer takes the spans as text pairs.
        items = [self.tokenizer(doc.text, entity_spans=spans_of(doc), truncation=True, max_length=512) for doc in docs]
        inputs = self.tokenizer.pad(items, return_tensors="pt")
        if gold:
            inputs["labels"] = torch.tensor([self.labels.index(label_of(doc)) for doc in docs])
        return inputs.to(self.device)

    def update(self, inputs: Any, step: int) -> float:
        """Take a training step.

        inputs (BatchEncoding): The batch from `read`, with gold labels.
        step (int): Number of steps before this one.
        RETURNS (float): Loss, summed over the sentences of the batch.
        """
        self.model.train()
        with self._precision():
            loss = self.model(**inputs).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(list(self.trained.values()), self.settings.grad_clip)
        for group in self.optimizer.param_groups:
            group["lr"] = self.settings.rate_at(step)
        self.optimizer.step()
        self.optimizer.zero_grad()
        return loss.item() * len(inputs["labels"])

    def predict(self, docs: List[Doc], batch_size: int = 64) -> List[str]:
        """Return the predicted relation of each sentence.

        docs (List[Doc]): The sentences.
        batch_size (int): Number of sentences in a batch.
        RETURNS (List[str]): Labels, in the order of the sentences.
        """
        self.model.eval()
        found: List[str] = []
        with torch.no_grad(), self._precision():
            for start in range(0, len(docs), batch_size):
                logits = self.model(**self.read(docs[start : start + batch_size])).logits
                found.extend(self.labels[i] for i in logits.argmax(-1).tolist())
        return found

    def _precision(self) -> torch.autocast:
        return torch.autocast(self.device.partition(":")[0], torch.bfloat16, enabled=self.in_bfloat16)

    def save(self, path: Path) -> None:
        """Write the classifier in the format of transformers.

        path (Path): The directory.
        """
        self.model.save_pretrained(path)
        for name in TOKENIZER_FILES:
            shutil.copy(self.path / name, path / name)

    def save_state(self, path: Path, step: int, best: float, options: Dict[str, Any]) -> None:
        """Write the state of a training, to resume from.

        path (Path): The file.
        step (int): Number of steps taken.
        best (float): The best score so far.
        options (Dict[str, Any]): The settings of the training, JSON-serializable.
        """
        tensors = {f"model.{name}": p.detach() for name, p in self.trained.items()}
        for name, parameter in self.trained.items():
            tensors.update({f"{key}.{name}": value for key, value in self.optimizer.state[parameter].items()})
        about = {"step": step, "best": best, "given": options}
        with replacing(path) as aside:
            save_file({key: t.contiguous() for key, t in tensors.items()}, aside, {"about": json.dumps(about)})

    def restore(self, path: Path, options: Dict[str, Any]) -> Optional[Tuple[int, float]]:
        """Restore a saved state.

        path (Path): The file.
        options (Dict[str, Any]): The settings of the training.
        RETURNS (Optional[Tuple[int, float]]): Number of steps taken, and the best score so far; None if the state
            belongs to other settings: then nothing changes.
        """
        with safe_open(path, framework="pt") as tensors:
            about: Dict[str, Any] = json.loads(tensors.metadata()["about"])
            if about["given"] != options:
                return None
            with torch.no_grad():
                for name, parameter in self.trained.items():
                    parameter.copy_(tensors.get_tensor(f"model.{name}"))
                    # Entity embeddings that no batch has read have no optimizer state.
                    there = [key for key in _ADAM if f"{key}.{name}" in tensors.keys()]  # noqa: SIM118
                    own = {key: tensors.get_tensor(f"{key}.{name}").to(parameter.device) for key in there}
                    if own:
                        self.optimizer.state[parameter] = own
        return about["step"], about["best"]


def label_of(doc: Doc) -> str:
    """Return the gold relation of a sentence."""
    return next((relation.label for relation in get_relations(doc)), NO_RELATION)


def spans_of(doc: Doc) -> List[Tuple[int, int]]:
    """Return the character bounds of its entities."""
    return [(ent.start_char, ent.end_char) for ent in doc.ents]
