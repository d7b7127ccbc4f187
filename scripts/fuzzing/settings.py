"""Target `settings`: every setting of every factory is refused, or works on a document."""

from __future__ import annotations

import copy
import math
import random
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, List, Tuple

import spacy
import torch
from spacy.language import Language

from .cases import Broken, Case, Target
from .models import build_tiny_store, describe, example, make_doc
from .mutations import HOSTILE
from .tiny import save_checkpoint

FACTORIES = (
    *("mluke", "mluke_relations", "mluke_ner", "mluke_typing", "mluke_qa"),
    *("mluke_linker", "mluke_cloze", "mluke_mentions", "mluke_pretraining"),
)
# Settings that are not changed: names of functions, and paths.
FIXED = {"@architectures", "@misc", "@scorers", "name", "path", "scorer"}
# Settings that are registered functions, with alternatives.
FUNCTIONS: Dict[str, List[Any]] = {
    "suggester": [
        {"@misc": "spacy-mluke.ents_suggester.v1"},
        {"@misc": "spacy-mluke.spans_suggester.v1", "spans_key": "x"},
        {"@misc": "spacy-mluke.sentence_ngrams.v1", "min_size": 1, "max_size": 3},
        {"@misc": "spacy.ngram_suggester.v1", "sizes": [1, 2]},
    ],
    "visibility": ["isolated", "joint"],
    "segmentation": ["plain", "published", "pretraining"],
    "entity_input": ["kb_id", "mask"],
    "dtype": ["bfloat16", "float16", "auto"],
    "quantize": ["int8", None],
    "frozen": [["all"], ["layers:0-1"], ["word_embeddings"], ["layers:0-9"], ["x"]],
    "span_vectors": ["both", "centered", "entity"],
    "mode": ["global", "local", "word", "both", "entity"],
    "grow": ["none", "candidates", "all"],
    "match": ["exact", "case", "loose"],
    "order": ["text", "both"],
    "labels": [[["LOC", "LOC"]], [["LOC"]], "LOC", []],
    "types": [["CITY"], ["Citty"], "CITY", []],
    "labels_discard": [["LOC"], "LOC", [1]],
    "window": [8, 9, 12, 66, 67, 512, 1000],
    "lang": ["en", "xx", None, ""],
}


@dataclass
class Shared:
    """Data that no setting changes."""

    checkpoint: Path
    store: Path


def prepare(folder: Path) -> Shared:
    """Make a checkpoint and a store."""
    spacy.blank("xx")  # Registers the factories.
    torch.set_num_threads(1)
    return Shared(save_checkpoint(folder / "checkpoint"), build_tiny_store(folder / "store.sqlite"))


def run(shared: Shared, case: Case) -> Tuple[str, int]:
    """Add a component with random settings, initialize it, and use it."""
    rng = case.rng
    factory = rng.choice(FACTORIES)
    config = _with_files(copy.deepcopy(Language.get_factory_meta(factory).default_config), shared)
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        _change(rng, config)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        spacy.util.fix_random_seed(0)
        nlp = spacy.blank("xx")
        nlp.add_pipe(factory, config=config)
        eg = example(nlp)
        nlp.initialize(lambda: [eg])
        doc = nlp.get_pipe(factory)(make_doc(nlp, gold=False))
        if rng.random() < 0.2:
            list(nlp.pipe([make_doc(nlp, gold=False), nlp.make_doc("")]))
        if rng.random() < 0.2:
            nlp.update([eg], sgd=nlp.create_optimizer())
    found = describe(doc)
    for group in (found["relations"], *found["fillers"], *found["answers"]):
        for one in group:
            if one[-1] is not None and not math.isfinite(one[-1]):
                raise Broken(f"{factory} with {config} gives {one}")
    return "works", 0


def _with_files(config: Any, shared: Shared) -> Any:
    """Return the config with the tiny checkpoint and store."""
    if not isinstance(config, dict):
        return config
    found = {key: _with_files(value, shared) for key, value in config.items()}
    if found.get("@architectures") == "spacy-mluke.Encoder.v1":
        found.update(name=str(shared.checkpoint), window=66)
    if found.get("@misc") == "spacy-mluke.store_candidates.v1":
        found["path"] = str(shared.store)
    return found


def _change(rng: random.Random, config: Dict[str, Any]) -> None:
    """Change the value of one setting."""
    places: List[Tuple[Dict[str, Any], str]] = []

    def collect(block: Dict[str, Any]) -> None:
        for key, value in block.items():
            if key in FIXED or key.startswith("@"):
                continue
            places.append((block, key))
            if isinstance(value, dict):
                collect(value)

    collect(config)
    block, key = rng.choice(places)
    value = block[key]
    if key in FUNCTIONS and rng.random() < 0.6:
        block[key] = copy.deepcopy(rng.choice(FUNCTIONS[key]))
    elif isinstance(value, bool):
        block[key] = rng.choice((not value, not value, "perhaps", None, 1))
    elif isinstance(value, (int, float)) and rng.random() < 0.6:
        block[key] = rng.choice((0, 1, 2, 3, 10, 1000, 0.5, 0.0, 1.0, 1e-9, -1, -0.5))
    elif rng.random() < 0.02:
        block[rng.choice(("x", key + "s", "treshold"))] = rng.choice((1, "x", None))
    else:
        hostile = rng.choice(HOSTILE)
        # spaCy cannot write a config with a lone surrogate.
        block[key] = copy.deepcopy("" if hostile == "\ud800" else hostile)


TARGET = Target("settings", prepare, run, seconds=20.0)
