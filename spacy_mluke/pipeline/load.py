"""A ready-made pipeline: mentions found, encoded and linked."""

from __future__ import annotations

from pathlib import Path
from typing import Optional, Union

from spacy.language import Language

from ..attribution import attribute_bundled
from ..kb.bundled import BUNDLED
from ..languages import make_blank


def load(
    name: Union[str, Path] = "mluke-small",
    *,
    lang: str = "xx",
    store: Union[str, Path] = "world",
    cloze: bool = False,
    quantize: Optional[str] = None,
    dtype: str = "float32",
) -> Language:
    """Create a pipeline that finds, encodes and links mentions of a knowledge base's entities.

    Its components are `mluke_mentions`, `mluke`, `mluke_linker` and, on request, `mluke_cloze`. The bundled checkpoint
    and knowledge base need no training and no download. Their licences are written to `nlp.meta`, so that a package of
    the pipeline contains them.

    name (Union[str, Path]): The bundled "mluke-small", a checkpoint directory, or a hub name.
    lang (str): Language of the texts; "xx" for any. Names in this language are preferred. The tokenizers of some
        languages need further packages (ML312 lists them).
    store (Union[str, Path]): "world" for the bundled countries, cities, languages and currencies; "knowledge" for the
        bundled people, places, organisations and works; or the path of an entity store.
    cloze (bool): Whether to add `mluke_cloze`, which fills [MASK]s.
    quantize (Optional[str]): "int8" for encoders that predict in eight bits: faster, with nearly the same results.
    dtype (str): "auto" for encoders that predict in bfloat16 if that is faster on this machine; or another type of
        `spacy-mluke.Encoder.v1`.
    RETURNS (Language): The pipeline.
    RAISES (ValueError): ML312 if packages for the language are missing, ML313 for an unknown language.
    """
    nlp = make_blank(lang)
    options = {"name": str(name), "quantize": quantize, "dtype": dtype}
    encoder = {"model": {"encoder": options}}
    candidates = {"candidates": {"path": str(store)}}
    nlp.add_pipe("mluke_mentions", config=candidates)
    # "both" finds the same entity across languages more often: see "The same entity" in docs/background/mluke-small.md.
    nlp.add_pipe("mluke", config={"model": options, "span_vectors": "both"})
    nlp.add_pipe("mluke_linker", config={**encoder, **candidates})
    if cloze:
        nlp.add_pipe("mluke_cloze", config=encoder)
    # The entities of the bundled checkpoint have their names from the bundled knowledge base.
    if str(name) == "mluke-small" or str(store) in BUNDLED:
        attribute_bundled(nlp.meta, store=str(store))
    return nlp
