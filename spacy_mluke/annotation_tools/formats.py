"""Export of documents to annotation tools, and import of what annotators made of them."""

from __future__ import annotations

import warnings
from collections import Counter
from pathlib import Path
from typing import Iterable, Iterator, List, Optional, Sequence, Union

from spacy.language import Language
from spacy.tokens import Doc

from ..errors import Warnings, check_choice
from ..extensions import install_extensions
from ..storage.files import writing
from .brat import read_brat, write_brat
from .docs import DocMaker, ids_of
from .documents import ToolDocument, listed, read_doc
from .label_studio import read_tasks, write_tasks
from .label_studio_config import find_labels, write_config
from .prodigy import read_prodigy, write_prodigy
from .webanno_tsv import write_webanno_tsv
from .webanno_tsv_reader import read_webanno_tsv
from .xmi import read_xmi, write_xmi

FORMATS = ("label-studio", "prodigy", "brat", "xmi", "webanno-tsv")
_FOLDERS = {"brat": write_brat, "xmi": write_xmi, "webanno-tsv": write_webanno_tsv}


def export_annotations(
    docs: Iterable[Doc],
    path: Union[str, Path],
    format: str,
    *,
    spans_key: str = "mluke_ner",
    as_annotations: bool = False,
    model_version: str = "",
    nlp: Optional[Language] = None,
) -> int:
    """Write documents as tasks of an annotation tool, so that people can correct what a pipeline has predicted.

    One warning says what a format cannot hold, with numbers; another, ML479, that no document has annotation.

    docs (Iterable[Doc]): The documents: their entities (`doc.ents`, and nested ones in `doc.spans`), links (`kb_id_`),
        relations and probabilities are written. A document's id is `doc.user_data["id"]`, or its number.
    path (Union[str, Path]): The file; for "brat", "xmi" and "webanno-tsv", a folder.
    format (str): "label-studio", "prodigy", "brat", "xmi" (UIMA CAS) or "webanno-tsv" (WebAnno TSV 3.3), both for
        INCEpTION. For Label Studio, a labelling configuration is written beside the file, with the suffix .xml.
    spans_key (str): Key in `doc.spans` of the group with nested entities and probabilities; it may be missing.
    as_annotations (bool): For Label Studio: whether the entities are annotations, which count as done by a person,
        instead of predictions.
    model_version (str): For Label Studio: version of the model that predicted.
    nlp (Optional[Language]): For Label Studio: the pipeline that predicted. Annotators can then choose all its labels,
        and not only those in the documents.
    RETURNS (int): Number of documents.
    RAISES (ValueError): ML070 for an unknown format, ML473 if an entity has a reserved label, ML475 for "xmi" without
        dkpro-cassis, ML360 if the file cannot be written.
    """
    check_choice("format", format, FORMATS)
    install_extensions()
    all_docs = list(docs)
    documents = [
        read_doc(doc, spans_key=spans_key, id=own_id) for doc, own_id in zip(all_docs, ids_of(all_docs), strict=True)
    ]
    target, counts = Path(path), Counter[str]()
    if format in _FOLDERS:
        _FOLDERS[format](documents, target, counts)
    else:
        with writing(target) as aside:
            if format == "prodigy":
                write_prodigy(documents, aside)
            else:
                write_tasks(documents, aside, as_annotations=as_annotations, model_version=model_version)
    labels = find_labels(nlp, all_docs, spans_key=spans_key) if format == "label-studio" else None
    if labels is not None and labels[0]:
        with writing(target.with_suffix(".xml")) as aside:
            aside.write_text(write_config(*labels), encoding="utf8")
    if +counts:
        warnings.warn(Warnings.ML477.format(path=path, found=listed(counts)), stacklevel=2)
    if documents and not any(document.entities or document.relations for document in documents):
        keys = ", ".join(sorted({f"'{key}'" for doc in all_docs for key, group in doc.spans.items() if len(group)}))
        groups = f" (doc.spans has {keys})" if keys else ""
        warnings.warn(Warnings.ML479.format(n=len(documents), path=path, groups=groups), stacklevel=2)
    return len(documents)


def import_annotations(
    nlp: Language,
    path: Union[str, Path],
    format: str,
    *,
    alignment: str = "expand",
    references: Optional[Sequence[Doc]] = None,
    predictions: bool = False,
    spans_key: str = "mluke_ner",
) -> List[Doc]:
    """Read what annotators made with a tool, for training or evaluation.

    One warning says what was changed or skipped, with numbers.

    nlp (Language): Its tokenizer is used where a tool does not keep tokens. Take that of the pipeline that you train.
    path (Union[str, Path]): The file or folder that the tool exported.
    format (str): As for `export_annotations`. "xmi" is a folder or a .zip file, "webanno-tsv" also a .tsv file.
    alignment (str): What to do with an entity that does not begin and end with tokens: "expand" and "contract" move it
        to the tokens around or inside it, "strict" skips it, "raise" raises an error.
    references (Optional[Sequence[Doc]]): The documents that were exported: the result has their texts and tokens, also
        if the tool has changed line ends or whitespace.
    predictions (bool): For Label Studio: whether to read predictions instead of annotations.
    spans_key (str): Key in `doc.spans` of the group that gets all entities of a document, if some overlap or have
        probabilities. Of overlapping entities, `doc.ents` has the longest.
    RETURNS (List[Doc]): The documents, with entities, links (`kb_id_`), relations, and ids in `doc.user_data["id"]`.
    RAISES (ValueError): ML070 for an unknown format or alignment, ML470 for a file that cannot be read, ML471 for an
        entity that is not on tokens (with "raise"), ML474 for a document that is none of the references.
    """
    check_choice("format", format, FORMATS)
    counts: Counter[str] = Counter()
    maker = DocMaker(nlp, alignment=alignment, spans_key=spans_key, counts=counts, references=references)
    docs = [maker.make(document) for document in _read(Path(path), format, predictions, counts)]
    if +counts:
        found = listed(counts)
        warnings.warn(Warnings.ML478.format(path=path, found=found), stacklevel=2)
    return docs


def _read(path: Path, format: str, predictions: bool, counts: Counter[str]) -> Iterator[ToolDocument]:
    if format == "label-studio":
        return read_tasks(path, counts, predictions=predictions)
    readers = {"prodigy": read_prodigy, "brat": read_brat, "xmi": read_xmi, "webanno-tsv": read_webanno_tsv}
    return readers[format](path, counts)
