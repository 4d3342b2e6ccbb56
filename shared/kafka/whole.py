"""One partition of a topic read from its beginning, outside of every group."""

import asyncio
import time
from collections.abc import AsyncGenerator
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from shared.kafka.consumer import Record, record_of
from shared.kafka.ends import KafkaSilent

_POLL_SECONDS = 0.5
_SILENT_SECONDS_MAX = 30.0
_RECORDS_MAX = 2_000


async def whole(
    bootstrap: str, topic: str, partition: int, end: int
) -> AsyncGenerator[list[Record]]:
    """All records of a partition that are still there and lie before an offset, read committed.

    Args:
        bootstrap: host:port of the brokers.
        topic: the topic.
        partition: its partition.
        end: where to stop: an offset that the broker has named as its end.

    Raises:
        KafkaSilent: the broker is away, or nothing came for half a minute.
    """
    at = TopicPartition(topic, partition)
    consumer = AIOKafkaConsumer(
        bootstrap_servers=bootstrap,
        group_id=None,
        enable_auto_commit=False,
        isolation_level="read_committed",
        max_partition_fetch_bytes=4 * 1024 * 1024,
    )
    try:
        await consumer.start()
        consumer.assign([at])
        await consumer.seek_to_beginning(at)
        heard = time.monotonic()
        # behind the last record there may be the mark of a transaction: the position passes it
        while await _position(consumer, at) < end:
            polled = await consumer.getmany(
                at, timeout_ms=int(_POLL_SECONDS * 1000), max_records=_RECORDS_MAX
            )
            records = [record_of(raw) for raw in polled.get(at, ()) if raw.offset < end]
            if records:
                yield records
                heard = time.monotonic()
            elif time.monotonic() - heard > _SILENT_SECONDS_MAX:
                raise KafkaSilent(f"{topic}-{partition}: nothing comes any more")
    except (KafkaError, OSError) as error:
        raise KafkaSilent(f"{topic}-{partition}: {type(error).__name__}: {error}") from error
    finally:
        await consumer.stop()


async def _position(consumer: Any, at: TopicPartition) -> int:
    async with asyncio.timeout(_SILENT_SECONDS_MAX):
        reached: int = await consumer.position(at)
    return reached
