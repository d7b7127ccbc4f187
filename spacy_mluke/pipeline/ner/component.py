"""The `mluke_ner` component: names in a text, by a look at every candidate."""

from __future__ import annotations

import warnings
from typing import Any, Callable, Dict, Iterable, List, Mapping, Optional, Tuple, cast

import numpy
from spacy.language import Language
from spacy.pipeline import SpanCategorizer
from spacy.tokens import Doc
from spacy.training import Example, validate_get_examples
from spacy.util import minibatch
from spacy.vocab import Vocab
from thinc.api import Model, set_dropout_rate
from thinc.types import Ragged
from thinc.util import to_numpy

from ...annotate.named_entities import write_entities
from ...errors import Errors, Warnings, check_at_least, check_flag, check_fraction, check_text, did_you_mean
from ...heads.losses import cross_entropy, softmax
from ...heads.span_classifier import SpanInput, SpanModel
from ...suggesters.candidates import CandidateSpans, split_docs, suggest_candidates
from ...types import Counts, Floats2d, Ints1d
from ..base.defaults import Suggester
from ..base.published import load_encoder_model
from ..base.task import Scorer, TaskPipe
from .gold_spans import UNKNOWN, Truth, classify, find_gold, reference_spans, sample
from .pruning import learn_pruning

Prediction = Tuple[Ragged, Floats2d]
# Tokens and documents whose candidates are aligned together: what bounds memory between the passes.
MAX_TOKENS = 20_000
MAX_DOCS = 1_000


class EntityRecognizer(TaskPipe, SpanCategorizer):
    """Finds names: every candidate gets one label, or none; of those with a label that overlap, the best one counts.

    A spaCy `SpanCategorizer` to its neighbours. That a candidate is no name is a class of its own in training
    (`negative_label`), and no label anywhere else.

    vocab (Vocab): The pipeline's vocabulary.
    model (SpanModel): `spacy-mluke.SpanClassifier.v1`.
    suggester (Suggester): Which spans are looked at.
    name (str): The component's name.
    negative_label (str): The class of what is no name, as the head's labels call it.
    threshold (float): Least probability of a name.
    spans_key (str): Key in `doc.spans` of what was found, with scores.
    keep_nested (bool): Whether names inside names are found, too, for `doc.spans`. Gold names are then those of
        `doc.spans[spans_key]`, where the reference has that group.
    overwrite_ents (bool): Whether entities that stand in `doc.ents` give way to predicted ones.
    negatives_per_token (Optional[float]): Candidates without a name that are drawn in training for each token of a
        document. None for all of them.
    negative_weight (float): Weight of candidates without a name in the loss.
    scorer (Optional[Scorer]): Scores predictions.
    RAISES (ValueError): ML071, ML310 for values that are not allowed.
    """

    kind = "LukeForEntitySpanClassification"
    fixed_options = ("negative_label",)
    model: SpanModel  # type: ignore[assignment]

    def __init__(
        self,
        vocab: Vocab,
        model: SpanModel,
        suggester: Suggester,
        *,
        name: str = "mluke_ner",
        negative_label: str = "NIL",
        threshold: float = 0.0,
        spans_key: str = "mluke_ner",
        keep_nested: bool = False,
        overwrite_ents: bool = False,
        negatives_per_token: Optional[float] = None,
        negative_weight: float = 1.0,
        scorer: Optional[Scorer] = None,
    ):
        options = {
            "negative_label": negative_label,
            "threshold": threshold,
            "spans_key": spans_key,
            "keep_nested": keep_nested,
            "overwrite_ents": overwrite_ents,
            "negatives_per_token": negatives_per_token,
            "negative_weight": negative_weight,
        }
        TaskPipe.__init__(self, vocab, model, name, options, scorer, {"keep": None})
        self.suggester = suggester

    def check_options(self, options: Mapping[str, Any]) -> None:
        for option in ("negative_label", "spans_key"):
            check_text(option, options[option])
        check_fraction("threshold", options["threshold"])
        for option in ("keep_nested", "overwrite_ents"):
            check_flag(option, options[option])
        check_at_least("negatives_per_token", options["negatives_per_token"], 0, whole=False, optional=True)
        check_at_least("negative_weight", options["negative_weight"], 0, whole=False)

    def check_state(self, state: Mapping[str, Any]) -> None:
        super().check_state(state)
        keep = state.get("keep")
        check_at_least("keep", keep, 0, whole=False, optional=True)

    # --- labels ---

    @property
    def labels(self) -> Tuple[str, ...]:  # type: ignore[override]
        """The labels of names; the class for none is not among them."""
        return tuple(label for label in self.classes if label != self.cfg["negative_label"])

    def first_classes(self) -> List[str]:
        return [self.cfg["negative_label"]]

    def take_published(self, tensors: Mapping[str, Any], labels: List[str]) -> None:
        negative = self.cfg["negative_label"]
        if negative not in labels:
            hint = did_you_mean(negative, labels)
            raise ValueError(Errors.ML202.format(label=negative, name=self.name, labels=", ".join(labels), hint=hint))
        super().take_published(tensors, labels)

    @property
    def label_data(self) -> List[str]:
        return list(self.labels)

    @property
    def _negative(self) -> int:
        return self.classes.index(self.cfg["negative_label"])

    @property
    def gold_key(self) -> Optional[str]:
        """Key in `doc.spans` where gold names are; None for `doc.ents`."""
        return self.cfg["spans_key"] if self.cfg["keep_nested"] else None

    # --- predicting ---

    def predict(self, docs: Iterable[Doc]) -> Prediction:
        """Look at the candidates of documents without changing them.

        docs (Iterable[Doc]): The documents.
        RETURNS (Prediction): Token bounds of the candidates, and their logits: NaN for one without wordpieces, -inf for
            one that was not looked at.
        """
        self.load()
        docs = list(docs)
        bounds = [numpy.zeros((0, 2), dtype="int64")]
        lengths = [numpy.zeros(0, dtype="int64")]
        logits = [numpy.zeros((0, len(self.classes)), dtype="float32")]
        for part in split_docs(docs, max_tokens=MAX_TOKENS, max_docs=MAX_DOCS):
            spans = suggest_candidates(self.suggester, part)
            bounds.append(spans.bounds)
            lengths.append(spans.lengths)
            logits.append(to_numpy(self.model.predict(SpanInput(part, spans.ragged, self.cfg["keep"]))))
        return CandidateSpans(numpy.concatenate(bounds), numpy.concatenate(lengths)).ragged, numpy.concatenate(logits)

    def counts_of(self, prediction: Prediction) -> Counts:
        logits = prediction[1]
        return Counts(spans=len(logits), blank_spans=int(numpy.isnan(logits[:, 0]).sum()))

    def set_annotations(self, docs: Iterable[Doc], indices_scores: Prediction) -> None:
        """Set `doc.ents` and `doc.spans`.

        docs (Iterable[Doc]): The documents.
        indices_scores (Prediction): What `predict` returned for them.
        """
        spans, logits = CandidateSpans.from_ragged(indices_scores[0]), indices_scores[1]
        tops = numpy.where(numpy.isnan(logits), -numpy.inf, logits).argmax(axis=1)
        found = numpy.flatnonzero((tops != self._negative) & numpy.isfinite(logits[:, 0]))
        tops, heights = tops[found], logits[found].max(axis=1)
        scores = softmax(logits[found]).max(axis=1, initial=0.0)
        numbers = spans.docs[found]
        # By logits, as the published models are evaluated; of equal ones, the first.
        order = numpy.lexsort((-heights, numbers))
        order = order[scores[order] >= self.cfg["threshold"]]
        places = numpy.searchsorted(numbers[order], numpy.arange(len(spans.lengths) + 1)).tolist()
        bounds = list(map(tuple, spans.bounds[found[order]].tolist()))
        labels = [self.classes[top] for top in tops[order].tolist()]
        probabilities = scores[order].tolist()
        for doc, start, end in zip(docs, places[:-1], places[1:], strict=True):
            write_entities(
                doc,
                bounds[start:end],
                labels[start:end],
                probabilities[start:end],
                spans_key=self.cfg["spans_key"],
                keep_nested=self.cfg["keep_nested"],
                overwrite_ents=self.cfg["overwrite_ents"],
            )

    # --- pruning ---

    @property
    def keep(self) -> Optional[float]:
        """Candidates that are looked at for each wordpiece; None for all."""
        return self.cfg["keep"]

    @keep.setter
    def keep(self, value: Optional[float]) -> None:
        if value is not None and value <= 0:
            raise ValueError(Errors.ML071.format(option="keep", value=value, least="a little above 0"))
        if value is not None and not self._has_pruner:
            raise ValueError(Errors.ML205.format(name=self.name))
        self.cfg["keep"] = value

    @property
    def _has_pruner(self) -> bool:
        pruner = self.model.maybe_get_ref("pruner")
        return pruner is not None and bool(pruner.has_param("W"))

    def extra_params(self) -> Dict[str, Tuple[Model, str]]:
        pruner = self.model.maybe_get_ref("pruner")
        return {} if pruner is None else {f"pruner.{param}": (pruner, param) for param in pruner.param_names}

    def learn_pruning(self, examples: Iterable[Example], *, keep: Optional[float] = 0.5) -> int:
        """Learn which candidates are worth a look: those that begin and end where names do, as the states of words
        tell. From now on the others are no names, and are not looked at. Encoder and head stay as they are.

        examples (Iterable[Example]): Annotated examples; a thousand sentences do.
        keep (Optional[float]): Candidates to look at for each wordpiece. None to learn it only.
        RETURNS (int): Names that it was learnt from.
        RAISES (ValueError): ML204 if there is no name, ML205 for a head that reads words alone.
        """
        self.load()
        n_names = learn_pruning(self, examples)
        self.keep = keep
        return n_names

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
        RAISES (ValueError): ML204 if no example is annotated, and no labels are known.
        """
        validate_get_examples(get_examples, "EntityRecognizer.initialize")
        load_encoder_model(self.model)
        found: Dict[str, None] = {}
        is_annotated = False
        n_names = n_missed = n_examples = 0
        for examples in minibatch(get_examples(), MAX_DOCS):
            gold = [find_gold(eg, self.gold_key, n) for n, eg in enumerate(examples)]
            is_annotated |= any(known is not None for known in gold)
            for eg in examples:
                found.update(dict.fromkeys(span.label_ for span in reference_spans(eg.reference, self.gold_key) or []))
            spans = suggest_candidates(self.suggester, [eg.predicted for eg in examples])
            truth = classify(gold, spans, _any_row, 0)  # which label, is not known yet
            n_examples += len(examples)
            n_names += truth.n_names
            n_missed += truth.n_missed
        if not is_annotated and labels is None:
            self.check_annotation(n_examples, Errors.ML204.format(name=self.name, where=self.gold_hint))
        self.start_head(sorted(found) if labels is None else labels)
        if n_missed:
            hint = (
                f"the suggester of [components.{self.name}.suggester] does not suggest them, or the tokens of the "
                "predicted documents do not have them."
            )
            warnings.warn(Warnings.ML105.format(n=n_missed, total=n_names, name=self.name, hint=hint), stacklevel=2)

    def learn(self, examples: List[Example], drop: float) -> float:
        """Learn from a batch of examples. Losses and gradients are sums over candidates.

        examples (List[Example]): Annotated examples; those without annotation are left out.
        drop (float): Dropout of the states.
        RETURNS (float): The loss.
        RAISES (ValueError): ML076 for a label that the component does not know.
        """
        self.load()
        examples = [eg for eg in examples if reference_spans(eg.reference, self.gold_key) is not None]
        docs = [eg.predicted for eg in examples]
        spans = suggest_candidates(self.suggester, docs)
        rows = self._truth(examples, spans).rows
        n_tokens = numpy.asarray([len(doc) for doc in docs], dtype="int64")
        chosen = sample(rows, spans, n_tokens, self._negative, self.cfg["negatives_per_token"])
        if not (rows[chosen] != UNKNOWN).any():
            return 0.0
        set_dropout_rate(self.model, drop)
        logits, backprop = self.model.begin_update(SpanInput(docs, spans.take(chosen).ragged))
        loss, d_logits = self._loss(to_numpy(logits), rows[chosen])
        backprop(self.model.ops.asarray2f(cast(Any, d_logits)))
        return loss

    def get_loss(  # type: ignore[override]
        self, examples: Iterable[Example], spans_scores: Prediction
    ) -> Tuple[float, Floats2d]:
        """The loss of a prediction.

        examples (Iterable[Example]): The truth.
        spans_scores (Prediction): As from `predict`.
        RETURNS (Tuple[float, Floats2d]): The loss and its gradient.
        """
        spans, logits = spans_scores
        return self._loss(to_numpy(logits), self._truth(list(examples), CandidateSpans.from_ragged(spans)).rows)

    def _loss(self, logits: Floats2d, rows: Ints1d) -> Tuple[float, Floats2d]:
        """Cross-entropy over the candidates that are known and have a state."""
        counted = numpy.flatnonzero((rows != UNKNOWN) & ~numpy.isnan(logits[:, 0]))
        weights = numpy.where(rows[counted] == self._negative, self.cfg["negative_weight"], 1.0).astype("float32")
        loss, gradient = cross_entropy(logits[counted], rows[counted], weights)
        d_logits = numpy.zeros_like(logits)
        d_logits[counted] = gradient
        return loss, d_logits

    def _truth(self, examples: List[Example], spans: CandidateSpans) -> Truth:
        gold = [find_gold(eg, self.gold_key, n) for n, eg in enumerate(examples)]
        return classify(gold, spans, self.check_label, self._negative)

    @property
    def gold_hint(self) -> str:
        """Where gold names are looked for, in words."""
        if self.gold_key is None:
            return "doc.ents"
        return f"doc.spans['{self.gold_key}'] or doc.ents"


def _any_row(label: str) -> int:
    return 1
