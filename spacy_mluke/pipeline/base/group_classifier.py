"""What the components that classify groups of spans share: labels, training, predicting."""

from __future__ import annotations

import warnings
from typing import Any, Callable, Iterable, List, Optional, Sequence, Tuple

import numpy
from spacy.language import Language
from spacy.pipeline import TrainablePipe
from spacy.tokens import Doc
from spacy.training import Example, validate_get_examples
from thinc.api import set_dropout_rate
from thinc.util import to_numpy

from ...encoder.inputs import MarkedInput
from ...errors import Errors, Warnings
from ...heads.group_classifier import GroupModel
from ...types import Counts, Floats2d, GroupLogits, Ints3d
from .published import load_encoder_model
from .task import TaskPipe

Prediction = Tuple[List[Ints3d], GroupLogits]


class GroupPipe(TaskPipe, TrainablePipe):
    """Classifies groups of spans. A component says which groups there are, what is gold, and what a Doc gets."""

    model: GroupModel

    # --- what components add ---

    def propose(self, docs: List[Doc]) -> List[Ints3d]:
        """The groups of each document. Shape of each: (n_groups, size, 2)."""
        raise NotImplementedError

    def gold_labels(self, example: Example) -> Optional[List[str]]:
        """The labels in an example's annotation, with repetitions; None if it is not annotated."""
        raise NotImplementedError

    def targets(
        self, examples: Sequence[Example], groups: Sequence[Ints3d]
    ) -> Tuple[Floats2d, numpy.ndarray[Any, numpy.dtype[Any]], int]:
        """The truth about groups.

        RETURNS: 1.0 where a group has a class, (n_groups, n_classes) float32; whether it is annotated at all,
            (n_groups,); and the number of gold annotations that no group stands for.
        """
        raise NotImplementedError

    def loss(self, logits: Floats2d, truth: Floats2d) -> Tuple[float, Floats2d]:
        """The loss of logits and its gradient, each the sum over groups."""
        raise NotImplementedError

    # --- predicting ---

    def predict(self, docs: Iterable[Doc]) -> Prediction:
        """Classify the groups of documents without changing them.

        docs (Iterable[Doc]): The documents.
        RETURNS (Prediction): Groups of each document, and their logits.
        """
        self.load()
        docs = list(docs)
        groups = self.propose(docs)
        return groups, self.model.predict(MarkedInput(docs, groups, self.model.attrs["size"]))

    def counts_of(self, prediction: Prediction) -> Counts:
        """What alignment had to leave out for a prediction."""
        return prediction[1].counts

    # --- training ---

    def initialize(
        self,
        get_examples: Callable[[], Iterable[Example]],
        *,
        nlp: Optional[Language] = None,
        labels: Optional[List[str]] = None,
    ) -> None:
        """Read the checkpoint, collect labels, and start the head.

        A checkpoint that was fine-tuned for the task keeps its head if that knows all labels.

        get_examples (Callable[[], Iterable[Example]]): Annotated examples.
        nlp (Optional[Language]): The pipeline.
        labels (Optional[List[str]]): The labels, if they are not to be collected.
        RAISES (ValueError): ML077 if no example is annotated, and no labels are known.
        """
        validate_get_examples(get_examples, f"{type(self).__name__}.initialize")
        load_encoder_model(self.model)
        examples = list(get_examples())
        annotated = [found for found in map(self.gold_labels, examples) if found is not None]
        if not annotated and labels is None:
            self.check_annotation(len(examples), Errors.ML077.format(name=self.name, wanted=self.wanted()))
        if labels is None:
            labels = sorted({label for found in annotated for label in found})
        self.start_head(labels)
        self._warn_of_missed(examples)

    def wanted(self) -> str:
        """What annotation is looked for: the end of a message."""
        raise NotImplementedError

    def _warn_of_missed(self, examples: List[Example]) -> None:
        missed = self.targets(examples, self.propose([eg.predicted for eg in examples]))[2]
        if missed:
            total = sum(len(self.gold_labels(eg) or []) for eg in examples)
            hint = self.missed_hint()
            warnings.warn(Warnings.ML105.format(n=missed, total=total, name=self.name, hint=hint), stacklevel=3)

    def missed_hint(self) -> str:
        """What to do about gold annotations that are never proposed: the end of a message."""
        return (
            "entities come from the predicted documents. Read them with spacy-mluke.EntityCorpus.v1, which gives those "
            "the gold entities, or name the component that sets them in 'annotating_components'."
        )

    def learn(self, examples: List[Example], drop: float) -> float:
        """Learn from a batch of examples. Losses and gradients are sums over groups.

        examples (List[Example]): Annotated examples; groups of those without annotation are left out.
        drop (float): Dropout of the entity states.
        RETURNS (float): The loss.
        RAISES (ValueError): ML076 for a label that the component does not know.
        """
        self.load()
        docs = [eg.predicted for eg in examples]
        groups = self.propose(docs)
        truth, is_annotated, _ = self.targets(examples, groups)
        if not is_annotated.any():
            return 0.0
        set_dropout_rate(self.model, drop)
        logits, backprop = self.model.begin_update(MarkedInput(docs, groups, self.model.attrs["size"]))
        loss, d_logits = self.get_loss_of(logits, truth, is_annotated)
        backprop(d_logits)
        return loss

    def get_loss_of(
        self, output: GroupLogits, truth: Floats2d, is_annotated: numpy.ndarray[Any, numpy.dtype[Any]]
    ) -> Tuple[float, GroupLogits]:
        """The loss of a head's output.

        output (GroupLogits): Logits of the groups.
        truth (Floats2d): What they should say. Shape: (n_groups, n_classes).
        is_annotated (Bools1d): Which of them count. Shape: (n_groups,).
        RETURNS (Tuple[float, GroupLogits]): The loss and its gradient.
        """
        logits = to_numpy(output.logits)
        counted = is_annotated[output.kept]
        loss, gradient = self.loss(logits[counted], truth[output.kept][counted])
        d_logits = numpy.zeros_like(logits)
        d_logits[counted] = gradient
        return loss, GroupLogits(self.model.ops.asarray2f(d_logits), output.kept, output.lengths, output.counts)

    def get_loss(self, examples: Iterable[Example], scores: Prediction) -> Tuple[float, GroupLogits]:
        """The loss of a prediction.

        examples (Iterable[Example]): The truth.
        scores (Prediction): As from `predict`.
        RETURNS (Tuple[float, GroupLogits]): The loss and its gradient.
        """
        groups, output = scores
        truth, is_annotated, _ = self.targets(list(examples), groups)
        return self.get_loss_of(output, truth, is_annotated)
