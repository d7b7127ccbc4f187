"""The explorer's files, behind a server that answers like the API, without a model: for tests in a browser."""

from __future__ import annotations

import contextlib
import json
import mimetypes
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Dict, Iterator, List
from urllib.parse import unquote

import spacy_mluke
from spacy_mluke.rendering.page import base_style
from spacy_mluke.serve.content_policy import POLICY
from spacy_mluke.serve.drawings import render_document
from spacy_mluke.serve.problems import MEDIA_TYPE, Problem
from spacy_mluke.serve.schema import (
    AnnotateRequest,
    AnswerRequest,
    Fact,
    FillRequest,
    KnownEntity,
    Link,
    Name,
    RenderRequest,
)

STATIC = Path(spacy_mluke.__file__).parent / "serve" / "static"
NAMES = {
    "Marie Curie": ("PER", "Q7186", "Marie Curie"),
    "Warsaw": ("LOC", "geonames:756135", "Warsaw"),
    "Paris": ("LOC", "geonames:2988507", "Paris"),
    "Sorbonne": ("ORG", "Q209842", "University of Paris"),
    "Nobel Prize in Physics": ("MISC", "Q38104", "Nobel Prize in Physics"),
    "Pierre Curie": ("PER", "Q37463", "Pierre Curie"),
    "نجيب محفوظ": ("PER", "Q7176", "Naguib Mahfouz"),
    "القاهرة": ("LOC", "geonames:360630", "Cairo"),
    "جائزة نوبل في الأدب": ("MISC", "Q37922", "Nobel Prize in Literature"),
    "夏目漱石": ("PER", "Q182222", "Natsume Sōseki"),
    "東京": ("LOC", "geonames:1850147", "Tokyo"),
    "ロンドン": ("LOC", "geonames:2643743", "London"),
}
HOSTILE = "<img src=x onerror=alert(1)>"
HEALTH = {
    "status": "ok", "version": "1", "pipeline": "xx_test", "pipeline_version": "0.0.0", "lang": "xx",
    "components": ["mluke_ner", "mluke_linker", "mluke_relations", "mluke_qa", "mluke_cloze"],
    "languages": ["ar", "de", "en", "ja"], "features": ["answer", "fill", "entities", "vectors"],
    "limits": {"max_characters": 5000},
}  # fmt: skip


def annotate(text: str) -> Dict[str, Any]:
    """Return a document as the API returns it: mentions are known names, each related to the next."""
    pattern = "|".join(map(re.escape, [*NAMES, HOSTILE]))
    entities: List[Dict[str, Any]] = []
    for i, match in enumerate(re.finditer(pattern, text)):
        label, kb_id, name = NAMES.get(match[0], ("MISC", None, None))
        candidates = [{"kb_id": kb_id, "name": name, "score": 0.9, "prior": 0.6}] if kb_id else []
        candidates += [{"kb_id": "Q1", "name": HOSTILE, "score": 0.1, "prior": 0.4}] if kb_id else []
        entities.append(
            {
                "id": i,
                "start": match.start(),
                "end": match.end(),
                "text": match[0],
                "label": label,
                "score": 0.95,
                "kb_id": kb_id,
                "name": name,
                "types": ["thing"],
                "candidates": candidates,
                "vector": [1.0, float(i)],
            }
        )
    n = len(entities)
    relations = [{"head": 0, "tail": i, "label": f"relation {i}", "property": None, "score": 0.8} for i in range(1, n)]
    similarity = [[1.0 if i == j else 0.5 for j in range(n)] for i in range(n)]
    return {"text": text, "entities": entities, "relations": relations, "similarity": similarity}


def entity(kb_id: str) -> Dict[str, Any]:
    """Return an entity with two names, and nine facts."""
    if kb_id == "Q1":
        raise Problem(404, f"[ML445] {kb_id}")
    facts = [Fact(property="P26", label="spouse", object="Q7186", name="Marie Curie")]
    for i in range(10, 18):
        facts.append(Fact(property="P47", label="shares border with", object=f"Q{i}", name=f"Place {i}"))
    found = KnownEntity(
        id=kb_id,
        name=f"Entity {kb_id}",
        type="city",
        prior=None,
        names=[Name(name=f"Name {lang}", lang=lang, kind="name", prior=None) for lang in ("de", "ja")],
        classes=["big city"],
        descriptions={"en": HOSTILE},
        links=[Link(id=kb_id, url="https://www.wikidata.org/wiki/Q270")],
        facts=facts,
        n_facts=len(facts) + 3,
    )
    return found.model_dump()


def answer(path: str, body: Any) -> Dict[str, Any]:
    """Answer a request. The classes of the API check its form."""
    if path == "/v1/annotate":
        request = AnnotateRequest(**body)
        if "ERROR" in request.texts[0]:
            raise Problem(422, "[ML438] The text is wrong.")
        return {"documents": [annotate(text) for text in request.texts]}
    if path == "/v1/render":
        return {"html": render_document(RenderRequest(**body))}
    if path == "/v1/answer":
        text = AnswerRequest(**body).text
        start = text.find("Warsaw")
        return {"answers": [[{"start": start, "end": start + 6, "text": "Warsaw", "score": 0.7, "null_score": 0.1}]]}
    if path == "/v1/fill":
        start = FillRequest(**body).text.index("[MASK]")
        fillers = [{"text": "Poland", "entity": "en:Poland", "kb_id": "Q36", "score": 0.8}]
        return {"masks": [{"start": start, "end": start + 6, "fillers": fillers}]}
    if path.startswith("/v1/entities/"):
        return entity(unquote(path.split("/")[-1]))
    if path == "/health":
        return HEALTH
    raise Problem(404, f"[ML449] {path}")


class _Handler(BaseHTTPRequestHandler):
    def _send(self, status: int, kind: str, content: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Content-Security-Policy", POLICY)
        self.end_headers()
        self.wfile.write(content)

    def _answer(self, body: Any) -> None:
        path = self.path.partition("?")[0]
        file = STATIC / ("index.html" if path == "/" else path[1:])
        if path == "/render.css":
            self._send(200, "text/css", base_style().encode())
        elif body is None and file.is_file():
            self._send(200, mimetypes.guess_type(file.name)[0] or "text/plain", file.read_bytes())
        else:
            try:
                self._send(200, "application/json", json.dumps(answer(path, body)).encode())
            except Problem as problem:
                self._send(problem.status, MEDIA_TYPE, json.dumps(problem.to_dict()).encode())

    def do_GET(self) -> None:
        self._answer(None)

    def do_POST(self) -> None:
        self._answer(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

    def log_message(self, *args: Any) -> None:
        """Write no log."""


@contextlib.contextmanager
def running() -> Iterator[str]:
    """Run the server, and yield its address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
