"""Base of components that predict labels: one output of the head for each label."""

from __future__ import annotations

from typing import Any, Dict, Iterable, List, Mapping, Optional, Sequence, Tuple

from spacy.vocab import Vocab
from thinc.api import Model

from ...errors import Errors, did_you_mean
from ...heads.linear import add_rows
from .head import HeadPipe
from .task import Scorer


def check_classes(name: str, state: Mapping[str, Any]) -> None:
    """Check that the classes in a saved state are strings.

    name (str): The component's name, for the message.
    state (Mapping[str, Any]): The content of `cfg`.
    RAISES (ValueError): ML316 if they are not.
    """
    classes = state.get("classes", [])
    if not isinstance(classes, list) or not all(isinstance(label, str) for label in classes):
        raise ValueError(Errors.ML316.format(name=name, reason="'classes' is not a list of strings"))


def check_label_text(label: Any) -> None:
    """Check that a label is a string that is not empty.

    label (Any): The label.
    RAISES (ValueError): ML085 if it is not.
    """
    if not isinstance(label, str) or not label:
        raise ValueError(Errors.ML085.format(label=repr(label)))


class LabelledPipe(HeadPipe):
    """Base of components that predict labels. `cfg["classes"]` names the outputs of the head.

    vocab (Vocab): The pipeline's vocabulary.
    model (Model): Encoder and head, with the refs "encoder" and "linear".
    name (str): The component's name.
    options (Dict[str, Any]): Options, as set in the config.
    scorer (Optional[Scorer]): Scores predictions.
    state (Optional[Dict[str, Any]]): State before training, in addition to "classes".
    """

    def __init__(
        self,
        vocab: Vocab,
        model: Model[Any, Any],
        name: str,
        options: Dict[str, Any],
        scorer: Optional[Scorer] = None,
        state: Optional[Dict[str, Any]] = None,
    ):
        super().__init__(vocab, model, name, options, scorer, {"classes": [], **(state or {})})

    @property
    def classes(self) -> List[str]:
        """Classes of the head's outputs: the labels, and the negative class if there is one."""
        return self.cfg["classes"]

    @property
    def n_outputs(self) -> int:
        return len(self.classes)

    @property
    def labels(self) -> Tuple[str, ...]:
        """Labels that can be predicted. The labels of a published checkpoint are known once it has been read: at first
        use, or after `initialize`."""
        return tuple(self.classes)

    @property
    def label_data(self) -> List[str]:
        """Labels, as written by `spacy init labels` and accepted by `initialize`."""
        return list(self.labels)

    def default_classes(self) -> List[str]:
        """Return classes that the head always has, such as a negative class."""
        return []

    def add_label(self, label: str) -> int:
        """Add a label. If the head has weights, it gets an untrained output for the label.

        label (str): The label.
        RETURNS (int): 0 if the label exists, else 1.
        RAISES (ValueError): ML085 for a value that is not a label.
        """
        check_label_text(label)
        if label in self.classes:
            return 0
        self.classes.append(label)
        self.vocab.strings.add(label)
        if self.has_head():
            add_rows(self.model.get_ref("linear"), 1)
        return 1

    def class_id(self, label: str) -> int:
        """Return the index of a label's output.

        label (str): The label.
        RETURNS (int): Its index in `classes`.
        RAISES (ValueError): ML076 if the component does not have this label.
        """
        if label not in self.classes:
            hint = did_you_mean(label, self.classes)
            raise ValueError(Errors.ML076.format(label=label, name=self.name, hint=hint))
        return self.classes.index(label)

    # --- the head ---

    def load(self) -> None:
        """Read the encoder's checkpoint, and its head if the component has none.

        RAISES (ValueError): ML075 if there is no head.
        """
        super().load()
        if not self.has_head() and not self.load_published_head():
            raise ValueError(Errors.ML075.format(name=self.name))

    def needs_annotation(self) -> bool:
        return not self.classes and super().needs_annotation()

    def initialize_labels(self, labels: Iterable[str]) -> bool:
        """Give the head weights for labels: published weights if they cover all labels, else fresh weights.

        labels (Iterable[str]): Labels, in addition to those that were added before.
        RETURNS (bool): Whether its weights are fresh.
        """
        wanted = [*self.classes, *labels]
        if not self.has_head():
            self.load_published_head()
        is_fresh = not self.has_head() or not set(wanted) <= set(self.classes)
        if is_fresh:
            self.cfg["classes"] = list(dict.fromkeys([*self.default_classes(), *wanted]))
            self.initialize_head()
        self._add_strings()
        return is_fresh

    def load_published_head(self) -> bool:
        # Labels that were added by hand are not those of the published head.
        return not self.classes and super().load_published_head()

    def use_published_head(self, tensors: Mapping[str, Any], labels: List[str]) -> None:
        before = self.cfg["classes"]
        self.cfg["classes"] = labels
        try:
            self.set_head(tensors)
        except ValueError:
            self.cfg["classes"] = before
            raise
        self._add_strings()

    def _add_strings(self) -> None:
        for label in self.classes:
            self.vocab.strings.add(label)

    # --- saving ---

    def check_state(self, state: Mapping[str, Any]) -> None:
        super().check_state(state)
        check_classes(self.name, state)

    def after_loading(self, skipped: Sequence[str]) -> None:
        super().after_loading(skipped)
        # The saved vocabulary may have been excluded.
        self._add_strings()
