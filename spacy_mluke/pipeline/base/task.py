"""Base of the components with a task: annotating, training and saving with an encoder."""

from __future__ import annotations

import warnings
from typing import Any, Callable, Dict, Iterable, Iterator, List, Optional

from spacy.tokens import Doc
from spacy.training import Example, validate_examples
from spacy.util import minibatch
from spacy.vocab import Vocab
from thinc.api import Model, Optimizer

from ...encoder.optimizer import finish_update
from ...encoder.request import EncoderModel
from ...errors import Warnings, check_at_least
from ...extensions import install_extensions
from ...types import Counts
from .published import load_encoder_model, own_encoder
from .serialization import EncoderComponent
from .stream import annotate

Scorer = Callable[..., Dict[str, Any]]


class TaskPipe(EncoderComponent):
    """Base of components with an encoder, or a listener, and a head.

    A component inherits from it and from one of spaCy's classes: `class Mine(TaskPipe, TrainablePipe)`.

    vocab (Vocab): The pipeline's vocabulary.
    model (Model): Encoder and head, with the ref "encoder".
    name (str): The component's name.
    options (Dict[str, Any]): Options, as set in the config.
    scorer (Optional[Scorer]): Scores predictions.
    state (Optional[Dict[str, Any]]): State before training.
    """

    kind = ""  # transformers' class for a published model of this task
    model: Model[Any, Any]
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
        self.set_options(options, state)
        self.scorer = scorer

    def saved_encoder(self) -> Optional[EncoderModel]:
        return own_encoder(self.model)

    def add_label(self, label: str) -> int:
        """Do nothing: by default, components have no labels.

        label (str): Any string.
        RETURNS (int): 0, as no label was added.
        """
        return 0

    # --- the head ---

    def has_head(self) -> bool:
        """Return whether the head has weights. Reads the encoder's checkpoint if the head is part of the encoder."""
        return True

    def head_tensors(self) -> Dict[str, Any]:
        """Return the head's weights by published name; empty if there are none, or if they are the encoder's."""
        return {}

    def load(self) -> None:
        """Read the encoder's checkpoint, and its head if the component has none."""
        load_encoder_model(self.model)

    def needs_annotation(self) -> bool:
        """Return whether `initialize` needs annotated examples, since there is no head. Reads the checkpoint."""
        return not self.has_head()

    def check_annotation(self, n_examples: int, missing: str) -> None:
        """Check that a component can be initialized with examples that are not annotated for it.

        If `nlp.initialize` gets no examples, spaCy passes one without annotation. Several examples without annotation
        are probably a mistake: then warn that the component will learn nothing.

        n_examples (int): Number of examples.
        missing (str): The error's message.
        RAISES (ValueError): With this message, if the component needs annotation.
        """
        if self.needs_annotation():
            raise ValueError(missing)
        if n_examples > 1:
            reason = missing.partition("] ")[2]
            warnings.warn(Warnings.ML113.format(name=self.name, n=n_examples, reason=reason), stacklevel=4)

    # --- annotating ---

    def counts_of(self, prediction: Any) -> Counts:
        """Return the counts of skipped and truncated inputs of a prediction, for warnings."""
        raise NotImplementedError

    def __call__(self, doc: Doc) -> Doc:
        """Annotate one document.

        doc (Doc): The document, changed in place.
        RETURNS (Doc): The same document.
        """
        # Errors of the checkpoint must not go to the error handler of documents.
        self.load()
        counts = Counts()
        annotate(self, [doc], counts)
        self.warn(counts)
        return doc

    def pipe(self, stream: Iterable[Doc], *, batch_size: int = 128) -> Iterator[Doc]:
        """Annotate a stream of documents.

        stream (Iterable[Doc]): The documents, changed in place.
        batch_size (int): Documents that are encoded together; their sequences are sorted by length.
        YIELDS (Doc): The documents, in order. A document that fails goes to the error handler; the others do not.
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
        """Compute the loss of a batch of examples, and add the gradients to the model's.

        examples (List[Example]): Annotated examples; others are ignored.
        drop (float): Dropout of the states.
        RETURNS (float): The loss; like the gradients, a sum.
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
        """Train on a batch of examples. Losses and gradients are sums over items, which `learn` documents.

        examples (Iterable[Example]): Annotated examples; others are ignored.
        drop (float): Dropout of the states.
        sgd (Optional[Optimizer]): The optimizer.
        losses (Optional[Dict[str, float]]): The loss is added under the component's name.
        RETURNS (Dict[str, float]): The losses.
        RAISES (ValueError): ML076 for a label that the component does not have.
        """
        batch = list(examples)
        losses = {} if losses is None else losses
        losses.setdefault(self.name, 0.0)
        validate_examples(batch, f"{type(self).__name__}.update")
        losses[self.name] += self.learn(batch, drop)
        # spaCy passes False if the optimizer must not step yet.
        if sgd:
            self.finish_update(sgd)
        return losses

    def finish_update(self, sgd: Optimizer) -> None:
        """Update the weights of encoder and head.

        sgd (Optimizer): The optimizer. `spacy-mluke.AdamW.v1` clips the gradients of both by their joint norm.
        """
        finish_update(self.model, sgd)

    def warn(self, counts: Counts) -> None:
        """Warn once about spans and texts that were skipped or truncated.

        counts (Counts): Sums over a stream.
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
