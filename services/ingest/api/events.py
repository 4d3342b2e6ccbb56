"""`POST /v1/events`, as a plain ASGI application around the framework's.

This one route bypasses the framework: routing, dependencies and middlewares would cost as much as
the whole rest of a single event. What they would do is done here: trace, limits, metrics,
problems. OpenAPI describes the route all the same (`describe`).
"""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from time import perf_counter
from typing import Final

from services.ingest.api import answers
from services.ingest.api.line_stream import Closed, LineStream
from services.ingest.api.media import Mode, attributes_of, mode_of
from services.ingest.domain.candidate import Candidate
from services.ingest.domain.reading import NoBatch, read_batch, read_binary, read_event
from services.ingest.domain.source import Source
from services.ingest.handlers.publishing import Publisher
from services.ingest.handlers.source_book import SourceBook
from shared.db import is_transient
from shared.events.meaning import Bounds
from shared.observability.metrics import Metrics
from shared.observability.trace import Trace, new_trace, parse_traceparent, tracing
from shared.runtime.http.problems import Problem, try_later
from shared.runtime.server import ASGIApp, Receive, Scope, Send

log = logging.getLogger(__name__)

PATH: Final = "/v1/events"
_CLIENT_CLOSED: Final = 499
_BEARER: Final = b"bearer "
_ENVELOPE_BYTES: Final = 8 * 1024
_Headers = dict[bytes, bytes]
_UNEXPECTED: Final = Problem(
    500, "internal-error", "something unexpected went wrong; nothing is known to be taken"
)


@dataclass(frozen=True, slots=True)
class EventLimits:
    """How much may be published at once, and how long sending it may take."""

    bounds: Bounds = field(default_factory=Bounds)
    batch_events_max: int = 1_000
    batch_bytes_max: int = 4 * 1024 * 1024
    body_seconds_max: float = 30.0
    lines_at_once: int = 500


class EventsEndpoint:
    """Answers `POST /v1/events` and passes everything else on."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        sources: SourceBook,
        publisher: Publisher,
        limits: EventLimits,
        metrics: Metrics,
    ) -> None:
        """Stand in front of an application."""
        self._app = app
        self._sources = sources
        self._publisher = publisher
        self._limits = limits
        self._metrics = metrics
        self._seconds = metrics.http_request_seconds.labels("POST", PATH)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http" or scope["path"] != PATH:
            await self._app(scope, receive, send)
            return
        if scope["method"] == "OPTIONS":
            await _permit(dict(scope["headers"]), send)
            return
        if scope["method"] != "POST":
            await self._app(scope, receive, send)
            return
        begun = perf_counter()
        headers: _Headers = dict(scope["headers"])
        came = parse_traceparent(headers.get(b"traceparent", b"").decode("latin-1"))
        trace = came.child() if came else new_trace()
        status = 500
        with tracing(trace):
            try:
                status = await self._answer(scope, headers, receive, send, trace)
            except Closed:
                status = _CLIENT_CLOSED
            except Problem as problem:
                status = problem.status_code
                await problem.response()(scope, receive, send)
            except Exception:
                log.exception("a request to %s failed", PATH)
                await _UNEXPECTED.response()(scope, receive, send)
            finally:
                self._metrics.http_requests.labels("POST", PATH, str(status)).inc()
                self._seconds.observe(perf_counter() - begun)

    async def _answer(
        self, scope: Scope, headers: _Headers, receive: Receive, send: Send, trace: Trace
    ) -> int:
        source = await self._source(headers)
        mode = mode_of(headers)
        if mode is Mode.LINES:
            stream = LineStream(
                receive,
                send,
                publish=lambda taken: self._publish(source, taken, trace),
                wait_seconds=lambda events: self._sources.wait_seconds(source, events),
                bounds=self._limits.bounds,
                lines_at_once=self._limits.lines_at_once,
            )
            await stream.run()
            return HTTPStatus.MULTI_STATUS
        body = await self._body(mode, headers, receive)
        if mode is Mode.BATCH or (mode is Mode.PLAIN and body.lstrip()[:1] == b"["):
            return await self._batch(source, body, send, trace)
        bounds = self._limits.bounds
        if mode is Mode.BINARY:
            candidate = read_binary(attributes_of(scope["headers"]), body, bounds)
        else:
            candidate = read_event(body, bounds)
        return await self._single(source, candidate, send, trace)

    async def _source(self, headers: _Headers) -> Source:
        """Who publishes.

        Raises:
            Problem: 401, no key or not a known one; 503, it cannot be looked up.
        """
        authorization = headers.get(b"authorization", b"")
        if authorization[: len(_BEARER)].lower() != _BEARER:
            raise _unauthenticated("send `Authorization: Bearer <source key>`")
        try:
            source = await self._sources.by_key(authorization[len(_BEARER) :].strip().decode())
        except UnicodeDecodeError:
            source = None
        except Exception as error:
            if not is_transient(error):
                raise
            raise try_later("the key cannot be looked up: the database is away") from error
        if source is None:
            raise _unauthenticated("no active source has this key")
        return source

    async def _body(self, mode: Mode, headers: _Headers, receive: Receive) -> bytes:
        """The whole body.

        Raises:
            Problem: 413, it is too large; 408, it did not come in time.
            Closed: the client has gone.
        """
        limits = self._limits
        bytes_max = limits.bounds.event_bytes_max + _ENVELOPE_BYTES
        if mode in {Mode.BATCH, Mode.PLAIN}:
            bytes_max = limits.batch_bytes_max
        announced = headers.get(b"content-length", b"0")
        if announced.isdigit() and int(announced) > bytes_max:
            raise _too_large(f"the body may have {bytes_max:,} bytes")
        message = await receive()
        if message["type"] == "http.request" and not message.get("more_body"):
            body: bytes = message.get("body", b"")
            if len(body) > bytes_max:
                raise _too_large(f"the body may have {bytes_max:,} bytes")
            return body
        try:
            async with asyncio.timeout(limits.body_seconds_max):
                return await _collected(message, receive, bytes_max)
        except TimeoutError:
            words = f"the body did not come within {limits.body_seconds_max:g} s"
            raise Problem(408, "request-timeout", words) from None

    async def _single(self, source: Source, candidate: Candidate, send: Send, trace: Trace) -> int:
        self._keep_pace(source, 1)
        await self._publish(source, [candidate], trace)
        if candidate.refusal is not None:
            raise answers.problem_of(candidate.refusal)
        return await _send(send, HTTPStatus.ACCEPTED, answers.receipt(candidate))

    async def _batch(self, source: Source, body: bytes, send: Send, trace: Trace) -> int:
        try:
            candidates = read_batch(body, self._limits.bounds)
        except NoBatch as error:
            raise Problem(422, "invalid-batch", str(error)) from None
        if len(candidates) > self._limits.batch_events_max:
            raise _too_large(f"a batch may have {self._limits.batch_events_max:,} events")
        self._keep_pace(source, len(candidates))
        await self._publish(source, candidates, trace)
        body = b'{"items":[' + answers.items(candidates) + b"]}"
        return await _send(send, HTTPStatus.MULTI_STATUS, body)

    def _keep_pace(self, source: Source, events: int) -> None:
        seconds = self._sources.wait_seconds(source, events)
        if seconds:
            raise Problem(
                429,
                "too-fast",
                f"this source may publish {source.rate_per_second:g} events a second",
                headers={"Retry-After": str(seconds)},
            )

    async def _publish(self, source: Source, candidates: Sequence[Candidate], trace: Trace) -> None:
        await self._publisher.publish(source, candidates, trace.traceparent)


async def _collected(first: Scope, receive: Receive, bytes_max: int) -> bytes:
    """The rest of a body that comes in several pieces."""
    pieces: list[bytes] = []
    taken = 0
    message = first
    while True:
        if message["type"] != "http.request":
            raise Closed
        piece: bytes = message.get("body", b"")
        taken += len(piece)
        if taken > bytes_max:
            raise _too_large(f"the body may have {bytes_max:,} bytes")
        pieces.append(piece)
        if not message.get("more_body"):
            return b"".join(pieces)
        message = await receive()


async def _send(send: Send, status: HTTPStatus, body: bytes) -> int:
    await send(
        {
            "type": "http.response.start",
            "status": status.value,
            "headers": [
                (b"content-type", b"application/json"),
                (b"content-length", str(len(body)).encode()),
            ],
        }
    )
    await send({"type": "http.response.body", "body": body})
    return status


async def _permit(headers: _Headers, send: Send) -> None:
    """Tell a sender of webhooks that it may deliver here (CloudEvents HTTP webhooks, §4)."""
    answer = [(b"allow", b"POST, OPTIONS"), (b"content-length", b"0")]
    origin = headers.get(b"webhook-request-origin")
    if origin is not None:
        answer += [(b"webhook-allowed-origin", origin), (b"webhook-allowed-rate", b"*")]
    status = HTTPStatus.OK if origin is not None else HTTPStatus.NO_CONTENT
    await send({"type": "http.response.start", "status": status.value, "headers": answer})
    await send({"type": "http.response.body", "body": b""})


def _unauthenticated(detail: str) -> Problem:
    headers = {"WWW-Authenticate": 'Bearer realm="regulars events"'}
    return Problem(401, "unauthenticated", detail, headers=headers)


def _too_large(detail: str) -> Problem:
    return Problem(413, "too-large", detail)
