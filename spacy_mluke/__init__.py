"""mLUKE for spaCy: contextual vectors for words and entities, and the tasks that stand on them.

Importing this package loads nothing heavy: spaCy imports it whenever a `Language` is made.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Dict, Iterable, Optional, Union

if TYPE_CHECKING:
    from spacy.language import Language
    from spacy.tokens import Doc

__version__ = "0.1.0"


def load(
    name: Union[str, Path] = "mluke-small",
    *,
    lang: str = "xx",
    store: Union[str, Path] = "world",
    cloze: bool = False,
    quantize: Optional[str] = None,
) -> Language:
    """Make a pipeline that finds mentions of a store's entities, encodes them and links them: `mluke_mentions`,
    `mluke`, `mluke_linker`. Nothing is to be trained or downloaded for the bundled checkpoint and store. Their
    licences are in `nlp.meta`, so that a package of the pipeline has them, too.

    name (Union[str, Path]): The bundled "mluke-small", a checkpoint directory, or a hub name.
    lang (str): Language of the texts; "xx" for any. Where it is known, its names are preferred. Some languages need
        further packages for their tokenizers (ML312 names them).
    store (Union[str, Path]): The bundled "world", or an entity store of one's own.
    cloze (bool): Whether `mluke_cloze` fills [MASK]s, too.
    quantize (Optional[str]): "int8" for encoders that predict in eight bits: faster, and nearly the same.
    RETURNS (Language): The pipeline.
    RAISES (ValueError): ML312 if packages for the language are missing, ML313 for an unknown language.
    """
    from .attribution import attribute_bundled
    from .languages import make_blank

    nlp = make_blank(lang)
    options = {"name": str(name), "quantize": quantize}
    encoder = {"model": {"encoder": options}}
    candidates = {"candidates": {"path": str(store)}}
    nlp.add_pipe("mluke_mentions", config=candidates)
    # Such pipelines are for entities of one store in any language: see "The same entity" in docs/guides/pretraining.md.
    nlp.add_pipe("mluke", config={"model": options, "span_vectors": "both"})
    nlp.add_pipe("mluke_linker", config={**encoder, **candidates})
    if cloze:
        nlp.add_pipe("mluke_cloze", config=encoder)
    # The names of the bundled checkpoint's entities are the store's.
    if str(name) == "mluke-small" or str(store) == "world":
        attribute_bundled(nlp.meta)
    return nlp


def save(nlp: Language, path: Union[str, Path], *, exclude: Iterable[str] = ()) -> None:
    """Save a pipeline as `nlp.to_disk` does, in one step: whatever happens meanwhile, the folder holds the old pipeline
    or the new one, whole.

    nlp (Language): The pipeline.
    path (Union[str, Path]): The folder: a new one, an empty one, or a saved pipeline, which is replaced.
    exclude (Iterable[str]): Components and parts that are not saved, as for `nlp.to_disk`.
    RAISES (ValueError): ML360 if it cannot be written, ML362 if the folder holds files and is no pipeline.
    """
    from .storage.pipelines import save as save_pipeline

    save_pipeline(nlp, path, exclude=exclude)


def doc_to_record(doc: Doc, *, with_vectors: bool = False) -> Dict[str, Any]:
    """Put what a document says into plain Python types that JSON can write: its entities with types, candidates and
    links, relations, answers, fillers, span groups and categories, in the columns of docs/guides/corpora.md.

    doc (Doc): The document, annotated. Places in the record are characters.
    with_vectors (bool): Whether entities have their `vector`, a list of numbers; None for one that was not encoded.
    RETURNS (Dict[str, Any]): text, lang, n_tokens, entities, relations, answers, fillers, spans, cats.
    """
    from .bulk.rows import doc_to_record as read

    return read(doc, with_vectors=with_vectors)


def quantize(nlp: Language, kind: Optional[str] = "int8") -> None:
    """Let the encoders of a pipeline predict in fewer bits from now on, in place: faster, and nearly the same.

    nlp (Language): A pipeline with any of our components.
    kind (Optional[str]): "int8"; None for full precision.
    RAISES (ValueError): ML070 for another kind, ML033 if an encoder is not in float32.
    """
    from .pipeline.quantize import quantize as quantize_encoders

    quantize_encoders(nlp, kind)
