"""The labelling configuration of a Label Studio project: written for a pipeline, read from a project."""

from __future__ import annotations

import colorsys
from dataclasses import dataclass, field
from typing import Dict, Iterable, Optional, Set, Tuple, Union
from xml.etree import ElementTree

from spacy.language import Language
from spacy.tokens import Doc

from ..errors import Errors
from ..extensions import install_extensions
from .documents import UNLABELLED, read_doc

_STYLE = ".htx-text { white-space: pre-wrap; } .lsf-richtext__container { white-space: pre-wrap; }"


@dataclass(frozen=True)
class LabelStudioNames:
    """Names of a project's controls. The defaults are those of `label_studio_config`."""

    text: str = "text"  # of <Text>
    text_key: str = "text"  # of the text in a task's data
    labels: str = "label"  # of <Labels>
    kb_id: Optional[str] = "kb_id"  # of the <TextArea> with the id of a region's entity; None without one
    # From a label of the pipeline to one of the project; None: every label is one of the project.
    entity_labels: Optional[Dict[str, str]] = field(default=None)
    relation_labels: Optional[Dict[str, str]] = field(default=None)


def label_studio_config(
    source: Union[Language, Iterable[Doc]], *, spans_key: str = "mluke_ner", kb_ids: bool = True
) -> str:
    """Make the labelling configuration of a Label Studio project.

    source (Union[Language, Iterable[Doc]]): A pipeline, for the labels of its components; or documents, for the labels
        of their entities and relations.
    spans_key (str): Key in `doc.spans` of a group with nested entities, for documents.
    kb_ids (bool): Whether annotators see and correct the entity's id (`kb_id_`) of each region.
    RETURNS (str): XML, for Settings > Labeling Interface > Code.
    RAISES (ValueError): ML476 if there are no labels.
    """
    nlp, docs = (source, ()) if isinstance(source, Language) else (None, source)
    return write_config(*find_labels(nlp, docs, spans_key=spans_key), kb_ids=kb_ids)


def find_labels(nlp: Optional[Language], docs: Iterable[Doc], *, spans_key: str) -> Tuple[Set[str], Set[str]]:
    """Find the labels that a project needs.

    nlp (Optional[Language]): A pipeline, for the labels of its components.
    docs (Iterable[Doc]): Documents, for the labels of their entities and relations.
    spans_key (str): As for `label_studio_config`.
    RETURNS (Tuple[Set[str], Set[str]]): Labels of entities and of relations.
    """
    entities: Set[str] = set()
    relations: Set[str] = set()
    if nlp is not None:
        for name, pipe in nlp.pipeline:
            labels = set(map(str, getattr(pipe, "labels", ())))
            assigns = nlp.get_pipe_meta(name).assigns
            if "doc.ents" in assigns:
                entities |= labels
            if "doc._.mluke_relations" in assigns:
                relations |= labels
    install_extensions()
    for doc in docs:
        document = read_doc(doc, spans_key=spans_key)
        entities.update(entity.label or UNLABELLED for entity in document.entities)
        relations.update(relation.label for relation in document.relations)
    return entities, relations


def write_config(entities: Iterable[str], relations: Iterable[str], *, kb_ids: bool = True) -> str:
    """Write a labelling configuration.

    entities (Iterable[str]): Labels of entities.
    relations (Iterable[str]): Labels of relations.
    kb_ids (bool): As for `label_studio_config`.
    RETURNS (str): XML.
    RAISES (ValueError): ML476 without labels of entities.
    """
    names = LabelStudioNames()
    labels = sorted(set(entities))
    if not labels:
        raise ValueError(Errors.ML476.format(reason="there are no labels of entities"))
    view = ElementTree.Element("View")
    ElementTree.SubElement(view, "Style").text = _STYLE
    found = sorted(set(relations))
    if found:
        # Two regions have one relation at most; it may have several labels.
        parent = ElementTree.SubElement(view, "Relations", choice="multiple")
        for label in found:
            ElementTree.SubElement(parent, "Relation", value=label)
    parent = ElementTree.SubElement(view, "Labels", name=names.labels, toName=names.text)
    for i, label in enumerate(labels):
        red, green, blue = colorsys.hls_to_rgb(i / len(labels), 0.6, 0.6)
        color = f"#{round(255 * red):02x}{round(255 * green):02x}{round(255 * blue):02x}"
        ElementTree.SubElement(parent, "Label", value=label, background=color)
    ElementTree.SubElement(view, "Text", name=names.text, value=f"${names.text_key}")
    if kb_ids:
        assert names.kb_id is not None
        options = {"perRegion": "true", "editable": "true", "maxSubmissions": "1", "placeholder": "Id of the entity"}
        ElementTree.SubElement(view, "TextArea", name=names.kb_id, toName=names.text, attrib=options)
    ElementTree.indent(view)
    return ElementTree.tostring(view, encoding="unicode") + "\n"


def read_config(config: str) -> LabelStudioNames:
    """Find the controls of a labelling configuration.

    config (str): XML of a project. It need not be trusted.
    RETURNS (LabelStudioNames): The first <Labels> that has a <Text>, and its labels; the first <TextArea> with
        perRegion="true" of this text; the labels of <Relations>.
    RAISES (ValueError): ML476 if it is not XML, or has no <Labels> for a <Text>.
    """
    # Configurations have no need of entities, which can expand to any size.
    if "<!DOCTYPE" in config.upper() or "<!ENTITY" in config.upper():
        raise ValueError(Errors.ML476.format(reason="it has a document type"))
    try:
        root = ElementTree.fromstring(config)
    except (ElementTree.ParseError, ValueError) as error:
        raise ValueError(Errors.ML476.format(reason=f"it is not XML ({error})")) from error
    tags = list(root.iter())
    texts = {tag.get("name"): tag.get("value", "") for tag in tags if tag.tag == "Text" and tag.get("name")}
    control = next(
        (tag for tag in tags if tag.tag == "Labels" and tag.get("name") and tag.get("toName") in texts), None
    )
    if control is None:
        raise ValueError(Errors.ML476.format(reason="it has no <Labels> whose toName is the name of a <Text>"))
    text = control.get("toName", "")
    areas = [tag for tag in tags if tag.tag == "TextArea" and tag.get("toName") == text]
    regional = [tag.get("name") for tag in areas if tag.get("perRegion", "").lower() == "true"]
    relations = [tag for tag in tags if tag.tag == "Relations"]
    return LabelStudioNames(
        text=text,
        text_key=texts[text].removeprefix("$"),
        labels=control.get("name", ""),
        kb_id=next(filter(None, regional), None),
        entity_labels=_labels(control, "Label"),
        relation_labels=_labels(relations[0], "Relation") if relations else {},
    )


def _labels(control: ElementTree.Element, tag: str) -> Dict[str, str]:
    """Labels of a control, from those of a pipeline: Label Studio writes the alias of a label that has one, and
    `predicted_values` lists what models call it."""
    found: Dict[str, str] = {}
    for label in control.iter(tag):
        value = label.get("value", "")
        written = label.get("alias") or value
        for name in [value, written, *label.get("predicted_values", "").split(",")]:
            if name.strip():
                found.setdefault(name.strip(), written)
    return found
