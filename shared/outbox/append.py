"""Writing into the outbox.

The row's id is drawn last in the transaction, after the locks on the lane or the members are held:
that is what keeps the order of ids the order of decisions for each key.
"""

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from shared.clock import Instant
from shared.db import Transaction

CHANNEL = "regulars_outbox"
_CHUNK_MESSAGES = 1_000
_CHUNK_BYTES = 1024 * 1024

# The notification wakes a relay in another process at commit.
_APPEND = f"""
WITH written AS (
  INSERT INTO outbox (topic, partition, count, created_at, messages)
  SELECT * FROM unnest($1::text[], $2::int[], $3::int[], $4::bigint[], $5::bytea[])
)
SELECT pg_notify('{CHANNEL}', '')
"""  # noqa: S608 - a constant of this module

_pack = msgspec.msgpack.Encoder().encode


class Outgoing(NamedTuple):
    """A message on its way out."""

    topic: str
    partition: int
    key: bytes
    value: bytes


async def append(tx: Transaction, messages: Sequence[Outgoing], now: Instant) -> None:
    """Write messages, in order, as the last statement of a transaction."""
    if not messages:
        return
    by_partition: dict[tuple[str, int], list[tuple[bytes, bytes]]] = {}
    for topic, partition, key, value in messages:
        by_partition.setdefault((topic, partition), []).append((key, value))
    chunks = [
        (topic, partition, len(part), now, _pack(part))
        for (topic, partition), pairs in by_partition.items()
        for part in _parts(pairs)
    ]
    await tx.execute(_APPEND, *(list(column) for column in zip(*chunks, strict=True)))


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
