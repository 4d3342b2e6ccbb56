"""Where each partition's owner stands: the position is part of the effect's transaction.

The epoch is the fence. Whoever is assigned a partition raises it; every transaction then moves the
positions by compare-and-set on position *and* epoch, first of all its statements, which also locks
the lane for its duration. A process whose partition was taken away matches nothing and can write
nothing.

A position is one in a topic, not in whatever bears its name: beside it stands the topic's id.
Where the name has come to mean another topic, the position is 0 again; what was seen before is
dropped as a duplicate.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import NamedTuple
from uuid import UUID

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


class Claim(NamedTuple):
    """What the owner of a lane begins with: its positions, and the topics that are others now."""

    held: dict[str, Position]
    anew: list[str]


_STORED = """
SELECT topic, topic_id FROM positions
 WHERE consumer = $1 AND partition = $2 AND position > 0 AND topic = ANY($3::text[]) FOR UPDATE
"""

_BEGIN_ANEW = """
UPDATE positions SET position = 0
 WHERE consumer = $1 AND partition = $2 AND topic = ANY($3::text[])
"""

_CLAIM = """
INSERT INTO positions AS p (partition, consumer, topic, position, until, epoch, topic_id)
SELECT $3::smallint, $1, c.topic, 0, $4, 1, c.id
  FROM unnest($2::text[], $5::uuid[]) AS c (topic, id)
    ON CONFLICT (partition, consumer, topic) DO UPDATE
   SET epoch = p.epoch + 1, topic_id = coalesce(EXCLUDED.topic_id, p.topic_id)
RETURNING topic, position, until, epoch
"""

_MOVE = """
UPDATE positions p SET position = m.next, until = m.until
  FROM unnest($2::smallint[], $3::text[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[])
       AS m (partition, topic, expected, next, epoch, until)
 WHERE p.partition = ANY($2) AND p.consumer = $1 AND p.partition = m.partition AND p.topic = m.topic
   AND p.position = m.expected AND p.epoch = m.epoch
"""


async def claim(
    tx: Transaction,
    consumer: str,
    partition: int,
    topics: Sequence[str],
    *,
    ids: Mapping[str, UUID | None] | None = None,
    shorter: Collection[str] = (),
) -> Claim:
    """Become the owner of a partition: fence every former one and learn where to go on.

    Args:
        tx: a transaction.
        consumer: the name of the consumer group.
        partition: the lane.
        topics: the lane's topics.
        ids: which topics these are, as far as the broker says.
        shorter: topics that end before the position: they are begun anew, whatever their ids say.
    """
    ids = ids or {}
    stored = await tx.fetch(_STORED, consumer, partition, topics)
    anew = [
        topic
        for topic, was in stored
        if topic in shorter or (was is not None and ids.get(topic) not in (None, was))
    ]
    if anew:
        await tx.execute(_BEGIN_ANEW, consumer, partition, anew)
    told = [ids.get(topic) for topic in topics]
    rows = await tx.fetch(_CLAIM, consumer, topics, partition, BEGINNING, told)
    held = {topic: Position(position, until, epoch) for topic, position, until, epoch in rows}
    return Claim(held, anew)


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
