"""What the components that classify groups of spans share: labels, training, predicting."""

from __future__ import annotations

import warnings
from typing import Any, Callable, Dict, Iterable, Iterator, List, Optional, Sequence, Tuple

import numpy
from spacy.language import Language
from spacy.pipeline import TrainablePipe
from spacy.tokens import Doc
from spacy.training import Example, validate_examples, validate_get_examples
from spacy.util import minibatch
from spacy.vocab import Vocab
from thinc.api import Optimizer, set_dropout_rate
from thinc.util import to_numpy

from ..encoder.model import MarkedInput
from ..errors import Errors, Warnings, did_you_mean
from ..extensions import install_extensions
from ..heads.groups import GroupModel
from ..heads.linear import add_rows, start_weights
from ..types import Counts, Floats2d, GroupLogits, Ints3d
from .head_files import HeadFiles
from .published import find_published, load_encoder_model, own_encoder

Scorer = Callable[..., Dict[str, Any]]
Prediction = Tuple[List[Ints3d], GroupLogits]


class GroupPipe(HeadFiles, TrainablePipe):
    """Classifies groups of spans. A component says which groups there are, what is gold, and what a Doc gets.

    vocab (Vocab): The pipeline's vocabulary.
    model (GroupModel): Encoder and head.
    name (str): The component's name.
    cfg (Dict[str, Any]): Options that are saved; "classes" names the rows of the head.
    scorer (Optional[Scorer]): Scores predictions.
    """

    kind = ""  # of published model that has such a head

    def __init__(
        self, vocab: Vocab, model: GroupModel, name: str, cfg: Dict[str, Any], scorer: Optional[Scorer] = None
    ):
        install_extensions()
        self.vocab = vocab
        self.model = model
        self.name = name
        self.cfg: Dict[str, Any] = {"classes": [], **cfg}
        self.scorer = scorer

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

    # --- labels ---

    @property
    def classes(self) -> List[str]:
        """What the rows of the head stand for."""
        return self.cfg["classes"]

    @property
    def labels(self) -> Tuple[str, ...]:
        """What can be predicted. Labels of a published checkpoint are known once it has been read: at first use, or
        after `initialize`."""
        return tuple(self.classes)

    @property
    def label_data(self) -> List[str]:
        """What `spacy init labels` writes, and `initialize` takes."""
        return list(self.labels)

    @property
    def is_trained(self) -> bool:
        """Whether the head has weights."""
        return bool(self.model.get_ref("linear").has_param("W"))

    def add_label(self, label: str) -> int:
        """Add a label. A head that has weights gets a row for it, that is still to be trained.

        label (str): The label.
        RETURNS (int): 0 if it was there already, else 1.
        RAISES (ValueError): ML085 for what is no label.
        """
        if not isinstance(label, str) or not label:
            raise ValueError(Errors.ML085.format(label=repr(label)))
        if label in self.classes:
            return 0
        self.classes.append(label)
        self.vocab.strings.add(label)
        if self.is_trained:
            add_rows(self.model.get_ref("linear"), 1)
        return 1

    def check_label(self, label: str) -> int:
        """Which row a label has.

        RAISES (ValueError): ML076 if there is none.
        """
        if label not in self.classes:
            hint = did_you_mean(label, self.classes)
            raise ValueError(Errors.ML076.format(label=label, name=self.name, hint=hint))
        return self.classes.index(label)

    # --- predicting ---

    def load(self) -> None:
        """Read the encoder's checkpoint, and its head if this one has none yet.

        RAISES (ValueError): ML075 if neither has one.
        """
        load_encoder_model(self.model)
        if not self.is_trained and (self.classes or not find_published(self)):
            raise ValueError(Errors.ML075.format(name=self.name))

    def __call__(self, doc: Doc) -> Doc:
        """Annotate one document.

        doc (Doc): The document, changed in place.
        RETURNS (Doc): The same document.
        """
        # A checkpoint that cannot be read is nobody's document's fault.
        self.load()
        try:
            prediction = self.predict([doc])
            self.set_annotations([doc], prediction)
        except Exception as error:
            self.get_error_handler()(self.name, self, [doc], error)
            return doc
        self._warn(prediction[1].counts)
        return doc

    def pipe(self, stream: Iterable[Doc], *, batch_size: int = 128) -> Iterator[Doc]:
        """Annotate a stream of documents.

        stream (Iterable[Doc]): The documents, changed in place.
        batch_size (int): Documents whose groups go to the encoder together, which sorts them by length.
        YIELDS (Doc): The documents, in order. One that fails goes to the error handler, by itself.
        """
        self.load()
        counts = Counts()
        try:
            for docs in minibatch(stream, batch_size):
                yield from self._annotate(docs, counts)
        finally:
            self._warn(counts)

    def _annotate(self, docs: List[Doc], counts: Counts) -> List[Doc]:
        try:
            prediction = self.predict(docs)
            self.set_annotations(docs, prediction)
        except Exception as error:
            if len(docs) > 1:
                # Only the documents that cause it are lost to it.
                return [done for doc in docs for done in self._annotate([doc], counts)]
            self.get_error_handler()(self.name, self, docs, error)
            return []
        counts.add(prediction[1].counts)
        return docs

    def predict(self, docs: Iterable[Doc]) -> Prediction:
        """Classify the groups of documents without changing them.

        docs (Iterable[Doc]): The documents.
        RETURNS (Prediction): Groups of each document, and their logits.
        """
        self.load()
        docs = list(docs)
        groups = self.propose(docs)
        return groups, self.model.predict(MarkedInput(docs, groups, self.model.attrs["size"]))

    def _warn(self, counts: Counts) -> None:
        encoder = own_encoder(self.model)
        if counts.blank_spans:
            warnings.warn(Warnings.ML104.format(n=counts.blank_spans, total=counts.spans, name=self.name), stacklevel=3)
        if encoder is None:
            return
        if counts.cut_mentions:
            limit = encoder.attrs["max_mention_length"]
            warnings.warn(Warnings.ML102.format(n=counts.cut_mentions, total=counts.spans, limit=limit), stacklevel=3)
        if counts.cut_texts:
            total, limit = counts.spans // self.model.attrs["size"], encoder.attrs["window"]
            warnings.warn(Warnings.ML103.format(n=counts.cut_texts, total=total, limit=limit), stacklevel=3)

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
        RAISES (ValueError): ML077 if no example is annotated.
        """
        validate_get_examples(get_examples, f"{type(self).__name__}.initialize")
        load_encoder_model(self.model)
        examples = list(get_examples())
        annotated = [found for found in map(self.gold_labels, examples) if found is not None]
        if not annotated and labels is None:
            raise ValueError(Errors.ML077.format(name=self.name, wanted=self.wanted()))
        if labels is None:
            labels = sorted({label for found in annotated for label in found})
        wanted = [*self.classes, *labels]
        if not self.is_trained and not self.classes:
            find_published(self)
        if not self.is_trained or not set(wanted) <= set(self.classes):
            self.cfg["classes"] = self.first_classes()
            for label in wanted:
                if label not in self.classes:
                    self.classes.append(label)
            start_weights(self.model.get_ref("linear"), len(self.classes), self.head_width)
        for label in self.classes:
            self.vocab.strings.add(label)
        self._warn_of_missed(examples)

    def first_classes(self) -> List[str]:
        """Classes that the head has in any case."""
        return []

    def wanted(self) -> str:
        """What annotation is looked for: the end of a message."""
        raise NotImplementedError

    @property
    def head_width(self) -> int:
        """Columns of the head.

        RAISES (ValueError): ML081 if a listener has not found its encoder.
        """
        encoder = self.model.get_ref("encoder")
        if encoder.has_dim("nO") is None:
            raise ValueError(Errors.ML081)
        return encoder.get_dim("nO") * self.model.attrs["size"]

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

    def update(
        self,
        examples: Iterable[Example],
        *,
        drop: float = 0.0,
        sgd: Optional[Optimizer] = None,
        losses: Optional[Dict[str, float]] = None,
    ) -> Dict[str, float]:
        """Learn from a batch of examples. Losses and gradients are sums over groups.

        examples (Iterable[Example]): Annotated examples; groups of those without annotation are left out.
        drop (float): Dropout of the entity states.
        sgd (Optional[Optimizer]): The optimizer.
        losses (Optional[Dict[str, float]]): Gets the loss under the component's name.
        RETURNS (Dict[str, float]): The losses.
        RAISES (ValueError): ML076 for a label that the component does not know.
        """
        examples = list(examples)
        losses = {} if losses is None else losses
        losses.setdefault(self.name, 0.0)
        validate_examples(examples, f"{type(self).__name__}.update")
        self.load()
        docs = [eg.predicted for eg in examples]
        groups = self.propose(docs)
        truth, is_annotated, _ = self.targets(examples, groups)
        if not is_annotated.any():
            return losses
        set_dropout_rate(self.model, drop)
        logits, backprop = self.model.begin_update(MarkedInput(docs, groups, self.model.attrs["size"]))
        loss, d_logits = self.get_loss_of(logits, truth, is_annotated)
        backprop(d_logits)
        if sgd is not None:
            self.finish_update(sgd)
        losses[self.name] += loss
        return losses

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
