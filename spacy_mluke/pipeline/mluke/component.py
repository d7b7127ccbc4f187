"""The `mluke` component: entity and token states on the Doc, shared with all components that listen."""

from __future__ import annotations

import warnings
from functools import partial
from typing import Any, Callable, Dict, Iterable, Iterator, List, Mapping, Optional

from spacy import util
from spacy.pipeline import TrainablePipe
from spacy.tokens import Doc
from spacy.training import Example, validate_examples
from spacy.vocab import Vocab
from thinc.api import Model, Optimizer

from ...annotate.trf_data import MLUKE, OTHER, read_from
from ...annotate.write import hook_vectors, write_states
from ...encoder.access import encoder_settings, is_loaded, load_model
from ...encoder.inputs import EncoderInput
from ...encoder.listener import EncoderListener, WidthOf
from ...encoder.request import EncoderModel
from ...encoder.trf_data import full_batch, is_token_listener, split_output
from ...encoder.word_encoder import replace_listener, replace_listener_config
from ...errors import Errors, Warnings, check_at_least, check_choice, check_flag
from ...extensions import install_extensions
from ...types import Counts, EncoderOutput
from ..base.defaults import Suggester
from ..base.stream import annotate
from .encoder_files import EncoderFiles
from .shared_update import SharedUpdate

ExtraAnnotations = Callable[[List[Doc], Any], None]
# What a span's vector is: the state of its entity, or that and the states of its words.
BOTH = "both"
SPAN_VECTORS = ("entity", BOTH)


class MLuke(EncoderFiles, TrainablePipe):
    """Encodes documents together with their entity spans.

    To its neighbours it is what spacy-transformers' `Transformer` is: it fills `doc._.trf_data`, and any component with
    a `spacy-transformers.TransformerListener.v1` reads from it and trains it. Both may be in one pipeline; listeners
    then name their encoder (`upstream`), or get the last one before them.

    vocab (Vocab): The pipeline's vocabulary.
    model (EncoderModel): The encoder. Its checkpoint is read at first use, or by `initialize`.
    suggester (Suggester): Which spans become entities.
    name (str): The component's name.
    keep_token_states (bool): Whether wordpiece states stay on the document.
    span_vectors (str): What a span's vector is: "entity", its entity's state, or "both", of entity and wordpieces.
    set_vectors (bool): Whether `.vector` and `.similarity` read mLUKE's vectors.
    buffer_tokens (int): Tokens that `pipe` reads ahead.
    set_extra_annotations (Optional[Callable]): Called with the documents and their states after these are on the
        documents, as spacy-transformers does.
    RAISES (ValueError): ML070, ML071, ML310 for values that are not allowed.
    """

    model: EncoderModel

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
        self.listener_map: Dict[str, List[Any]] = {}
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

    def predict(self, docs: Iterable[Doc]) -> EncoderOutput:
        """Encode documents without changing them.

        docs (Iterable[Doc]): The documents.
        RETURNS (EncoderOutput): Their states.
        """
        with_tokens = self.cfg["keep_token_states"] or self.cfg["span_vectors"] == BOTH
        return self.model.predict(self._input(list(docs), with_tokens=with_tokens))

    def set_annotations(self, docs: Iterable[Doc], predictions: EncoderOutput) -> None:
        """Put states on documents: `doc._.mluke`, `doc._.trf_data`, `span._.mluke_vector`.

        docs (Iterable[Doc]): The documents.
        predictions (EncoderOutput): What `predict` returned for them.
        """
        docs = list(docs)
        self._tell_listeners_width()
        strings: List[str] = []
        keep_tokens = self.cfg["keep_token_states"]
        if keep_tokens and predictions.piece_states is not None:
            wordpieces = load_model(self.model).wordpieces
            batch = predictions.batch
            strings = wordpieces.pieces([i for doc in batch.docs for i in batch.piece_ids[doc.piece_rows].tolist()])
        write_states(docs, predictions, strings, keep_tokens=keep_tokens, with_words=self.cfg["span_vectors"] == BOTH)
        if self.cfg["set_vectors"]:
            for doc in docs:
                hook_vectors(doc)
        if self.set_extra_annotations is not None:
            self.set_extra_annotations(docs, full_batch([doc._.trf_data for doc in docs]))

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

    @property
    def listening_components(self) -> List[str]:
        """Names of the components that listen."""
        return list(self.listener_map)

    def add_listener(self, listener: Any, component_name: str) -> None:
        """Connect a listener of another component. Usually called by spaCy.

        listener (TransformerListener): The layer.
        component_name (str): The component that it is part of.
        RAISES (ValueError): ML073 if this component keeps no token states.
        """
        if not self.cfg["keep_token_states"]:
            raise ValueError(Errors.ML073.format(listener=component_name, name=self.name))
        if getattr(listener, "upstream_name", "*") != "*":
            read_from(listener, MLUKE)
        self._connect(listener, component_name)
        self._tell_listeners_width()

    def _connect(self, listener: Any, component_name: str) -> None:
        known = self.listener_map.setdefault(component_name, [])
        if not any(listener is layer for layer in known):
            known.append(listener)

    def remove_listener(self, listener: Any, component_name: str) -> bool:
        """Take a listener away. Usually called by spaCy.

        listener (Model): The layer.
        component_name (str): The component that it is part of.
        RETURNS (bool): Whether it was connected.
        """
        known = self.listener_map.get(component_name, [])
        kept = [layer for layer in known if layer is not listener]
        if len(kept) == len(known):
            return False
        self.listener_map[component_name] = kept
        if not kept:
            del self.listener_map[component_name]
        return True

    @property
    def listeners(self) -> List[Any]:
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
        if not isinstance(getattr(component, "model", None), Model):
            return
        for node in component.model.walk():
            is_ours = getattr(node, "upstream_name", None) in ("*", self.name)
            if isinstance(node, EncoderListener) and is_ours:
                self._connect(node, component.name)
            elif is_token_listener(node) and is_ours:
                self.add_listener(node, component.name)
            elif is_token_listener(node):
                # It stands behind another transformer, too, and is to go on reading that one.
                read_from(node, OTHER)
        self._tell_listeners_width()

    def _tell_listeners_width(self) -> None:
        """Tell the listeners that do not know it yet how wide the states are. Before the checkpoint is read, they are
        told where that stands, and look there when they are initialized: a frozen encoder is not read until then."""
        for listener in self._layers():
            if listener.has_dim("nO") is not None:
                continue
            if self.model.has_dim("nO"):
                listener.set_dim("nO", self.model.get_dim("nO"))
            else:
                cfg = encoder_settings(self.model)
                listener.init = WidthOf(cfg["name"], cfg["revision"])

    def get_loss(self, examples: Any, scores: Any) -> Any:
        """Nothing: an encoder has no loss of its own. See `update`."""
        return None

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
            datas = split_output(output)
            for listener in self.listeners:
                listener.receive(listener.get_batch_id(docs), datas, update.receive)
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
