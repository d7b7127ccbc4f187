"""The state of a training on disk: pipeline, optimizer, random numbers. JSON and safetensors, no pickle.

FOLDER/latest.json    the name of the last complete state
FOLDER/step-600/      a state: pipeline/, state.json, state.safetensors
"""

from __future__ import annotations

import contextlib
import json
import random
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Dict, Iterator, List, Mapping, Optional, Tuple, cast

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
# Attributes in which an optimizer keeps one tensor for each parameter.
_MOMENTS = ("mom1", "mom2", "averages", "_full")
_TORCH_STATE = "random/torch"
_EXTRA = "extra/"  # prefix of tensors that are not the pipeline's
Key = Tuple[int, str]


@dataclass
class TrainingState:
    """The progress of a training."""

    n_steps: int  # number of steps that are done
    seed: int  # of the order of batches
    every: int  # steps between states
    losses: Dict[str, float]  # summed since the last evaluation
    results: List[Tuple[float, int]]  # score and step of each evaluation
    random_state: Any = None  # from `random.getstate`
    numpy_state: Any = None  # from `numpy.random.get_state`
    updates: Dict[str, int] = field(default_factory=dict)  # number of optimizer steps by parameter path
    extra: Dict[str, Any] = field(default_factory=dict)  # further facts about the progress, as JSON


def save_state(
    folder: Path,
    nlp: Language,
    optimizer: Optimizer,
    state: TrainingState,
    *,
    keep: Optional[Path] = None,
    extra: Optional[Mapping[str, torch.Tensor]] = None,
) -> None:
    """Write the state of a training. Until it is complete, and after a crash, readers get the previous state.

    folder (Path): The folder of states, created if missing.
    nlp (Language): The pipeline.
    optimizer (Optimizer): A thinc optimizer.
    state (TrainingState): Progress of the training; the random states are added to it.
    keep (Optional[Path]): The state that the pipeline was loaded from. It is not deleted, because the pipeline may read
        tables and names from its files later.
    extra (Optional[Mapping[str, torch.Tensor]]): Further tensors, such as the weights of a module outside the pipeline.
    RAISES (ValueError): ML360 if it cannot be written.
    """
    target = folder / f"step-{state.n_steps}"
    paths = _parameter_paths(nlp)
    tensors: Dict[str, torch.Tensor] = {_TORCH_STATE: torch.get_rng_state()}
    tensors.update({_EXTRA + name: tensor.detach().cpu().contiguous() for name, tensor in (extra or {}).items()})
    for n in range(torch.cuda.device_count() if torch.cuda.is_available() else 0):
        tensors[f"{_TORCH_STATE}/{n}"] = torch.cuda.get_rng_state(n)
    for kind in _MOMENTS:
        for key, value in (getattr(optimizer, kind, None) or {}).items():
            if key in paths:
                tensor = value if isinstance(value, torch.Tensor) else torch.from_numpy(to_numpy(value))
                tensors[f"{kind}/{paths[key]}"] = tensor.detach().cpu().contiguous()
    state.updates = {path: optimizer.nr_update[key] for key, path in paths.items() if key in optimizer.nr_update}
    version, numbers, gauss = random.getstate()
    name, keys, *rest = numpy.random.get_state()  # noqa: NPY002
    state.random_state = [version, list(numbers), gauss]
    state.numpy_state = [name, numpy.asarray(keys).tolist(), *rest]
    with replacing_folder(target, is_synced=True) as aside:
        nlp.to_disk(aside / _PIPELINE)
        try:
            save_file(tensors, aside / _TENSORS)
        except SafetensorError as error:
            # For instance, because the disk is full.
            raise OSError(error) from error
        (aside / _FACTS).write_text(json.dumps(asdict(state)), encoding="utf8")
    latest = {"folder": target.name, "files": {name: checksum(target / name) for name in (_FACTS, _TENSORS)}}
    # From here on, this state is the one that is read.
    with writing(folder / _LATEST) as aside:
        aside.write_text(json.dumps(latest), encoding="utf8")
        sync_file(aside)
    for other in folder.glob("step-*"):
        if other not in (target, keep):
            remove_folder(other)


def find_state(folder: Path) -> Optional[Path]:
    """Return the folder of the last complete state.

    folder (Path): The folder of states.
    RETURNS (Optional[Path]): The state's folder; None if there is none.
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
        for name, expected in content.get("files", {}).items():
            if checksum(found / plain_name(name)) != expected:
                raise ValueError(f"'{found / name}' is damaged")
    except (AttributeError, KeyError, OSError, RecursionError, TypeError, ValueError) as error:
        raise ValueError(Errors.ML255.format(path=latest, reason=error, folder=folder)) from error
    return found


def pipeline_path(path: Path) -> Path:
    """Return the folder of a state's pipeline.

    path (Path): As from `find_state`.
    RETURNS (Path): The folder, for `spacy.load`.
    """
    return path / _PIPELINE


def read_state(path: Path) -> TrainingState:
    """Read the progress of a training.

    path (Path): As from `find_state`.
    RETURNS (TrainingState): The state.
    RAISES (ValueError): ML255 if it is damaged.
    """
    with _errors_as_damage(path):
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
    """Restore the moments of an optimizer.

    path (Path): As from `find_state`.
    nlp (Language): The pipeline, as it was loaded from there.
    optimizer (Optimizer): A new one; its schedules are not changed.
    state (TrainingState): As from `read_state`.
    RAISES (ValueError): ML255 if it is damaged.
    """
    ops = get_current_ops()
    tensors = _read_tensors(path)
    for key, name in _parameter_paths(nlp).items():
        for kind in _MOMENTS:
            tensor = tensors.get(f"{kind}/{name}")
            moments = getattr(optimizer, kind, None)
            if tensor is not None and moments is not None:
                # Averages are arrays in every optimizer, because spaCy passes them to models.
                is_torch = isinstance(optimizer, AdamW) and kind != "averages"
                moments[key] = tensor if is_torch else ops.asarray(cast(Any, tensor.numpy()))
        if name in state.updates:
            optimizer.nr_update[key] = state.updates[name]


def read_extra(path: Path) -> Dict[str, torch.Tensor]:
    """Read the further tensors of a state.

    path (Path): As from `find_state`.
    RETURNS (Dict[str, torch.Tensor]): The tensors that were passed to `save_state` as `extra`.
    RAISES (ValueError): ML255 if the state is damaged.
    """
    found = _read_tensors(path)
    return {name.removeprefix(_EXTRA): tensor for name, tensor in found.items() if name.startswith(_EXTRA)}


def restore_random(path: Path, state: TrainingState) -> None:
    """Restore the random states.

    path (Path): As from `find_state`.
    state (TrainingState): As from `read_state`.
    RAISES (ValueError): ML255 if it is damaged.
    """
    with _errors_as_damage(path):
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
    with _errors_as_damage(path):
        return load_file(path / _TENSORS)


@contextlib.contextmanager
def _errors_as_damage(path: Path) -> Iterator[None]:
    """Raise ML255 for every error while a state is read."""
    try:
        yield
    except Exception as error:
        if str(error).startswith("[ML"):
            raise
        raise ValueError(Errors.ML255.format(path=path, reason=error, folder=path.parent)) from error


def _parameter_paths(nlp: Language) -> Dict[Key, str]:
    """Names of parameters by thinc's key. They are the same in every process, unlike the node ids in the keys."""
    found: Dict[Key, str] = {}
    for name, model in models_of(nlp):
        found.update(_paths_in_model(name, model))
    return found


def _paths_in_model(name: str, model: Model) -> Iterator[Tuple[Key, str]]:
    for i, node in enumerate(model.walk()):
        for j, shim in enumerate(node.shims):
            for parameter, _ in parameters_of(shim):
                yield (shim.id, parameter), f"{name}/{i}.{j}/{parameter}"
        for parameter in node.param_names:
            yield (node.id, parameter), f"{name}/{i}/{parameter}"
