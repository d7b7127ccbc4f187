"""The API's answers equal those of the Python API, and wrong requests get problems."""

from __future__ import annotations

import html
import json
import re
import shlex

import pytest
import spacy

from spacy_mluke.serve.documents import similarities
from tests.conftest import SAMPLES

# The store has entities that the tiny encoder lacks.
pytestmark = pytest.mark.filterwarnings(r"ignore:\[ML186\]")
TEXTS = ["Tokyo is the capital of Japan", "", "東京 and Paris", *(text for text in SAMPLES.values() if text)]


def close(found, expected):
    """Compare JSON values; numbers may differ by what a batch's size changes."""
    if isinstance(expected, dict):
        return found.keys() == expected.keys() and all(close(found[key], expected[key]) for key in expected)
    if isinstance(expected, list):
        return len(found) == len(expected) and all(map(close, found, expected))
    return found == (pytest.approx(expected, abs=1e-5) if isinstance(expected, float) else expected)


def post(client, path, **values):
    response = client.post(path, json=values)
    assert response.status_code == 200, response.text
    return response.json()


def problem(response):
    assert response.headers["content-type"] == "application/problem+json"
    found = response.json()
    assert set(found) == {"type", "title", "status", "code", "detail"}
    assert found["status"] == response.status_code
    return found


def test_annotations_equal_those_of_the_pipeline(client, served_nlp):
    found = post(client, "/v1/annotate", texts=TEXTS)["documents"]
    assert [document["text"] for document in found] == TEXTS
    for document, text in zip(found, TEXTS, strict=True):
        doc = served_nlp(text)
        assert [(ent["start"], ent["end"], ent["label"], ent["kb_id"]) for ent in document["entities"]] == [
            (ent.start_char, ent.end_char, ent.label_, None if ent.kb_id_ == "NIL" else ent.kb_id_) for ent in doc.ents
        ]
        for entity, ent in zip(document["entities"], doc.ents, strict=True):
            own = [[one["kb_id"], one["score"], one["prior"]] for one in entity["candidates"]]
            assert close(own, [[one.entity, one.score, one.prior] for one in ent._.mluke_candidates])
        relations = [(document["entities"][one["head"]]["start"], one["label"]) for one in document["relations"]]
        assert relations == [(one.head.start_char, one.label) for one in doc._.mluke_relations]


def test_a_disabled_mluke_runs_for_requests_with_vectors_only(make_client, served_nlp):
    with served_nlp.select_pipes(disable="mluke"), make_client(served_nlp) as client:
        assert "mluke" not in client.get("/health").json()["components"]
        (bare,) = post(client, "/v1/annotate", texts=[TEXTS[0]])["documents"]
        (found,) = post(client, "/v1/annotate", texts=[TEXTS[0]], vectors=True)["documents"]
    assert "similarity" not in bare
    vectors = [ent._.mluke_vector.tolist() for ent in served_nlp(TEXTS[0]).ents]
    assert close([entity["vector"] for entity in found["entities"]], vectors)


def test_vectors_of_a_pipeline_without_mluke_are_an_error(make_client):
    with make_client(spacy.blank("xx")) as client:
        response = client.post("/v1/annotate", json={"texts": ["Tokyo"], "vectors": True})
        assert response.status_code == 422 and response.json()["code"] == "ML490"
        assert "vectors" not in client.get("/health").json()["features"]


def test_vectors_are_those_of_the_pipeline(client, served_nlp):
    (found,) = post(client, "/v1/annotate", texts=[TEXTS[0]], vectors=True)["documents"]
    doc = served_nlp(TEXTS[0])
    assert close([one["vector"] for one in found["entities"]], [ent._.mluke_vector.tolist() for ent in doc.ents])
    assert close(found["similarity"], similarities([ent._.mluke_vector.tolist() for ent in doc.ents]))


def test_names_are_in_the_language_of_the_request(client):
    names = [
        post(client, "/v1/annotate", texts=["Tokyo"], lang=lang)["documents"][0]["entities"][0]["name"]
        for lang in ("ja", "en", None)
    ]
    assert names == ["東京", "Tokyo", "Tokyo"]


def test_only_the_components_of_the_request_run(client):
    (found,) = post(client, "/v1/annotate", texts=["Tokyo"], components=["entity_ruler"])["documents"]
    assert [(one["text"], one["kb_id"]) for one in found["entities"]] == [("Tokyo", None)]
    (found,) = post(client, "/v1/annotate", texts=["Tokyo"], components=[])["documents"]
    assert found["entities"] == []


def test_answers_equal_those_of_the_component(client, served_nlp):
    questions = ["Which city?", "Who?"]
    found = post(client, "/v1/answer", text=TEXTS[0], questions=questions, top_k=2)["answers"]
    pipe = served_nlp.get_pipe("mluke_qa")
    assert all(found)
    expected = [[one.to_dict() for one in pipe.answer(TEXTS[0], question, top_k=2)] for question in questions]
    assert close(found, expected)


def test_fillers_equal_those_of_the_component(client, served_nlp):
    text = "[MASK] is the capital of [MASK]"
    found = post(client, "/v1/fill", text=text, top_k=2)
    expected = served_nlp.get_pipe("mluke_cloze").fill(text, top_k=2)
    assert [(mask["start"], mask["end"]) for mask in found["masks"]] == [(0, 6), (25, 31)]
    assert close([mask["fillers"] for mask in found["masks"]], [[one.to_dict() for one in own] for own in expected])
    words = post(client, "/v1/fill", text=text, mode="word", candidates=["Tokyo", "far"])["masks"]
    expected = served_nlp.get_pipe("mluke_cloze").fill(text, ["Tokyo", "far"], mode="word")
    assert close([mask["fillers"] for mask in words], [[one.to_dict() for one in own] for own in expected])


def test_spans_can_be_masked_and_keep_their_offsets(client):
    spans = [{"start": 24, "end": 29}]
    found = post(client, "/v1/fill", text="[MASK] is the capital of Japan", masks=[{"start": 25, "end": 30}], top_k=1)
    marked = post(client, "/v1/fill", text="[MASK] is the capital of [MASK]", top_k=1)
    assert found["text"] == "[MASK] is the capital of Japan"
    assert [(mask["start"], mask["end"]) for mask in found["masks"]] == [(0, 6), (25, 30)]
    assert close([mask["fillers"] for mask in found["masks"]], [mask["fillers"] for mask in marked["masks"]])
    for masks in ([*spans, *spans], [{"start": 3, "end": 8}], [{"start": 5, "end": 5}], [{"start": 29, "end": 99}]):
        refused = client.post("/v1/fill", json={"text": "[MASK] is the capital of Japan", "masks": masks})
        assert problem(refused)["code"] == "ML448"


def test_candidates_that_are_no_entities_are_refused(client):
    refused = client.post("/v1/fill", json={"text": "[MASK]", "candidates": ["Nowhere"]})
    assert (refused.status_code, problem(refused)["code"]) == (422, "ML223")


def test_an_entity_has_facts_in_the_language_asked_for(client):
    found = client.get("/v1/entities/Q1490", params={"lang": "ja"}).json()
    assert found["facts"] == [
        {"property": "P1376", "label": "首都とする地域", "object": "Q17", "name": "Japan"},
        {"property": "P47", "label": "隣接地", "object": "Q90", "name": "Paris"},
        {"property": "P47", "label": "隣接地", "object": "Q11", "name": None},
        {"property": "P99999", "label": "P99999", "object": "Q142", "name": "France"},
    ]
    assert (found["classes"], found["descriptions"]) == (["big city"], {"en": "capital of Japan"})
    assert found["links"] == [
        {"id": "Q1490", "url": "https://www.wikidata.org/wiki/Q1490"},
        {"id": "geonames:1850147", "url": "https://www.geonames.org/1850147"},
    ]
    found = client.get("/v1/entities/geonames:1850147", params={"facts": 1, "lang": "sw"}).json()
    assert [fact["label"] for fact in found["facts"]] == ["capital of"]
    assert (found["id"], found["n_facts"]) == ("Q1490", 4)


def test_entities_are_found_by_id_and_by_name(client):
    assert client.get("/v1/entities/Q1490", params={"lang": "ja"}).json()["name"] == "東京"
    found = client.get("/v1/entities", params={"name": "Paris", "lang": "en"}).json()["entities"]
    assert [one["id"] for one in found] == ["Q90", "Q167646"]
    assert client.get("/v1/entities", params={"name": "Nowhere"}).json() == {"entities": []}
    assert problem(client.get("/v1/entities/Q0"))["code"] == "ML445"


def test_health_says_what_runs(client, served_nlp):
    found = client.get("/health").json()
    assert (found["status"], found["components"]) == ("ok", served_nlp.pipe_names)
    assert (found["languages"], found["features"]) == (["en", "ja"], ["answer", "fill", "entities", "vectors"])


def test_a_pipeline_without_a_component_says_what_is_missing(make_client):
    with make_client(spacy.blank("de")) as client:
        assert post(client, "/v1/annotate", texts=["Bern"])["documents"][0]["entities"] == []
        for path, body in (("/v1/answer", {"text": "a", "questions": ["b"]}), ("/v1/fill", {"text": "[MASK]"})):
            refused = client.post(path, json=body)
            assert (refused.status_code, problem(refused)["code"]) == (404, "ML440")
        assert problem(client.get("/v1/entities/Q1"))["code"] == "ML440"


WRONG = {
    "empty": b"",
    "no_json": b"{",
    "no_utf8": b"\xff\xfe",
    "no_object": b"null",
    "deep": b"[" * 50_000,
    "long_number": b"9" * 5_000,
    "not_a_number": b"NaN",
    "no_texts": b'{"texts": []}',
    "one_text": b'{"texts": "Tokyo"}',
    "number": b'{"texts": [1]}',
    "surrogate": b'{"texts": ["a\\ud800"]}',
    "surrogate_key": b'{"texts": ["a"], "\\ud800": 1}',
    "unknown_member": b'{"texts": ["a"], "text": "b"}',
    "vectors": b'{"texts": ["a"], "vectors": "yes"}',
    "lang": b'{"texts": ["a"], "lang": "../de"}',
    "component": b'{"texts": ["a"], "components": ["parser\\u0000"]}',
}


@pytest.mark.parametrize("body", WRONG.values(), ids=WRONG)
def test_wrong_requests_get_problems(client, body):
    refused = client.post("/v1/annotate", content=body, headers={"Content-Type": "application/json"})
    assert refused.status_code in (400, 422)
    assert problem(refused)["code"] in ("ML439", "ML447")


def test_unknown_paths_and_methods_get_problems(client):
    for method, path in (("GET", "/nowhere"), ("DELETE", "/health"), ("GET", "/v1/annotate"), ("POST", "/v1/entities")):
        refused = client.request(method, path)
        assert refused.status_code in (404, 405)
        assert problem(refused)["code"] == "ML449"


def test_requests_beyond_the_limits_are_refused(make_client):
    limits = {"max_texts": 2, "max_characters": 10, "max_bytes": 1000}
    with make_client(spacy.blank("en"), **limits) as client:
        assert client.post("/v1/annotate", json={"texts": ["a" * 10] * 2}).status_code == 200
        cases = [({"texts": ["a"] * 3}, 422, "ML437"), ({"texts": ["a" * 11]}, 422, "ML438")]
        for body, status, code in [*cases, ({"texts": ["a" * 1000]}, 413, "ML436")]:
            refused = client.post("/v1/annotate", json=body)
            assert (refused.status_code, problem(refused)["code"]) == (status, code)

        def parts():
            for _ in range(100):
                yield b" " * 100

        assert problem(client.post("/v1/annotate", content=parts()))["code"] == "ML436"


def test_a_body_without_its_content_type_is_a_problem_that_names_the_header(client):
    refused = client.post("/v1/annotate", content='{"texts": ["Tokyo"]}')
    assert (refused.status_code, problem(refused)["code"]) == (422, "ML447")
    assert "Content-Type: application/json" in problem(refused)["detail"]


def test_the_description_of_the_api_has_every_route(client):
    paths = client.get("/openapi.json").json()["paths"]
    assert set(paths) == {
        "/health", "/v1/annotate", "/v1/answer", "/v1/fill", "/v1/render", "/v1/entities", "/v1/entities/{entity_id}",
        "/label-studio/health", "/label-studio/setup", "/label-studio/predict", "/label-studio/webhook",
    }  # fmt: skip
    page = client.get("/docs")
    assert all(f" {path}</h2>" in page.text for path in paths)
    assert "://" not in page.text and "<script" not in page.text


def test_the_examples_of_the_description_can_be_pasted(client):
    commands = [shlex.split(html.unescape(one)) for one in re.findall("<pre>(.*?)</pre>", client.get("/docs").text)]
    assert len(commands) == len(client.get("/openapi.json").json()["paths"])
    for curl, silent, address, *rest in commands:
        assert (curl, silent, address.partition("/")[0]) == ("curl", "-s", "testserver")
        path = address.removeprefix("testserver")
        if rest:
            assert rest[:-1] == ["-H", "Content-Type: application/json", "-d"]
            found = client.post(path, content=rest[-1], headers={"Content-Type": "application/json"})
        else:
            found = client.get(path)
        assert found.status_code == 200, (path, found.text)


def test_responses_have_the_form_that_the_description_says(client):
    from spacy_mluke.serve import schema

    found = post(client, "/v1/annotate", texts=TEXTS, vectors=True)
    assert json.loads(schema.AnnotateResponse(**found).model_dump_json()).keys() == found.keys()
    schema.AnswerResponse(**post(client, "/v1/answer", text="Tokyo", questions=["Where?"]))
    schema.FillResponse(**post(client, "/v1/fill", text="[MASK]"))
    schema.Health(**client.get("/health").json())
    schema.KnownEntity(**client.get("/v1/entities/Q90").json())
    schema.EntitiesResponse(**client.get("/v1/entities", params={"name": "Paris"}).json())


def test_a_document_of_the_server_is_drawn_as_by_the_renderer(client):
    from spacy_mluke.rendering.json_input import read_json
    from spacy_mluke.rendering.render import draw

    (document,) = post(client, "/v1/annotate", texts=["Tokyo is in Japan."], vectors=True)["documents"]
    for style in ("entities", "relations", "graph", "similarity"):
        found = post(client, "/v1/render", document=document, styles=[style], width=400)
        assert found["html"] == draw(read_json(document), style, width=400)
    page = post(client, "/v1/render", document=document, styles=["entities", "graph"], page=True)["html"]
    assert page.startswith("<!DOCTYPE html>") and "<h2>Graph</h2>" in page
    assert client.get("/render.css").headers["content-type"].startswith("text/css")


def test_what_is_no_document_is_not_drawn(client):
    wrong = client.post("/v1/render", json={"document": {"text": 5}, "styles": ["graph"]})
    assert wrong.status_code == 422 and problem(wrong)["code"] == "ML453"
    bare = client.post(
        "/v1/render", json={"document": {"text": "a", "entities": [{"start": 0, "end": 1}]}, "styles": ["similarity"]}
    )
    assert bare.status_code == 422 and problem(bare)["code"] == "ML451"
