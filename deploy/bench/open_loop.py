"""Requests over HTTP at a fixed rate, whatever the answers do: an open loop.

The clock of each request starts when it was *to be* sent. A sender that waits for a slow answer
before it sends the next one would hide the very seconds that count.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from deploy.bench.publisher import answer_of

_CONNECTIONS = 64

Request = Callable[[int], bytes]


@dataclass(slots=True)
class Sent:
    """What became of the requests, by their numbers.

    Attributes:
        due: when each was to be sent (`perf_counter`).
        answered: when its answer came.
        refused: how many answers were others, by status.
    """

    due: dict[int, float] = field(default_factory=dict)
    answered: dict[int, float] = field(default_factory=dict)
    refused: dict[str, int] = field(default_factory=dict)


async def send_at(
    rate: float, numbers: range, request: Request, *, port: int, taken: bytes = b"202"
) -> Sent:
    """Send one request of each number, evenly spread.

    Args:
        rate: requests a second; infinite: as many as the connections carry.
        numbers: of the requests.
        request: makes a request; called when it is sent, so that it can say "now".
        port: of the endpoint.
        taken: the status of an answer that is no refusal.
    """
    sent = Sent()
    queue: asyncio.Queue[int | None] = asyncio.Queue()
    async with asyncio.TaskGroup() as group:
        for _ in range(_CONNECTIONS):
            group.create_task(_one(port, queue, request, taken, sent))
        start = time.perf_counter()
        for index, number in enumerate(numbers):
            due = start + index / rate
            ahead = due - time.perf_counter()
            if ahead > 0:
                await asyncio.sleep(ahead)
            sent.due[number] = due
            queue.put_nowait(number)
        for _ in range(_CONNECTIONS):
            queue.put_nowait(None)
    return sent


async def _one(
    port: int, queue: asyncio.Queue[int | None], request: Request, taken: bytes, sent: Sent
) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        while (number := await queue.get()) is not None:
            writer.write(request(number))
            status, _ = await answer_of(reader)
            if status == taken:
                sent.answered[number] = time.perf_counter()
            else:
                text = status.decode()
                sent.refused[text] = sent.refused.get(text, 0) + 1
    finally:
        writer.close()
