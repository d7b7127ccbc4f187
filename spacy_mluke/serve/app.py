"""The web application: routes, problems and pages."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import pathlib
from typing import Annotated, Any, AsyncIterator, Dict, List, Optional

from fastapi import FastAPI, Path, Query, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.staticfiles import StaticFiles

from .. import __version__
from ..errors import Errors
from . import schema
from .guard import Guard
from .logs import LOGGER
from .metrics import CONTENT_TYPE, Metrics
from .problems import MEDIA_TYPE, Problem
from .service import Make, Service
from .settings import Settings
from .shutdown import Shutdown

STATIC = pathlib.Path(__file__).parent / "static"  # the explorer page
Lang = Annotated[Optional[str], Query(max_length=20, description="Language of the name")]
_MAX_REASONS = 5  # wrong members of a request that are named
_PROBLEMS: Dict[Any, Dict[str, Any]] = {
    "4XX": {"model": schema.ProblemResponse, "description": "The request is wrong"},
    "5XX": {"model": schema.ProblemResponse, "description": "The server is busy, or failed"},
}


def make_app(settings: Settings, make: Optional[Make] = None) -> FastAPI:
    """Make the web application.

    settings (Settings): The settings.
    make (Optional[Make]): Loads the pipeline, when the application starts; by default, `make_worker`.
    RETURNS (FastAPI): The application. Its `state.service` is the Service.
    """
    metrics = Metrics()
    service = Service(settings, metrics, make)
    shutdown = Shutdown()

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        try:
            await asyncio.wrap_future(service.start())
        except Exception as error:
            logging.getLogger(LOGGER).error("the pipeline cannot be loaded: %s", error)
            raise
        with shutdown.announced():
            yield
        await asyncio.to_thread(service.close)
        metrics.close()

    app = FastAPI(
        title="spacy_mluke",
        version=__version__,
        description="Entities, links, relations, answers and fillers. Offsets are in Unicode code points.",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        responses=_PROBLEMS,
    )
    app.state.service = service
    app.add_exception_handler(Problem, _problem)
    app.add_exception_handler(HTTPException, _http_problem)
    app.add_exception_handler(RequestValidationError, _validation_problem)
    app.add_middleware(Guard, settings=settings, metrics=metrics, is_stopping=shutdown.is_stopping)
    if settings.origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=list(settings.origins),
            allow_methods=["GET", "POST"],
            allow_headers=["Authorization", "Content-Type", "X-Request-ID"],
            expose_headers=["X-Request-ID", "Retry-After"],
        )
    _add_routes(app, service)
    # It imports spaCy, which the process that starts the others does not load.
    from .label_studio import add_label_studio

    add_label_studio(app, service)
    _add_pages(app, metrics, service)
    return app


def _add_routes(app: FastAPI, service: Service) -> None:
    @app.get("/health", response_model=schema.Health, summary="What this server runs")
    async def health() -> Response:
        return JSONResponse(service.health())

    @app.post("/v1/annotate", response_model=schema.AnnotateResponse, summary="Annotate texts")
    async def annotate(request: schema.AnnotateRequest) -> Response:
        """Entities with types, links and candidates, and the relations between them."""
        return JSONResponse(await service.annotate(request))

    @app.post("/v1/answer", response_model=schema.AnswerResponse, summary="Answer questions about a text")
    async def answer(request: schema.AnswerRequest) -> Response:
        """Answers are pieces of the text."""
        return JSONResponse(await service.answer(request))

    @app.post("/v1/fill", response_model=schema.FillResponse, summary="Fill the masks of a text")
    async def fill(request: schema.FillRequest) -> Response:
        """Masks are each [MASK] in the text, and the spans in `masks`."""
        return JSONResponse(await service.fill(request))

    @app.post("/v1/render", response_model=schema.RenderResponse, summary="Draw a document")
    async def render(request: schema.RenderRequest) -> Response:
        """HTML of an annotated document: the text, arcs, a graph, similarities."""
        from .drawings import render_document

        return JSONResponse({"html": await asyncio.to_thread(render_document, request)})

    @app.get("/v1/entities", response_model=schema.EntitiesResponse, summary="Entities that a name may mean")
    async def find(
        name: Annotated[str, Query(min_length=1, max_length=500, description="The name", examples=["Tokyo"])],
        lang: Lang = None,
        limit: Annotated[int, Query(ge=1, le=100, description="Maximum number of entities")] = 20,
    ) -> Response:
        return JSONResponse({"entities": service.entities().find(name, lang, limit)})

    @app.get("/v1/entities/{entity_id}", response_model=schema.KnownEntity, summary="An entity with names and facts")
    async def entity(
        entity_id: Annotated[str, Path(description="The entity's id", examples=["Q1490"])],
        lang: Lang = None,
        facts: Annotated[int, Query(ge=0, le=1000, description="Maximum number of facts")] = 100,
    ) -> Response:
        found = await asyncio.to_thread(service.entities().get, entity_id, lang, facts)
        if found is None:
            raise Problem(404, Errors.ML445.format(id=entity_id[:100]))
        return JSONResponse(found)


def _add_pages(app: FastAPI, metrics: Metrics, service: Service) -> None:
    @app.get("/metrics", include_in_schema=False)
    async def show_metrics() -> Response:
        return Response(metrics.render(service.batcher.n_waiting), media_type=CONTENT_TYPE)

    @app.get("/docs", include_in_schema=False)
    async def docs(request: Request) -> Response:
        from .reference_page import PAGE_POLICY, render_reference

        return HTMLResponse(
            render_reference(app.openapi(), request.url.netloc), headers={"Content-Security-Policy": PAGE_POLICY}
        )

    @app.get("/render.css", include_in_schema=False)
    async def style() -> Response:
        from ..rendering.page import base_style

        return Response(base_style(), media_type="text/css", headers={"Cache-Control": "no-cache"})

    if (STATIC / "index.html").is_file():
        app.mount("/", _Pages(directory=STATIC, html=True))


class _Pages(StaticFiles):
    """The files of the explorer page. Browsers ask whether a file has changed before they use their copy."""

    def file_response(self, *args: Any, **kwargs: Any) -> Response:
        response = super().file_response(*args, **kwargs)
        response.headers["Cache-Control"] = "no-cache"
        return response


def _response(problem: Problem, headers: Optional[Dict[str, str]] = None) -> JSONResponse:
    found = {**(headers or {}), **problem.headers()}
    return JSONResponse(problem.to_dict(), problem.status, headers=found, media_type=MEDIA_TYPE)


async def _problem(request: Request, error: Any) -> Response:
    return _response(error)


async def _http_problem(request: Request, error: Any) -> Response:
    """Errors of the framework: unknown paths and methods, and bodies that are not JSON."""
    if error.status_code in (404, 405):
        message = Errors.ML449.format(method=request.method, path=request.url.path[:100])
    else:
        message = Errors.ML447.format(reason=error.detail)
    return _response(Problem(error.status_code, message), dict(error.headers or {}))


async def _validation_problem(request: Request, error: Any) -> Response:
    kind = request.headers.get("content-type", "")
    if request.method == "POST" and not kind.partition(";")[0].strip().lower().endswith("json"):
        # The framework has read the body as a string, and would say that it is not an object.
        return _response(Problem(422, Errors.ML447.format(reason="it has no header 'Content-Type: application/json'")))
    reasons: List[str] = []
    for found in error.errors()[:_MAX_REASONS]:
        place = ".".join(map(str, found["loc"]))[:100].encode("ascii", "backslashreplace").decode()
        reasons.append(f"{place}: {found['msg'][:300]}".encode("utf8", "backslashreplace").decode())
    more = len(error.errors()) - len(reasons)
    text = "; ".join(reasons) + (f"; and {more:,} more" if more > 0 else "")
    is_json = all(found["type"] != "json_invalid" for found in error.errors())
    return _response(Problem(422 if is_json else 400, Errors.ML447.format(reason=text)))
