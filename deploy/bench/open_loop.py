"""Single events over HTTP at a fixed rate, whatever the answers do: an open loop.

The clock of each event starts when it was *to be* sent. A publisher that waits for a slow answer
before it sends the next event would hide the very seconds that count.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from deploy.bench.publisher import answer_of, request_head

_CONNECTIONS = 64


@dataclass(slots=True)
class Sent:
    """What became of the events, by their numbers.

    Attributes:
        due: when each was to be sent (`perf_counter`).
        answered: when its answer came.
        refused: how many answers were not 202, by status.
    """

    due: dict[int, float] = field(default_factory=dict)
    answered: dict[int, float] = field(default_factory=dict)
    refused: dict[str, int] = field(default_factory=dict)


async def send_at(
    rate: float, numbers: range, body: Callable[[int], bytes], *, port: int, key: str
) -> Sent:
    """Send one event of each number, evenly spread.

    Args:
        rate: events a second.
        numbers: of the events.
        body: makes the body of an event; called when it is due, so that it can say "now".
        port: of the endpoint.
        key: of the source.
    """
    sent = Sent()
    queue: asyncio.Queue[int | None] = asyncio.Queue()
    head = request_head(key, "application/cloudevents+json")
    async with asyncio.TaskGroup() as group:
        for _ in range(_CONNECTIONS):
            group.create_task(_one(port, head, queue, body, sent))
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
    port: int,
    head: bytes,
    queue: asyncio.Queue[int | None],
    body: Callable[[int], bytes],
    sent: Sent,
) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        while (number := await queue.get()) is not None:
            content = body(number)
            writer.write(b"%b%d\r\n\r\n%b" % (head, len(content), content))
            status, _ = await answer_of(reader)
            if status == b"202":
                sent.answered[number] = time.perf_counter()
            else:
                text = status.decode()
                sent.refused[text] = sent.refused.get(text, 0) + 1
    finally:
        writer.close()
