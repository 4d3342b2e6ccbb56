"""Puts a stream of purchases on a topic, as fast as Kafka takes them."""

import asyncio
from collections.abc import Iterable

from aiokafka import AIOKafkaProducer

from deploy.bench.workload import Purchases
from shared.events import CONTENT_TYPE_HEADER
from shared.kafka.partitioner import partition_of

_CHUNK = 10_000


async def preload(
    kafka: str, topic: str, partitions: int, purchases: Purchases, events: int
) -> None:
    """Send the first `events` purchases, in order within each partition."""
    producer = AIOKafkaProducer(
        bootstrap_servers=kafka, acks="all", max_batch_size=512 * 1024, client_id="regulars-bench"
    )
    places: dict[bytes, int] = {}
    await producer.start()
    try:
        for start in range(0, events, _CHUNK):
            shares: list[list[tuple[bytes, bytes]]] = [[] for _ in range(partitions)]
            for number in range(start, min(start + _CHUNK, events)):
                key, value = purchases.recorded(number)
                place = places.get(key)
                if place is None:
                    place = places[key] = partition_of(key, partitions)
                shares[place].append((key, value))
            async with asyncio.TaskGroup() as group:
                for partition, share in enumerate(shares):
                    group.create_task(_send(producer, topic, partition, share))
    finally:
        await producer.stop()


async def _send(
    producer: AIOKafkaProducer,
    topic: str,
    partition: int,
    share: Iterable[tuple[bytes, bytes]],
) -> None:
    batch = producer.create_batch()
    for key, value in share:
        record = {"key": key, "value": value, "timestamp": None, "headers": [CONTENT_TYPE_HEADER]}
        if batch.append(**record) is None:
            await (await producer.send_batch(batch, topic, partition=partition))
            batch = producer.create_batch()
            batch.append(**record)
    if batch.record_count():
        await (await producer.send_batch(batch, topic, partition=partition))
