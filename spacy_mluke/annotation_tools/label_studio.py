"""Tasks of Label Studio: JSON with predictions and annotations.

Positions are Unicode code points, and a line end "\\r\\n" is two of them, as the documentation of Label Studio's <Text>
says. Old versions counted UTF-16 code units; such tasks are recognized by the text of their regions.
"""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any, Dict, Iterable, Iterator, List, Optional, Tuple

from ..storage.untrusted import parse_json
from .documents import (
    ToolDocument,
    ToolEntity,
    ToolRelation,
    checked_bounds,
    nil_places,
    own_label,
    reading,
    restore_nil,
    tool_kb_id,
    tool_label,
    unreadable,
)
from .label_studio_config import LabelStudioNames
from .offsets import from_utf16

Item = Dict[str, Any]
NAMES = LabelStudioNames()
_NIL_KEY = "nil"  # bounds and labels of entities that are not in the knowledge base, in the data of a task


def write_tasks(
    documents: Iterable[ToolDocument], path: Path, *, as_annotations: bool = False, model_version: str = ""
) -> None:
    """Write tasks, to be imported into a project.

    documents (Iterable[ToolDocument]): The documents.
    path (Path): The JSON file.
    as_annotations (bool): Whether to write annotations, which count as done by a person, instead of predictions.
    model_version (str): Version of the model that predicted.
    """
    tasks = []
    for document in documents:
        prediction = make_prediction(document, NAMES, model_version, Counter())
        key = "annotations" if as_annotations else "predictions"
        own = {"result": prediction["result"]} if as_annotations else prediction
        data: Item = {NAMES.text_key: document.text, "id": document.id}
        if nil := nil_places(document.entities):
            data[_NIL_KEY] = nil
        tasks.append({"data": data, key: [own]})
    path.write_text(json.dumps(tasks, ensure_ascii=False, indent=1) + "\n", encoding="utf8")


def make_prediction(document: ToolDocument, names: LabelStudioNames, model_version: str, skipped: Counter[str]) -> Item:
    """Make the prediction of a task.

    document (ToolDocument): The document.
    names (LabelStudioNames): Names of the project's controls.
    model_version (str): Version of the model that predicted.
    skipped (Counter[str]): Counts annotation with labels that the project does not have.
    RETURNS (Item): `result`, `model_version`, and `score`: the lowest probability, so that the documents of which the
        model is least certain can be sorted to the top.
    """
    results: List[Item] = []
    shown: Dict[int, str] = {}  # index of an entity -> id of its region
    for i, entity in enumerate(document.entities):
        label = _project_label(names.entity_labels, tool_label(entity.label))
        if label is None:
            skipped[f"entities with the label '{tool_label(entity.label)}'"] += 1
            continue
        shown[i] = f"e{i}"
        place = {"start": entity.start, "end": entity.end}
        region = {"id": shown[i], "to_name": names.text}
        text = document.text[entity.start : entity.end]
        value = {**place, "text": text, "labels": [label]}
        results.append({**region, "from_name": names.labels, "type": "labels", "value": value, **_score(entity.score)})
        kb_id = tool_kb_id(entity.kb_id)
        if kb_id and names.kb_id is not None:
            value = {**place, "text": [kb_id]}
            results.append({**region, "from_name": names.kb_id, "type": "textarea", "value": value})
    # Label Studio keeps one relation of two regions, with several labels.
    pairs: Dict[Tuple[int, int], List[Tuple[str, float]]] = {}
    for relation in document.relations:
        label = _project_label(names.relation_labels, relation.label)
        if label is None or relation.head not in shown or relation.tail not in shown:
            skipped[f"relations with the label '{relation.label}', or without their head or tail"] += 1
        else:
            pairs.setdefault((relation.head, relation.tail), []).append((label, relation.score))
    for (head, tail), labels in pairs.items():
        item = {"type": "relation", "from_id": shown[head], "to_id": shown[tail], "direction": "right"}
        results.append({**item, "labels": [label for label, _ in labels], "scores": [score for _, score in labels]})
    known = [entity.score for entity in document.entities if entity.score is not None]
    known += [relation.score for relation in document.relations]
    return {"model_version": model_version, "result": results, **_score(min(known) if known else None)}


def read_tasks(
    path: Path, counts: Counter[str], *, predictions: bool = False, names: LabelStudioNames = NAMES
) -> Iterator[ToolDocument]:
    """Read the tasks of a project, exported as JSON.

    Of several annotations of a task, the one that was updated last is read; one that was cancelled is not.

    path (Path): The JSON file.
    counts (Counter[str]): Counts what is skipped.
    predictions (bool): Whether to read predictions instead of annotations.
    names (LabelStudioNames): Names of the project's controls.
    YIELDS (ToolDocument): A document for each task that has an annotation.
    RAISES (ValueError): ML470 for a file that is not such an export.
    """
    with reading(f"'{path}'"):
        tasks = parse_json(path.read_bytes())
    if not isinstance(tasks, list):
        raise unreadable(f"'{path}'", "it is not a list of tasks")
    for number, task in enumerate(tasks):
        place = f"'{path}', task {number}"
        with reading(place):
            if "data" not in task:
                raise unreadable(place, 'it has no "data": export the project as "JSON", not as "JSON_MIN"')
            found = _annotation_of(task, predictions, counts)
            if found is not None:
                yield _read_task(task, found, names, place, counts)


def _annotation_of(task: Item, predictions: bool, counts: Counter[str]) -> Optional[Item]:
    kind = "predictions" if predictions else "annotations"
    known = [one for one in task.get(kind) or [] if not one.get("was_cancelled")]
    if not known:
        counts[f"tasks without {kind}"] += 1
        return None
    counts[f"further {kind} of a task"] += len(known) - 1
    return max(known, key=lambda one: str(one.get("updated_at") or one.get("created_at") or ""))


def _read_task(task: Item, annotation: Item, names: LabelStudioNames, place: str, counts: Counter[str]) -> ToolDocument:
    text = task["data"].get(names.text_key)
    if not isinstance(text, str):
        raise unreadable(place, f'its "data" has no text "{names.text_key}"')
    document = ToolDocument(text, id=str(task["data"].get("id", task.get("id", ""))))
    by_region: Dict[str, List[int]] = {}
    relations: List[Item] = []
    kb_ids: Dict[str, str] = {}
    regions: List[Item] = []
    for item in annotation["result"]:
        kind = item.get("type")
        if kind == "labels":
            regions.append(item)
        elif kind == "relation":
            relations.append(item)
        elif kind == "textarea" and item.get("from_name") == names.kb_id:
            found = item["value"]["text"]
            kb_ids[item["id"]] = str(found if isinstance(found, str) else found[0]).strip() if found else ""
        else:
            counts[f"results of type '{kind}'"] += 1
    for item, (start, end) in zip(regions, _bounds(regions, text, place, counts), strict=True):
        labels = item["value"].get("labels") or [""]
        counts["regions without a label"] += labels == [""]
        for label in labels:
            by_region.setdefault(item["id"], []).append(len(document.entities))
            score = item.get("score")
            kb_id = kb_ids.pop(item["id"], "") if label == labels[0] else document.entities[-1].kb_id
            entity = ToolEntity(start, end, own_label(str(label)), kb_id, None if score is None else float(score))
            document.entities.append(entity)
    counts["ids of regions without a label"] += len(kb_ids)
    restore_nil(document.entities, document.text, task["data"].get(_NIL_KEY) or ())
    for item in relations:
        document.relations += _read_relation(item, by_region, counts)
    return document


def _bounds(regions: List[Item], text: str, place: str, counts: Counter[str]) -> List[Tuple[int, int]]:
    """Bounds of regions in characters. Old versions of Label Studio counted UTF-16 code units."""
    given: List[Any] = [(item["value"]["start"], item["value"]["end"]) for item in regions]
    shown = [_squeezed(item["value"].get("text")) for item in regions]
    n_wrong = _count_others(given, shown, text)
    if n_wrong and max(text, default="") > "\uffff":
        converted = [from_utf16(text, start, end) for start, end in given]
        n_wrong_units = _count_others(converted, shown, text)
        if None not in converted and n_wrong_units < n_wrong:
            counts["regions with positions in UTF-16 code units"] += len(regions)
            given, n_wrong = converted, n_wrong_units
    counts["regions whose text is not the one at their position"] += n_wrong
    return [checked_bounds(place, start, end, text) for start, end in given]


def _count_others(found: List[Any], shown: List[str], text: str) -> int:
    """Number of bounds with another text than the region shows."""
    texts = [None if bounds is None else _squeezed(text[slice(*bounds)]) for bounds in found]
    return sum(own not in ("", at) for own, at in zip(shown, texts, strict=True))


def _squeezed(text: Any) -> str:
    """A text without whitespace: Label Studio collapses it, and writes a line break as backslash and n."""
    return "".join(str(text or "").replace("\\n", "\n").split())


def _read_relation(item: Item, by_region: Dict[str, List[int]], counts: Counter[str]) -> Iterator[ToolRelation]:
    ends = by_region.get(item["from_id"]), by_region.get(item["to_id"])
    labels = item.get("labels") or []
    if ends[0] is None or ends[1] is None:
        counts["relations of regions that do not exist"] += 1
        return
    if not labels:
        counts["relations without a label"] += 1
    head, tail = ends[0][0], ends[1][0]
    scores = item.get("scores") or [1.0] * len(labels)
    for label, score in zip(labels, scores, strict=True):
        if item.get("direction") != "left":
            yield ToolRelation(head, tail, str(label), float(score))
        if item.get("direction") in ("left", "bi"):
            yield ToolRelation(tail, head, str(label), float(score))


def _project_label(labels: Optional[Dict[str, str]], label: str) -> Optional[str]:
    return label if labels is None else labels.get(label)


def _score(score: Optional[float]) -> Item:
    return {} if score is None else {"score": score}
