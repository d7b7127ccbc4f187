"""Options of every registered function: types are checked when a config is read, values when an object is created."""

import configparser
import importlib
import inspect
import re
from typing import Any

import pytest
import spacy
from confection import ConfigValidationError
from spacy.util import registry

from tests.conftest import REPO


def registered():
    """Yield registry, name and function of every registered function."""
    config = configparser.ConfigParser()
    config.read(REPO / "setup.cfg")
    for group, lines in config["options.entry_points"].items():
        for line in lines.strip().splitlines() if group != "spacy_cli" else ():
            name, _, target = line.partition("=")
            module, _, attribute = target.strip().partition(":")
            yield group.partition("_")[2], name.strip(), getattr(importlib.import_module(module), attribute)


def settings():
    """Yield each option of each registered function."""
    for group, name, function in registered():
        for setting, param in inspect.signature(function).parameters.items():
            if (group, setting) not in (("factories", "nlp"), ("factories", "name")):
                yield pytest.param(group, name, function, setting, param.annotation, id=f"{name}:{setting}")


def wrong_values(annotation: Any):
    """Yield values of other types than the option's."""
    kind = str(annotation).lower()
    yield {"x": "y"}
    if not any(word in kind for word in ("str", "path")):
        yield "perhaps"
    if "list" not in kind:
        yield ["many"]
    if not any(word in kind for word in ("int", "float")):
        yield 3


@pytest.fixture(scope="module")
def nlp():
    return spacy.blank("xx")


def resolve(nlp, group, name, config):
    """Create the object of a config."""
    if group == "factories":
        return nlp.add_pipe(name, config=config)
    return registry.resolve({"x": {f"@{group}": name, **config}})["x"]


@pytest.mark.parametrize(("group", "name", "function", "setting", "annotation"), list(settings()))
def test_spacys_config_validation_refuses_a_value_of_a_wrong_type(nlp, group, name, function, setting, annotation):
    # Older versions of confection cannot read annotations that are strings.
    assert not isinstance(annotation, str)
    for value in wrong_values(annotation):
        # Numbers that may be schedules have a type of thinc, and thinc's optimizer refuses some of them.
        with pytest.raises(ValueError if name == "spacy-mluke.AdamW.v1" else ConfigValidationError) as caught:
            resolve(nlp, group, name, {setting: value})
        assert setting in str(caught.value) or name == "spacy-mluke.AdamW.v1"


LESS_THAN_0 = [-1, float("nan"), float("inf"), True, "5"]
LESS_THAN_1 = [0, *LESS_THAN_0]
OUTSIDE = [-0.1, 1.1, *LESS_THAN_0[1:]]
# Invalid values of each option that its type allows: of components, and of other registered functions.
COMPONENTS = {
    "mluke": {"buffer_tokens": LESS_THAN_1, "span_vectors": ["entities", ""]},
    "mluke_relations": {
        "threshold": [None, *OUTSIDE],
        "temperature": LESS_THAN_1,
        "bias": LESS_THAN_0[1:],
        "no_label": [""],
    },
    "mluke_ner": {
        "threshold": [None, *OUTSIDE],
        "temperature": LESS_THAN_1,
        "negative_label": [""],
        "spans_key": [""],
        "negatives_per_token": LESS_THAN_0,
        "negative_sampling": ["far", None],
        "negative_weight": LESS_THAN_0,
    },
    "mluke_typing": {"threshold": [None, *OUTSIDE], "temperature": LESS_THAN_1, "spans_key": [""]},
    "mluke_linker": {
        "mode": ["locally"],
        "prior_weight": LESS_THAN_0[1:],
        "threshold": OUTSIDE,
        "temperature": LESS_THAN_1,
        "max_candidates": LESS_THAN_0,
        "labels_discard": ["CITY", [""], [3]],
        "grow": ["everything"],
    },
    "mluke_cloze": {"marker": [""], "mode": ["words"], "top_k": LESS_THAN_1, "n_negatives": LESS_THAN_0},
    "mluke_mentions": {"types": ["CITY", [""], [3]], "min_length": LESS_THAN_1},
    "mluke_pretraining": {
        **dict.fromkeys(("masked", "replaced", "visible", "masked_words"), OUTSIDE),
        **dict.fromkeys(("entity_steps", "n_negatives", "keep_words"), LESS_THAN_0),
        "top_k": LESS_THAN_1,
    },
    "mluke_qa": {
        "top_k": LESS_THAN_1,
        "max_answer_pieces": LESS_THAN_1,
        "null_threshold": LESS_THAN_0[1:],
        "threshold": [None, *OUTSIDE],
        "temperature": LESS_THAN_1,
    },
}
DROPOUT = [-0.1, 1.0, *LESS_THAN_0[1:]]
ENCODER = {"@architectures": "spacy-mluke.Encoder.v1"}
FUNCTIONS = {
    "architectures": {
        "Encoder": {
            "name": [""],
            "visibility": ["joined"],
            "segmentation": [""],
            "entity_input": ["kb"],
            "window": [7, *LESS_THAN_0],
            "overlap": LESS_THAN_0,
            "max_entities": LESS_THAN_0,
            "max_mention_length": LESS_THAN_1,
            "max_batch_items": LESS_THAN_1,
            "dtype": ["float"],
            "frozen": [["layer"], [""], ""],
            "quantize": ["int4"],
        },
        "EncoderListener": {"upstream": [""]},
        **{
            name: {"dropout": DROPOUT}
            for name in (
                "PairClassifier",
                "MarkerClassifier",
                "BoundaryClassifier",
                "SpanClassifier",
                "EntityClassifier",
                "AnswerExtractor",
            )
        },
    },
    "misc": {
        "spans_suggester": {"spans_key": [""]},
        "sentence_ngrams": {"min_size": LESS_THAN_1, "max_size": LESS_THAN_1},
        "entity_pairs": {"order": ["texts"], "max_distance": LESS_THAN_0, "labels": [[["A"]], [["A", "B", "C"]]]},
        "store_candidates": {"path": [""], "lang": [""], "match": ["loosely"]},
        "store_kb": {"match": ["loosely"]},
    },
    "readers": {
        "EntityCorpus": {"max_length": LESS_THAN_0, "limit": LESS_THAN_0},
        "ClozeCorpus": {"max_length": LESS_THAN_0, "limit": LESS_THAN_0, "marker": [""]},
        "SquadCorpus": {"skip": LESS_THAN_0, "limit": LESS_THAN_0},
    },
    "batchers": {
        "batch_by_pieces": {
            "max_rows": LESS_THAN_1,
            "size": LESS_THAN_1,
            "count": ["doc"],
            "name": [""],
            "window": [7],
            "buffer": LESS_THAN_0,
        }
    },
    "optimizers": {
        "AdamW": {
            **dict.fromkeys(("learn_rate", "weight_decay", "eps", "grad_clip"), LESS_THAN_0[:3]),
            **dict.fromkeys(("beta1", "beta2"), DROPOUT[:4]),
        }
    },
}


def out_of_range():
    for name, options in COMPONENTS.items():
        for option, values in options.items():
            yield pytest.param("factories", name, option, values, id=f"{name}:{option}")
    for group, functions in FUNCTIONS.items():
        for name, options in functions.items():
            for option, values in options.items():
                yield pytest.param(group, f"spacy-mluke.{name}.v1", option, values, id=f"{name}:{option}")


@pytest.mark.parametrize(("group", "name", "option", "values"), list(out_of_range()))
def test_an_invalid_value_is_refused_with_a_coded_error(nlp, group, name, option, values):
    needs_encoder = group == "architectures" and not name.startswith("spacy-mluke.Encoder")
    for value in values:
        config = {"path": None} if group == "readers" else {"encoder": ENCODER} if needs_encoder else {}
        with pytest.raises(ValueError) as caught:
            resolve(nlp, group, name, {**config, option: value})
        message = str(caught.value)
        assert isinstance(caught.value, ConfigValidationError) or re.match(r"\[(ML\d+|E961)\]", message), message
        assert option in message


def test_a_whole_number_is_accepted_as_a_number(nlp):
    for i, (name, option) in enumerate((("mluke_typing", "threshold"), ("mluke_qa", "null_threshold"))):
        assert nlp.add_pipe(name, name=f"pipe{i}", config={option: 1}).cfg[option] == 1
