"""What every request passes first: trace, limits of size and time, metrics, the log of failures.

One plain ASGI wrapper rather than a stack of middlewares: it costs microseconds.
"""

import asyncio
import logging
from collections.abc import MutableMapping
from dataclasses import dataclass
from time import perf_counter
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.observability.metrics import Metrics
from shared.observability.trace import new_trace, parse_traceparent, tracing
from shared.runtime.http.problems import Problem, try_later

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_BUG = 500

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Limits:
    """How large a request may be and how long it may take.

    Attributes:
        body_bytes_max: a larger body is answered 413.
        seconds_max: a longer request is cancelled and answered 503.
        own: paths whose endpoints set their own limits (ingest's events, imports).
    """

    body_bytes_max: int = 1024 * 1024
    seconds_max: float = 30.0
    own: frozenset[str] = frozenset()


class Edge:
    """The ASGI wrapper."""

    def __init__(self, app: ASGIApp, *, metrics: Metrics, limits: Limits) -> None:
        """Wrap an application."""
        self._app = app
        self._metrics = metrics
        self._limits = limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun = perf_counter()
        headers = dict(scope["headers"])
        came = parse_traceparent(headers.get(b"traceparent", b"").decode("latin-1"))
        answer = _Answer(send)
        with tracing(came.child() if came else new_trace()):
            try:
                if scope["path"] in self._limits.own:
                    await self._app(scope, receive, answer.send)
                else:
                    await self._limited(scope, headers, receive, answer)
            except Exception:
                # logged here, inside of the trace; the outermost layer answers 500
                logger.exception("a request failed", extra={"route": _route(scope)})
                raise
            finally:
                self._count(scope, answer.status, perf_counter() - begun)

    async def _limited(
        self, scope: Scope, headers: dict[bytes, bytes], receive: Receive, answer: "_Answer"
    ) -> None:
        most = self._limits.body_bytes_max
        announced = headers.get(b"content-length", b"")
        if announced.isdigit() and int(announced) > most:
            await _too_large(most).response()(scope, receive, answer.send)
            return
        taken = 0

        async def counted() -> Message:
            nonlocal taken
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > most:
                raise _too_large(most)
            return message

        try:
            async with asyncio.timeout(self._limits.seconds_max):
                await self._app(scope, counted, answer.send)
        except TimeoutError:
            if answer.status:
                raise  # half an answer is out: cutting the connection is the only way to say so
            refusal = try_later(f"not done within {self._limits.seconds_max:g} s; it was given up")
            await refusal.response()(scope, receive, answer.send)

    def _count(self, scope: Scope, status: int, seconds: float) -> None:
        method = scope["method"] if scope["method"] in _METHODS else "other"
        route = _route(scope)
        self._metrics.http_requests.labels(method, route, str(status or _BUG)).inc()
        self._metrics.http_request_seconds.labels(method, route).observe(seconds)


class _Answer:
    """Remembers the status that went out; 0 while nothing has."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.status = 0

    async def send(self, message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
        await self._send(message)


def _too_large(most: int) -> Problem:
    return Problem(413, "too-large", f"the body may be {most:,} bytes large")


def _route(scope: Scope) -> str:
    """The route's template: a path with ids in it would make a series a member."""
    route = scope.get("route")
    return str(getattr(route, "path_format", None) or getattr(route, "path", "unmatched"))
