"""The service behind the API: checks requests, puts them into batches, and waits for the results."""

from __future__ import annotations

import asyncio
import logging
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, Callable, Dict, List, Optional, Sequence

from .. import __version__
from ..errors import Errors, did_you_mean
from .batching import Batcher, QueueFull
from .jobs import Annotate, Answer, Fill, Key, Text
from .logs import LOGGER
from .metrics import Metrics
from .problems import Problem
from .schema import AnnotateRequest, AnswerRequest, FillRequest
from .settings import Settings

if TYPE_CHECKING:
    from .entities import Entities
    from .worker import Worker

Make = Callable[[Settings], "Worker"]


class Service:
    """Answers requests with a pipeline that runs in one thread.

    settings (Settings): The settings.
    metrics (Metrics): Counts texts and batches.
    make (Optional[Make]): Loads the pipeline; by default, `make_worker`. Called in the thread.
    """

    def __init__(self, settings: Settings, metrics: Metrics, make: Optional[Make] = None):
        self.settings = settings
        self.metrics = metrics
        self._make = make
        self._worker: Optional[Worker] = None
        self._started: Optional[Future] = None
        self._logger = logging.getLogger(LOGGER)
        self.batcher: Batcher[Key] = Batcher(
            self._make_run,
            batch_size=settings.batch_size,
            max_wait=settings.batch_wait_ms / 1000,
            max_waiting=settings.max_waiting,
            on_batch=metrics.count_batch,
        )

    def start(self) -> Future:
        """Load the pipeline, unless that was started before.

        RETURNS (Future): Done when the pipeline is loaded; it has the error if that failed.
        """
        if self._started is None:
            self._started = self.batcher.start()
        return self._started

    def close(self) -> None:
        """Finish all accepted work."""
        self.batcher.close()

    @property
    def worker(self) -> Worker:
        """The pipeline with its components. Only the thread may run it."""
        assert self._worker is not None
        return self._worker

    # --- requests ---

    def health(self) -> Dict[str, Any]:
        """Return what this server runs.

        RETURNS (Dict[str, Any]): As `schema.Health`.
        """
        worker, meta = self.worker, self.worker.nlp.meta
        features = {
            "answer": worker.qa,
            "fill": worker.cloze,
            "entities": worker.store,
            "vectors": worker.vectors,
        }
        limits = ("max_bytes", "max_texts", "max_characters", "timeout")
        return {
            "status": "ok",
            "version": __version__,
            "pipeline": f"{meta['lang']}_{meta['name']}",
            "pipeline_version": meta["version"],
            "lang": meta["lang"],
            "components": list(worker.nlp.pipe_names),
            "languages": [] if worker.store is None else sorted(filter(None, worker.store.languages)),
            "features": [name for name, part in features.items() if part is not None],
            "limits": {name: getattr(self.settings, name) for name in limits},
        }

    async def annotate(self, request: AnnotateRequest) -> Dict[str, Any]:
        """Annotate texts.

        request (AnnotateRequest): The request.
        RETURNS (Dict[str, Any]): As `schema.AnnotateResponse`.
        RAISES (Problem): ML437 to ML439, ML442, ML446; ML490 for vectors of a pipeline without `mluke`.
        """
        if request.vectors and self.worker.vectors is None:
            raise Problem(422, Errors.ML490)
        self._check_number("texts", request.texts)
        for i, text in enumerate(request.texts):
            self._check_text(f"texts[{i}]", text)
        names = self.worker.nlp.pipe_names
        for name in request.components or ():
            if name not in names:
                hint = did_you_mean(name, names)
                raise Problem(422, Errors.ML439.format(name=_short(name), names=", ".join(names), hint=hint))
        wanted = names if request.components is None else request.components
        key = Annotate(tuple(name for name in names if name not in wanted))
        texts = [Text(text, request.lang, request.vectors) for text in request.texts]
        return {"documents": await self._results(key, texts, request.texts, "texts[{}]")}

    async def answer(self, request: AnswerRequest) -> Dict[str, Any]:
        """Answer questions about a text.

        request (AnswerRequest): The request.
        RETURNS (Dict[str, Any]): As `schema.AnswerResponse`.
        RAISES (Problem): ML437, ML438, ML440, ML442, ML446.
        """
        self._check_feature("/v1/answer", "mluke_qa", self.worker.qa)
        self._check_text("text", request.text)
        self._check_number("questions", request.questions)
        for i, question in enumerate(request.questions):
            self._check_text(f"questions[{i}]", question)
        texts = [request.text, *request.questions]
        (found,) = await self._results(Answer(request.top_k), [(request.text, request.questions)], texts, "text")
        return {"answers": found}

    async def fill(self, request: FillRequest) -> Dict[str, Any]:
        """Fill the masks of a text.

        request (FillRequest): The request.
        RETURNS (Dict[str, Any]): As `schema.FillResponse`.
        RAISES (Problem): ML221 to ML223, ML437, ML438, ML440, ML442, ML446, ML448.
        """
        from .masks import put_masks

        self._check_feature("/v1/fill", "mluke_cloze", self.worker.cloze)
        cloze: Any = self.worker.cloze
        self._check_text("text", request.text)
        self._check_number("masks", request.masks)
        self._check_number("candidates", request.candidates or ())
        spans = [(mask.start, mask.end) for mask in request.masks]
        masked, places = put_masks(request.text, spans, cloze.cfg["marker"])
        self._check_number("masks", places)
        candidates = None if request.candidates is None else tuple(request.candidates)
        key = Fill(request.top_k, request.mode, request.lang, candidates)
        (found,) = await self._results(key, [masked], [masked], "text")
        masks = [
            {"start": start, "end": end, "fillers": fillers}
            for (start, end), fillers in zip(places, found, strict=True)
        ]
        return {"text": request.text, "masks": masks}

    def entities(self) -> Entities:
        """Return the entities of the pipeline's knowledge base.

        RETURNS (Entities): The entities.
        RAISES (Problem): ML440 if there are none.
        """
        self._check_feature("/v1/entities", "a component with an entity store", self.worker.entities)
        assert self.worker.entities is not None
        return self.worker.entities

    # --- checks ---

    def _check_feature(self, what: str, needed: str, part: Any) -> None:
        if part is None:
            names = ", ".join(self.worker.nlp.pipe_names)
            raise Problem(404, Errors.ML440.format(what=what, needed=needed, names=names))

    def _check_number(self, field: str, items: Sequence[Any]) -> None:
        limit = self.settings.max_texts
        if len(items) > limit:
            raise Problem(422, Errors.ML437.format(field=field, n=len(items), limit=limit))

    def _check_text(self, field: str, text: str) -> None:
        limit = self.settings.max_characters
        if len(text) > limit:
            raise Problem(422, Errors.ML438.format(field=field, n=len(text), limit=limit))

    # --- batches ---

    def _make_run(self) -> Callable[[Key, List[Any]], List[Any]]:
        if self._make is None:
            # A process that only starts others loads neither spaCy nor torch.
            from .worker import make_worker

            self._make = make_worker
        self._worker = self._make(self.settings)
        return self._worker.run

    async def _results(self, key: Key, payloads: Sequence[Any], texts: Sequence[str], field: str) -> List[Any]:
        """Wait for the results of a request's items. If the request is cancelled, items that wait are dropped."""
        try:
            futures = self.batcher.submit(key, payloads)
        except QueueFull as error:
            raise Problem(503, Errors.ML442.format(n=error.n), retry_after=1) from error
        self.metrics.count_texts(sum(map(len, texts)), self.batcher.n_waiting)
        results = await asyncio.gather(*map(asyncio.wrap_future, futures), return_exceptions=True)
        for i, result in enumerate(results):
            if isinstance(result, Problem):
                raise result
            if isinstance(result, BaseException):
                self._logger.error("a text failed", exc_info=result)
                reason = str(result) if str(result).startswith("[") else type(result).__name__
                raise Problem(500, Errors.ML446.format(field=field.format(i), reason=reason))
        return results


def _short(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:60]}..."
