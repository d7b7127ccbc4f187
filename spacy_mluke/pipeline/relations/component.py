"""The `mluke_relations` component: classifies relations between the entities of a document."""

from __future__ import annotations

import itertools
from typing import Any, Callable, Dict, Iterable, List, Mapping, Optional, Sequence, Tuple

import numpy
from spacy.tokens import Doc, Span
from spacy.training import Example
from spacy.vocab import Vocab
from thinc.api import Model
from thinc.util import to_numpy

from ...annotate.links import NIL
from ...annotate.passages import drop_passage, read_passage
from ...annotate.relations import Relation, get_relations, has_relations, set_relations
from ...errors import Errors, check_by_label, check_flag, check_fraction, check_number, check_positive, check_text
from ...heads.group_classifier import GroupModel
from ...heads.losses import cross_entropy, multi_label_loss
from ...heads.mention_pairs import PairFeaturesLayer
from ...ragged import row_offsets
from ...scorers.confidence import Judged, judge_relations
from ...suggesters.pairs import PairGenerator
from ...types import Floats2d, Ints3d
from ..base.group_classifier import GroupClassifier, Prediction
from ..base.task import Scorer
from .decoding import agreeing_logits, count_type_pairs, decide
from .limits import LIMITS, Found, Mention, check_limit, count_limits, keep_best


class RelationExtractor(GroupClassifier):
    """Finds relations between the entities of a document: gives each ordered pair of entities a label, or none.

    Predictions are in `doc._.mluke_relations`. The negative class (`no_label`) is an output of the head, but not one of
    the component's `labels`.

    vocab (Vocab): The pipeline's vocabulary.
    model (Model[MarkedInput, GroupLogits]): `spacy-mluke.PairClassifier.v1`, or another classifier of pairs.
    pairs (PairGenerator): Selects the pairs of entities that are classified: `spacy-mluke.entity_pairs.v1`.
    name (str): The component's name.
    threshold (float): Minimum probability of a relation. With `multi_label`, 0.0 means 0.5.
    temperature (float): Number that the logits are divided by before probabilities are computed: above 1 for lower
        probabilities, below 1 for higher ones. The best label stays the best. `python -m spacy_mluke calibrate` fits
        it.
    bias (float): Number that is then added to the logits. Used with `multi_label` only; `calibrate` fits it, too.
    no_label (str): Name of the negative class, for pairs without a relation. Not used with `multi_label`.
    multi_label (bool): Whether a pair may have several relations: each label is then decided alone, and there is no
        negative class.
    scorer (Optional[Scorer]): The scorer.
    RAISES (ValueError): ML310 for values that are not allowed.
    """

    kind = "LukeForEntityPairClassification"
    fixed_options = ("no_label", "multi_label")

    def __init__(
        self,
        vocab: Vocab,
        model: GroupModel,
        pairs: PairGenerator,
        *,
        name: str = "mluke_relations",
        threshold: float = 0.0,
        temperature: float = 1.0,
        bias: float = 0.0,
        no_label: str = "no_relation",
        multi_label: bool = False,
        scorer: Optional[Scorer] = None,
    ):
        options = {
            "threshold": threshold,
            "temperature": temperature,
            "bias": bias,
            "no_label": no_label,
            "multi_label": multi_label,
        }
        known: Dict[str, Any] = {"inverses": {}, "type_pairs": {}, "thresholds": {}, "max_tails": {}, "max_heads": {}}
        super().__init__(vocab, model, name, options, scorer, known)
        self.pairs = pairs
        if "stored" in model.attrs:
            model.attrs["stored"] = read_passage

    def check_options(self, options: Mapping[str, Any]) -> None:
        check_fraction("threshold", options["threshold"])
        check_positive("temperature", options["temperature"])
        check_number("bias", options["bias"])
        check_text("no_label", options["no_label"])
        check_flag("multi_label", options["multi_label"])

    # --- what is known about the labels ---

    @property
    def inverses(self) -> Dict[str, str]:
        """The inverse of a label, from tail to head; of a symmetric one, the label itself. Predictions respect it."""
        return self.cfg["inverses"]

    @inverses.setter
    def inverses(self, value: Mapping[str, str]) -> None:
        for label in [*value, *value.values()]:
            self.class_id(label)
        self.cfg["inverses"] = dict(value)

    @property
    def type_pairs(self) -> Dict[str, List[List[str]]]:
        """Labels of head and tail that a relation allows; relations that are not listed allow any."""
        return self.cfg["type_pairs"]

    @type_pairs.setter
    def type_pairs(self, value: Mapping[str, Sequence[Sequence[str]]]) -> None:
        for label, found in value.items():
            self.class_id(label)
            if not all(isinstance(pair, (list, tuple)) and len(pair) == 2 for pair in found):
                raise ValueError(Errors.ML089.format(found=found))
        self.cfg["type_pairs"] = {label: [list(pair) for pair in found] for label, found in value.items()}

    def learn_type_pairs(self, examples: Iterable[Example], *, min_share: float = 0.01) -> None:
        """Learn which labels head and tail of each relation have. Other pairs then never get the relation.

        examples (Iterable[Example]): Examples whose references have entities with labels, and relations.
        min_share (float): Minimum share of a relation's occurrences that a pair of labels must have.
        """
        relations = [relation for eg in examples for relation in get_relations(eg.reference)]
        found = [(relation.label, relation.head.label_, relation.tail.label_) for relation in relations]
        self.type_pairs = count_type_pairs(found, min_share=min_share)

    @property
    def thresholds(self) -> Dict[str, float]:
        """Minimum probabilities of labels that need a higher one than the option `threshold`."""
        return self.cfg["thresholds"]

    @thresholds.setter
    def thresholds(self, value: Mapping[str, float]) -> None:
        self._set_numbers("thresholds", value, check_fraction)

    @property
    def max_tails(self) -> Dict[str, int]:
        """How many tails a head may have in a document: the most probable ones. Other labels have no limit."""
        return self.cfg["max_tails"]

    @max_tails.setter
    def max_tails(self, value: Mapping[str, int]) -> None:
        self._set_numbers("max_tails", value, check_limit)

    @property
    def max_heads(self) -> Dict[str, int]:
        """How many heads a tail may have in a document: the most probable ones. Other labels have no limit."""
        return self.cfg["max_heads"]

    @max_heads.setter
    def max_heads(self, value: Mapping[str, int]) -> None:
        self._set_numbers("max_heads", value, check_limit)

    def _set_numbers(self, name: str, value: Mapping[str, Any], check: Callable[[str, Any], None]) -> None:
        check_by_label(name, value, check)
        for label in value:
            self.class_id(label)
        self.cfg[name] = dict(value)

    def learn_limits(
        self, examples: Iterable[Example], *, min_share: float = 0.9, largest: int = 2, min_entities: int = 10
    ) -> None:
        """Learn how many tails a head has, and how many heads a tail: sets `max_tails` and `max_heads`.

        examples (Iterable[Example]): Examples whose references have entities, and all their relations.
        min_share (float): Minimum share of a relation's heads (or tails) that must not exceed its limit.
        largest (int): Highest limit. A relation that needs a higher one gets none.
        min_entities (int): Minimum number of heads (or tails). A relation with fewer gets no limit.
        """
        tails: List[Tuple[Any, str, Any]] = []
        for n, eg in enumerate(examples):
            for own in get_relations(eg.reference):
                head, tail = ((n, _mention(span)[2].casefold()) for span in (own.head, own.tail))
                tails.append((head, own.label, tail))
        heads = [(tail, label, head) for head, label, tail in tails]
        for option, facts in zip(LIMITS, (tails, heads), strict=True):
            self.cfg[option] = count_limits(facts, min_share=min_share, largest=largest, least=min_entities)

    @property
    def labels(self) -> Tuple[str, ...]:
        """Labels of relations, without the negative class."""
        return tuple(label for label in self.classes if label != self.cfg["no_label"])

    def default_classes(self) -> List[str]:
        return [] if self.cfg["multi_label"] else [self.cfg["no_label"]]

    # --- the head ---

    def extra_params(self) -> Dict[str, Tuple[Model, str]]:
        features = self.model.maybe_get_ref("features")
        if features is None:
            return super().extra_params()
        return {f"features.{name}": (features, name) for name in features.param_names}

    def head_width(self) -> int:
        width: Optional[int] = self.model.attrs.get("width")
        return super().head_width() if width is None else width

    def initialize_head(self) -> None:
        features = self.model.maybe_get_ref("features")
        if isinstance(features, PairFeaturesLayer) and not features.has_param("key.weight"):
            features.start_weights(super().head_width() // self.model.attrs["size"])
        super().initialize_head()

    @property
    def independent(self) -> bool:
        return self.cfg["multi_label"]

    @property
    def negative_id(self) -> Optional[int]:
        no_label = self.cfg["no_label"]
        return self.classes.index(no_label) if no_label in self.classes else None

    def missing_annotation(self) -> str:
        return "set doc._.mluke_relations of the reference documents, to an empty list where there are none"

    def missed_hint(self) -> str:
        return f"{super().missed_hint()} Limits of [components.{self.name}.pairs] also skip pairs."

    def propose(self, docs: List[Doc]) -> List[Ints3d]:
        return self.pairs(docs)

    def gold_labels(self, example: Example) -> Optional[List[str]]:
        if not has_relations(example.reference):
            return None
        return [relation.label for relation in get_relations(example.reference)]

    def targets(self, examples: Sequence[Example], groups: Sequence[Ints3d]) -> Tuple[Floats2d, Any, int]:
        truth = numpy.zeros((sum(map(len, groups)), len(self.classes)), dtype="float32")
        is_annotated = numpy.zeros(len(truth), dtype=bool)
        row = n_missed = 0
        for n, (eg, pairs) in enumerate(zip(examples, groups, strict=True)):
            if not has_relations(eg.reference):
                row += len(pairs)
                continue
            gold, n_lost = aligned_relations(eg, n, several=self.cfg["multi_label"])
            n_missed += n_lost
            for pair in pairs.reshape((-1, 4)).tolist():
                for label in gold.pop(tuple(pair), self.default_classes()):
                    truth[row, self.class_id(label)] = 1.0
                is_annotated[row] = True
                row += 1
            missed = [label for labels in gold.values() for label in labels if label not in self.default_classes()]
            for label in missed:
                self.class_id(label)
            n_missed += len(missed)
        return truth, is_annotated, n_missed

    def loss(self, logits: Floats2d, truth: Floats2d) -> Tuple[float, Floats2d]:
        if self.cfg["multi_label"]:
            return multi_label_loss(logits, truth)
        return cross_entropy(logits, truth.argmax(axis=1))

    def set_annotations(self, docs: Iterable[Doc], prediction: Prediction) -> None:
        """Set `doc._.mluke_relations`.

        docs (Iterable[Doc]): The documents.
        prediction (Prediction): Their prediction, as returned by `predict`.
        """
        docs = list(docs)
        groups, output = prediction
        kept = numpy.flatnonzero(output.kept)
        logits = self.decided_logits(docs, prediction)
        rows, columns, scores = decide(logits, self.classes, self.cfg)
        n_before = row_offsets(numpy.asarray([len(pairs) for pairs in groups], dtype="int64"))
        owners = numpy.searchsorted(n_before, kept[rows], side="right") - 1
        found: List[List[Relation]] = [[] for _ in docs]
        ents = [{(ent.start, ent.end): ent for ent in doc.ents} for doc in docs]
        for row, column, score, n in zip(
            kept[rows].tolist(), columns.tolist(), scores.tolist(), owners.tolist(), strict=True
        ):
            pair = groups[n][row - int(n_before[n])].tolist()
            head, tail = (_span(docs[n], ents[n], *bounds) for bounds in pair)
            found[n].append(Relation(head, tail, self.classes[column], score))
        for doc, relations in zip(docs, found, strict=True):
            set_relations(doc, self._within_limits(relations))
            drop_passage(doc)

    def _within_limits(self, relations: List[Relation]) -> List[Relation]:
        if not any(self.cfg[option] for option in LIMITS):
            return relations
        found = [Found(_mention(own.head), _mention(own.tail), own.label, own.score) for own in relations]
        return list(itertools.compress(relations, keep_best(found, self.cfg)))

    def decided_logits(self, docs: Sequence[Doc], prediction: Prediction) -> Floats2d:
        """Return the logits that agree with what is known about the labels.

        docs (Sequence[Doc]): The documents.
        prediction (Prediction): Their prediction, as returned by `predict`.
        RETURNS (Floats2d): Logits of the pairs that were classified; -inf for relations that their entities' labels do
            not allow. Shape: (n_kept, n_classes).
        """
        groups, output = prediction
        return agreeing_logits(
            to_numpy(output.logits),
            groups,
            numpy.flatnonzero(output.kept),
            [{(ent.start, ent.end): ent.label_ for ent in doc.ents} for doc in docs],
            self.classes,
            self.inverses,
            self.type_pairs,
        )

    def judge(self, example: Example) -> Judged:
        """Compare the relations of an annotated document with the gold ones.

        example (Example): The annotated document, and its reference.
        RETURNS (Judged): The relations.
        """
        return judge_relations(example)


def aligned_relations(
    eg: Example, n: int = 0, *, several: bool = False
) -> Tuple[Dict[Tuple[int, ...], List[str]], int]:
    """Align gold relations with the tokens of the predicted document.

    eg (Example): The example.
    n (int): Its index, for the message.
    several (bool): Whether a pair may have several labels.
    RETURNS (Tuple[Dict, int]): Labels by the token bounds of head and tail; and the number of relations whose spans are
        not aligned with tokens of the predicted document.
    RAISES (ValueError): ML086 if a pair has two labels, and may have only one.
    """
    gold: Dict[Tuple[int, ...], List[str]] = {}
    n_lost = 0
    for relation in get_relations(eg.reference):
        spans = eg.get_aligned_spans_y2x([relation.head, relation.tail], allow_overlap=True)
        if len(spans) != 2:
            n_lost += 1
            continue
        key = (spans[0].start, spans[0].end, spans[1].start, spans[1].end)
        labels = gold.setdefault(key, [])
        if labels and relation.label not in labels and not several:
            pair = (spans[0].text, spans[1].text)
            raise ValueError(Errors.ML086.format(pair=pair, n=n, first=labels[0], second=relation.label))
        labels.append(relation.label)
    return gold, n_lost


def _mention(span: Span) -> Mention:
    return span.start, span.end, span.text if span.kb_id_ in ("", NIL) else span.kb_id_


def _span(doc: Doc, ents: Dict[Tuple[int, int], Span], start: int, end: int) -> Span:
    return ents.get((start, end)) or Span(doc, start, end)
