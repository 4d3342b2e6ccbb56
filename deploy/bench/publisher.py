"""Sends prepared bodies over a few kept-alive connections, with as little work as can be.

An HTTP client library would cost more than the endpoint under test, on the same two cores.
"""

import asyncio
import time
from collections.abc import Iterable, Iterator

from deploy.bench.errors import RefusedError
from deploy.bench.workload import Purchases

_STATUS_TAKEN = (b"202", b"207")
_STATUS_AWAY = b"503"
_TRIES_MAX = 50
_PAUSE_SECONDS = 0.2
_BATCH = 500
_BATCH_TYPE = "application/cloudevents-batch+json"


async def publish(
    port: int, bodies: Iterable[bytes], *, connections: int, content_type: str, key: str
) -> float:
    """Send every body until it is taken.

    Returns:
        Seconds from the first byte sent to the last answer.

    Raises:
        RefusedError: an answer said neither yes nor "again", with its beginning.
    """
    queue = iter(bodies)
    head = request_head(key, content_type)
    started = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for _ in range(connections):
            group.create_task(_one(port, queue, head))
    return time.perf_counter() - started


async def publish_members(port: int, purchases: Purchases, *, key: str) -> None:
    """The first purchase of each member, in batches."""
    bodies = list(purchases.batches(0, purchases.members, _BATCH))
    await publish(port, bodies, connections=2, content_type=_BATCH_TYPE, key=key)


def request_head(key: str, content_type: str, path: str = "/v1/events") -> bytes:
    """The head of a POST, up to the length of its body."""
    return (
        f"POST {path} HTTP/1.1\r\n"
        "Host: 127.0.0.1\r\n"
        f"Authorization: Bearer {key}\r\n"
        f"Content-Type: {content_type}\r\n"
        "Content-Length: "
    ).encode()


def request(head: bytes, body: bytes, more: bytes = b"") -> bytes:
    """A request; `more` are header lines, each after the end of the line before."""
    return b"%b%d%b\r\n\r\n%b" % (head, len(body), more, body)


async def answer_of(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    """Read an answer: its status, and its content."""
    head = await reader.readuntil(b"\r\n\r\n")
    return head[9:12], await reader.readexactly(_length(head))


async def _one(port: int, queue: Iterator[bytes], head: bytes) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=4 * 1024 * 1024)
    try:
        for body in queue:
            for _ in range(_TRIES_MAX):
                writer.write(request(head, body))
                if _taken(*await answer_of(reader)):
                    break
                await asyncio.sleep(_PAUSE_SECONDS)
            else:
                raise RefusedError(f"not confirmed after {_TRIES_MAX} tries")
    finally:
        writer.close()


def _taken(status: bytes, content: bytes) -> bool:
    """Whether all is well; False: not confirmed, which asks for the same again.

    Raises:
        RefusedError: something else is wrong.
    """
    if status in _STATUS_TAKEN and b'"problem"' not in content:
        return True
    if status == _STATUS_AWAY or b'"unconfirmed"' in content:
        return False
    raise RefusedError(f"{status!r} {content[:400]!r}")


def _length(answer: bytes) -> int:
    lower = answer.lower()
    start = lower.index(b"content-length:") + len(b"content-length:")
    return int(lower[start : lower.index(b"\r\n", start)])
