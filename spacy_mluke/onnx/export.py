"""Export a pipeline as ONNX graphs, with a manifest, and compare them with PyTorch."""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional, Sequence, Union

from spacy.language import Language

from .. import __version__
from ..errors import Errors, check_choice
from ..storage.folders import replacing_folder
from ..tokenization.interface import Wordpieces
from .check import LIMIT, encoder_difference, head_difference
from .encoder_export import ExportedEncoder, encoder_digest, export_encoder
from .manifest import NAME as MANIFEST
from .manifest import write_manifest
from .packages import check_packages
from .plan import PlannedComponent, plan_component
from .readme import write_readme
from .shrink import to_int8
from .tracing import trace
from .weight_file import WeightFile, move_weights

PRECISIONS = ("float32", "int8")
ENTITIES = ("special", "all")
_META = ("lang", "name", "version", "description", "author", "license", "sources", "notes")


@dataclass
class OnnxExport:
    """What was exported."""

    path: Path
    components: Dict[str, str]  # names, and what each one does
    skipped: Dict[str, str]  # components that were not exported, and why
    differences: Dict[str, float]  # largest difference from PyTorch of a state or a logit, by file


def export_onnx(
    nlp: Language,
    path: Union[str, Path],
    *,
    components: Optional[Sequence[str]] = None,
    entities: str = "special",
    precision: str = "float32",
) -> OnnxExport:
    """Write the encoders and heads of a pipeline as ONNX graphs with dynamic lengths.

    The graphs are compared with PyTorch on texts in several languages before the folder is put in place.

    nlp (Language): The pipeline.
    path (Union[str, Path]): The folder; an earlier export in it is replaced.
    components (Optional[Sequence[str]]): Components to export. By default, all that can be exported.
    entities (str): Rows of the entity table to export. "special": [MASK], [MASK2], [UNK] and [PAD], all that the heads
        need; "all": every row, so that mentions can be encoded with known entities.
    precision (str): "float32", or "int8": matrices of weights in eight bits, with less exact results.
    RETURNS (OnnxExport): What was exported.
    RAISES (ImportError): ML480 without the packages of the extra "onnx".
    RAISES (ValueError): ML070 for an unknown choice, ML481 for a component that cannot be exported, ML482 if none can,
        ML483 if results differ, ML489 for a folder with other files.
    """
    check_packages("The export", "onnx", "onnxruntime")
    check_choice("entities", entities, ENTITIES)
    check_choice("precision", precision, PRECISIONS)
    target = Path(path)
    if target.exists() and not (target / MANIFEST).is_file() and (not target.is_dir() or any(target.iterdir())):
        raise ValueError(Errors.ML489.format(path=target))
    planned, skipped = plan_components(nlp, components)
    with replacing_folder(target) as folder:
        differences = _write(nlp, planned, folder, all_entities=entities == "all", precision=precision)
    return OnnxExport(target, {found.name: found.task for found in planned}, skipped, differences)


def plan_components(
    nlp: Language, components: Optional[Sequence[str]]
) -> tuple[List[PlannedComponent], Dict[str, str]]:
    """Return the components to export.

    nlp (Language): The pipeline.
    components (Optional[Sequence[str]]): Their names; None for all that can be exported.
    RETURNS (tuple[List[PlannedComponent], Dict[str, str]]): The components, and why others cannot be exported.
    RAISES (ValueError): ML481, ML482.
    """
    planned: List[PlannedComponent] = []
    skipped: Dict[str, str] = {}
    for name in nlp.pipe_names:
        found, reason = plan_component(nlp, name)
        if found is None:
            skipped[name] = reason
        else:
            planned.append(found)
    known = [found.name for found in planned]
    for name in components or ():
        if name not in known:
            reason = skipped.get(name, "is not in the pipeline")
            raise ValueError(Errors.ML481.format(name=name, reason=reason, names=", ".join(known) or "none"))
    if not planned:
        reasons = "; ".join(f"{name} {reason}" for name, reason in skipped.items()) or "none"
        raise ValueError(Errors.ML482.format(reasons=reasons))
    return [found for found in planned if components is None or found.name in components], skipped


def _write(
    nlp: Language, planned: Sequence[PlannedComponent], folder: Path, *, all_entities: bool, precision: str
) -> Dict[str, float]:
    """Write an export. Returns the largest difference by file."""
    encoders: Dict[str, ExportedEncoder] = {}
    wordpieces: Dict[str, Any] = {}
    manifest: Dict[str, Any] = {
        "made_by": f"spacy_mluke {__version__}",
        "precision": precision,
        "pipeline": {key: nlp.meta[key] for key in _META if nlp.meta.get(key)},
        "tokenizer": {"split_particles": getattr(nlp.tokenizer, "split_particles", False)},
        "wordpieces": wordpieces,
        "encoders": {},
        "components": {},
    }
    with WeightFile(folder / "weights.bin") as weights:
        digests: Dict[str, str] = {}
        for found in planned:
            found.owner = digests.setdefault(encoder_digest(found.encoder), found.owner)
            found.manifest["encoder"] = found.owner
            if found.owner in encoders:
                continue
            exported = encoders[found.owner] = export_encoder(found.encoder, all_entities=all_entities)
            settings = manifest["encoders"][found.owner] = dict(exported.manifest)
            settings["wordpieces"] = _write_wordpieces(folder, exported.loaded.wordpieces, wordpieces)
            settings["graphs"] = {
                name: _save(graph, folder, f"{found.owner}.{name}.onnx", weights, precision, exported.tables)
                for name, graph in exported.graphs.items()
            }
        for found in planned:
            content = manifest["components"][found.name] = dict(found.manifest)
            width = manifest["encoders"][found.owner]["width"]
            for name, data in found.files.items():
                content[name] = {"file": f"{found.name}.{name}.npz"}
                (folder / content[name]["file"]).write_bytes(data)
            for name, module in found.graphs.items():
                graph = trace(module, _head_example(module, width))
                # Heads are small, and stay in float32.
                saved = _save(graph, folder, f"{found.name}.{name}.onnx", weights, "float32", {})
                if name == "pruner":
                    content["pruner"] = {**content["pruner"], "graph": saved}
                else:
                    content[name] = saved
    differences = _check(planned, encoders, manifest, folder, precision)
    manifest["check"] = {"largest_differences": differences}
    _copy_licences(nlp, folder)
    write_readme(folder, manifest)
    write_manifest(folder, manifest)
    return differences


def _save(
    graph: Any, folder: Path, name: str, weights: WeightFile, precision: str, tables: Mapping[str, Any]
) -> Dict[str, Any]:
    """Write a graph, and return its part of the manifest: the file, and the types and shapes of inputs and outputs."""
    import onnx

    if precision == "int8":
        graph = to_int8(graph)
    move_weights(graph, weights, tables)
    graph.producer_name = "spacy_mluke"
    onnx.save(graph, folder / name)

    def described(values: Any) -> Dict[str, Any]:
        return {
            value.name: {
                "type": onnx.helper.tensor_dtype_to_np_dtype(value.type.tensor_type.elem_type).name,
                "shape": [size.dim_param or size.dim_value for size in value.type.tensor_type.shape.dim],
            }
            for value in values
        }

    return {"file": name, "inputs": described(graph.graph.input), "outputs": described(graph.graph.output)}


def _head_example(module: Any, width: int) -> Dict[str, Any]:
    import torch

    if "states" in module.INPUTS:
        return {"states": torch.zeros((3, module.layer.in_features))}
    return {
        "piece_states": torch.zeros((5, width)),
        "mention_states": torch.zeros((3, 3 * width)),
        "pairs": torch.tensor([[0, 1], [1, 0], [2, 1], [0, 2]]),
        "places": torch.tensor([0, 2, 3]),
    }


def _write_wordpieces(folder: Path, wordpieces: Wordpieces, known: Dict[str, Any]) -> str:
    """Write a vocabulary, unless it was written for another encoder, and return the name of its folder."""
    digest = hashlib.sha256(b"".join(name.encode() + data for name, data in sorted(wordpieces.files.items())))
    for name, found in known.items():
        if found["sha256"] == digest.hexdigest() and found["max_ids"] == wordpieces.max_ids:
            return name
    name = "wordpieces" if not known else f"wordpieces{len(known) + 1}"
    wordpieces.to_dir(folder / name)
    known[name] = {
        "files": sorted(wordpieces.files),
        "sha256": digest.hexdigest(),
        "max_ids": wordpieces.max_ids,
        "special_ids": vars(wordpieces.special),
    }
    return name


def _check(
    planned: Sequence[PlannedComponent],
    encoders: Mapping[str, ExportedEncoder],
    manifest: Mapping[str, Any],
    folder: Path,
    precision: str,
) -> Dict[str, float]:
    """Compare the graphs with PyTorch. Eight bits differ by design: their differences are only returned."""
    differences: Dict[str, float] = {}
    for name, exported in encoders.items():
        found = encoder_difference(exported, manifest["encoders"][name], folder)
        differences[name] = found
        _refuse(name, found, precision)
    for component in planned:
        for name, module in component.graphs.items():
            content = manifest["components"][component.name]
            graph = content["pruner"]["graph"] if name == "pruner" else content[name]
            found = head_difference(module, folder / graph["file"], manifest["encoders"][component.owner]["width"])
            differences[graph["file"]] = found
            _refuse(graph["file"], found, "float32")
    return differences


def _refuse(graph: str, found: float, precision: str) -> None:
    if precision == "float32" and not found <= LIMIT:
        raise ValueError(Errors.ML483.format(graph=graph, found=found, limit=LIMIT))


def _copy_licences(nlp: Language, folder: Path) -> None:
    """Copy the licences of a pipeline from its folder."""
    source: Any = nlp.path
    if source is not None:
        for file in sorted(Path(source).glob("LICENSE*")):
            if file.is_file():
                shutil.copyfile(file, folder / file.name)
