"""The ready-made pipeline `xx_mluke_small`: where it is, and how it is loaded."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Collection, Dict, List, Union

import spacy
from spacy.language import Language
from thinc.api import Config

from ..checkpoint.installed import find_pipeline
from ..errors import Errors
from ..languages import PACKAGES, make_blank

NAME = "xx_mluke_small"
# Languages whose tokenizers make other tokens than the pipeline was trained with: for them, it keeps its own.
_WITHOUT_SPACES = frozenset({"zh", *PACKAGES})


def ready_made_path() -> Path:
    """Return the folder of the ready-made pipeline: that of the installed package, or that of the clone.

    RETURNS (Path): The folder.
    RAISES (ValueError): ML318 if it is neither installed nor in a clone.
    """
    path = find_pipeline(NAME)
    if path is None:
        raise ValueError(Errors.ML318.format(name=NAME))
    return path


def load_saved(pipeline: Union[str, Path]) -> Language:
    """Load a saved pipeline as it is: "xx_mluke_small" without mentions and links, which `load` adds.

    pipeline (Union[str, Path]): Its directory, or the name of its package. In a clone, "xx_mluke_small" need not be
        installed.
    RETURNS (Language): The pipeline.
    RAISES (ValueError): ML318 if "xx_mluke_small" is neither installed nor in a clone.
    """
    is_ready_made = str(pipeline) == NAME and not Path(pipeline).is_dir()
    return spacy.load(ready_made_path() if is_ready_made else pipeline)


def load_ready_made(lang: str, components: Collection[str], encoder: Dict[str, Any]) -> Language:
    """Load components of the ready-made pipeline.

    lang (str): Language of the texts; "xx" for any. Its tokenizer is used, but for Chinese, Japanese, Korean, Thai and
        Vietnamese: the pipeline was trained with text that is split at spaces and, in scripts without them, at
        wordpieces.
    components (Collection[str]): Names of the components to load.
    encoder (Dict[str, Any]): Options of `spacy-mluke.Encoder.v1` to override.
    RETURNS (Language): The pipeline.
    RAISES (ValueError): ML312, ML313 as `make_blank`; ML318 if the installation does not have the pipeline.
    """
    path = ready_made_path()
    config = Config().from_disk(path / "config.cfg")
    has_own_tokenizer = lang in ("xx", *_WITHOUT_SPACES)
    if lang != config["nlp"]["lang"]:
        config["nlp"]["lang"] = lang
        if not has_own_tokenizer:
            config["nlp"]["tokenizer"]["base"] = make_blank(lang).config["nlp"]["tokenizer"]
    excluded: List[str] = [name for name in config["nlp"]["pipeline"] if name not in components]
    for name in components:
        model = config["components"][name].get("model", {})
        if "name" in model.get("encoder", {}):
            model["encoder"].update(encoder)
    nlp = spacy.util.load_model_from_config(config, exclude=excluded)
    # The saved tokenizer has the rules of "xx".
    skipped = excluded if has_own_tokenizer else [*excluded, "tokenizer"]
    return nlp.from_disk(path, exclude=skipped)
