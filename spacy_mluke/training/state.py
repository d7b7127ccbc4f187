"""The state of a training on disk: pipeline, optimizer, random numbers. JSON and safetensors, no pickle.

FOLDER/latest.json    which of the folders beside it is whole
FOLDER/step-600/      pipeline/, state.json, state.safetensors
"""

from __future__ import annotations

import contextlib
import json
import random
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional, Tuple, cast

import numpy
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from spacy.language import Language
from thinc.api import Model, Optimizer, get_current_ops
from thinc.util import to_numpy

from ..encoder.optimizer import AdamW
from ..encoder.parameters import models_of, parameters_of
from ..errors import Errors
from ..storage.files import plain_name, writing
from ..storage.folders import remove_folder, replacing_folder, sync_file
from ..storage.manifest import checksum

FOLDER = "training-state"
_LATEST, _FACTS, _TENSORS, _PIPELINE = "latest.json", "state.json", "state.safetensors", "pipeline"
# What an optimizer keeps for each parameter.
_MOMENTS = ("mom1", "mom2", "averages", "_full")
_TORCH_STATE = "random/torch"
Key = Tuple[int, str]


@dataclass
class TrainingState:
    """Where a training stands."""

    n_steps: int  # that were taken
    seed: int  # that the order of batches comes from
    every: int  # steps between states
    losses: Dict[str, float]  # summed since the last evaluation
    results: List[Tuple[float, int]]  # score and step of each evaluation
    # Of `random` and NumPy, as their getters give them.
    random_state: Any = None
    numpy_state: Any = None
    updates: Dict[str, int] = field(default_factory=dict)  # steps of each parameter, by place


def save_state(
    folder: Path, nlp: Language, optimizer: Optimizer, state: TrainingState, *, keep: Optional[Path] = None
) -> None:
    """Write the state of a training. Whoever reads it meanwhile, or after a crash, finds the one before.

    folder (Path): The folder of states, made if missing.
    nlp (Language): The pipeline.
    optimizer (Optimizer): Any of thinc's.
    state (TrainingState): The rest; the state of random numbers is added.
    keep (Optional[Path]): The state that the pipeline was loaded from. It stays: tables and names are read from its
        files when they are first asked for.
    RAISES (ValueError): ML360 if it cannot be written.
    """
    target = folder / f"step-{state.n_steps}"
    places = _places(nlp)
    tensors: Dict[str, torch.Tensor] = {_TORCH_STATE: torch.get_rng_state()}
    for n in range(torch.cuda.device_count() if torch.cuda.is_available() else 0):
        tensors[f"{_TORCH_STATE}/{n}"] = torch.cuda.get_rng_state(n)
    for kind in _MOMENTS:
        for key, value in (getattr(optimizer, kind, None) or {}).items():
            if key in places:
                tensor = value if isinstance(value, torch.Tensor) else torch.from_numpy(to_numpy(value))
                tensors[f"{kind}/{places[key]}"] = tensor.detach().cpu().contiguous()
    state.updates = {place: optimizer.nr_update[key] for key, place in places.items() if key in optimizer.nr_update}
    version, numbers, gauss = random.getstate()
    name, keys, *rest = numpy.random.get_state()  # noqa: NPY002
    state.random_state = [version, list(numbers), gauss]
    state.numpy_state = [name, numpy.asarray(keys).tolist(), *rest]
    with replacing_folder(target, is_synced=True) as aside:
        nlp.to_disk(aside / _PIPELINE)
        try:
            save_file(tensors, aside / _TENSORS)
        except SafetensorError as error:
            # A full disk, for instance.
            raise OSError(error) from error
        (aside / _FACTS).write_text(json.dumps(asdict(state)), encoding="utf8")
    latest = {"folder": target.name, "files": {name: checksum(target / name) for name in (_FACTS, _TENSORS)}}
    # Only now does anybody know of it.
    with writing(folder / _LATEST) as aside:
        aside.write_text(json.dumps(latest), encoding="utf8")
        sync_file(aside)
    for other in folder.glob("step-*"):
        if other not in (target, keep):
            remove_folder(other)


def find_state(folder: Path) -> Optional[Path]:
    """The last whole state.

    folder (Path): The folder of states.
    RETURNS (Optional[Path]): Its own folder; None if there is none.
    RAISES (ValueError): ML255 if the file that names it is damaged, or names a state that is missing or damaged.
    """
    latest = folder / _LATEST
    if not latest.is_file():
        return None
    try:
        content = json.loads(latest.read_text(encoding="utf8"))
        found = folder / plain_name(content["folder"])
        if not (found / _PIPELINE).is_dir():
            raise ValueError(f"'{found}' is missing, or has no pipeline")
        for name, wanted in content.get("files", {}).items():
            if checksum(found / plain_name(name)) != wanted:
                raise ValueError(f"'{found / name}' is damaged")
    except (AttributeError, KeyError, OSError, RecursionError, TypeError, ValueError) as error:
        raise ValueError(Errors.ML255.format(path=latest, reason=error, folder=folder)) from error
    return found


def pipeline_path(path: Path) -> Path:
    """The pipeline of a state.

    path (Path): As from `find_state`.
    RETURNS (Path): What `spacy.load` takes.
    """
    return path / _PIPELINE


def read_state(path: Path) -> TrainingState:
    """Read where a training stands.

    path (Path): As from `find_state`.
    RETURNS (TrainingState): The state.
    RAISES (ValueError): ML255 if it is damaged.
    """
    with _coded(path):
        state = TrainingState(**json.loads((path / _FACTS).read_text(encoding="utf8")))
        state.results = [(float(score), int(step)) for score, step in state.results]
        for name, least in (("n_steps", 0), ("seed", 0), ("every", 1)):
            value = getattr(state, name)
            if not isinstance(value, int) or value < least:
                raise ValueError(f"'{name}' is {value!r}")
        state.losses = {str(name): float(loss) for name, loss in state.losses.items()}
        state.updates = {str(name): int(n) for name, n in state.updates.items()}
    return state


def restore_optimizer(path: Path, nlp: Language, optimizer: Optimizer, state: TrainingState) -> None:
    """Give an optimizer its moments back.

    path (Path): As from `find_state`.
    nlp (Language): The pipeline, as it was loaded from there.
    optimizer (Optimizer): A fresh one; its schedules are not touched.
    state (TrainingState): As from `read_state`.
    RAISES (ValueError): ML255 if it is damaged.
    """
    ops = get_current_ops()
    tensors = _read_tensors(path)
    for key, place in _places(nlp).items():
        for kind in _MOMENTS:
            tensor = tensors.get(f"{kind}/{place}")
            known = getattr(optimizer, kind, None)
            if tensor is not None and known is not None:
                # Averages are arrays to everybody: spaCy hands them to models.
                is_torch = isinstance(optimizer, AdamW) and kind != "averages"
                known[key] = tensor if is_torch else ops.asarray(cast(Any, tensor.numpy()))
        if place in state.updates:
            optimizer.nr_update[key] = state.updates[place]


def restore_random(path: Path, state: TrainingState) -> None:
    """Let random numbers go on from where they were.

    path (Path): As from `find_state`.
    state (TrainingState): As from `read_state`.
    RAISES (ValueError): ML255 if it is damaged.
    """
    with _coded(path):
        version, numbers, gauss = state.random_state
        random.setstate((version, tuple(numbers), gauss))
        name, keys, *rest = state.numpy_state
        numpy.random.set_state((name, numpy.asarray(keys, dtype="uint32"), *rest))  # noqa: NPY002
        tensors = _read_tensors(path)
        torch.set_rng_state(tensors[_TORCH_STATE])
        for n in range(torch.cuda.device_count() if torch.cuda.is_available() else 0):
            if f"{_TORCH_STATE}/{n}" in tensors:
                torch.cuda.set_rng_state(tensors[f"{_TORCH_STATE}/{n}"], n)


def _read_tensors(path: Path) -> Dict[str, torch.Tensor]:
    with _coded(path):
        return load_file(path / _TENSORS)


@contextlib.contextmanager
def _coded(path: Path) -> Iterator[None]:
    """Whatever goes wrong while a state is read, it is the state's fault."""
    try:
        yield
    except Exception as error:
        if str(error).startswith("[ML"):
            raise
        raise ValueError(Errors.ML255.format(path=path, reason=error, folder=path.parent)) from error


def _places(nlp: Language) -> Dict[Key, str]:
    """Names of parameters that hold in another process, where nodes have other numbers."""
    found: Dict[Key, str] = {}
    for name, model in models_of(nlp):
        found.update(_places_of(name, model))
    return found


def _places_of(name: str, model: Model) -> Iterator[Tuple[Key, str]]:
    for i, node in enumerate(model.walk()):
        for j, shim in enumerate(node.shims):
            for parameter, _ in parameters_of(shim):
                yield (shim.id, parameter), f"{name}/{i}.{j}/{parameter}"
        for parameter in node.param_names:
            yield (node.id, parameter), f"{name}/{i}/{parameter}"
