"""The pipeline `xx_mluke_small`: names, relations and answers, in many languages."""

from pathlib import Path
from typing import Any

from spacy.language import Language
from spacy.util import get_model_meta, load_model_from_path

__version__ = get_model_meta(Path(__file__).parent)["version"]


def load(**overrides: Any) -> Language:
    """Load the pipeline: `spacy.load("xx_mluke_small")` calls this function.

    overrides (Any): Arguments of `spacy.load`, such as `exclude`.
    RETURNS (Language): The pipeline.
    """
    return load_model_from_path(Path(__file__).parent, **overrides)
