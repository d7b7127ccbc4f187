"""Find the encoder of a component in an installed pipeline, to train from it."""

from __future__ import annotations

import contextlib
import importlib.util
import re
from pathlib import Path
from typing import Optional

from ..errors import Errors

# The folder in which a component saves its encoder.
ENCODER = "encoder"
PIPELINE_CONFIG = "config.cfg"
_CLONE = Path(__file__).resolve().parents[2]
_NAME = re.compile(r"([A-Za-z]\w*)/(\w[\w-]*)", re.ASCII)


def find_pipeline(package: str) -> Optional[Path]:
    """Return the folder of a pipeline that is installed, or that is in `models/` of a clone of this repository.

    The package is not imported.

    package (str): Name of the package, such as "xx_mluke_small".
    RETURNS (Optional[Path]): The folder with the pipeline's config.cfg; None if there is no such pipeline.
    """
    found = None
    with contextlib.suppress(ImportError, ValueError):
        found = importlib.util.find_spec(package)
    places = [Path(place) for place in (found.submodule_search_locations or ())] if found else []
    # `spacy package` puts the files into a folder inside of the package, named after the pipeline and its version.
    places += [place for parent in places for place in sorted(parent.glob(f"{package}-*"))]
    places.append(_CLONE / "models" / package)
    return next((place for place in places if _is_pipeline(place)), None)


def _is_pipeline(place: Path) -> bool:
    try:
        return (place / PIPELINE_CONFIG).is_file()
    except OSError:  # such as a name that is too long for a file
        return False


def find_installed_encoder(name: str) -> Optional[Path]:
    """Return the folder of a component's encoder in an installed pipeline.

    name (str): Name of the package and of the component, such as "xx_mluke_small/mluke_ner".
    RETURNS (Optional[Path]): The folder; None if no pipeline with this name is installed.
    RAISES (ValueError): ML402 if the pipeline has no such component, or the component has no encoder.
    """
    match = _NAME.fullmatch(name)
    pipeline = find_pipeline(match[1]) if match else None
    if match is None or pipeline is None:
        return None
    folder = pipeline / match[2] / ENCODER
    if not folder.is_dir():
        known = sorted(path.parent.name for path in pipeline.glob(f"*/{ENCODER}"))
        raise ValueError(Errors.ML402.format(name=name, package=match[1], component=match[2], known=", ".join(known)))
    return folder
