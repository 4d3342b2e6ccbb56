"""Writing into the outbox.

The row's id is drawn last in the transaction, after the locks on the lane or the members are held:
that is what keeps the order of ids the order of decisions for each key.
"""

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from shared.clock import Instant
from shared.db import Transaction
from shared.events.topics import MESSAGE_BYTES_MAX

CHANNEL = "regulars_outbox"
_CHUNK_MESSAGES = 1_000
_CHUNK_BYTES = 1024 * 1024

# The notification wakes a relay in another process at commit.
_APPEND = f"""
WITH written AS (
  INSERT INTO outbox (partition, topic, target, count, created_at, messages)
  SELECT * FROM unnest($1::smallint[], $2::text[], $3::smallint[], $4::int[], $5::bigint[],
                       $6::bytea[])
)
SELECT pg_notify('{CHANNEL}', '')
"""  # noqa: S608 - a constant of this module

_APPEND_FOR_LANE = """
INSERT INTO outbox (partition, topic, target, count, created_at, messages, lane)
SELECT * FROM unnest($1::smallint[], $2::text[], $3::smallint[], $4::int[], $5::bigint[],
                     $6::bytea[], $7::text[])
"""

_pack = msgspec.msgpack.Encoder().encode
unpack = msgspec.msgpack.Decoder(list[tuple[bytes, bytes]]).decode
"""The messages of a row, each with its key, in order."""


class Outgoing(NamedTuple):
    """A message on its way out; `partition` is that of its topic."""

    topic: str
    partition: int
    key: bytes
    value: bytes


class MessageTooLargeError(ValueError):
    """A message that Kafka would not take: the fault of the event that led to it."""

    def __init__(self, topic: str, size: int) -> None:
        """Say how large it is."""
        super().__init__(
            f"a message to {topic} has {size:,} bytes; Kafka takes {MESSAGE_BYTES_MAX:,}"
        )


async def append(
    tx: Transaction,
    messages: Sequence[Outgoing],
    now: Instant,
    *,
    partition: int | None = None,
    lane: str | None = None,
) -> None:
    """Write messages, in order, as the last statement of a transaction.

    Args:
        tx: the transaction.
        messages: what goes out.
        now: wall time.
        partition: that of the lane whose transaction it is: the rows lie beside its other rows.
            None: it is no lane's, and each row lies in the partition that it goes to.
        lane: who publishes them from memory after the commit; the relay passes them over.

    Raises:
        MessageTooLargeError: Kafka would never take one of them, and it would hold up the others.
    """
    if not messages:
        return
    by_partition: dict[tuple[str, int], list[tuple[bytes, bytes]]] = {}
    for topic, target, key, value in messages:
        if len(key) + len(value) > MESSAGE_BYTES_MAX:
            raise MessageTooLargeError(topic, len(key) + len(value))
        by_partition.setdefault((topic, target), []).append((key, value))
    chunks = [
        (
            target if partition is None else partition,
            topic,
            None if partition in (None, target) else target,
            len(part),
            now,
            _pack(part),
        )
        for (topic, target), pairs in by_partition.items()
        for part in _parts(pairs)
    ]
    columns = [list(column) for column in zip(*chunks, strict=True)]
    if lane is None:
        await tx.in_order()  # a notification is no write: it would not be sent with others
        await tx.execute(_APPEND, *columns)
    else:
        await tx.execute(_APPEND_FOR_LANE, *columns, [lane] * len(chunks))


def _parts(pairs: list[tuple[bytes, bytes]]) -> list[list[tuple[bytes, bytes]]]:
    """Cut a long run of messages into rows of a bearable size."""
    parts: list[list[tuple[bytes, bytes]]] = [[]]
    size = 0
    for pair in pairs:
        if len(parts[-1]) >= _CHUNK_MESSAGES or size > _CHUNK_BYTES:
            parts.append([])
            size = 0
        parts[-1].append(pair)
        size += len(pair[0]) + len(pair[1])
    return parts
