"""Where each partition's owner stands: the position is part of the effect's transaction.

The epoch is the fence. Whoever is assigned a partition raises it; every transaction then moves the
positions by compare-and-set on position *and* epoch, first of all its statements, which also locks
the lane for its duration. A process whose partition was taken away matches nothing and can write
nothing.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from shared.clock import Instant
from shared.db import Transaction
from shared.kafka.consumer import Record

BEGINNING: Instant = -(2**62)
"""Before every event."""


class Fenced(Exception):  # noqa: N818 - a state of affairs, not a mistake
    """Another process owns this partition, or a commit of ours arrived that we did not hear of."""


class Position(NamedTuple):
    """How far one topic of a lane has been handled."""

    position: int
    until: Instant
    epoch: int


def after(
    held: Mapping[str, Position], passed: Iterable[Record], until: Instant
) -> dict[str, Position]:
    """Where a lane's positions are after these records, each topic's in the order of offsets."""
    reached = {record.topic: record.next_offset for record in passed}
    return {
        topic: Position(reached.get(topic, position.position), until, position.epoch)
        for topic, position in held.items()
    }


def beyond_marks(
    held: Mapping[str, Position], behind: Callable[[str], int | None]
) -> dict[str, Position]:
    """Where the positions are behind the marks of transactions, which are no records.

    Args:
        held: where they stand.
        behind: the offset that is read next of a topic; None where records wait before it.
    """
    moved = dict(held)
    for topic, position in held.items():
        at = behind(topic)
        if at is not None and at > position.position:
            moved[topic] = position._replace(position=at)
    return moved


_CLAIM = """
INSERT INTO positions AS p (consumer, topic, partition, position, until, epoch)
SELECT $1, topic, $3::smallint, 0, $4, 1 FROM unnest($2::text[]) AS topic
    ON CONFLICT (consumer, topic, partition) DO UPDATE SET epoch = p.epoch + 1
RETURNING topic, position, until, epoch
"""

_MOVE = """
UPDATE positions p SET position = m.next, until = m.until
  FROM unnest($2::smallint[], $3::text[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[])
       AS m (partition, topic, expected, next, epoch, until)
 WHERE p.consumer = $1 AND p.partition = m.partition AND p.topic = m.topic
   AND p.position = m.expected AND p.epoch = m.epoch
"""


async def claim(
    tx: Transaction, consumer: str, partition: int, topics: Sequence[str]
) -> dict[str, Position]:
    """Become the owner of a partition: fence every former one and learn where to go on."""
    rows = await tx.fetch(_CLAIM, consumer, topics, partition, BEGINNING)
    return {topic: Position(position, until, epoch) for topic, position, until, epoch in rows}


async def move(
    tx: Transaction,
    consumer: str,
    partition: int,
    held: Mapping[str, Position],
    reached: Mapping[str, Position],
) -> None:
    """Move a lane's positions, all or none.

    Args:
        tx: the batch's transaction; this is its first statement.
        consumer: the name of the consumer group.
        partition: the lane.
        held: what the lane believes to stand in the table.
        reached: what shall stand there; the same topics.

    Raises:
        Fenced: the table says otherwise.
    """
    topics = list(held)
    await tx.require(
        len(topics),
        Fenced(f"{consumer}-{partition}: not at {dict(held)} any more"),
        _MOVE,
        consumer,
        [partition] * len(topics),
        topics,
        [held[topic].position for topic in topics],
        [reached[topic].position for topic in topics],
        [held[topic].epoch for topic in topics],
        [max(position.until for position in reached.values())] * len(topics),
    )


async def progress(tx: Transaction) -> dict[str, dict[int, dict[str, Position]]]:
    """Every consumer's positions: consumer → partition → topic → position."""
    rows = await tx.fetch(
        "SELECT consumer, partition, topic, position, until, epoch FROM positions ORDER BY 1, 2, 3"
    )
    told: dict[str, dict[int, dict[str, Position]]] = {}
    for consumer, partition, topic, position, until, epoch in rows:
        told.setdefault(consumer, {}).setdefault(partition, {})[topic] = Position(
            position, until, epoch
        )
    return told
