"""Pipelines without any training: the ready-made one, or mentions of known entities with a checkpoint's vectors."""

from __future__ import annotations

from pathlib import Path
from typing import Optional, Sequence, Union

from spacy.language import Language

from ..annotate.span_means import bundled_means
from ..attribution import attribute_bundled
from ..errors import Errors, check_flag
from ..kb.bundled import BUNDLED, KNOWLEDGE, WORLD
from ..languages import make_blank
from .mluke.component import BOTH, CENTERED
from .ready_made import NAME, load_ready_made


def load(
    name: Union[str, Path] = NAME,
    *,
    lang: str = "xx",
    store: Optional[Union[str, Path, Sequence[Union[str, Path]]]] = None,
    same_ids: str = "error",
    inflections: bool = False,
    relations: Optional[bool] = None,
    questions: bool = False,
    cloze: bool = False,
    vectors: Optional[bool] = None,
    quantize: Optional[str] = None,
    dtype: str = "float32",
) -> Language:
    """Load a pipeline that finds, labels and links entities. It needs no training and no download.

    The ready-made pipeline finds people, organisations, places, dates, events, works, products and groups of people
    (`mluke_ner`), the relations between them (`mluke_relations`), adds names that the knowledge base knows
    (`mluke_mentions`), and links (`mluke_linker`). On request, it answers questions (`mluke_qa`), fills masks
    (`mluke_cloze`), and keeps vectors (`mluke`).

    With another `name`, the pipeline has no trained components: `mluke_mentions`, `mluke`, `mluke_linker`, and on
    request `mluke_cloze`. Licences are written to `nlp.meta`, so that a package of the pipeline contains them.

    name (Union[str, Path]): "xx_mluke_small", the ready-made pipeline; or a checkpoint: the bundled "mluke-small", a
        directory, or a hub name.
    lang (str): Language of the texts; "xx" for any. Names in this language are preferred. The tokenizers of some
        languages need further packages (ML312 lists them).
    store (Optional[Union[str, Path, Sequence]]): "knowledge" for the bundled people, places, organisations and works;
        "world" for the bundled countries, cities, languages and currencies, which "mluke-small" was trained with; or
        the path of an entity store; or a list of these, the most important first. None: "knowledge" for the ready-made
        pipeline, "world" for a checkpoint.
    same_ids (str): What an id that two stores have means: "error" for a conflict, "merge" for the same entity.
    inflections (bool): Whether names of all languages are found with endings of the text's language, such as those of
        plurals. It finds more names, and more words that are no names.
    relations (Optional[bool]): Whether to find relations. None: if the pipeline has been trained to.
    questions (bool): Whether to add `mluke_qa`, which answers questions. Only for the ready-made pipeline.
    cloze (bool): Whether to add `mluke_cloze`, which fills [MASK]s.
    vectors (Optional[bool]): Whether to add `mluke`, which keeps vectors of tokens and entities. None: for checkpoints
        only, since it reads the text once more.
    quantize (Optional[str]): "int8" for encoders that predict in eight bits: faster, with nearly the same results.
    dtype (str): "auto" for encoders that predict in bfloat16 if that is faster on this machine; or another type of
        `spacy-mluke.Encoder.v1`.
    RETURNS (Language): The pipeline.
    RAISES (ValueError): ML310 for an option that is neither true nor false, ML312 if packages for the language are
        missing, ML313 for an unknown language, ML314 for relations or questions of a checkpoint, ML318 if the
        installation does not have the ready-made pipeline.
    """
    for option, flag in (("inflections", inflections), ("questions", questions), ("cloze", cloze)):
        check_flag(option, flag)
    for option, choice in (("relations", relations), ("vectors", vectors)):
        check_flag(option, choice, optional=True)
    is_ready_made = str(name) == NAME
    options = {"quantize": quantize, "dtype": dtype}
    if is_ready_made:
        chosen = {"mluke_ner": True, "mluke_relations": relations is not False, "mluke_qa": questions}
        nlp = load_ready_made(lang, [component for component, wanted in chosen.items() if wanted], options)
    elif relations or questions:
        raise ValueError(Errors.ML314.format(what="relations" if relations else "questions", name=name, ready=NAME))
    else:
        nlp = make_blank(lang)
    options["name"] = "mluke-small" if is_ready_made else str(name)
    encoder = {"model": {"encoder": options}}
    if store is None:
        store = KNOWLEDGE if is_ready_made else WORLD
    path = str(store) if isinstance(store, (str, Path)) else [str(own) for own in store]
    stores = [path] if isinstance(path, str) else path
    candidates = {"candidates": {"path": path, "same_ids": same_ids, "inflections": inflections}}
    nlp.add_pipe("mluke_mentions", config=candidates)
    if vectors if vectors is not None else not is_ready_made:
        # These find the same entity across languages more often: docs/background/mluke-small.md, "The same entity".
        kind = BOTH if bundled_means(options["name"]) is None else CENTERED
        nlp.add_pipe("mluke", config={"model": options, "span_vectors": kind})
    nlp.add_pipe("mluke_linker", config={**encoder, **candidates})
    if cloze:
        # The ids of "world" are those of the bundled checkpoint's vocabulary. Those of "knowledge" are found in it.
        ids = {"@misc": "spacy-mluke.store_candidates.v1", "path": KNOWLEDGE} if KNOWLEDGE in stores else None
        nlp.add_pipe("mluke_cloze", config={**encoder, "candidates": ids})
    # The entities of the bundled checkpoint have their names from the bundled knowledge base.
    if str(name) in ("mluke-small", NAME) or not set(stores).isdisjoint(BUNDLED):
        attribute_bundled(nlp.meta, store=KNOWLEDGE if KNOWLEDGE in stores else WORLD)
    return nlp
