"""Target `checkpoints`: a checkpoint with damaged files gives the same results, or an error with a code."""

from __future__ import annotations

import shutil
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any, List, Tuple

import numpy
import spacy
import torch
from spacy.tokens import Doc, Span

from .cases import Broken, Case, Target
from .mutations import BYTES, CONTENT, damage_folder
from .tiny import save_checkpoint

TEXT = "Tokyo is the capital of Japan , 東京 !"


@dataclass
class Kind:
    """A checkpoint, another one with the same sizes, and the results of the first one."""

    folder: Path
    other: Path
    result: Any


def prepare(folder: Path) -> List[Kind]:
    """Make checkpoints in all published formats."""
    torch.set_num_threads(1)
    kinds = []
    for i, options in enumerate(({}, {"byte_level": True, "with_heads": False}, {"pickled": True})):
        own = save_checkpoint(folder / f"own{i}", **options)
        other = save_checkpoint(folder / f"other{i}", seed=1, **options)
        kinds.append(Kind(own, other, probe(own)))
    return kinds


def probe(folder: Path) -> Any:
    """Return the results of a checkpoint for a document."""
    from spacy_mluke.encoder.access import load_model

    nlp = spacy.blank("xx")
    pipe: Any = nlp.add_pipe("mluke", config={"model": {"name": str(folder)}})
    doc = nlp.make_doc(TEXT)
    doc.ents = [Span(doc, 0, 1, label="LOC")]
    doc = nlp(doc)
    loaded = load_model(pipe.model)
    vocabulary = loaded.entities
    names = [vocabulary.names(i) for i in range(vocabulary.n_ids)] if vocabulary.n_ids < 1000 else []
    heads = {name: tuple(parameter.shape) for name, parameter in loaded.heads.named_parameters()}
    return _states(doc), names, heads, loaded.wordpieces.special


def _states(doc: Doc) -> List[numpy.ndarray]:
    return [numpy.asarray(doc._.mluke.vectors), numpy.asarray(doc._.mluke.token_vectors)]


def run(kinds: List[Kind], case: Case) -> Tuple[str, int]:
    """Damage a copy of a checkpoint, load it, and compare its results."""
    rng = case.rng
    kind = rng.choice(kinds)
    copy = case.folder / "checkpoint"
    shutil.copytree(kind.folder, copy)
    files = sorted(path for path in copy.iterdir())
    others = [kind.other / path.name for path in files]
    how = damage_folder(rng, copy, files, others)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = probe(copy)
    if is_same(found[0], kind.result[0]) and found[1:] == kind.result[1:]:
        return "same results", 0
    # Published checkpoints have no checksums, so changed numbers cannot be detected; missing bytes must be detected.
    if how in (BYTES, CONTENT, "mixed"):
        return f"other results ({how})", 0
    raise Broken(f"a checkpoint with a file that is {how} was accepted, and gives other results")


def is_same(found: Any, expected: Any) -> bool:
    """Return whether two lists of arrays are equal."""
    return len(found) == len(expected) and all(
        a.shape == b.shape and numpy.allclose(a, b, atol=1e-6, equal_nan=True)
        for a, b in zip(found, expected, strict=True)
    )


TARGET = Target("checkpoints", prepare, run, seconds=20.0)
