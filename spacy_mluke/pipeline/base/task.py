"""What all components with a head share: labels, loading, annotating."""

from __future__ import annotations

import warnings
from typing import Any, Callable, Dict, Iterable, Iterator, List, Optional, Tuple

from spacy.tokens import Doc
from spacy.training import Example, validate_examples
from spacy.util import minibatch
from spacy.vocab import Vocab
from thinc.api import Model, Optimizer

from ...encoder.optimizer import finish_update
from ...errors import Errors, Warnings, check_at_least, did_you_mean
from ...extensions import install_extensions
from ...heads.linear import add_rows, start_weights
from ...types import Counts
from .head_files import HeadFiles
from .published import find_published, load_encoder_model, own_encoder
from .stream import annotate

Scorer = Callable[..., Dict[str, Any]]


class TaskPipe(HeadFiles):
    """The part of a component that owns an encoder (or listens to one) and a head. spaCy's class comes behind it:
    `class Mine(TaskPipe, TrainablePipe)`.

    vocab (Vocab): The pipeline's vocabulary.
    model (Model): Encoder and head, with the refs "encoder" and, if the head is a linear layer, "linear".
    name (str): The component's name.
    options (Dict[str, Any]): Options, as the config sets them.
    scorer (Optional[Scorer]): Scores predictions.
    state (Optional[Dict[str, Any]]): What training determines, beside "classes", which names the rows of the head.
    """

    get_error_handler: Callable[[], Callable]
    predict: Callable[..., Any]
    set_annotations: Callable[..., None]

    def __init__(
        self,
        vocab: Vocab,
        model: Model[Any, Any],
        name: str,
        options: Dict[str, Any],
        scorer: Optional[Scorer] = None,
        state: Optional[Dict[str, Any]] = None,
    ):
        install_extensions()
        self.vocab = vocab
        self.model = model
        self.name = name
        self.set_options(options, {"classes": [], **(state or {})})
        self.scorer = scorer

    def counts_of(self, prediction: Any) -> Counts:
        """What alignment had to leave out for a prediction."""
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
    def label_data(self) -> Optional[List[str]]:
        """What `spacy init labels` writes, and `initialize` takes. None for a component without labels."""
        return list(self.labels)

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

    def first_classes(self) -> List[str]:
        """Classes that the head has in any case."""
        return []

    def start_head(self, labels: Iterable[str]) -> None:
        """Give the head weights for labels: the published ones if they know all of them, else fresh ones.

        labels (Iterable[str]): To those that were added before.
        """
        wanted = [*self.classes, *labels]
        if not self.is_trained and not self.classes:
            find_published(self)
        if not self.is_trained or not set(wanted) <= set(self.classes):
            self.cfg["classes"] = list(dict.fromkeys([*self.first_classes(), *wanted]))
            start_weights(self.model.get_ref("linear"), len(self.classes), self.head_width)
        for label in self.classes:
            self.vocab.strings.add(label)

    def needs_annotation(self) -> bool:
        """Whether `initialize` needs annotated examples: there are neither labels nor a head, nor does the checkpoint
        bring them. Reads the checkpoint."""
        load_encoder_model(self.model)
        return not self.classes and not self.is_trained and not find_published(self)

    def check_annotation(self, n_examples: int, missing: str) -> None:
        """See whether a component whose examples have no annotation can do without.

        spaCy initializes a pipeline with an example of its own, which has none, if it is given no others. With several
        examples, somebody means to train: a warning then says that this component will learn nothing.

        n_examples (int): How many there are.
        missing (str): What an error says.
        RAISES (ValueError): With that message, if the component needs annotation.
        """
        if self.needs_annotation():
            raise ValueError(missing)
        if n_examples > 1:
            reason = missing.partition("] ")[2]
            warnings.warn(Warnings.ML113.format(name=self.name, n=n_examples, reason=reason), stacklevel=4)

    # --- annotating ---

    def load(self) -> None:
        """Read the encoder's checkpoint, and its head if this component has none yet.

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
        counts = Counts()
        annotate(self, [doc], counts)
        self.warn(counts)
        return doc

    def pipe(self, stream: Iterable[Doc], *, batch_size: int = 128) -> Iterator[Doc]:
        """Annotate a stream of documents.

        stream (Iterable[Doc]): The documents, changed in place.
        batch_size (int): Documents that go to the encoder together, which sorts their passes by length.
        YIELDS (Doc): The documents, in order. One that fails goes to the error handler, by itself.
        RAISES (ValueError): ML071 for a batch size below 1.
        """
        check_at_least("batch_size", batch_size, 1)
        self.load()
        counts = Counts()
        try:
            for docs in minibatch(stream, batch_size):
                yield from annotate(self, docs, counts)
        finally:
            self.warn(counts)

    # --- training ---

    def learn(self, examples: List[Example], drop: float) -> float:
        """Learn from a batch of examples: put gradients on the model.

        examples (List[Example]): Annotated examples; others teach nothing.
        drop (float): Dropout of the states.
        RETURNS (float): The loss, a sum as the gradients are.
        """
        raise NotImplementedError

    def update(
        self,
        examples: Iterable[Example],
        *,
        drop: float = 0.0,
        sgd: Optional[Optimizer] = None,
        losses: Optional[Dict[str, float]] = None,
    ) -> Dict[str, float]:
        """Learn from a batch of examples. Losses and gradients are sums; what they are sums of, `learn` says.

        examples (Iterable[Example]): Annotated examples; others teach nothing.
        drop (float): Dropout of the states.
        sgd (Optional[Optimizer]): The optimizer.
        losses (Optional[Dict[str, float]]): Gets the loss under the component's name.
        RETURNS (Dict[str, float]): The losses.
        RAISES (ValueError): ML076 for a label that the component does not know.
        """
        batch = list(examples)
        losses = {} if losses is None else losses
        losses.setdefault(self.name, 0.0)
        validate_examples(batch, f"{type(self).__name__}.update")
        losses[self.name] += self.learn(batch, drop)
        # spaCy passes False for "not yet".
        if sgd:
            self.finish_update(sgd)
        return losses

    def finish_update(self, sgd: Optimizer) -> None:
        """Let the optimizer step encoder and head.

        sgd (Optimizer): The optimizer. `spacy-mluke.AdamW.v1` clips the gradients of both by one norm.
        """
        finish_update(self.model, sgd)

    def warn(self, counts: Counts) -> None:
        """Say once what was left out or shortened.

        counts (Counts): Sums over a run.
        """
        encoder = own_encoder(self.model)
        if counts.blank_spans:
            warnings.warn(Warnings.ML104.format(n=counts.blank_spans, total=counts.spans, name=self.name), stacklevel=3)
        if encoder is None:
            return
        if counts.truncated_mentions:
            limit = encoder.attrs["max_mention_length"]
            warnings.warn(
                Warnings.ML102.format(n=counts.truncated_mentions, total=counts.spans, limit=limit), stacklevel=3
            )
        if counts.truncated_texts:
            total, limit = counts.spans // self.model.attrs["size"], encoder.attrs["window"]
            warnings.warn(Warnings.ML103.format(n=counts.truncated_texts, total=total, limit=limit), stacklevel=3)
