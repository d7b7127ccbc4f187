"""The `mluke` component: entity and token states on the Doc, shared with all components that listen."""

from __future__ import annotations

import warnings
from functools import partial
from typing import Any, Callable, Dict, Iterable, Iterator, List, Mapping, Optional

from spacy import util
from spacy.tokens import Doc
from spacy.training import Example, validate_examples
from spacy.vocab import Vocab
from spacy_transformers.layers import TransformerListener
from spacy_transformers.pipeline_component import Transformer
from thinc.api import Model, Optimizer

from ..annotate.write import hook_vectors, write_states
from ..encoder.listener import EncoderListener
from ..encoder.model import EncoderInput, EncoderModel, get_shim, load_model
from ..encoder.trf_data import split_output
from ..encoder.word_encoder import replace_listener, replace_listener_config
from ..errors import Errors, Warnings, check_at_least, check_choice, check_flag
from ..extensions import install_extensions
from ..types import Counts, EncoderOutput
from .encoder_files import EncoderFiles
from .factories.common import Suggester
from .shared_update import SharedUpdate
from .stream import annotate

# What a span's vector is: the state of its entity, or that and the states of its words.
BOTH = "both"
SPAN_VECTORS = ("entity", BOTH)


class MLuke(EncoderFiles, Transformer):
    """Encodes documents together with their entity spans.

    To its neighbours it is a spacy-transformers `Transformer`: it fills `doc._.trf_data`, and any component with a
    `spacy-transformers.TransformerListener.v1` reads from it and trains it.

    vocab (Vocab): The pipeline's vocabulary.
    model (EncoderModel): The encoder. Its checkpoint is read at first use, or by `initialize`.
    suggester (Suggester): Which spans become entities.
    name (str): The component's name.
    keep_token_states (bool): Whether wordpiece states stay on the document.
    span_vectors (str): What a span's vector is: "entity", its entity's state, or "both", of entity and wordpieces.
    set_vectors (bool): Whether `.vector` and `.similarity` read mLUKE's vectors.
    buffer_tokens (int): Tokens that `pipe` reads ahead.
    RAISES (ValueError): ML070, ML071, ML310 for values that are not allowed.
    """

    # A Transformer to its neighbours, but its model takes spans beside documents.
    model: EncoderModel  # type: ignore[assignment]

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
    ):
        install_extensions()
        super().__init__(vocab, model, name=name)  # type: ignore[arg-type]
        model.attrs["replace_listener"] = replace_listener
        model.attrs["replace_listener_cfg"] = replace_listener_config
        self.suggester = suggester
        options = {
            "keep_token_states": keep_token_states,
            "span_vectors": span_vectors,
            "set_vectors": set_vectors,
            "buffer_tokens": buffer_tokens,
        }
        self.set_options(options)
        self._update: Optional[SharedUpdate] = None
        self._waiting_sgd: Optional[Optimizer] = None

    def check_options(self, options: Mapping[str, Any]) -> None:
        check_choice("span_vectors", options["span_vectors"], SPAN_VECTORS)
        for option in ("keep_token_states", "set_vectors"):
            check_flag(option, options[option])
        check_at_least("buffer_tokens", options["buffer_tokens"], 1)

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

        Documents are read ahead until there are `batch_size` of them or `buffer_tokens` tokens; their passes are sorted
        by length and go through the network in batches of even cost.

        stream (Iterable[Doc]): The documents, changed in place.
        batch_size (int): Documents to read ahead at most.
        YIELDS (Doc): The documents, in order. One that fails goes to the error handler, by itself.
        RAISES (ValueError): ML071 for a batch size below 1.
        """
        check_at_least("batch_size", batch_size, 1)
        # A checkpoint that cannot be read is nobody's document's fault.
        load_model(self.model)
        counts = Counts()
        try:
            for docs in _buffered(stream, batch_size, self.cfg["buffer_tokens"]):
                yield from annotate(self, docs, counts)
        finally:
            self._warn(counts)

    def predict(self, docs: Iterable[Doc]) -> EncoderOutput:  # type: ignore[override]
        """Encode documents without changing them.

        docs (Iterable[Doc]): The documents.
        RETURNS (EncoderOutput): Their states.
        """
        with_tokens = self.cfg["keep_token_states"] or self.cfg["span_vectors"] == BOTH
        return self.model.predict(self._input(list(docs), with_tokens=with_tokens))

    def set_annotations(self, docs: Iterable[Doc], predictions: EncoderOutput) -> None:  # type: ignore[override]
        """Put states on documents: `doc._.mluke`, `doc._.trf_data`, `span._.mluke_vector`.

        docs (Iterable[Doc]): The documents.
        predictions (EncoderOutput): What `predict` returned for them.
        """
        docs = list(docs)
        self._tell_listeners_width()
        strings: List[str] = []
        keep_tokens = self.cfg["keep_token_states"]
        if keep_tokens and predictions.piece_states is not None:
            wordpieces = get_shim(self.model).loaded.wordpieces
            batch = predictions.batch
            strings = wordpieces.pieces([i for doc in batch.docs for i in batch.piece_ids[doc.piece_rows].tolist()])
        write_states(docs, predictions, strings, keep_tokens=keep_tokens, with_words=self.cfg["span_vectors"] == BOTH)
        if self.cfg["set_vectors"]:
            for doc in docs:
                hook_vectors(doc)

    def counts_of(self, prediction: EncoderOutput) -> Counts:
        """What alignment had to leave out for a prediction."""
        return prediction.batch.counts

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
        if counts.cut_mentions:
            limit = self.model.attrs["max_mention_length"]
            warnings.warn(Warnings.ML102.format(n=counts.cut_mentions, total=counts.spans, limit=limit), stacklevel=3)

    # --- listeners and training ---

    @property
    def is_loaded(self) -> bool:
        """Whether the checkpoint has been read."""
        return get_shim(self.model).is_loaded

    def add_listener(self, listener: TransformerListener, component_name: str) -> None:
        """Connect a listener of another component. Usually called by spaCy.

        listener (TransformerListener): The layer.
        component_name (str): The component that it is part of.
        RAISES (ValueError): ML073 if this component keeps no token states.
        """
        if not self.cfg["keep_token_states"]:
            raise ValueError(Errors.ML073.format(listener=component_name, name=self.name))
        super().add_listener(listener, component_name)
        self._tell_listeners_width()

    @property
    def listeners(self) -> List[TransformerListener]:
        """Layers of other components that read the states of tokens."""
        return [layer for layer in self._layers() if not isinstance(layer, EncoderListener)]

    @property
    def entity_listeners(self) -> List[EncoderListener]:
        """Layers of other components that read the states of entities."""
        return [layer for layer in self._layers() if isinstance(layer, EncoderListener)]

    def _layers(self) -> List[Any]:
        return [layer for name in self.listening_components for layer in self.listener_map[name]]

    def find_listeners(self, component: Any) -> None:
        """Connect the listeners in another component, of both kinds. Usually called by spaCy.

        component (Any): A component of the pipeline.
        """
        super().find_listeners(component)
        if not isinstance(getattr(component, "model", None), Model):
            return
        for node in component.model.walk():
            if isinstance(node, EncoderListener) and node.upstream_name in ("*", self.name):
                found: List[Any] = self.listener_map.setdefault(component.name, [])
                if not any(node is layer for layer in found):
                    found.append(node)
        self._tell_listeners_width()

    def _tell_listeners_width(self) -> None:
        """A listener that was connected before the checkpoint was read does not know its width yet."""
        if not self.model.has_dim("nO"):
            return
        for listener in self._layers():
            if listener.has_dim("nO") is None:
                listener.set_dim("nO", self.model.get_dim("nO"))

    def initialize(self, get_examples: Callable[[], Iterable[Example]], *, nlp: Optional[util.Language] = None) -> None:
        """Read the checkpoint and connect listeners.

        get_examples (Callable[[], Iterable[Example]]): Not needed: an encoder has no labels.
        nlp (Optional[Language]): The pipeline whose later components may listen.
        """
        load_model(self.model)
        if nlp is not None:
            names = list(nlp.pipe_names)
            for name, pipe in nlp.pipeline[names.index(self.name) if self.name in names else 0 :]:
                if name != self.name:
                    self.find_listeners(pipe)
        self._tell_listeners_width()

    def update(
        self,
        examples: Iterable[Example],
        *,
        drop: float = 0.0,
        sgd: Optional[Optimizer] = None,
        losses: Optional[Dict[str, float]] = None,
    ) -> Dict[str, float]:
        """Make the pass that the listeners train.

        The encoder has no loss of its own. Each listener adds its gradient; after the last, the sum goes through the
        encoder once, and if an optimizer was given here or to `finish_update` meanwhile, it steps.

        examples (Iterable[Example]): Their predicted documents are encoded.
        drop (float): Not used: the dropout of a pretrained encoder stands in its checkpoint's config.
        sgd (Optional[Optimizer]): The optimizer.
        losses (Optional[Dict[str, float]]): Gets the sum of squared gradients under the component's name.
        RETURNS (Dict[str, float]): The losses.
        """
        examples = list(examples)
        validate_examples(examples, "MLuke.update")
        losses = {} if losses is None else losses
        losses.setdefault(self.name, 0.0)
        self.flush_update()
        docs = [eg.predicted for eg in examples]
        n_listeners = len(self._layers())
        if not any(len(doc) for doc in docs) or not n_listeners:
            return losses
        output, backprop = self.model.begin_update(self._input(docs, with_tokens=bool(self.listeners)))
        self._tell_listeners_width()
        self._waiting_sgd = sgd
        update = SharedUpdate(output, backprop, n_listeners, partial(self._on_backprop, losses))
        self._update = update
        for entity_listener in self.entity_listeners:
            entity_listener.receive(docs, output, update.receive_entities)
        if self.listeners:
            batch_id = TransformerListener.get_batch_id(docs)
            datas = split_output(output)
            for listener in self.listeners:
                listener.receive(batch_id, datas, update.receive)
        return losses

    def finish_update(self, sgd: Optimizer) -> None:
        """Let the optimizer step. If listeners are still to call back, the step waits for them.

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
        """Send what listeners have sent back through the encoder, if it still waits for more of them."""
        if self._update is not None:
            self._update.flush()
            self._update = None

    def _on_backprop(self, losses: Dict[str, float], squared_gradient: float) -> None:
        losses[self.name] += squared_gradient
        if self._waiting_sgd is not None:
            self.model.finish_update(self._waiting_sgd)
            self._waiting_sgd = None


def _buffered(stream: Iterable[Doc], n_docs: int, n_tokens: int) -> Iterator[List[Doc]]:
    """Cut a stream into lists of at most `n_docs` documents, or of about `n_tokens` tokens."""
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
