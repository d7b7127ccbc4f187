"""The `mluke_typing` component: predicts types of entities."""

from __future__ import annotations

from typing import Any, Dict, Iterable, List, Mapping, Optional, Sequence, Set, Tuple

import numpy
from spacy.tokens import Doc
from spacy.training import Example
from spacy.vocab import Vocab
from thinc.util import to_numpy

from ...annotate.entity_types import write_types
from ...errors import check_flag, check_fraction, check_positive, check_text
from ...heads.group_classifier import GroupModel
from ...heads.losses import binary_cross_entropy, sigmoid
from ...scorers.confidence import Judged, judge_types
from ...types import Floats2d, Ints3d
from ..base.defaults import Suggester
from ..base.group_classifier import GroupClassifier, Prediction
from ..base.task import Scorer


class EntityTyper(GroupClassifier):
    """Predicts the types of entities. An entity may have several types.

    Probabilities are in `span._.mluke_types`. Gold types are the labels of the spans in `doc.spans[spans_key]` of a
    reference document, or of its `doc.ents` if it lacks that group. A gold entity without a type is a negative example
    of every type.

    vocab (Vocab): The pipeline's vocabulary.
    model (Model[MarkedInput, GroupLogits]): `spacy-mluke.EntityClassifier.v1`.
    suggester (Suggester): Suggests the spans that get types, by default `doc.ents`.
    name (str): The component's name.
    spans_key (str): Key in `doc.spans` of the group with the types that reach the threshold, and of gold types.
    threshold (float): Minimum probability of a type.
    temperature (float): Number that the logits are divided by before probabilities are computed: above 1 for lower
        probabilities, below 1 for higher ones. The best type stays the best. `python -m spacy_mluke calibrate` fits
        it.
    overwrite_label (bool): Whether entities of `doc.ents` get their most probable type as label.
    scorer (Optional[Scorer]): The scorer.
    RAISES (ValueError): ML310 for values that are not allowed.
    """

    kind = "LukeForEntityClassification"

    def __init__(
        self,
        vocab: Vocab,
        model: GroupModel,
        suggester: Suggester,
        *,
        name: str = "mluke_typing",
        spans_key: str = "mluke_types",
        threshold: float = 0.5,
        temperature: float = 1.0,
        overwrite_label: bool = False,
        scorer: Optional[Scorer] = None,
    ):
        options = {
            "spans_key": spans_key,
            "threshold": threshold,
            "temperature": temperature,
            "overwrite_label": overwrite_label,
        }
        super().__init__(vocab, model, name, options, scorer)
        self.suggester = suggester

    def check_options(self, options: Mapping[str, Any]) -> None:
        check_text("spans_key", options["spans_key"])
        check_fraction("threshold", options["threshold"])
        check_positive("temperature", options["temperature"])
        check_flag("overwrite_label", options["overwrite_label"])

    @property
    def independent(self) -> bool:
        return True

    def missing_annotation(self) -> str:
        key = self.cfg["spans_key"]
        return f"set doc.spans['{key}'] of the reference documents, a span with its label for each type, or doc.ents"

    def propose(self, docs: List[Doc]) -> List[Ints3d]:
        spans = self.suggester(docs)
        lengths = to_numpy(spans.lengths)
        # A span that is suggested twice is classified once.
        bounds = numpy.split(to_numpy(spans.dataXd).reshape((-1, 2)), numpy.cumsum(lengths)[:-1]) if len(docs) else []
        return [numpy.unique(rows, axis=0).reshape((-1, 1, 2)) for rows in bounds]

    def gold_labels(self, example: Example) -> Optional[List[str]]:
        spans = gold_spans(example.reference, self.cfg["spans_key"])
        return None if spans is None else [span.label_ for span in spans]

    def targets(self, examples: Sequence[Example], groups: Sequence[Ints3d]) -> Tuple[Floats2d, Any, int]:
        truth = numpy.zeros((sum(map(len, groups)), len(self.classes)), dtype="float32")
        is_annotated = numpy.zeros(len(truth), dtype=bool)
        row = n_missed = 0
        for eg, found in zip(examples, groups, strict=True):
            spans = gold_spans(eg.reference, self.cfg["spans_key"])
            gold: Dict[Tuple[int, int], Set[str]] = {}
            for span in spans or []:
                aligned = eg.get_aligned_spans_y2x([span], allow_overlap=True)
                n_missed += not aligned
                for own in aligned:
                    gold.setdefault((own.start, own.end), set()).add(span.label_)
            # Entities without a type are negative examples of all types; other suggested spans are not annotated.
            known = {(ent.start, ent.end) for ent in eg.get_aligned_spans_y2x(eg.reference.ents, allow_overlap=True)}
            for start, end in found.reshape((-1, 2)).tolist():
                labels = gold.pop((start, end), None)
                is_annotated[row] = spans is not None and (labels is not None or (start, end) in known)
                for label in labels or ():
                    truth[row, self.class_id(label)] = 1.0
                row += 1
            n_missed += sum(map(len, gold.values()))
        return truth, is_annotated, n_missed

    def loss(self, logits: Floats2d, truth: Floats2d) -> Tuple[float, Floats2d]:
        return binary_cross_entropy(logits, truth)

    def set_annotations(self, docs: Iterable[Doc], prediction: Prediction) -> None:
        """Set `span._.mluke_types` and `doc.spans`.

        docs (Iterable[Doc]): The documents.
        prediction (Prediction): Their prediction, as returned by `predict`.
        """
        groups, output = prediction
        scores = numpy.zeros((len(output.kept), len(self.classes)), dtype="float32")
        scores[output.kept] = sigmoid(to_numpy(output.logits) / self.cfg["temperature"])
        row = 0
        for doc, found in zip(docs, groups, strict=True):
            kept = output.kept[row : row + len(found)]
            write_types(
                doc,
                found.reshape((-1, 2))[kept],
                scores[row : row + len(found)][kept],
                self.classes,
                spans_key=self.cfg["spans_key"],
                threshold=self.cfg["threshold"],
                overwrite_label=self.cfg["overwrite_label"],
            )
            row += len(found)

    def judge(self, example: Example) -> Judged:
        """Compare the types of an annotated document with the gold ones.

        example (Example): The annotated document, and its reference.
        RETURNS (Judged): The types that reach the threshold.
        """
        key = self.cfg["spans_key"]
        return judge_types(example, gold_spans(example.reference, key), key)


def gold_spans(doc: Doc, spans_key: str) -> Optional[List[Any]]:
    """Return the spans whose labels are a document's gold types.

    doc (Doc): A reference document.
    spans_key (str): Key in `doc.spans`.
    RETURNS (Optional[List[Span]]): None if the document is not annotated.
    """
    if spans_key in doc.spans:
        return list(doc.spans[spans_key])
    return list(doc.ents) if doc.has_annotation("ENT_IOB") else None
