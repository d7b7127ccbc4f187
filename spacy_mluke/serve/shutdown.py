"""Graceful shutdown: connections are closed only after their clients were told."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import threading
from typing import Any, Iterator, Optional

GRACE = 0.5  # seconds in which open connections are still served


class Shutdown:
    """Handles SIGTERM in two steps, so that no request is lost that a client sends on an open connection.

    On SIGTERM, uvicorn closes connections without a request at once. A request that is on its way on one of them would
    be lost. Here the server first stops listening, and each response says that its connection will be closed. uvicorn's
    own shutdown follows after GRACE.
    """

    def __init__(self) -> None:
        self._is_stopping = False
        self._task: Optional[asyncio.Task] = None

    def is_stopping(self) -> bool:
        """Return whether the server has stopped listening."""
        return self._is_stopping

    @contextlib.contextmanager
    def announced(self) -> Iterator[None]:
        """Handle SIGTERM inside the block, which must run in an event loop. In other threads than the main one, which
        get no signals, this does nothing."""
        stop: Any = signal.getsignal(signal.SIGTERM)
        if threading.current_thread() is not threading.main_thread() or not callable(stop):
            yield
            return
        loop = asyncio.get_running_loop()

        def start() -> None:
            if self._task is None:
                self._task = loop.create_task(self._stop(stop))

        def announce(number: int, frame: Any) -> None:
            loop.call_soon_threadsafe(start)

        signal.signal(signal.SIGTERM, announce)
        try:
            yield
        finally:
            signal.signal(signal.SIGTERM, stop)

    async def _stop(self, stop: Any) -> None:
        for _ in range(3):  # connections that wait already are accepted
            await asyncio.sleep(0)
        # The handler is a method of uvicorn's Server.
        for server in getattr(getattr(stop, "__self__", None), "servers", ()):
            server.close()
        # Only now: a client whose connection is closed connects again, and must be refused.
        self._is_stopping = True
        await asyncio.sleep(GRACE)
        stop(signal.SIGTERM, None)
