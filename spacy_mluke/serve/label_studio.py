"""Label Studio's protocol for machine learning backends: the routes health, setup, predict and webhook."""

from __future__ import annotations

import logging
from collections import Counter
from typing import TYPE_CHECKING, Any, Dict, List

from pydantic import BaseModel, Field
from starlette.responses import JSONResponse, Response

from ..annotation_tools.documents import ToolDocument, ToolEntity, ToolRelation, listed
from ..annotation_tools.label_studio import make_prediction
from ..annotation_tools.label_studio_config import LabelStudioNames, read_config
from ..errors import Errors
from .logs import LOGGER
from .problems import Problem
from .schema import AnnotateRequest, Str, example

if TYPE_CHECKING:
    from fastapi import FastAPI

    from .service import Service

PREFIX = "/label-studio"  # the URL of the backend ends with it


_CONFIG = (
    '<View><Labels name="label" toName="text"><Label value="LOC"/></Labels><Text name="text" value="$text"/></View>'
)


class SetupRequest(BaseModel):
    """What Label Studio sends when a project is connected. Its other members are not needed."""

    model_config = example({"schema": _CONFIG})

    config: Str = Field(alias="schema", description="Labelling configuration of the project")


class PredictRequest(BaseModel):
    """Tasks of a project. Other members are not needed."""

    model_config = example({"tasks": [{"data": {"text": "Tokyo"}}], "label_config": _CONFIG})

    tasks: List[Dict[str, Any]] = Field(description="Tasks of Label Studio, with their data")
    label_config: Str = Field(description="Labelling configuration of the project")


class SetupResponse(BaseModel):
    model_version: str


class HealthResponse(SetupResponse):
    status: str = Field(description="UP")


class PredictResponse(SetupResponse):
    results: List[Dict[str, Any]] = Field(description="A prediction for each task")


class WebhookRequest(BaseModel):
    """An event of a project. Its other members are not needed."""

    model_config = example({"action": "ANNOTATION_CREATED"})

    action: Str = Field(description="What happened")


class WebhookResponse(BaseModel):
    learns: bool = Field(description="false: the pipeline does not change")


def add_label_studio(app: FastAPI, service: Service) -> None:
    """Add the routes of the protocol.

    app (FastAPI): The application.
    service (Service): Annotates the texts of tasks.
    """

    @app.get(f"{PREFIX}/health", response_model=HealthResponse, summary="Label Studio: whether the backend is there")
    async def health() -> Response:
        return JSONResponse({"status": "UP", "model_version": _version(service)})

    @app.post(f"{PREFIX}/setup", response_model=SetupResponse, summary="Label Studio: connect a project")
    async def setup(request: SetupRequest) -> Response:
        _read_config(request.config)
        return JSONResponse({"model_version": _version(service)})

    @app.post(f"{PREFIX}/webhook", response_model=WebhookResponse, summary="Label Studio: a task was annotated")
    async def webhook(request: WebhookRequest) -> Response:
        """Nothing is done: the pipeline does not learn from single annotations."""
        return JSONResponse({"learns": False})

    @app.post(f"{PREFIX}/predict", response_model=PredictResponse, summary="Label Studio: predictions for tasks")
    async def predict(request: PredictRequest) -> Response:
        """Entities, their ids and relations, with the names and labels of the project."""
        names = _read_config(request.label_config)
        texts = [_text_of(task, i, names) for i, task in enumerate(request.tasks)]
        version = _version(service)
        skipped: Counter[str] = Counter()
        results: List[Dict[str, Any]] = []
        size = service.settings.max_texts
        for start in range(0, len(texts), size):
            annotated = await service.annotate(AnnotateRequest.model_validate({"texts": texts[start : start + size]}))
            for document in annotated["documents"]:
                results.append(make_prediction(_tool_document(document), names, version, skipped))
        if +skipped:
            logging.getLogger(LOGGER).warning("the project has no such labels: %s", listed(skipped))
        return JSONResponse({"results": results, "model_version": version})


def _version(service: Service) -> str:
    meta = service.worker.nlp.meta
    return f"{meta['lang']}_{meta['name']}-{meta['version']}"


def _read_config(config: str) -> LabelStudioNames:
    try:
        return read_config(config)
    except ValueError as error:
        raise Problem(422, str(error)) from error


def _text_of(task: Dict[str, Any], i: int, names: LabelStudioNames) -> str:
    data = task.get("data")
    text = data.get(names.text_key) if isinstance(data, dict) else None
    if not isinstance(text, str):
        raise Problem(422, Errors.ML472.format(i=i, key=names.text_key))
    return text


def _tool_document(document: Dict[str, Any]) -> ToolDocument:
    """A document of /v1/annotate. Ids of its entities are their positions."""
    entities = [
        ToolEntity(one["start"], one["end"], one["label"], one["kb_id"] or "", one["score"])
        for one in document["entities"]
    ]
    relations = [ToolRelation(one["head"], one["tail"], one["label"], one["score"]) for one in document["relations"]]
    return ToolDocument(document["text"], entities, relations)
