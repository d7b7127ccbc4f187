"""The `mluke_relations` component: classifies relations between the entities of a document."""

from __future__ import annotations

from typing import Any, Dict, Iterable, List, Mapping, Optional, Sequence, Tuple

import numpy
from spacy.tokens import Doc, Span
from spacy.training import Example
from spacy.vocab import Vocab
from thinc.util import to_numpy

from ...annotate.relations import Relation, get_relations, has_relations, set_relations
from ...errors import Errors, check_fraction, check_text
from ...heads.group_classifier import GroupModel
from ...heads.losses import cross_entropy, softmax
from ...suggesters.pairs import PairGenerator
from ...types import Floats2d, Ints3d
from ..base.group_classifier import GroupClassifier, Prediction
from ..base.task import Scorer

Pair = Tuple[int, int, int, int]


class RelationExtractor(GroupClassifier):
    """Finds relations between the entities of a document: gives each ordered pair of entities a label, or none.

    Predictions are in `doc._.mluke_relations`. The negative class (`no_label`) is an output of the head, but not one of
    the component's `labels`.

    vocab (Vocab): The pipeline's vocabulary.
    model (Model[MarkedInput, GroupLogits]): `spacy-mluke.PairClassifier.v1`, or another classifier of pairs.
    pairs (PairGenerator): Selects the pairs of entities that are classified: `spacy-mluke.entity_pairs.v1`.
    name (str): The component's name.
    threshold (float): Minimum probability of a relation.
    no_label (str): Name of the negative class, for pairs without a relation.
    scorer (Optional[Scorer]): The scorer.
    RAISES (ValueError): ML310 for values that are not allowed.
    """

    kind = "LukeForEntityPairClassification"
    fixed_options = ("no_label",)

    def __init__(
        self,
        vocab: Vocab,
        model: GroupModel,
        pairs: PairGenerator,
        *,
        name: str = "mluke_relations",
        threshold: float = 0.0,
        no_label: str = "no_relation",
        scorer: Optional[Scorer] = None,
    ):
        super().__init__(vocab, model, name, {"threshold": threshold, "no_label": no_label}, scorer)
        self.pairs = pairs

    def check_options(self, options: Mapping[str, Any]) -> None:
        check_fraction("threshold", options["threshold"])
        check_text("no_label", options["no_label"])

    @property
    def labels(self) -> Tuple[str, ...]:
        """Labels of relations, without the negative class."""
        return tuple(label for label in self.classes if label != self.cfg["no_label"])

    def default_classes(self) -> List[str]:
        return [self.cfg["no_label"]]

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
            gold, n_lost = aligned_relations(eg, n)
            n_missed += n_lost
            for pair in pairs.reshape((-1, 4)).tolist():
                truth[row, self.class_id(gold.pop(tuple(pair), self.cfg["no_label"]))] = 1.0
                is_annotated[row] = True
                row += 1
            for label in gold.values():
                self.class_id(label)
            n_missed += sum(label != self.cfg["no_label"] for label in gold.values())
        return truth, is_annotated, n_missed

    def loss(self, logits: Floats2d, truth: Floats2d) -> Tuple[float, Floats2d]:
        return cross_entropy(logits, truth.argmax(axis=1))

    def set_annotations(self, docs: Iterable[Doc], prediction: Prediction) -> None:
        """Set `doc._.mluke_relations`.

        docs (Iterable[Doc]): The documents.
        prediction (Prediction): Their prediction, as returned by `predict`.
        """
        groups, output = prediction
        probabilities = numpy.zeros((len(output.kept), len(self.classes)), dtype="float32")
        probabilities[output.kept] = softmax(to_numpy(output.logits))
        tops = probabilities.argmax(axis=1)
        scores = probabilities.max(axis=1, initial=0.0)
        holds = output.kept & (scores >= self.cfg["threshold"])
        if self.cfg["no_label"] in self.classes:
            holds &= tops != self.classes.index(self.cfg["no_label"])
        row = 0
        for doc, pairs in zip(docs, groups, strict=True):
            ents = {(ent.start, ent.end): ent for ent in doc.ents}
            found = []
            for i in numpy.flatnonzero(holds[row : row + len(pairs)]).tolist():
                head, tail = (_span(doc, ents, *bounds) for bounds in pairs[i].tolist())
                found.append(Relation(head, tail, self.classes[tops[row + i]], float(scores[row + i])))
            set_relations(doc, found)
            row += len(pairs)


def aligned_relations(eg: Example, n: int = 0) -> Tuple[Dict[Tuple[int, ...], str], int]:
    """Align gold relations with the tokens of the predicted document.

    eg (Example): The example.
    n (int): Its index, for the message.
    RETURNS (Tuple[Dict, int]): Labels by the token bounds of head and tail; and the number of relations whose spans are
        not aligned with tokens of the predicted document.
    RAISES (ValueError): ML086 if a pair has two labels.
    """
    gold: Dict[Tuple[int, ...], str] = {}
    n_lost = 0
    for relation in get_relations(eg.reference):
        spans = eg.get_aligned_spans_y2x([relation.head, relation.tail], allow_overlap=True)
        if len(spans) != 2:
            n_lost += 1
            continue
        key = (spans[0].start, spans[0].end, spans[1].start, spans[1].end)
        if gold.setdefault(key, relation.label) != relation.label:
            pair = (spans[0].text, spans[1].text)
            raise ValueError(Errors.ML086.format(pair=pair, n=n, first=gold[key], second=relation.label))
    return gold, n_lost


def _span(doc: Doc, ents: Dict[Tuple[int, int], Span], start: int, end: int) -> Span:
    return ents.get((start, end)) or Span(doc, start, end)
