"""The server as a machine learning backend of Label Studio."""

from __future__ import annotations

import base64

import pytest

from spacy_mluke.annotation_tools.label_studio_config import write_config
from tests.serve.test_api import problem

pytestmark = pytest.mark.filterwarnings(r"ignore:\[ML186\]")
CONFIG = write_config(["LOC"], ["P36", "capital"])
TEXT = "😀 Tokyo is the capital of Japan"


def predict(client, *texts, config=CONFIG, **data):
    tasks = [{"id": i, "data": {"text": text, **data}, "annotations": []} for i, text in enumerate(texts)]
    # The other members are those that Label Studio sends.
    body = {"tasks": tasks, "label_config": config, "project": "1.17", "model_version": "", "params": {"context": None}}
    return client.post("/label-studio/predict", json=body)


def test_a_project_is_connected(client, served_nlp):
    version = f"{served_nlp.meta['lang']}_{served_nlp.meta['name']}-{served_nlp.meta['version']}"
    assert client.get("/label-studio/health").json() == {"status": "UP", "model_version": version}
    body = {"project": "1.17", "schema": CONFIG, "hostname": "http://localhost:8080", "access_token": "x"}
    assert client.post("/label-studio/setup", json=body).json() == {"model_version": version}


def test_events_of_a_project_are_answered(client):
    response = client.post("/label-studio/webhook", json={"action": "ANNOTATION_CREATED"})
    assert (response.status_code, response.json()) == (200, {"learns": False})


def test_predictions_equal_those_of_the_pipeline(client, served_nlp):
    texts = [TEXT, "", "東京 and Paris"]
    found = predict(client, *texts).json()["results"]
    assert len(found) == len(texts)
    for prediction, text in zip(found, texts, strict=True):
        doc = served_nlp(text)
        regions = {one["id"]: one for one in prediction["result"] if one["type"] == "labels"}
        assert [(one["value"]["start"], one["value"]["end"], one["value"]["text"]) for one in regions.values()] == [
            (ent.start_char, ent.end_char, ent.text) for ent in doc.ents
        ]
        links = {one["id"]: one["value"]["text"] for one in prediction["result"] if one["type"] == "textarea"}
        assert [links.get(id, ["NIL"]) for id in regions] == [[ent.kb_id_ or "NIL"] for ent in doc.ents]
        related = {
            (regions[one["from_id"]]["value"]["text"], regions[one["to_id"]]["value"]["text"], label)
            for one in prediction["result"]
            if one["type"] == "relation"
            for label in one["labels"]
        }
        assert related == {(one.head.text, one.tail.text, one.label) for one in doc._.mluke_relations}


def test_names_and_labels_are_those_of_the_project(client, caplog):
    config = """<View><Text name="t" value="$body"/><Labels name="ner" toName="t">
      <Label value="Place" predicted_values="LOC"/></Labels></View>"""
    (prediction,) = predict(client, "ignored", config=config, body=TEXT).json()["results"]
    assert {(one["from_name"], one["to_name"], *one["value"]["labels"]) for one in prediction["result"]} == {
        ("ner", "t", "Place")
    }
    (prediction,) = predict(client, TEXT, config=write_config(["PER"], [])).json()["results"]
    assert prediction["result"] == []
    assert "the project has no such labels: entities with the label 'LOC': 2" in caplog.text


def test_more_tasks_than_a_request_may_have_texts_are_split(make_client, served_nlp):
    with make_client(served_nlp, max_texts=2) as client:
        assert len(predict(client, *["Tokyo"] * 5).json()["results"]) == 5


def test_wrong_requests_have_problems(client):
    refused = predict(client, TEXT, config="<View/>")
    assert (refused.status_code, problem(refused)["code"]) == (422, "ML476")
    refused = client.post("/label-studio/setup", json={"schema": "<View/>"})
    assert (refused.status_code, problem(refused)["code"]) == (422, "ML476")
    body = {"tasks": [{"data": {"text": 3}}], "label_config": CONFIG}
    refused = client.post("/label-studio/predict", json=body)
    assert (refused.status_code, problem(refused)["code"]) == (422, "ML472")
    assert client.post("/label-studio/predict", json={"tasks": 3}).status_code == 422


@pytest.mark.parametrize(
    ("header", "status"),
    [
        ("Bearer geheim", 200),
        ("Basic " + base64.b64encode(b"anyone:geheim").decode(), 200),
        ("Basic " + base64.b64encode(b"geheim").decode(), 401),
        ("Basic geheim", 401),
        ("Basic \u00e9", 401),
        ("", 401),
    ],
    ids=["token", "password", "no_password", "token_as_basic", "not_base64", "none"],
)
def test_a_token_may_be_the_password(make_client, served_nlp, header, status):
    with make_client(served_nlp, token="geheim") as client:
        headers = {"Authorization": header.encode("latin1")} if header else {}
        assert client.get("/label-studio/health", headers=headers).status_code == status
        assert (
            status == 401
            or not header.startswith("Basic")
            or client.get("/v1/entities", headers=headers).status_code == 401
        )
