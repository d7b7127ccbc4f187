"""Base of the components that classify groups of spans: entities, or pairs of entities."""

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
from ...heads.calibration import ClassLogits
from ...heads.group_classifier import GroupModel
from ...heads.linear import start_bias
from ...types import Counts, Floats2d, GroupLogits, Ints3d
from .labels import LabelledPipe
from .published import load_encoder_model

Prediction = Tuple[List[Ints3d], GroupLogits]


class GroupClassifier(LabelledPipe, TrainablePipe):
    """Classifies groups of spans. Subclasses define the groups, their gold labels, and the annotation of a Doc."""

    model: GroupModel

    # --- methods of subclasses ---

    def propose(self, docs: List[Doc]) -> List[Ints3d]:
        """Return the groups of each document as token bounds. Shape of each: (n_groups, size, 2)."""
        raise NotImplementedError

    def gold_labels(self, example: Example) -> Optional[List[str]]:
        """Return the labels in an example's annotation, with repetitions; None if it is not annotated."""
        raise NotImplementedError

    def targets(
        self, examples: Sequence[Example], groups: Sequence[Ints3d]
    ) -> Tuple[Floats2d, numpy.ndarray[Any, numpy.dtype[Any]], int]:
        """Return the gold classes of groups.

        RETURNS: 1.0 where a group has a class, (n_groups, n_classes) float32; whether each group is annotated,
            (n_groups,); and the number of gold annotations without a group.
        """
        raise NotImplementedError

    def loss(self, logits: Floats2d, truth: Floats2d) -> Tuple[float, Floats2d]:
        """Return the loss of logits and its gradient, each a sum over groups."""
        raise NotImplementedError

    def missing_annotation(self) -> str:
        """Say which annotation the component needs: the end of an error message."""
        raise NotImplementedError

    # --- predicting ---

    def predict(self, docs: Iterable[Doc]) -> Prediction:
        """Classify the groups of documents. The documents do not change.

        docs (Iterable[Doc]): The documents.
        RETURNS (Prediction): The groups of each document, and their logits.
        """
        self.load()
        docs = list(docs)
        groups = self.propose(docs)
        return groups, self.model.predict(MarkedInput(docs, groups, self.model.attrs["size"]))

    def class_logits(self, examples: Sequence[Example], prediction: Prediction) -> ClassLogits:
        """Return the logits of annotated groups, to fit the temperature.

        examples (Sequence[Example]): Annotated examples.
        prediction (Prediction): The prediction, as returned by `predict`.
        RETURNS (ClassLogits): An item for each annotated group that was classified.
        """
        groups, output = prediction
        truth, is_annotated, _ = self.targets(examples, groups)
        counted = is_annotated[output.kept]
        return ClassLogits.of_rows(
            self.decided_logits([eg.predicted for eg in examples], prediction)[counted],
            truth[output.kept][counted] > 0,
            negative=self.negative_id,
            independent=self.independent,
        )

    def decided_logits(self, docs: Sequence[Doc], prediction: Prediction) -> Floats2d:
        """Return the logits that decide about the labels of groups.

        docs (Sequence[Doc]): The documents.
        prediction (Prediction): Their prediction, as returned by `predict`.
        RETURNS (Floats2d): Logits of the groups that were classified; -inf for classes that they cannot have. Shape:
            (n_kept, n_classes).
        """
        logits: Floats2d = to_numpy(prediction[1].logits)
        return logits

    @property
    def independent(self) -> bool:
        """Whether a group may have any number of labels, or has exactly one class."""
        return False

    @property
    def negative_id(self) -> Optional[int]:
        """The negative class; None if there is none."""
        return None

    def counts_of(self, prediction: Prediction) -> Counts:
        return prediction[1].counts

    # --- training ---

    def initialize(
        self,
        get_examples: Callable[[], Iterable[Example]],
        *,
        nlp: Optional[Language] = None,
        labels: Optional[List[str]] = None,
    ) -> None:
        """Read the checkpoint, collect labels, and initialize the head.

        The head of a checkpoint that was fine-tuned for the task is kept if it has all labels.

        get_examples (Callable[[], Iterable[Example]]): Annotated examples.
        nlp (Optional[Language]): The pipeline.
        labels (Optional[List[str]]): The labels. By default, they are collected from the examples.
        RAISES (ValueError): ML077 if no example is annotated and no labels are known.
        """
        validate_get_examples(get_examples, f"{type(self).__name__}.initialize")
        load_encoder_model(self.model)
        examples = list(get_examples())
        annotated = [found for found in map(self.gold_labels, examples) if found is not None]
        if not annotated and labels is None:
            missing = Errors.ML077.format(name=self.name, wanted=self.missing_annotation())
            self.check_annotation(len(examples), missing)
        if labels is None:
            labels = sorted({label for found in annotated for label in found})
        is_fresh = self.initialize_labels(labels)
        truth, is_annotated, n_missed = self.targets(examples, self.propose([eg.predicted for eg in examples]))
        if is_fresh and self.independent and is_annotated.any():
            # Most labels are rare: without this, training first makes them improbable.
            start_bias(self.model.get_ref("linear"), truth[is_annotated].sum(axis=0), int(is_annotated.sum()))
        self._warn_of_missed(examples, n_missed)

    def _warn_of_missed(self, examples: List[Example], missed: int) -> None:
        if missed:
            total = sum(len(self.gold_labels(eg) or []) for eg in examples)
            hint = self.missed_hint()
            warnings.warn(Warnings.ML105.format(n=missed, total=total, name=self.name, hint=hint), stacklevel=3)

    def missed_hint(self) -> str:
        """Explain how gold annotations get a group: the end of a warning."""
        return (
            "entities come from the predicted documents. Read them with spacy-mluke.EntityCorpus.v1, which gives those "
            "the gold entities, or name the component that sets them in 'annotating_components'."
        )

    def learn(self, examples: List[Example], drop: float) -> float:
        """Compute the loss of a batch of examples, and add the gradients to the model's. Both are sums over groups.

        examples (List[Example]): Annotated examples; groups of others are skipped.
        drop (float): Dropout of the entity states.
        RETURNS (float): The loss.
        RAISES (ValueError): ML076 for a label that the component does not have.
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
        """Return the loss of the head's output and its gradient.

        output (GroupLogits): Logits of the groups.
        truth (Floats2d): Gold classes. Shape: (n_groups, n_classes).
        is_annotated (Bools1d): Groups that count. Shape: (n_groups,).
        RETURNS (Tuple[float, GroupLogits]): The loss and its gradient.
        """
        logits = to_numpy(output.logits)
        counted = is_annotated[output.kept]
        loss, gradient = self.loss(logits[counted], truth[output.kept][counted])
        d_logits = numpy.zeros_like(logits)
        d_logits[counted] = gradient
        return loss, GroupLogits(self.model.ops.asarray2f(d_logits), output.kept, output.lengths, output.counts)

    def get_loss(self, examples: Iterable[Example], scores: Prediction) -> Tuple[float, GroupLogits]:
        """Return the loss of a prediction and its gradient.

        examples (Iterable[Example]): Annotated examples.
        scores (Prediction): The prediction, as returned by `predict`.
        RETURNS (Tuple[float, GroupLogits]): The loss and its gradient.
        """
        groups, output = scores
        truth, is_annotated, _ = self.targets(list(examples), groups)
        return self.get_loss_of(output, truth, is_annotated)
