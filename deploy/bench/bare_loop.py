"""The loop that consumers are held against: aiokafka → orjson → rows by UNNEST, one commit a batch.

`python -m deploy.bench.bare_loop KAFKA DATABASE_URL TOPIC BATCH APPENDED KEPT`. Each event becomes
one row in each of `APPENDED` tables, each member of a batch one upserted row in each of `KEPT`
tables; the positions are written in the same transaction. No duplicates are dropped, nothing is
decided, nothing is published.
"""

import asyncio
import signal
import sys
from typing import Any
from uuid import UUID

import asyncpg
import orjson
import uvloop
from aiokafka import AIOKafkaConsumer, TopicPartition

from shared.clock import parse_instant

_POLL_MILLISECONDS = 200


def make_tables(appended: int, kept: int) -> str:
    """SQL that makes the loop's tables anew, in a schema of their own."""
    tables = [
        f"CREATE TABLE bare.appended_{i} (member_id uuid, id text, at bigint, points bigint, "
        "balance bigint, store_id text, body bytea, PRIMARY KEY (member_id, at, id));"
        for i in range(appended)
    ]
    tables += [
        f"CREATE TABLE bare.kept_{i} (member_id uuid PRIMARY KEY, at bigint, points bigint, "
        "state bytea) WITH (fillfactor = 70);"
        for i in range(kept)
    ]
    return (
        "DROP SCHEMA IF EXISTS bare CASCADE; CREATE SCHEMA bare;"
        "CREATE TABLE bare.positions (partition int PRIMARY KEY, position bigint);"
        + "".join(tables)
    )


_APPEND = """
INSERT INTO bare.appended_{} SELECT * FROM unnest($1::uuid[], $2::text[], $3::bigint[],
    $4::bigint[], $5::bigint[], $6::text[], $7::bytea[])
"""
_KEEP = """
INSERT INTO bare.kept_{0} AS k SELECT * FROM unnest($1::uuid[], $2::bigint[], $3::bigint[],
    $4::bytea[])
ON CONFLICT (member_id) DO UPDATE SET at = EXCLUDED.at, points = k.points + EXCLUDED.points,
    state = EXCLUDED.state
"""
_MOVE = """
INSERT INTO bare.positions SELECT * FROM unnest($1::int[], $2::bigint[])
ON CONFLICT (partition) DO UPDATE SET position = EXCLUDED.position
"""


class BareLoop:
    """One process's loop over all partitions of a topic."""

    def __init__(self, connection: Any, appended: int, kept: int) -> None:
        """Write to the tables of `make_tables` through an asyncpg connection."""
        self._connection = connection
        self._appends = [_APPEND.format(i) for i in range(appended)]
        self._keeps = [_KEEP.format(i) for i in range(kept)]

    async def write(self, positions: dict[int, int], values: list[bytes]) -> None:
        """One batch, one transaction."""
        members: list[UUID] = []
        ids, instants, points, stores, bodies = [], [], [], [], []
        sums: dict[UUID, int] = {}
        last: dict[UUID, int] = {}
        for value in values:
            event = orjson.loads(value)
            data = event["data"]
            member = UUID(event["subject"])
            at = parse_instant(event["time"])
            worth = data["total"] // 100
            members.append(member)
            ids.append(event["id"])
            instants.append(at)
            points.append(worth)
            stores.append(data["store_id"])
            bodies.append(orjson.dumps({"order_id": data["order_id"], "total": data["total"]}))
            sums[member] = sums.get(member, 0) + worth
            last[member] = at
        states = [orjson.dumps({"points": worth, "orders": 1}) for worth in sums.values()]
        async with self._connection.transaction():
            for append in self._appends:
                await self._connection.execute(
                    append, members, ids, instants, points, points, stores, bodies
                )
            for keep in self._keeps:
                await self._connection.execute(
                    keep, list(sums), list(last.values()), list(sums.values()), states
                )
            await self._connection.execute(_MOVE, list(positions), list(positions.values()))


async def run(kafka: str, url: str, topic: str, batch: int, tables: tuple[int, int]) -> None:
    """Work until SIGTERM."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    connection = await asyncpg.connect(url)
    loop = BareLoop(connection, *tables)
    consumer = AIOKafkaConsumer(
        bootstrap_servers=kafka,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        max_partition_fetch_bytes=2 * 1024 * 1024,
    )
    await consumer.start()
    try:
        partitions = await _partitions(consumer, topic)
        consumer.assign(partitions)
        await consumer.seek_to_beginning(*partitions)
        while not stop.is_set():
            got = await consumer.getmany(timeout_ms=_POLL_MILLISECONDS, max_records=batch)
            if got:
                await loop.write(
                    {place.partition: records[-1].offset + 1 for place, records in got.items()},
                    [record.value for records in got.values() for record in records],
                )
    finally:
        await consumer.stop()
        await connection.close()


async def _partitions(consumer: AIOKafkaConsumer, topic: str) -> list[TopicPartition]:
    await consumer._client.force_metadata_update()  # noqa: SLF001 - no public way
    numbers = consumer.partitions_for_topic(topic)
    assert numbers, f"{topic} is not there"  # noqa: S101 - the scenario made it
    return [TopicPartition(topic, number) for number in sorted(numbers)]


if __name__ == "__main__":
    _kafka, _url, _topic, _batch, _appended, _kept = sys.argv[1:]
    uvloop.run(run(_kafka, _url, _topic, int(_batch), (int(_appended), int(_kept))))
