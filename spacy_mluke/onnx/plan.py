"""Which components of a pipeline can be exported, and what their heads are."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from typing import Any, Dict, Mapping, Optional, Tuple, cast

import numpy
from spacy.language import Language
from thinc.util import to_numpy

from ..encoder.access import encoder_settings
from ..encoder.passage import PassageListener
from ..encoder.request import EncoderModel
from ..pipeline.base.head import HeadPipe
from ..pipeline.base.published import own_encoder
from ..pipeline.mluke.component import MLuke
from ..pipeline.ner.component import EntityRecognizer
from ..pipeline.ner.pruning import UNPRUNED
from ..pipeline.qa.component import QuestionAnswerer
from ..pipeline.relations.component import RelationExtractor
from ..pipeline.typing.component import EntityTyper
from ..suggesters.ngrams import suggest_ngrams
from ..suggesters.pair_spans import propose_pairs
from .head_graphs import LinearHead, MentionPairsHead

_RELATIONS = (
    "no_label", "multi_label", "threshold", "thresholds", "max_tails", "max_heads", "temperature", "bias", "inverses",
    "type_pairs",
)  # fmt: skip
# Options of components that the runner reads.
_OPTIONS = {
    "names": ("negative_label", "threshold", "temperature", "keep_nested", *UNPRUNED),
    "pairs": _RELATIONS,
    "mention_pairs": _RELATIONS,
    "answers": ("top_k", "max_answer_pieces", "null_threshold", "threshold", "temperature"),
    "types": ("threshold", "temperature"),
    "states": (),
}


@dataclass
class PlannedComponent:
    """A component to export."""

    name: str
    pipe: Any
    task: str  # names, pairs, mention_pairs, answers, types or states
    owner: str  # the component that has the encoder
    encoder: EncoderModel
    graphs: Dict[str, Any] = field(default_factory=dict)  # modules by name: "head", "pruner"
    files: Dict[str, bytes] = field(default_factory=dict)  # other files by name: "known_names"
    manifest: Dict[str, Any] = field(default_factory=dict)  # its part of the manifest


def plan_component(nlp: Language, name: str) -> Tuple[Optional[PlannedComponent], str]:
    """Plan the export of a component.

    nlp (Language): The pipeline.
    name (str): Name of the component.
    RETURNS (Tuple[Optional[PlannedComponent], str]): The plan; or None, and why the component cannot be exported: the
        end of a sentence that starts with "it".
    """
    pipe: Any = nlp.get_pipe(name)
    task = _task(pipe)
    if task is None:
        return None, "has no head that runs without spaCy"
    owner, encoder = _encoder(nlp, name, pipe)
    if encoder is None:
        return None, "listens to the entity states of another component"
    if task != "states" and encoder_settings(encoder)["entity_input"] != "mask":
        return None, "reads the entities of kb_id_, which the runner does not know"
    if task in ("pairs", "types") and not pipe.model.attrs["with_entities"]:
        return None, "classifies the states of markers"
    if getattr(pipe, "suggester", None) is not None and task == "answers":
        return None, "reads the entities that its suggester finds in a document"
    planned = PlannedComponent(name, pipe, task, owner, encoder)
    if task == "states":
        planned.manifest = {"task": task, "encoder": owner, "options": {}}
        return planned, ""
    if isinstance(pipe, HeadPipe) and not pipe.has_head():
        # The head of a published checkpoint is read at first use.
        with contextlib.suppress(ValueError):
            pipe.load()
    linear = pipe.model.get_ref("linear")
    if not linear.has_param("W"):
        return None, "is not trained"
    _plan_head(planned, linear)
    return planned, ""


def _task(pipe: Any) -> Optional[str]:
    if isinstance(pipe, RelationExtractor):
        return "pairs" if pipe.model.maybe_get_ref("features") is None else "mention_pairs"
    for kind, task in (
        (EntityRecognizer, "names"),
        (QuestionAnswerer, "answers"),
        (EntityTyper, "types"),
        (MLuke, "states"),
    ):
        if isinstance(pipe, kind):
            return task
    return None


def _encoder(nlp: Language, name: str, pipe: Any) -> Tuple[str, Optional[EncoderModel]]:
    """Return the component that has the encoder of a component, and the encoder."""
    if isinstance(pipe, MLuke):
        return name, pipe.model
    listener = pipe.model.get_ref("encoder")
    if isinstance(listener, PassageListener):
        return listener.upstream_name, listener.encoder
    return name, own_encoder(pipe.model)


def _plan_head(planned: PlannedComponent, linear: Any) -> None:
    """Set the graphs and the manifest of a component with a head."""
    pipe, task = planned.pipe, planned.task
    weight = to_numpy(linear.get_param("W"))
    bias = to_numpy(linear.get_param("b")) if "b" in linear.param_names else None
    options = {name: pipe.cfg[name] for name in _OPTIONS[task]}
    planned.manifest = {"task": task, "encoder": planned.owner, "options": options}
    if task != "answers":
        planned.manifest["labels"] = list(pipe.classes)
    if task == "mention_pairs":
        layer = pipe.model.get_ref("features")
        features = {name: to_numpy(layer.get_param(name)) for name in layer.param_names}
        planned.graphs["head"] = MentionPairsHead(features, layer.attrs["n_heads"], weight, bias)
    else:
        planned.graphs["head"] = LinearHead(weight, bias)
    if task in ("pairs", "mention_pairs"):
        planned.manifest["pairs"] = _pair_options(pipe.pairs)
    if task == "names":
        planned.manifest["with_entities"] = pipe.model.attrs["with_entities"]
        planned.manifest["candidates"] = _ngram_options(pipe.suggester)
        if options["max_candidates_per_piece"] is not None:
            pruner = pipe.model.get_ref("pruner")
            columns, biases = to_numpy(pruner.get_param("W")), to_numpy(pruner.get_param("b"))
            if options["candidate_weights"] is not None:
                # As `edge_columns`: the part of the head's logits that first and last wordpieces add.
                of_words = numpy.split(weight, 3, axis=1)[:2]
                columns = numpy.concatenate([columns, *of_words])
                biases = numpy.concatenate([biases, cast(Any, bias), numpy.zeros_like(bias)])
            planned.graphs["pruner"] = LinearHead(columns, biases)
            planned.manifest["pruner"] = {"lengths": to_numpy(pruner.get_param("L")).tolist()}
        if pipe.evidence is not None:
            planned.files["known_names"] = pipe.evidence.to_bytes()


def _ngram_options(suggester: Any) -> Mapping[str, Any]:
    """Return which spans are candidates. In place of another suggester, all spans of up to 16 tokens are."""
    if getattr(suggester, "func", None) is suggest_ngrams:
        return dict(suggester.keywords)
    return {"min_size": 1, "max_size": 16}


def _pair_options(pairs: Any) -> Dict[str, Any]:
    """Return which pairs are classified. With another generator, all pairs are."""
    if getattr(pairs, "func", None) is propose_pairs:
        found = dict(pairs.keywords)
        allowed = found.pop("allowed")
        return {**found, "labels": None if allowed is None else sorted(map(list, allowed))}
    return {"order": "both", "same_sentence": False, "max_distance": None, "labels": None}
