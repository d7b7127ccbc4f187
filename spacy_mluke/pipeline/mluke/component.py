"""The `mluke` component: encodes documents, and shares the encoder with listening components."""

from __future__ import annotations

import warnings
from functools import partial
from typing import Any, Callable, Dict, Iterable, Iterator, List, Mapping, Optional, Tuple

import numpy
from spacy import util
from spacy.pipeline import TrainablePipe
from spacy.tokens import Doc
from spacy.training import Example, validate_examples
from spacy.vocab import Vocab
from thinc.api import Optimizer
from thinc.util import to_numpy

from ...annotate.entity_vectors import hook_vectors, span_states, write_states
from ...annotate.span_means import SpanMeans, bundled_means
from ...encoder.access import encoder_settings, is_loaded, load_model
from ...encoder.inputs import EncoderInput
from ...encoder.request import EncoderModel
from ...encoder.trf_data import full_batch, split_output
from ...encoder.word_encoder import replace_listener, replace_listener_config
from ...errors import Errors, Warnings, check_at_least, check_choice, check_flag
from ...extensions import install_extensions
from ...types import Counts, EncoderOutput
from ..base.defaults import Suggester
from ..base.stream import annotate
from .listeners import ListenedEncoder
from .shared_update import SharedUpdate

ExtraAnnotations = Callable[[List[Doc], Any], None]
# Span vectors: the entity's state, or the mean of it and the states of the span's words, without or with their means
# subtracted.
BOTH, CENTERED = "both", "centered"
SPAN_VECTORS = ("entity", BOTH, CENTERED)
_MEANS = "span_means"
_MAX_DOCS = 64  # documents whose states are kept at a time


class MLuke(ListenedEncoder, TrainablePipe):
    """Encodes documents together with their entity spans.

    States are in `doc._.mluke`, and the vector of a span in `span._.mluke_vector`. The component replaces
    spacy-transformers' `Transformer`: it sets `doc._.trf_data`, and components with a
    `spacy-transformers.TransformerListener.v1` read its states and train its encoder. If both are in one pipeline, a
    listener names its encoder (`upstream`), or reads the last one before it.

    vocab (Vocab): The pipeline's vocabulary.
    model (Model[EncoderInput, EncoderOutput]): The encoder, `spacy-mluke.Encoder.v1`. Its checkpoint is read at first
        use, or by `initialize`.
    suggester (Suggester): Suggests the spans that are encoded as entities, by default `doc.ents`.
    name (str): The component's name.
    keep_token_states (bool): Whether to store wordpiece states on the document. Listeners and `token_vectors` need
        them. Without them, windows of a long document that contain no entity are not encoded.
    span_vectors (str): The vector of a span. "entity": the state of its entity, as in the papers. "both": the mean of
        its entity's state and of the mean state of its wordpieces, each normalized to length 1, which finds the same
        entity in other texts more often. "centered": the same, after the mean states over many spans were subtracted,
        which finds it most often. The package has these means for "mluke-small"; for other checkpoints, call
        `fit_span_means`.
    set_vectors (bool): Whether `.vector` and `.similarity` of documents, spans and tokens use mLUKE's vectors.
    buffer_tokens (int): Number of tokens that `nlp.pipe` reads ahead, to encode sequences of similar length together.
    set_extra_annotations (Optional[Callable]): Called with a batch of documents and their states, in the form of
        spacy-transformers, after the states were set.
    RAISES (ValueError): ML070, ML071, ML310 for values that are not allowed.
    """

    def __init__(
        self,
        vocab: Vocab,
        model: EncoderModel,
        suggester: Suggester,
        *,
        name: str = "mluke",
        keep_token_states: bool = True,
        span_vectors: str = "entity",
        set_vectors: bool = False,
        buffer_tokens: int = 50_000,
        set_extra_annotations: Optional[ExtraAnnotations] = None,
    ):
        install_extensions()
        self.vocab = vocab
        self.model = model
        self.name = name
        self.listener_map = {}
        self.set_extra_annotations = set_extra_annotations
        model.attrs["replace_listener"] = replace_listener
        model.attrs["replace_listener_cfg"] = replace_listener_config
        self.suggester = suggester
        options = {
            "keep_token_states": keep_token_states,
            "span_vectors": span_vectors,
            "set_vectors": set_vectors,
            "buffer_tokens": buffer_tokens,
        }
        self.set_options(options, {_MEANS: None})
        self._fitted: Optional[Tuple[Any, SpanMeans]] = None  # what `cfg` has of fitted means, and the means
        self._update: Optional[SharedUpdate] = None
        self._waiting_sgd: Optional[Optimizer] = None

    def check_options(self, options: Mapping[str, Any]) -> None:
        check_choice("span_vectors", options["span_vectors"], SPAN_VECTORS)
        for option in ("keep_token_states", "set_vectors"):
            check_flag(option, options[option])
        check_at_least("buffer_tokens", options["buffer_tokens"], 1)

    def check_state(self, state: Mapping[str, Any]) -> None:
        super().check_state(state)
        if state.get(_MEANS) is not None:
            try:
                SpanMeans.from_json(state[_MEANS])
            except (ValueError, TypeError, KeyError) as err:
                raise ValueError(Errors.ML316.format(name=self.name, reason=err)) from err

    # --- annotating ---

    def __call__(self, doc: Doc) -> Doc:
        """Encode one document.

        doc (Doc): The document, changed in place.
        RETURNS (Doc): The same document.
        """
        output = self.predict([doc])
        self.set_annotations([doc], output)
        self._warn(output.batch.counts)
        return doc

    def pipe(self, stream: Iterable[Doc], *, batch_size: int = 128) -> Iterator[Doc]:
        """Encode a stream of documents.

        Documents are read ahead up to `batch_size` documents or `buffer_tokens` tokens. Their sequences are sorted by
        length and encoded in batches of similar cost.

        stream (Iterable[Doc]): The documents, changed in place.
        batch_size (int): Maximum number of documents to read ahead.
        YIELDS (Doc): The documents, in order. A document that fails goes to the error handler; the others do not.
        RAISES (ValueError): ML071 for a batch size below 1.
        """
        check_at_least("batch_size", batch_size, 1)
        # Errors of the checkpoint must not go to the error handler of documents.
        load_model(self.model)
        self._subtracted()
        counts = Counts()
        try:
            for docs in _buffered(stream, batch_size, self.cfg["buffer_tokens"]):
                yield from annotate(self, docs, counts)
        finally:
            self._warn(counts)

    def predict(self, docs: Iterable[Doc]) -> EncoderOutput:
        """Encode documents. The documents do not change.

        docs (Iterable[Doc]): The documents.
        RETURNS (EncoderOutput): Their states.
        """
        with_tokens = self.cfg["keep_token_states"] or self._with_words
        return self.model.predict(self._input(list(docs), with_tokens=with_tokens))

    def set_annotations(self, docs: Iterable[Doc], predictions: EncoderOutput) -> None:
        """Set `doc._.mluke`, `doc._.trf_data` and `span._.mluke_vector`.

        docs (Iterable[Doc]): The documents.
        predictions (EncoderOutput): Their states, as returned by `predict`.
        """
        docs = list(docs)
        self.set_listener_widths()
        strings: List[str] = []
        keep_tokens = self.cfg["keep_token_states"]
        if keep_tokens and predictions.piece_states is not None:
            wordpieces = load_model(self.model).wordpieces
            batch = predictions.batch
            strings = wordpieces.pieces([i for doc in batch.docs for i in batch.piece_ids[doc.piece_rows].tolist()])
        means = self._subtracted()
        write_states(docs, predictions, strings, keep_tokens=keep_tokens, with_words=self._with_words, means=means)
        if self.cfg["set_vectors"]:
            for doc in docs:
                hook_vectors(doc)
        if self.set_extra_annotations is not None:
            self.set_extra_annotations(docs, full_batch([doc._.trf_data for doc in docs]))

    def fit_span_means(self, docs: Iterable[Doc]) -> None:
        """Compute the mean states that `span_vectors = "centered"` subtracts, and keep them with the component.

        docs (Iterable[Doc]): Documents with spans, of all languages that are to be compared, in similar numbers. They
            do not change.
        RAISES (ValueError): ML411 if the suggester finds no span in them.
        """
        n, sums = 0, numpy.zeros((2, 1))
        for some in util.minibatch(docs, _MAX_DOCS):
            output = self.model.predict(self._input(list(some), with_tokens=True))
            pieces = None if output.piece_states is None else to_numpy(output.piece_states)
            for _, _, entities, words in span_states(output, pieces):
                if words is not None:
                    n += len(words)
                    sums = sums + numpy.stack([own.sum(axis=0, dtype="float64") for own in (entities, words)])
        if not n:
            raise ValueError(Errors.ML411.format(name=self.name))
        self.cfg[_MEANS] = SpanMeans(*(sums / n).astype("float32")).to_json()

    def counts_of(self, prediction: EncoderOutput) -> Counts:
        """Return the counts of skipped and truncated inputs of a prediction, for warnings."""
        return prediction.batch.counts

    @property
    def _with_words(self) -> bool:
        return self.cfg["span_vectors"] in (BOTH, CENTERED)

    def _subtracted(self) -> Optional[SpanMeans]:
        """The means that are subtracted from states; None for none."""
        if self.cfg["span_vectors"] != CENTERED:
            return None
        own, checkpoint = self.cfg.get(_MEANS), str(encoder_settings(self.model)["name"])
        if own is not None and (self._fitted is None or self._fitted[0] is not own):
            self._fitted = own, SpanMeans.from_json(own)
        found = bundled_means(checkpoint) if own is None or self._fitted is None else self._fitted[1]
        if found is None or len(found.words) != self.model.get_dim("nO"):
            raise ValueError(Errors.ML410.format(name=self.name, checkpoint=checkpoint))
        return found

    def _input(self, docs: List[Doc], *, with_tokens: bool) -> EncoderInput:
        spans = self.suggester(docs)
        total = int(spans.lengths.sum())
        rows = len(spans.dataXd)
        if len(spans.lengths) != len(docs) or total != rows:
            raise ValueError(Errors.ML074.format(n=len(spans.lengths), n_docs=len(docs), rows=rows, total=total))
        return EncoderInput(docs, spans, with_tokens)

    def _warn(self, counts: Counts) -> None:
        if counts.blank_spans:
            warnings.warn(Warnings.ML101.format(n=counts.blank_spans, total=counts.spans), stacklevel=3)
        if counts.truncated_mentions:
            limit = self.model.attrs["max_mention_length"]
            warnings.warn(
                Warnings.ML102.format(n=counts.truncated_mentions, total=counts.spans, limit=limit), stacklevel=3
            )

    # --- listeners and training ---

    @property
    def is_loaded(self) -> bool:
        """Whether the checkpoint has been read."""
        return is_loaded(self.model)

    def get_loss(self, examples: Any, scores: Any) -> Any:
        """Return None: the component has no loss. See `update`."""
        return None

    def initialize(self, get_examples: Callable[[], Iterable[Example]], *, nlp: Optional[util.Language] = None) -> None:
        """Read the checkpoint and connect listeners.

        get_examples (Callable[[], Iterable[Example]]): Not used: an encoder has no labels.
        nlp (Optional[Language]): The pipeline; listeners of its later components are connected.
        """
        load_model(self.model)
        if nlp is not None:
            names = list(nlp.pipe_names)
            for name, pipe in nlp.pipeline[names.index(self.name) if self.name in names else 0 :]:
                if name != self.name:
                    self.find_listeners(pipe)
        self.set_listener_widths()

    def update(
        self,
        examples: Iterable[Example],
        *,
        drop: float = 0.0,
        sgd: Optional[Optimizer] = None,
        losses: Optional[Dict[str, float]] = None,
    ) -> Dict[str, float]:
        """Encode documents for the listeners, which compute losses and gradients.

        The component has no loss. Each listener adds its gradient. After the last one, the sum is backpropagated
        through the encoder once; then the optimizer that was passed here or to `finish_update` makes its step.

        examples (Iterable[Example]): Examples, whose predicted documents are encoded.
        drop (float): Not used: the checkpoint's config sets the encoder's dropout.
        sgd (Optional[Optimizer]): The optimizer.
        losses (Optional[Dict[str, float]]): The sum of squared gradients is added under the component's name.
        RETURNS (Dict[str, float]): The losses.
        """
        examples = list(examples)
        validate_examples(examples, "MLuke.update")
        losses = {} if losses is None else losses
        losses.setdefault(self.name, 0.0)
        self.flush_update()
        docs = [eg.predicted for eg in examples]
        n_listeners = len(self.listening_layers())
        if not any(len(doc) for doc in docs) or not n_listeners:
            return losses
        output, backprop = self.model.begin_update(self._input(docs, with_tokens=bool(self.listeners)))
        self.set_listener_widths()
        self._waiting_sgd = sgd
        update = SharedUpdate(output, backprop, n_listeners, partial(self._on_backprop, losses))
        self._update = update
        for entity_listener in self.entity_listeners:
            entity_listener.receive(docs, output, update.receive_entities)
        if self.listeners:
            datas = split_output(output)
            for listener in self.listeners:
                listener.receive(listener.get_batch_id(docs), datas, update.receive)
        return losses

    def finish_update(self, sgd: Optimizer) -> None:
        """Update the encoder's weights. If listeners have not added their gradients yet, the update waits for them.

        sgd (Optimizer): The optimizer.
        """
        update = self._update
        if update is not None and update.n_expected > 0 and not update.has_gradient:
            # `nlp.update` calls this right after `update`, before any listener.
            self._waiting_sgd = sgd
            return
        self.flush_update()
        if self.is_loaded:
            self.model.finish_update(sgd)

    def flush_update(self) -> None:
        """Backpropagate the gradients received so far, if listeners are still missing."""
        if self._update is not None:
            self._update.flush()
            self._update = None

    def _on_backprop(self, losses: Dict[str, float], squared_gradient: float) -> None:
        losses[self.name] += squared_gradient
        if self._waiting_sgd is not None:
            self.model.finish_update(self._waiting_sgd)
            self._waiting_sgd = None


def _buffered(stream: Iterable[Doc], n_docs: int, n_tokens: int) -> Iterator[List[Doc]]:
    """Split a stream into lists of at most `n_docs` documents, or of about `n_tokens` tokens."""
    docs: List[Doc] = []
    tokens = 0
    for doc in stream:
        docs.append(doc)
        tokens += len(doc)
        if len(docs) >= n_docs or tokens >= n_tokens:
            yield docs
            docs, tokens = [], 0
    if docs:
        yield docs
