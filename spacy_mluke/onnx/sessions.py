"""Run the graphs of an export over ragged batches: pads them, and removes the padding."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any, Callable, Dict, FrozenSet, Mapping, Optional, Tuple

import numpy

from ..align.boundaries import without_entities
from ..encoder.batching import Part, split_batch, take_entities
from ..ragged import positions
from ..tokenization.interface import Wordpieces
from ..types import AlignedBatch, Floats2d, Ints1d
from .packages import check_packages

# From the states of words, which entities of a batch to encode.
Selection = Callable[[AlignedBatch, Floats2d], Ints1d]
# From sequences and the states of their pieces and entities, a row for each entity.
Reduction = Callable[[AlignedBatch, Floats2d, Floats2d], Floats2d]


class Graph:
    """One ONNX graph. It is read at its first use.

    path (Path): The file.
    threads (int): Number of threads; 0 for as many as onnxruntime chooses.
    """

    def __init__(self, path: Path, threads: int):
        self.path = path
        self.threads = threads
        self._session: Any = None

    def __call__(self, **inputs: Any) -> Any:
        """Run the graph.

        **inputs (Any): Arrays by the names of the graph's inputs.
        RETURNS (List[numpy.ndarray]): Its outputs.
        """
        return self._open().run(None, inputs)

    @cached_property
    def inputs(self) -> FrozenSet[str]:
        """Names of the graph's inputs."""
        return frozenset(own.name for own in self._open().get_inputs())

    def _open(self) -> Any:
        if self._session is None:
            check_packages("The runner", "onnxruntime")
            import onnxruntime

            options = onnxruntime.SessionOptions()
            options.intra_op_num_threads = self.threads
            options.log_severity_level = 3
            self._session = onnxruntime.InferenceSession(str(self.path), options, providers=["CPUExecutionProvider"])
        return self._session


class OnnxEncoder:
    """An exported encoder.

    folder (Path): The export.
    settings (Mapping[str, Any]): The encoder's part of the manifest.
    wordpieces (Wordpieces): Its vocabulary.
    threads (int): Number of threads.
    max_items (int): Wordpieces and entities that go through a graph together, padding not counted.
    """

    def __init__(
        self, folder: Path, settings: Mapping[str, Any], wordpieces: Wordpieces, *, threads: int, max_items: int = 1024
    ):
        self.settings = settings
        self.wordpieces = wordpieces
        self.max_items = max_items
        self.graphs = {name: Graph(folder / graph["file"], threads) for name, graph in settings["graphs"].items()}

    @property
    def is_isolated(self) -> bool:
        """Whether words are encoded without entities, so that there are two graphs."""
        return self.settings["visibility"] == "isolated"

    @property
    def width(self) -> int:
        """Width of a state."""
        return self.settings["width"]

    def alignment(self, **changes: Any) -> Dict[str, Any]:
        """Return the options of `align`.

        **changes (Any): Options in place of the encoder's.
        RETURNS (Dict[str, Any]): The options.
        """
        names = ("segmentation", "window", "overlap", "max_mention_length")
        options = {name: self.settings[name] for name in names}
        options["max_entities"] = self.settings["max_entities"] or None
        options["default_entity_id"] = self.settings["entities"]["ids"]["mask"]
        return {**options, **changes}

    def run(self, batch: AlignedBatch) -> Tuple[Floats2d, Floats2d]:
        """Encode all sequences of a batch.

        batch (AlignedBatch): The sequences.
        RETURNS (Tuple[Floats2d, Floats2d]): States of all pieces and of all entities; an entity that is not encoded has
            zeros. Shapes: (n_pieces, width), (n_entities, width).
        """
        pieces = numpy.zeros((len(batch.piece_ids), self.width), dtype="float32")
        entities = numpy.zeros((len(batch.entity_ids), self.width), dtype="float32")
        for part in split_batch(batch, max_items=self.max_items):
            read = part.batch if batch.with_entities else without_entities(part.batch)
            found, of_entities = self._run_part(read)
            pieces[part.piece_rows] = found
            if batch.with_entities:
                entities[part.entity_rows] = of_entities
        return pieces, entities

    def reduce(
        self, batch: AlignedBatch, reduce: Reduction, n_out: int, select: Optional[Selection] = None
    ) -> Floats2d:
        """Encode all sequences, a few at a time, and keep what a function makes of the states of each entity.

        batch (AlignedBatch): The sequences.
        reduce (Reduction): What to keep of a part.
        n_out (int): Columns of its result.
        select (Optional[Selection]): Which entities to encode, by the states of the words. None for all.
        RETURNS (Floats2d): -inf for entities that were not selected. Shape: (n_entities, n_out).
        """
        found = numpy.full((len(batch.entity_ids), n_out), -numpy.inf, dtype="float32")
        for part in split_batch(batch, max_items=self.max_items, words_only=select is not None):
            rows, values = self._reduce_part(part, reduce, select)
            found[rows] = values
        return found

    def _reduce_part(self, part: Part, reduce: Reduction, select: Optional[Selection]) -> Tuple[Ints1d, Floats2d]:
        batch, rows = part.batch, part.entity_rows
        if select is None:
            pieces, entities = self._run_part(batch if batch.with_entities else without_entities(batch))
            return rows, reduce(batch, pieces, entities)
        words = self._encode_words(batch) if self.is_isolated else None
        pieces = words[0] if words is not None else self._run_part(without_entities(batch))[0]
        selected = select(batch, pieces)
        few = take_entities(batch, selected)
        if words is not None:
            entities = self._encode_entities(few, words[1])
        else:
            pieces, entities = self._run_part(few)
        return rows[selected], reduce(few, pieces, entities)

    def _run_part(self, batch: AlignedBatch) -> Tuple[Floats2d, Floats2d]:
        if self.is_isolated:
            pieces, words = self._encode_words(batch)
            return pieces, self._encode_entities(batch, words)
        padded = _padded_words(batch)
        entities = _padded_entities(batch)
        states, entity_states = self.graphs["encoder"](**padded, **entities)
        return states[padded["piece_mask"]], entity_states[entities["entity_mask"]]

    def _encode_words(self, batch: AlignedBatch) -> Tuple[Floats2d, Dict[str, Any]]:
        padded = _padded_words(batch)
        states, keys, values = self.graphs["words"](**padded)
        mask = padded["piece_mask"]
        return states[mask], {"piece_mask": mask, "keys": keys, "values": values}

    def _encode_entities(self, batch: AlignedBatch, words: Dict[str, Any]) -> Floats2d:
        if not len(batch.entity_ids):
            return numpy.zeros((0, self.width), dtype="float32")
        padded = _padded_entities(batch)
        mask = padded.pop("entity_mask")
        (states,) = self.graphs["entities"](**words, **padded)
        return states[mask]


def _padded_words(batch: AlignedBatch) -> Dict[str, Any]:
    rows, columns, mask = _places(batch.piece_lengths, least=2)
    piece_ids = numpy.ones(mask.shape, dtype="int64")
    piece_ids[rows, columns] = batch.piece_ids
    return {"piece_ids": piece_ids, "piece_mask": mask}


def _padded_entities(batch: AlignedBatch) -> Dict[str, Any]:
    rows, columns, mask = _places(batch.entity_lengths, least=1)
    entity_ids = numpy.zeros(mask.shape, dtype="int64")
    bounds = numpy.zeros((*mask.shape, 2), dtype="int64")
    entity_ids[rows, columns] = batch.entity_ids
    bounds[rows, columns] = batch.entity_bounds
    return {"entity_ids": entity_ids, "entity_bounds": bounds, "entity_mask": mask}


def _places(lengths: Ints1d, *, least: int) -> Tuple[Ints1d, Ints1d, Any]:
    """Return the row and the column of each item in a padded array, and which of its places are filled."""
    n_columns = max(least, int(lengths.max(initial=0)))
    rows = numpy.arange(len(lengths)).repeat(lengths)
    mask = numpy.arange(n_columns) < lengths[:, None]
    return rows, positions(lengths), mask
