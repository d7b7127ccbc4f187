"""Tasks as Label Studio exports them, and the labelling configuration."""

from __future__ import annotations

import json

import pytest
import spacy

from spacy_mluke import export_annotations, import_annotations, label_studio_config
from spacy_mluke.annotate.relations import get_relations
from spacy_mluke.annotation_tools.label_studio_config import read_config, write_config
from tests.annotation_tools.samples import NLP, facts, make

TEXT = "🇫🇷 Paris and 東京"
PARIS, AND = (3, 8), (9, 12)


def region(id, start, end, *labels, text=None, **more):
    value = {"start": start, "end": end, "labels": list(labels), **({} if text is None else {"text": text})}
    return {
        "id": id,
        "from_name": "label",
        "to_name": "text",
        "type": "labels",
        "origin": "manual",
        "value": value,
        **more,
    }


def link(id, start, end, kb_id):
    value = {"start": start, "end": end, "text": [kb_id]}
    return {"id": id, "from_name": "kb_id", "to_name": "text", "type": "textarea", "value": value}


def related(head, tail, *labels, direction="right"):
    return {"from_id": head, "to_id": tail, "type": "relation", "direction": direction, "labels": list(labels)}


def task(*results, text=TEXT, **more):
    return {"id": 7, "data": {"text": text}, "annotations": [{"result": list(results), **more}], "predictions": []}


@pytest.fixture
def read(tmp_path):
    def read(*tasks, **options):
        path = tmp_path / "export.json"
        path.write_text(json.dumps(tasks), encoding="utf8")
        return import_annotations(NLP, path, "label-studio", **options)

    return read


def ents(doc):
    return [(ent.text, ent.label_, ent.kb_id_) for ent in doc.ents]


def relations(doc):
    return [(one.head.text, one.tail.text, one.label) for one in get_relations(doc)]


def test_corrections_become_entities_links_and_relations(read):
    results = [region("a", *PARIS, "LOC"), link("a", *PARIS, "Q90"), region("b", 13, 15, "LOC")]
    (doc,) = read(task(*results, related("a", "b", "twin town", "larger than")))
    assert ents(doc) == [("Paris", "LOC", "Q90"), ("東京", "LOC", "")]
    assert relations(doc) == [("Paris", "東京", "twin town"), ("Paris", "東京", "larger than")]
    assert doc.user_data["id"] == "7"


@pytest.mark.parametrize(
    ("direction", "expected"),
    [
        ("right", [("Paris", "and")]),
        ("left", [("and", "Paris")]),
        ("bi", [("Paris", "and"), ("and", "Paris")]),
    ],
)
def test_a_relation_has_the_direction_of_its_arrow(read, direction, expected):
    results = [region("a", *PARIS, "LOC"), region("b", *AND, "LOC"), related("a", "b", "x", direction=direction)]
    (doc,) = read(task(*results))
    assert [pair[:2] for pair in relations(doc)] == expected


def test_positions_are_code_points_and_those_of_old_versions_are_converted(read):
    current, old = region("a", 13, 15, "LOC", text="東京"), region("a", 15, 17, "LOC", text="東京")
    (doc,) = read(task(current))
    assert ents(doc) == [("東京", "LOC", "")]
    with pytest.warns(UserWarning, match=r"\[ML478\].*positions in UTF-16 code units: 1"):
        (doc,) = read(task(old))
    assert ents(doc) == [("東京", "LOC", "")]


def test_line_breaks_count_as_label_studio_counts_them(read):
    text = "a\r\nParis\nlies"
    (doc,) = read(task(region("a", 3, 13, "LOC", text="Paris\\nlies"), text=text))
    assert (doc.text, ents(doc)) == (text, [("Paris\nlies", "LOC", "")])


def test_the_latest_annotation_that_was_not_cancelled_is_read(read):
    tasks = [task(region("a", *PARIS, "NEW"), updated_at="2026-02-01"), task(), task(region("a", *PARIS, "NO"))]
    tasks[0]["annotations"].append({"result": [region("a", *PARIS, "OLD")], "updated_at": "2026-01-01"})
    tasks[1]["annotations"] = []
    tasks[2]["annotations"][0]["was_cancelled"] = True
    with pytest.warns(UserWarning, match="tasks without annotations: 2; further annotations of a task: 1"):
        (doc,) = read(*tasks)
    assert ents(doc) == [("Paris", "NEW", "")]


def test_what_cannot_be_kept_is_counted_in_one_warning(read):
    results = [
        region("a", *PARIS, "LOC", "ORG"),
        region("b", *AND),
        region("c", 8, 9, "LOC"),
        related("a", "z", "x"),
        related("a", "b"),
        {"id": "a", "type": "choices", "value": {}},
        link("y", *PARIS, "Q1"),
    ]
    with pytest.warns(UserWarning) as caught:
        (doc,) = read(task(*results))
    assert len(caught) == 1
    for part in (
        "results of type 'choices': 1",
        "regions without a label: 1",
        "ids of regions without a label: 1",
        "relations of regions that do not exist: 1",
        "relations without a label: 1",
        "entities skipped because they have no text: 1",
        r"overlapping entities that are only in doc.spans['mluke_ner']: 1",
    ):
        assert part in str(caught[0].message)
    assert len(doc.ents) == 1 and len(doc.spans["mluke_ner"]) == 2


@pytest.mark.parametrize(
    "tasks",
    [
        "{",
        "{}",
        '[{"text": "minimal export"}]',
        '[{"data": {}, "annotations": [{"result": []}]}]',
        json.dumps([task(region("a", 0, 99, "LOC"))]),
        '[{"data": {"text": "a"}, "annotations": [{"result": [{"type": "labels"}]}]}]',
        '[{"data": {"text": "a"}, "annotations": 3}]',
    ],
    ids=["not_json", "not_a_list", "json_min", "no_text", "outside", "no_value", "a_number"],
)
def test_files_that_are_no_export_have_a_coded_error(tmp_path, tasks):
    (tmp_path / "export.json").write_text(tasks)
    with pytest.raises(ValueError, match=r"\[ML470\]"):
        import_annotations(NLP, tmp_path / "export.json", "label-studio")


def test_exported_predictions_have_probabilities_and_the_configuration_their_labels(tmp_path):
    ents = [(0, 1, "LOC", "Q90")]
    doc = make(["Paris", "in", "France"], [True, True, False], ents, [(*ents[0], 0.5)], [((0, 1), (2, 3), "P17", 0.25)])
    path = tmp_path / "tasks.json"
    export_annotations([doc], path, "label-studio", model_version="m-1")
    (exported,) = json.loads(path.read_text(encoding="utf8"))
    (prediction,) = exported["predictions"]
    assert (prediction["model_version"], prediction["score"], exported["data"]["text"]) == ("m-1", 0.25, doc.text)
    kinds = [one["type"] for one in prediction["result"]]
    assert kinds == ["labels", "textarea", "labels", "relation"]
    names = read_config((tmp_path / "tasks.xml").read_text(encoding="utf8"))
    assert names.entity_labels.keys() == {"LOC", "MENTION"} and names.relation_labels.keys() == {"P17"}
    (again,) = import_annotations(NLP, path, "label-studio", predictions=True)
    assert facts(again) == facts(doc)


def test_annotations_can_be_exported_as_done(tmp_path):
    doc = make(["Paris"], [False], [(0, 1, "LOC", "")])
    export_annotations([doc], tmp_path / "tasks.json", "label-studio", as_annotations=True)
    (again,) = import_annotations(NLP, tmp_path / "tasks.json", "label-studio")
    assert facts(again) == facts(doc)


def test_a_configuration_has_the_labels_of_a_pipeline():
    nlp = spacy.blank("xx")
    nlp.add_pipe("entity_ruler").add_patterns([{"label": "LOC", "pattern": "Paris"}, {"label": 'A<"&', "pattern": "x"}])
    nlp.add_pipe("mluke_relations").add_label("country (P17)")
    names = read_config(label_studio_config(nlp))
    assert (names.text, names.text_key, names.labels, names.kb_id) == ("text", "text", "label", "kb_id")
    assert set(names.entity_labels) == {"LOC", 'A<"&'} and set(names.relation_labels) == {"country (P17)"}
    with pytest.raises(ValueError, match=r"\[ML476\]"):
        label_studio_config(spacy.blank("xx"))


def test_a_project_may_have_other_names_aliases_and_predicted_values():
    config = """<View><Text name="t" value="$body"/><Labels name="ner" toName="t">
      <Label value="Place" alias="P" predicted_values="LOC, GPE"/><Label value="PER"/></Labels></View>"""
    names = read_config(config)
    assert (names.text, names.text_key, names.labels, names.kb_id) == ("t", "body", "ner", None)
    assert names.entity_labels == {"Place": "P", "P": "P", "LOC": "P", "GPE": "P", "PER": "PER"}
    assert names.relation_labels == {}


@pytest.mark.parametrize("config", ["", "<View>", "<View/>", '<!DOCTYPE a [<!ENTITY b "c">]><View/>'])
def test_a_configuration_without_labels_of_a_text_has_a_coded_error(config):
    with pytest.raises(ValueError, match=r"\[ML476\]"):
        read_config(config)


def test_a_configuration_without_links_has_no_field_for_them():
    assert read_config(write_config(["LOC"], [], kb_ids=False)).kb_id is None


def test_the_label_of_spans_that_are_no_entities_is_reserved(tmp_path):
    doc = make(["Paris"], [False], [(0, 1, "MENTION", "")])
    with pytest.raises(ValueError, match=r"\[ML473\]"):
        export_annotations([doc], tmp_path / "tasks.json", "label-studio")
