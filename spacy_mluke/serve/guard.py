"""The outer layer of the server: limits, timeouts, cancelled requests, the token, headers, logs and metrics."""

from __future__ import annotations

import asyncio
import base64
import hmac
import json
import logging
import re
import time
import uuid
from typing import Any, Awaitable, Callable, Dict, List, MutableMapping, Optional, Tuple

from ..errors import Errors
from .content_policy import POLICY
from .logs import LOGGER
from .metrics import Metrics
from .problems import MEDIA_TYPE, Problem
from .settings import Settings

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Any, Receive, Send], Awaitable[None]]

CLIENT_LEFT = 499  # status in logs and metrics; the name and number are nginx's
ROUTES = (
    "/",
    "/health",
    "/metrics",
    "/docs",
    "/openapi.json",
    "/v1/annotate",
    "/v1/answer",
    "/v1/fill",
    "/v1/render",
    "/v1/entities",
    "/label-studio/health",
    "/label-studio/setup",
    "/label-studio/predict",
    "/label-studio/webhook",
)
_HEADERS = {
    b"content-security-policy": POLICY.encode(),
    b"x-content-type-options": b"nosniff",
    b"referrer-policy": b"no-referrer",
    b"cache-control": b"no-store",
}
_DROPPED = 8  # so many times the limit
_REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")


class ClientLeft(Exception):
    """Raised when the client closes the connection before the response."""


class Guard:
    """ASGI middleware around the application.

    app (App): The application.
    settings (Settings): Limits, timeout and token.
    metrics (Metrics): Counts requests.
    is_stopping (Callable[[], bool]): Whether the server is shutting down: then connections are closed.
    """

    def __init__(self, app: App, settings: Settings, metrics: Metrics, is_stopping: Callable[[], bool]):
        self.app = app
        self.settings = settings
        self.metrics = metrics
        self.is_stopping = is_stopping
        self.logger = logging.getLogger(LOGGER)

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        exchange = _Exchange(scope, send, self.is_stopping)
        started = time.perf_counter()
        try:
            await asyncio.wait_for(self._answer(scope, receive, exchange), self.settings.timeout)
        except asyncio.TimeoutError:
            await exchange.refuse(Problem(504, Errors.ML443.format(seconds=self.settings.timeout)))
        except ClientLeft:
            exchange.status = CLIENT_LEFT
        except Problem as problem:
            await exchange.refuse(problem)
        except Exception:
            self.logger.exception("a request failed", extra={"fields": {"request_id": exchange.request_id}})
            await exchange.refuse(Problem(500, Errors.ML441.format(id=exchange.request_id)))
        finally:
            seconds = time.perf_counter() - started
            route = _route_of(scope["path"])
            self.metrics.count_request(route, scope["method"], exchange.status, seconds)
            fields = {
                "request_id": exchange.request_id,
                "method": scope["method"],
                "route": route,
                "status": exchange.status,
                "milliseconds": round(1000 * seconds, 1),
            }
            self.logger.info("request", extra={"fields": fields})

    async def _answer(self, scope: Any, receive: Receive, exchange: _Exchange) -> None:
        headers = dict(scope["headers"])
        self._check_token(scope["path"], headers)
        body = await self._body(headers, receive)
        gone = asyncio.ensure_future(_wait_for_disconnect(receive))
        is_read = False

        async def replay() -> Message:
            nonlocal is_read
            if not is_read:
                is_read = True
                return {"type": "http.request", "body": body, "more_body": False}
            return await asyncio.shield(gone)

        answer = asyncio.ensure_future(self.app(scope, replay, exchange.send))
        try:
            await asyncio.wait({answer, gone}, return_when=asyncio.FIRST_COMPLETED)
            if not answer.done():
                raise ClientLeft
            answer.result()
        finally:
            for task in (answer, gone):
                task.cancel()
            await asyncio.gather(answer, gone, return_exceptions=True)

    def _check_token(self, path: str, headers: Dict[bytes, bytes]) -> None:
        """Check the token of requests for data. Pages, documentation and health are open."""
        if self.settings.token is None or not path.startswith(("/v1/", "/metrics", "/label-studio/")):
            return
        kind, _, given = headers.get(b"authorization", b"").partition(b" ")
        token = None
        if kind.lower() == b"bearer":
            token = given.strip()
        elif kind.lower() == b"basic" and path.startswith("/label-studio/"):
            token = _password(given.strip())
        if token is None or not hmac.compare_digest(token, self.settings.token.encode()):
            raise Problem(401, Errors.ML444)

    async def _body(self, headers: Dict[bytes, bytes], receive: Receive) -> bytes:
        limit = self.settings.max_bytes
        length = headers.get(b"content-length", b"0")
        is_large = length.isdigit() and int(length[:20]) > limit
        parts: List[bytes] = []
        size = 0
        # The answer is lost to a client that is still sending. So a body that is too large is read, and dropped, up to
        # some multiple of the limit.
        while size <= _DROPPED * limit:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise ClientLeft
            parts.append(message.get("body", b""))
            size += len(parts[-1])
            is_large = is_large or size > limit
            if is_large:
                parts.clear()
            if not message.get("more_body", False):
                break
        if is_large:
            raise Problem(413, Errors.ML436.format(limit=limit))
        return b"".join(parts)


class _Exchange:
    """The response to one request: its status, and its headers."""

    def __init__(self, scope: Any, send: Send, is_stopping: Callable[[], bool]):
        self.status = 500
        self.is_started = False
        self._send = send
        self._is_stopping = is_stopping
        given = dict(scope["headers"]).get(b"x-request-id", b"")
        self.request_id = given.decode() if _REQUEST_ID.fullmatch(given) else uuid.uuid4().hex

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.is_started = True
            self.status = message["status"]
            headers: List[Tuple[bytes, bytes]] = list(message.get("headers", ()))
            given = {name.lower() for name, _ in headers}
            headers += [(name, value) for name, value in _HEADERS.items() if name not in given]
            headers.append((b"x-request-id", self.request_id.encode()))
            if self._is_stopping():
                headers.append((b"connection", b"close"))
            message = {**message, "headers": headers}
        await self._send(message)

    async def refuse(self, problem: Problem) -> None:
        """Send a problem. If the response has begun, only its connection can be closed, which the server does."""
        if self.is_started:
            return
        body = json.dumps(problem.to_dict()).encode()
        headers = {"content-type": MEDIA_TYPE, "content-length": str(len(body)), **problem.headers()}
        raw = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
        await self.send({"type": "http.response.start", "status": problem.status, "headers": raw})
        await self.send({"type": "http.response.body", "body": body})


def _password(credentials: bytes) -> Optional[bytes]:
    """The password of a request with basic authentication, as Label Studio sends it."""
    try:
        _, colon, password = base64.b64decode(credentials, validate=True).partition(b":")
    except ValueError:
        return None
    return password if colon else None


async def _wait_for_disconnect(receive: Receive) -> Message:
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return message


def _route_of(path: str) -> str:
    if path in ROUTES:
        return path
    return "/v1/entities/{id}" if path.startswith("/v1/entities/") else "other"
