"""UIMA CAS XMI, which INCEpTION and WebAnno read and write, through dkpro-cassis.

Entities are DKPro's NamedEntity (value: label, identifier: id of the linked entity), relations are annotations with the
features Governor, Dependent and label. UIMA counts UTF-16 code units; dkpro-cassis converts them.
"""

from __future__ import annotations

import io
import re
from collections import Counter
from pathlib import Path, PurePosixPath
from typing import Any, Dict, Iterator, List

from ..errors import Errors
from ..storage.files import write_files
from .documents import (
    ToolDocument,
    ToolEntity,
    ToolRelation,
    checked_bounds,
    own_label,
    reading,
    tool_kb_id,
    tool_label,
    unreadable,
)
from .file_names import NAMES_FILE, Names, read_files, read_names

ENTITY = "de.tudarmstadt.ukp.dkpro.core.api.ner.type.NamedEntity"
TOKEN = "de.tudarmstadt.ukp.dkpro.core.api.segmentation.type.Token"
RELATION = "webanno.custom.Relation"  # a layer "Relation" of WebAnno and INCEpTION
_SOURCE, _TARGET = "Governor", "Dependent"
_TYPES = "TypeSystem.xml"
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def cassis() -> Any:
    """Return the package dkpro-cassis.

    RETURNS (Any): The module.
    RAISES (ValueError): ML475 if it is not installed.
    """
    try:
        import cassis as found
    except ImportError as error:
        raise ValueError(Errors.ML475.format(reason=error)) from error
    return found


def write_xmi(documents: List[ToolDocument], folder: Path, counts: Counter[str]) -> None:
    """Write documents as XMI files, with their type system.

    documents (List[ToolDocument]): The documents.
    folder (Path): The folder, created if it is missing.
    counts (Counter[str]): Counts what is changed or not written.
    RAISES (ValueError): ML475 without dkpro-cassis.
    """
    types = _make_types()
    names = Names.of(documents)
    files = {NAMES_FILE: names.to_json().encode("utf8"), _TYPES: types.to_xml().encode("utf8")}
    for document in documents:
        content = _make_cas(document, types, counts).to_xmi()
        files[f"{names.documents[document.id]}.xmi"] = content.encode("utf8")
    write_files(folder, files)


def _make_types() -> Any:
    """The types that are written: those of DKPro Core with the features that are used, and relations."""
    types = cassis().TypeSystem()
    text = "uima.cas.String"
    features: Dict[str, Dict[str, str]] = {
        TOKEN: {},
        ENTITY: {"value": text, "identifier": text},
        RELATION: {_SOURCE: ENTITY, _TARGET: ENTITY, "label": text},
    }
    for name, own in features.items():
        made = types.create_type(name)
        for feature, kind in own.items():
            types.create_feature(made, feature, kind)
    return types


def _make_cas(document: ToolDocument, types: Any, counts: Counter[str]) -> Any:
    cas = cassis().Cas(typesystem=types)
    cas.sofa_string = _NOT_XML.sub(" ", document.text)
    cas.sofa_mime = "text/plain"
    counts["texts with control characters, written as spaces"] += cas.sofa_string != document.text
    token, entity, relation = (types.get_type(name) for name in (TOKEN, ENTITY, RELATION))
    for start, end in document.tokens or ():
        if document.text[start:end].strip():
            cas.add(token(begin=start, end=end))
    made = []
    for one in document.entities:
        label, kb_id = _NOT_XML.sub(" ", tool_label(one.label)), _NOT_XML.sub(" ", tool_kb_id(one.kb_id)) or None
        made.append(entity(begin=one.start, end=one.end, value=label, identifier=kb_id))
        counts["probabilities, which this format does not have"] += one.score is not None
    for own in document.relations:
        head, tail = made[own.head], made[own.tail]
        label = _NOT_XML.sub(" ", own.label)
        made.append(relation(begin=tail.begin, end=tail.end, Governor=head, Dependent=tail, label=label))
        counts["probabilities, which this format does not have"] += own.score != 1.0
    cas.add_all(made)
    return cas


def read_xmi(path: Path, counts: Counter[str]) -> Iterator[ToolDocument]:
    """Read XMI files.

    path (Path): A folder or a .zip file with .xmi files at any depth, each with a TypeSystem.xml beside or above it.
    counts (Counter[str]): Counts what is changed or skipped.
    YIELDS (ToolDocument): The documents, by name.
    RAISES (ValueError): ML470 for files that are not as described, ML475 without dkpro-cassis.
    """
    tool = cassis()
    with reading(f"'{path}'"):
        files = read_files(path, _is_wanted)
    documents = sorted(name for name in files if name.endswith(".xmi"))
    if not documents:
        raise unreadable(f"'{path}'", "it has no .xmi file")
    names = read_names(path)
    for name in documents:
        place = f"'{path}', {name}"
        types = next((files[str(p / _TYPES)] for p in PurePosixPath(name).parents if str(p / _TYPES) in files), None)
        if types is None:
            raise unreadable(place, f"there is no {_TYPES} beside it: export XMI with its type system")
        for content in (types, files[name]):
            if b"<!DOCTYPE" in content:  # which could refer to other files
                raise unreadable(place, "it has a document type")
        try:
            cas = tool.load_cas_from_xmi(io.BytesIO(files[name]), typesystem=tool.load_typesystem(io.BytesIO(types)))
        except Exception as error:  # of many kinds, also of the XML parser
            raise unreadable(place, f"{type(error).__name__}: {error}") from error
        stem = name.removesuffix(".xmi")
        with reading(place):
            yield names.set_on(_read_cas(cas, place, counts), stem)


def _read_cas(cas: Any, place: str, counts: Counter[str]) -> ToolDocument:
    document = ToolDocument(cas.sofa_string or "")
    ids: Dict[int, int] = {}  # of an annotation -> index of the entity
    for one in cas.select(ENTITY):
        start, end = checked_bounds(place, one.begin, one.end, document.text)
        ids[one.xmiID] = len(document.entities)
        label = one.value or ""
        counts["entities without a label"] += not label
        document.entities.append(ToolEntity(start, end, own_label(label), one.identifier or ""))
    for kind in cas.typesystem.get_types():
        features = {feature.name for feature in kind.all_features}
        if not {_SOURCE, _TARGET} <= features:
            continue
        name = next((name for name in ("label", "value") if name in features), None)
        for one in _own(cas, kind):
            head, tail = (ids.get(getattr(end, "xmiID", -1)) for end in (one[_SOURCE], one[_TARGET]))
            label = one[name] if name else kind.name.rpartition(".")[2]
            if head is None or tail is None:
                counts[f"relations of other annotations than entities ({kind.name})"] += 1
            elif not label:
                counts["relations without a label"] += 1
            else:
                document.relations.append(ToolRelation(head, tail, label))
    return document


def _own(cas: Any, kind: Any) -> List[Any]:
    """Annotations of a type, without those of its subtypes, which are read as their own type."""
    return [one for one in cas.select(kind.name) if one.type.name == kind.name]


def _is_wanted(name: str) -> bool:
    return name.endswith(".xmi") or name == _TYPES
