"""Compare exported graphs with PyTorch."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, List, Mapping, cast

import numpy
import torch

from ..align import align
from ..encoder.running import network_input
from ..ragged import Spans
from ..suggesters.ngram_spans import ngram_spans
from ..types import AlignedBatch
from .encoder_export import ExportedEncoder
from .sessions import Graph, OnnxEncoder
from .texts import TokenizedText

LIMIT = 1e-4
# Latin, Cyrillic, Arabic, Devanagari, Chinese; one word, and one text longer than the others.
TEXTS = (
    "Tokyo",
    "Ada Lovelace wrote the first program for Charles Babbage's engine.",
    "Мария Кюри родилась в Варшаве и работала в Париже.",
    "وُلدت ماري كوري في وارسو.",
    "महात्मा गांधी का जन्म पोरबंदर में हुआ था।",
    "鲁迅出生于绍兴,曾在日本学习医学。",
    "Die Donau entspringt im Schwarzwald, fließt durch Wien, Bratislava, Budapest und Belgrad und mündet ins Schwarze "
    "Meer. " * 4,
)
_MAX_ENTITIES = 60  # of a text


def encoder_difference(exported: ExportedEncoder, settings: Mapping[str, Any], folder: Path) -> float:
    """Encode texts of several lengths in one batch, and return the largest difference of a state from PyTorch's.

    exported (ExportedEncoder): The encoder.
    settings (Mapping[str, Any]): Its part of the manifest.
    folder (Path): The export.
    RETURNS (float): The difference.
    """
    encoder = OnnxEncoder(folder, settings, exported.loaded.wordpieces, threads=torch.get_num_threads())
    batch = sample_batch(encoder)
    pieces, entities = encoder.run(batch)
    # The network has the vocabulary's ids, and the export has the numbers of its rows.
    given: Dict[str, Any] = network_input(batch, torch.device("cpu"))
    given["entity_ids"] = torch.tensor(exported.entity_ids)[given["entity_ids"]]
    with torch.no_grad():
        expected = exported.network(**given, max_mention_length=batch.max_mention_length)
    found = [
        numpy.abs(states.numpy() - other).max(initial=0.0)
        for states, other in zip(expected, (pieces, entities), strict=True)
    ]
    return float(max(found))


def sample_batch(encoder: OnnxEncoder) -> AlignedBatch:
    """Return the aligned texts of the check, with short spans as entities.

    encoder (OnnxEncoder): The encoder.
    RETURNS (AlignedBatch): The sequences.
    """
    texts = [TokenizedText.split(text, encoder.wordpieces) for text in TEXTS]
    spans = ngram_spans(cast(Any, texts), min_size=1, max_size=2)
    offsets = numpy.cumsum(spans.lengths)[:-1]
    bounds: List[Any] = [own[:_MAX_ENTITIES] for own in numpy.split(spans.bounds, offsets)]
    lengths = numpy.asarray([len(own) for own in bounds], dtype="int32")
    given = Spans(numpy.concatenate(bounds).astype("int32"), lengths)
    return align(cast(Any, texts), given, encoder.wordpieces, **encoder.alignment())


def head_difference(module: Any, file: Path, width: int) -> float:
    """Return the largest difference of a logit from PyTorch's, for states at random.

    module (Any): The head.
    file (Path): Its graph.
    width (int): Width of the encoder's states.
    RETURNS (float): The difference.
    """
    random = numpy.random.default_rng(0)
    shapes = {"piece_states": (11, width), "mention_states": (4, 3 * width)}
    inputs: Dict[str, Any] = {}
    for name in module.INPUTS:
        if name == "pairs":
            inputs[name] = numpy.asarray([(i, j) for i in range(4) for j in range(4) if i != j], dtype="int64")
        elif name == "places":
            inputs[name] = numpy.asarray([0, 3, 3, 10], dtype="int64")
        else:
            shape = shapes.get(name) or (7, module.layer.in_features)
            inputs[name] = random.standard_normal(shape).astype("float32")
    with torch.no_grad():
        expected = module(**{name: torch.from_numpy(values) for name, values in inputs.items()}).numpy()
    (found,) = Graph(file, torch.get_num_threads())(**inputs)
    return float(numpy.abs(expected - found).max())
