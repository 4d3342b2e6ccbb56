"""What goes out is packed into rows: one a partition, of a bearable size, in order."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import msgspec
import pytest

from shared.db import Database
from shared.events.topics import MESSAGE_BYTES_MAX
from shared.outbox import Outgoing, append
from shared.outbox.append import CHANNEL, MessageTooLargeError

pytestmark = pytest.mark.integration

NOW = 1_700_000_000_000_000
MIB = 1024 * 1024


def message(value: bytes, *, topic: str = "out", partition: int = 0, key: bytes = b"") -> Outgoing:
    return Outgoing(topic, partition, key, value)


async def appended(
    database: Database,
    *messages: Outgoing,
    partition: int | None = None,
    lane: str | None = None,
) -> list[tuple[object, ...]]:
    """The rows that there are once these messages are written, with what is in them."""
    async with database.write_set() as tx:
        await append(tx, messages, NOW, partition=partition, lane=lane)
    async with database.transaction() as tx:
        rows = await tx.fetch(
            "SELECT topic, partition, count, created_at, lane, messages FROM outbox ORDER BY id"
        )
    unpack = msgspec.msgpack.Decoder(list[tuple[bytes, bytes]]).decode
    return [(*row[:-1], unpack(row[-1])) for row in map(tuple, rows)]


async def counts(database: Database, *messages: Outgoing) -> list[object]:
    return [row[2] for row in await appended(database, *messages)]


@asynccontextmanager
async def heard(database: Database) -> AsyncIterator[asyncio.Event]:
    """An event that a notification of the outbox sets."""
    event = asyncio.Event()
    connection = await asyncpg.connect(database.url)
    try:
        await connection.add_listener(CHANNEL, lambda *_: event.set())
        yield event
    finally:
        await connection.close()


async def test_each_partition_has_a_row_with_its_messages_in_order(database: Database) -> None:
    assert await appended(
        database,
        message(b"a", partition=1, key=b"m1"),
        message(b"b", topic="other", partition=1, key=b"m1"),
        message(b"c", partition=2, key=b"m2"),
        message(b"d", partition=1, key=b"m3"),
    ) == [
        ("out", 1, 2, NOW, None, [(b"m1", b"a"), (b"m3", b"d")]),
        ("other", 1, 1, NOW, None, [(b"m1", b"b")]),
        ("out", 2, 1, NOW, None, [(b"m2", b"c")]),
    ]


async def test_rows_of_a_lane_carry_its_name(database: Database) -> None:
    rows = await appended(database, message(b"a"), message(b"b", partition=1), lane="points-0")
    assert [(row[1], row[4]) for row in rows] == [(0, "points-0"), (1, "points-0")]


async def test_rows_of_a_lane_lie_in_its_partition_wherever_they_go(database: Database) -> None:
    out = [message(b"a", partition=3), message(b"b", partition=1), message(b"c", partition=3)]
    await appended(database, *out, partition=3)
    async with database.transaction() as tx:
        rows = await tx.fetch("SELECT partition, target, count FROM outbox ORDER BY id")
    assert [tuple(row) for row in rows] == [(3, None, 2), (3, 1, 1)]


async def test_a_thousand_messages_fill_a_row(database: Database) -> None:
    many = [message(str(number).encode()) for number in range(2_001)]
    rows = await appended(database, *many)
    assert [row[2] for row in rows] == [1_000, 1_000, 1]
    values = [
        value for row in rows for _, value in msgspec.convert(row[5], list[tuple[bytes, bytes]])
    ]
    assert values == [each.value for each in many]


@pytest.mark.parametrize(
    ("sizes", "in_rows"),
    [
        ([MIB // 2, MIB // 2, 10, 10], [3, 1]),
        ([MIB // 2, MIB // 2 + 1, 10, 10], [2, 2]),
        ([MIB // 2, MIB // 2 + 1, MIB // 2, MIB // 2, 10, 10], [2, 3, 1]),
        ([MIB // 2, MIB // 2 + 1, MIB // 2, MIB // 2 + 1, 10], [2, 2, 1]),
    ],
)
async def test_a_row_is_full_when_it_holds_more_than_a_mebibyte_of_keys_and_values(
    database: Database, sizes: list[int], in_rows: list[int]
) -> None:
    cut = [message(b"v" * (size - 4), key=b"k" * 4) for size in sizes]
    assert await counts(database, *cut) == in_rows


async def test_a_message_that_kafka_would_never_take_is_the_fault_of_its_event(
    database: Database,
) -> None:
    assert await counts(database, message(b"v" * MESSAGE_BYTES_MAX)) == [1]
    with pytest.raises(MessageTooLargeError, match=r"a message to out has 900,001 bytes"):
        await appended(database, message(b"small"), message(b"v" * (MESSAGE_BYTES_MAX + 1)))
    async with database.transaction() as tx:
        assert [row["count"] for row in await tx.fetch("SELECT count FROM outbox")] == [1]


async def test_who_has_nothing_to_say_writes_nothing_and_wakes_nobody(database: Database) -> None:
    async with heard(database) as event:
        assert await appended(database) == []
        assert not event.is_set()


async def test_a_commit_wakes_the_relay_wherever_it_runs(database: Database) -> None:
    async with heard(database) as event:
        await appended(database, message(b"a"))
        async with asyncio.timeout(5):
            await event.wait()


async def test_what_a_lane_publishes_by_itself_wakes_nobody(database: Database) -> None:
    async with heard(database) as event:
        await appended(database, message(b"a"), lane="points-0")
        async with database.transaction() as tx:
            # notifications come in the order of commits, so an earlier one would be here by now
            await tx.execute("SELECT pg_notify($1, 'after')", CHANNEL)
        async with asyncio.timeout(5):
            await event.wait()
