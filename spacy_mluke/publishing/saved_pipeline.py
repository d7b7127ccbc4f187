"""Read the meta data of a saved pipeline, without loading it."""

from __future__ import annotations

import importlib.util
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, List, Union

from thinc.api import Config

from ..errors import Errors

META, CONFIG, CARD = "meta.json", "config.cfg", "README.md"


@dataclass(frozen=True)
class Component:
    """A component of a saved pipeline."""

    name: str
    factory: str
    labels: List[str]


@dataclass(frozen=True)
class SavedPipeline:
    """A pipeline's folder, and what its files say about it."""

    path: Path
    meta: Dict[str, Any]
    components: List[Component]

    @property
    def name(self) -> str:
        """Name of the pipeline with its language, as of its package."""
        return f"{self.meta['lang']}_{self.meta['name']}"


def read_pipeline(name: Union[str, Path]) -> SavedPipeline:
    """Read the files of a saved pipeline that describe it. Nothing of it is executed.

    name (Union[str, Path]): Its directory, or the name of an installed package.
    RETURNS (SavedPipeline): The pipeline.
    RAISES (ValueError): ML406 if there is no such pipeline, or if a file is missing or damaged.
    """
    path = _find(name)
    try:
        meta = json.loads((path / META).read_text(encoding="utf8"))
        config = Config().from_disk(path / CONFIG, interpolate=False)
        own = config["components"]
        components = [
            Component(one, str(own[one].get("factory", "")), [str(label) for label in _labels(meta, one)])
            for one in config["nlp"]["pipeline"]
        ]
        if not all(isinstance(meta[key], str) for key in ("lang", "name", "version")):
            raise ValueError(f"{META} has no lang, name and version")
    except Exception as error:  # a damaged config raises errors of many kinds
        reason = f"{type(error).__name__}: {error}"
        raise ValueError(Errors.ML406.format(path=path, reason=reason)) from error
    return SavedPipeline(path, meta, components)


def _find(name: Union[str, Path]) -> Path:
    path = Path(name)
    if not path.is_dir() and str(name).isidentifier():
        spec = importlib.util.find_spec(str(name))
        if spec is not None and spec.origin is not None:
            path = Path(spec.origin).parent
    # A package has the pipeline in a folder with its version.
    inside = [one.parent for one in sorted(path.glob(f"*/{CONFIG}"))]
    if path.is_dir() and not (path / CONFIG).is_file() and len(inside) == 1:
        path = inside[0]
    if not (path / CONFIG).is_file() or not (path / META).is_file():
        reason = f"it has no {CONFIG} and no {META}" if path.is_dir() else "there is no such directory or package"
        raise ValueError(Errors.ML406.format(path=name, reason=reason))
    return path


def _labels(meta: Dict[str, Any], name: str) -> List[Any]:
    labels = meta.get("labels", {})
    found = labels.get(name, []) if isinstance(labels, dict) else []
    return found if isinstance(found, list) else []
