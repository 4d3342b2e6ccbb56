"""The endpoint that the edge is held against: it reads the body, parses it and produces, no more.

`python -m deploy.bench.bare_endpoint KAFKA TOPIC PARTITIONS PORT BROKER`. Starlette on uvicorn with
uvloop and httptools, an idempotent producer with acks=all, one hand-made batch per partition and
request. Nothing is checked, nobody is identified, no event is answered for by itself.
"""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import orjson
from aiokafka import AIOKafkaProducer
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from deploy.bench.bare_server import run
from shared.events import CONTENT_TYPE_HEADER

_BATCH_BYTES = 512 * 1024


def build(kafka: str, topic: str, partitions: int, *, idempotent: bool) -> Starlette:
    """The application."""
    producers: list[AIOKafkaProducer] = []

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        producer = AIOKafkaProducer(
            bootstrap_servers=kafka,
            acks="all",
            enable_idempotence=idempotent,
            max_batch_size=_BATCH_BYTES,
        )
        await producer.start()
        producers.append(producer)
        yield
        await producer.stop()

    async def publish(request: Request) -> Response:
        events = orjson.loads(await request.body())
        shares: dict[int, list[tuple[bytes, bytes]]] = {}
        for event in events if isinstance(events, list) else [events]:
            key = event["subject"].encode()
            share = shares.setdefault(hash(key) % partitions, [])
            share.append((key, orjson.dumps(event)))
        async with asyncio.TaskGroup() as group:
            for partition, share in shares.items():
                group.create_task(_send(producers[0], topic, partition, share))
        return Response(b"{}", 207, media_type="application/json")

    async def ready(_request: Request) -> Response:
        return Response(b"{}")

    return Starlette(
        routes=[Route("/v1/events", publish, methods=["POST"]), Route("/readyz", ready)],
        lifespan=lifespan,
    )


async def _send(
    producer: AIOKafkaProducer, topic: str, partition: int, share: list[tuple[bytes, bytes]]
) -> None:
    headers = [CONTENT_TYPE_HEADER]
    batch = producer.create_batch()
    for key, value in share:
        if batch.append(key=key, value=value, timestamp=None, headers=headers) is None:
            await (await producer.send_batch(batch, topic, partition=partition))
            batch = producer.create_batch()
            batch.append(key=key, value=value, timestamp=None, headers=headers)
    await (await producer.send_batch(batch, topic, partition=partition))


if __name__ == "__main__":
    _kafka, _topic, _partitions, _port, _broker = sys.argv[1:]
    run(build(_kafka, _topic, int(_partitions), idempotent=_broker == "kafka"), int(_port))
