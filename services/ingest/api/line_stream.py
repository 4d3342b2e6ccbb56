"""A stream of lines (NDJSON): read, published and answered as it comes, without a limit.

Three things go on at once, so that a client may send everything before it reads the answer: reading
what comes, publishing what is there, sending answers. What waits between them is bounded;
answers that nobody reads stop the reading at last.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from services.ingest.api import answers
from services.ingest.domain.candidate import Candidate
from services.ingest.domain.lines import TOO_LONG, LineCutter
from services.ingest.domain.reading import read_event
from services.ingest.domain.refusal import too_large
from shared.events.meaning import Bounds
from shared.runtime.server import Receive, Send

_PIECES_WAITING: Final = 32
_ANSWER_BYTES_WAITING: Final = 64 * 1024 * 1024
_IDLE_SECONDS: Final = 60.0


class Closed(Exception):  # noqa: N818 - says what has happened
    """The client has gone, or has sent nothing for too long."""


class _Answers:
    """Answers on their way to the client, bounded by their bytes."""

    def __init__(self) -> None:
        self._waiting: deque[bytes] = deque()
        self._bytes = 0
        self._ended = False
        self._changed = asyncio.Event()

    async def put(self, body: bytes) -> None:
        while self._bytes > _ANSWER_BYTES_WAITING:
            await self._change()
        self._waiting.append(body)
        self._bytes += len(body)
        self._changed.set()

    def end(self) -> None:
        self._ended = True
        self._changed.set()

    async def take(self) -> bytes | None:
        """What waits; None at the end."""
        while not self._waiting:
            if self._ended:
                return None
            await self._change()
        body = b"".join(self._waiting)
        self._waiting.clear()
        self._bytes = 0
        self._changed.set()
        return body

    async def _change(self) -> None:
        self._changed.clear()
        await self._changed.wait()


class LineStream:
    """One request with a stream of lines."""

    def __init__(
        self,
        receive: Receive,
        send: Send,
        *,
        publish: Callable[[Sequence[Candidate]], Awaitable[None]],
        wait_seconds: Callable[[int], int],
        bounds: Bounds,
        lines_at_once: int,
    ) -> None:
        """Describe the request; `run` serves it."""
        self._receive = receive
        self._send = send
        self._publish = publish
        self._wait_seconds = wait_seconds
        self._bounds = bounds
        self._lines_at_once = lines_at_once
        self._pieces: asyncio.Queue[bytes | None] = asyncio.Queue(_PIECES_WAITING)
        self._answers = _Answers()
        self._any_answered = False

    async def run(self) -> None:
        """Serve the request.

        Raises:
            Closed: the client has gone; what was confirmed until then is taken.
        """
        start = {
            "type": "http.response.start",
            "status": 207,
            "headers": [(b"content-type", b"application/json")],
        }
        await self._send(start)
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._read())
                tasks.create_task(self._write())
                await self._answers.put(b'{"items":[')
                await self._work()
                await self._answers.put(b"]}")
                self._answers.end()
        except* Closed:
            raise Closed from None

    async def _read(self) -> None:
        while True:
            try:
                async with asyncio.timeout(_IDLE_SECONDS):
                    message = await self._receive()
            except TimeoutError:
                raise Closed from None
            if message["type"] != "http.request":
                raise Closed
            await self._pieces.put(message.get("body", b""))
            if not message.get("more_body"):
                await self._pieces.put(None)
                return

    async def _write(self) -> None:
        while (body := await self._answers.take()) is not None:
            await self._send({"type": "http.response.body", "body": body, "more_body": True})
        await self._send({"type": "http.response.body", "body": b""})

    async def _work(self) -> None:
        cutter = LineCutter(self._bounds.event_bytes_max)
        waiting: deque[bytes | None] = deque()
        ended = False
        while not ended or waiting:
            while not ended and (not waiting or not self._pieces.empty()):
                piece = await self._pieces.get()
                ended = piece is None
                waiting.extend(cutter.finish() if piece is None else cutter.feed(piece))
                if len(waiting) >= self._lines_at_once:
                    break
            taken = [waiting.popleft() for _ in range(min(len(waiting), self._lines_at_once))]
            if taken:
                await self._answer(taken)

    async def _answer(self, lines: Sequence[bytes | None]) -> None:
        while seconds := self._wait_seconds(len(lines)):  # noqa: ASYNC110 - it is time that must pass
            await asyncio.sleep(seconds)
        candidates = [self._candidate(line) for line in lines]
        await self._publish(candidates)
        separator = b"," if self._any_answered else b""
        self._any_answered = True
        await self._answers.put(separator + answers.items(candidates))

    def _candidate(self, line: bytes | None) -> Candidate:
        if line is TOO_LONG:
            return Candidate(refusal=too_large(self._bounds.event_bytes_max))
        return read_event(line, self._bounds)
