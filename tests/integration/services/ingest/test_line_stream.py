"""A long stream of lines over a real socket: no limit, and no need to read while sending."""

import asyncio
import json

import pytest

from deploy.local.ports import choose
from shared.runtime.server import listen, serve
from tests.integration.services.ingest.edge import SOURCE_KEY, Edge
from tests.integration.services.ingest.events import purchase

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]

LINES = 15_000


async def test_a_client_may_send_everything_before_it_reads_the_answer(edge: Edge) -> None:
    [port] = choose([None])
    stop = asyncio.Event()
    body = b"\n".join(
        json.dumps(purchase(f"card:{number % 50}")).encode() for number in range(LINES)
    )
    assert len(body) > edge.settings.batch_bytes_max
    head = (
        "POST /v1/events HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
        f"Authorization: Bearer {SOURCE_KEY}\r\nContent-Type: application/x-ndjson\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(serve(edge.app, listen("127.0.0.1", port), stop))
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=4096)
            writer.write(head.encode() + body)
            await writer.drain()
            answer = await reader.read()
            writer.close()
            await writer.wait_closed()
        finally:
            stop.set()
    status, _, chunked = answer.partition(b"\r\n\r\n")
    assert status.startswith(b"HTTP/1.1 207")
    items = json.loads(_unchunked(chunked))["items"]
    assert len(items) == LINES
    assert {item["status"] for item in items} == {"accepted"}
    assert len(await edge.log()) == LINES


def _unchunked(raw: bytes) -> bytes:
    body = b""
    while raw:
        size, _, raw = raw.partition(b"\r\n")
        length = int(size, 16)
        body, raw = body + raw[:length], raw[length + 2 :]
    return body


async def test_a_client_that_hangs_up_leaves_what_was_confirmed(edge: Edge) -> None:
    [port] = choose([None])
    stop = asyncio.Event()
    sent = purchase()
    head = (
        "POST /v1/events HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n"
        f"Authorization: Bearer {SOURCE_KEY}\r\nContent-Type: application/x-ndjson\r\n\r\n"
    )
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(serve(edge.app, listen("127.0.0.1", port), stop))
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(head.encode() + json.dumps(sent).encode() + b"\n")
            await writer.drain()
            await reader.readuntil(b'"accepted"')  # answered while the request goes on
            writer.close()
            await writer.wait_closed()
            async with asyncio.timeout(60):
                while True:
                    page = (await edge.client.get("/metrics")).text
                    if 'route="/v1/events",service="ingest",status="499"} 1.0' in page:
                        break
                    await asyncio.sleep(0.02)
        finally:
            stop.set()
    assert [fact["id"] for fact in await edge.log()] == [sent["id"]]
