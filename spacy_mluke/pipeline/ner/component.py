"""The `mluke_ner` component: finds named entities by classifying every candidate span."""

from __future__ import annotations

import warnings
from collections import Counter
from typing import Any, Callable, Iterable, List, Mapping, Optional, Sequence, Tuple, Union, cast

import numpy
from spacy.language import Language
from spacy.pipeline import TrainablePipe
from spacy.tokens import Doc
from spacy.training import Example, validate_get_examples
from spacy.util import minibatch
from spacy.vocab import Vocab
from thinc.api import set_dropout_rate
from thinc.types import Ragged
from thinc.util import to_numpy

from ...annotate.named_entities import write_entities
from ...annotate.passages import write_passage
from ...encoder.access import encoder_settings
from ...errors import (
    Errors,
    Warnings,
    check_at_least,
    check_choice,
    check_flag,
    check_fraction,
    check_positive,
    check_text,
    did_you_mean,
)
from ...heads.calibration import ClassLogits
from ...heads.kept_states import KeptStates
from ...heads.linear import start_bias
from ...heads.losses import cross_entropy
from ...heads.span_classifier import SpanInput, SpanModel
from ...scorers.confidence import Judged, judge_entities
from ...suggesters.candidates import CandidateSpans, split_docs, suggest_candidates
from ...types import Bools2d, Counts, Floats2d, Ints1d, PassageStates
from ..base.defaults import Suggester
from ..base.published import load_encoder_model
from ..base.task import Scorer
from .decoding import rank_entities
from .gold_entities import UNKNOWN, find_alternatives, find_gold, find_gold_classes, reference_spans
from .known_names import KnownNamesPipe
from .listeners import ListenedPass
from .pruning import UNPRUNED
from .sampling import NEGATIVE_SAMPLING, UNIFORM, sample

# Candidates and their logits; and, if components listen, the states of each document.
Prediction = Union[Tuple[Ragged, Floats2d], Tuple[Ragged, Floats2d, List[PassageStates]]]
# Tokens and documents whose candidates are aligned together. This limits memory.
MAX_TOKENS = 20_000
MAX_DOCS = 1_000


class EntityRecognizer(ListenedPass, KnownNamesPipe, TrainablePipe):
    """Finds named entities: classifies every candidate span, and keeps the best of those that overlap.

    Predictions are in `doc.ents` and, with their probabilities, in `doc.spans[spans_key]`. The negative class
    (`negative_label`) is an output of the head, but not one of the component's `labels`.

    vocab (Vocab): The pipeline's vocabulary.
    model (Model[SpanInput, Floats2d]): `spacy-mluke.SpanClassifier.v1`, or another classifier of spans.
    suggester (Suggester): Suggests the candidate spans, by default all spans of up to 16 tokens within a sentence.
    name (str): The component's name.
    negative_label (str): Name of the negative class, for candidates that are not entities.
    threshold (float): Minimum probability of an entity.
    temperature (float): Number that the logits are divided by before probabilities are computed: above 1 for lower
        probabilities, below 1 for higher ones. The best label stays the best. `python -m spacy_mluke calibrate` fits
        it.
    spans_key (str): Key in `doc.spans` of the group with the predicted entities and their scores.
    keep_nested (bool): Whether entities inside entities are learned and predicted, too, for `doc.spans`. Gold entities
        are then those of `doc.spans[spans_key]`, if the reference document has that group.
    overwrite_ents (bool): Whether predicted entities replace existing entities in `doc.ents`.
    negatives_per_token (Optional[float]): Negative candidates that are sampled in training for each token of a
        document; None for all.
    negative_sampling (str): How they are sampled: "uniform", or "near" for more that are short, that begin or end with
        an entity, or that overlap one.
    negative_weight (float): Weight of negative candidates in the loss.
    scorer (Optional[Scorer]): The scorer.
    RAISES (ValueError): ML071, ML310 for values that are not allowed.
    """

    kind = "LukeForEntitySpanClassification"
    fixed_options = ("negative_label",)
    model: SpanModel

    def __init__(
        self,
        vocab: Vocab,
        model: SpanModel,
        suggester: Suggester,
        *,
        name: str = "mluke_ner",
        negative_label: str = "NIL",
        threshold: float = 0.0,
        temperature: float = 1.0,
        spans_key: str = "mluke_ner",
        keep_nested: bool = False,
        overwrite_ents: bool = False,
        negatives_per_token: Optional[float] = None,
        negative_sampling: str = UNIFORM,
        negative_weight: float = 1.0,
        scorer: Optional[Scorer] = None,
    ):
        options = {
            "negative_label": negative_label,
            "threshold": threshold,
            "temperature": temperature,
            "spans_key": spans_key,
            "keep_nested": keep_nested,
            "overwrite_ents": overwrite_ents,
            "negatives_per_token": negatives_per_token,
            "negative_sampling": negative_sampling,
            "negative_weight": negative_weight,
        }
        super().__init__(vocab, model, name, options, scorer, dict(UNPRUNED))
        self.suggester = suggester
        self.listener_map = {}

    @property
    def visibility(self) -> str:
        return encoder_settings(self.model.get_ref("encoder"))["visibility"]

    def check_options(self, options: Mapping[str, Any]) -> None:
        for option in ("negative_label", "spans_key"):
            check_text(option, options[option])
        check_fraction("threshold", options["threshold"])
        check_positive("temperature", options["temperature"])
        for option in ("keep_nested", "overwrite_ents"):
            check_flag(option, options[option])
        check_at_least("negatives_per_token", options["negatives_per_token"], 0, whole=False, optional=True)
        check_choice("negative_sampling", options["negative_sampling"], NEGATIVE_SAMPLING)
        check_at_least("negative_weight", options["negative_weight"], 0, whole=False)

    # --- labels ---

    @property
    def labels(self) -> Tuple[str, ...]:
        """Labels of entities, without the negative class."""
        return tuple(label for label in self.classes if label != self.cfg["negative_label"])

    def default_classes(self) -> List[str]:
        return [self.cfg["negative_label"]]

    def use_published_head(self, tensors: Mapping[str, Any], labels: List[str]) -> None:
        negative = self.cfg["negative_label"]
        if negative not in labels:
            hint = did_you_mean(negative, labels)
            raise ValueError(Errors.ML202.format(label=negative, name=self.name, labels=", ".join(labels), hint=hint))
        super().use_published_head(tensors, labels)

    # --- predicting ---

    def predict(self, docs: Iterable[Doc]) -> Prediction:
        """Classify the candidate spans of documents. The documents do not change.

        docs (Iterable[Doc]): The documents.
        RETURNS (Prediction): Token bounds of the candidates, and their logits: NaN for a candidate without wordpieces,
            -inf for one that was pruned. If components listen, also the states of each document.
        """
        self.load()
        docs = list(docs)
        bounds = [numpy.zeros((0, 2), dtype="int64")]
        lengths = [numpy.zeros(0, dtype="int64")]
        logits = [numpy.zeros((0, len(self.classes)), dtype="float32")]
        states: List[PassageStates] = []
        for part in split_docs(docs, max_tokens=MAX_TOKENS, max_docs=MAX_DOCS):
            spans = suggest_candidates(self.suggester, part)
            bounds.append(spans.bounds)
            lengths.append(spans.lengths)
            # With evidence, any candidate may be found.
            dropped = self.negative_id if self.evidence is None else None
            kept = KeptStates(dropped) if self.listener_map else None
            own = to_numpy(self.model.predict(SpanInput(part, spans.ragged, self.pruning, kept)))
            logits.append(self.add_evidence(part, spans, own))
            if kept is not None:
                states += kept.passages()
        candidates = CandidateSpans(numpy.concatenate(bounds), numpy.concatenate(lengths)).ragged
        joined = numpy.concatenate(logits)
        return (candidates, joined, states) if self.listener_map else (candidates, joined)

    def counts_of(self, prediction: Prediction) -> Counts:
        logits = prediction[1]
        return Counts(spans=len(logits), blank_spans=int(numpy.isnan(logits[:, 0]).sum()))

    def set_annotations(self, docs: Iterable[Doc], prediction: Prediction) -> None:
        """Set `doc.ents` and `doc.spans`.

        docs (Iterable[Doc]): The documents.
        prediction (Prediction): Their prediction, as returned by `predict`.
        """
        spans, logits = CandidateSpans.from_ragged(prediction[0]), prediction[1]
        ranked = rank_entities(
            spans,
            logits,
            self.classes,
            negative=self.negative_id,
            threshold=self.cfg["threshold"],
            temperature=self.cfg["temperature"],
        )
        states = prediction[2] if len(prediction) > 2 else None
        for i, (doc, found) in enumerate(zip(docs, ranked, strict=True)):
            write_entities(
                doc,
                found.bounds,
                found.labels,
                found.scores,
                spans_key=self.cfg["spans_key"],
                keep_nested=self.cfg["keep_nested"],
                overwrite_ents=self.cfg["overwrite_ents"],
            )
            # A listener reads pairs of entities.
            if states is not None and len(doc.ents) > 1:
                write_passage(doc, states[i])

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
        RAISES (ValueError): ML204 if no example is annotated and no labels are known.
        """
        validate_get_examples(get_examples, "EntityRecognizer.initialize")
        load_encoder_model(self.model)
        found: Counter = Counter()
        is_annotated = False
        n_entities = n_missed = n_examples = n_negatives = 0
        for examples in minibatch(get_examples(), MAX_DOCS):
            gold = [find_gold(eg, self.gold_key, n) for n, eg in enumerate(examples)]
            is_annotated |= any(known is not None for known in gold)
            for eg in examples:
                found.update(span.label_ for span in reference_spans(eg.reference, self.gold_key) or [])
            spans = suggest_candidates(self.suggester, [eg.predicted for eg in examples])
            # Before the labels are known, candidates are only counted: any class will do.
            counts = find_gold_classes(gold, spans, lambda label: 1, 0)
            n_tokens = numpy.asarray([len(eg.predicted) for eg in examples], dtype="int64")
            drawn = sample(counts.class_ids, spans, n_tokens, 0, self.cfg["negatives_per_token"])
            n_negatives += int((counts.class_ids[drawn] == 0).sum())
            n_examples += len(examples)
            n_entities += counts.n_entities
            n_missed += counts.n_missed
        if not is_annotated and labels is None:
            self.check_annotation(n_examples, Errors.ML204.format(name=self.name, where=self.gold_hint))
        is_fresh = self.initialize_labels(sorted(found) if labels is None else labels)
        if is_fresh and n_entities:
            found[self.cfg["negative_label"]] = n_negatives
            start_bias(self.model.get_ref("linear"), [found[label] for label in self.classes])
        if n_missed:
            hint = (
                f"the suggester of [components.{self.name}.suggester] does not suggest them, or the tokens of the "
                "predicted documents do not have them."
            )
            text = Warnings.ML105.format(n=n_missed, total=n_entities, name=self.name, hint=hint)
            warnings.warn(text, stacklevel=2)

    def learn(self, examples: List[Example], drop: float) -> float:
        """Compute the loss of a batch of examples, and add the gradients to the model's. Both are sums over candidates.

        examples (List[Example]): Annotated examples; others are skipped.
        drop (float): Dropout of the states.
        RETURNS (float): The loss.
        RAISES (ValueError): ML076 for a label that the component does not have.
        """
        self.load()
        examples = [eg for eg in examples if reference_spans(eg.reference, self.gold_key) is not None]
        docs = [eg.predicted for eg in examples]
        spans = suggest_candidates(self.suggester, docs)
        class_ids = self.gold_classes(examples, spans).class_ids
        n_tokens = numpy.asarray([len(doc) for doc in docs], dtype="int64")
        per_token, sampling = self.cfg["negatives_per_token"], self.cfg["negative_sampling"]
        chosen = sample(class_ids, spans, n_tokens, self.negative_id, per_token, sampling)
        if not (class_ids[chosen] != UNKNOWN).any():
            return 0.0
        set_dropout_rate(self.model, drop)
        logits, backprop = self.model.begin_update(SpanInput(docs, spans.take(chosen).ragged))
        alternatives = find_alternatives(examples, spans.docs[chosen], self.classes, self.negative_id)
        loss, d_logits = self._loss(to_numpy(logits), class_ids[chosen], alternatives)
        backprop(self.model.ops.asarray2f(cast(Any, d_logits)))
        return loss

    def get_loss(self, examples: Iterable[Example], prediction: Prediction) -> Tuple[float, Floats2d]:
        """Return the loss of a prediction and its gradient.

        examples (Iterable[Example]): Annotated examples.
        prediction (Prediction): The prediction, as returned by `predict`.
        RETURNS (Tuple[float, Floats2d]): The loss and its gradient.
        """
        examples = list(examples)
        spans, logits = CandidateSpans.from_ragged(prediction[0]), to_numpy(prediction[1])
        class_ids = self.gold_classes(examples, spans).class_ids
        alternatives = find_alternatives(examples, spans.docs, self.classes, self.negative_id)
        return self._loss(logits, class_ids, alternatives)

    def _loss(
        self, logits: Floats2d, class_ids: Ints1d, alternatives: Optional[Bools2d] = None
    ) -> Tuple[float, Floats2d]:
        """Cross-entropy over the candidates that are annotated and have a state."""
        counted = numpy.flatnonzero((class_ids != UNKNOWN) & ~numpy.isnan(logits[:, 0]))
        is_negative = class_ids[counted] == self.negative_id
        weights = numpy.where(is_negative, self.cfg["negative_weight"], 1.0).astype("float32")
        if alternatives is not None:
            alternatives = alternatives[counted] & is_negative[:, None]
        loss, gradient = cross_entropy(logits[counted], class_ids[counted], weights, alternatives)
        d_logits = numpy.zeros_like(logits)
        d_logits[counted] = gradient
        return loss, d_logits

    def class_logits(self, examples: Sequence[Example], prediction: Prediction) -> ClassLogits:
        """Return the logits of annotated candidates that were classified, to fit the temperature.

        examples (Sequence[Example]): Annotated examples.
        prediction (Prediction): The prediction, as returned by `predict`.
        RETURNS (ClassLogits): An item for each candidate that was not pruned.
        """
        rows, truth = self.annotated_candidates(list(examples), prediction)
        return ClassLogits.of_rows(to_numpy(prediction[1])[rows], truth, negative=self.negative_id)

    def judge(self, example: Example) -> Judged:
        """Compare the entities of an annotated document with the gold ones.

        example (Example): The annotated document, and its reference.
        RETURNS (Judged): The entities in `doc.spans[spans_key]`.
        """
        return judge_entities(example, reference_spans(example.reference, self.gold_key), self.cfg["spans_key"])
