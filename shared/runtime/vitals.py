"""What a service's database says of how the service does, in one statement.

Measured whether anything works or not: by a loop of its own (`watch`), never by the lanes.
"""

from dataclasses import dataclass, field

from shared.clock import Instant
from shared.db import Database

TIMERS_COUNTED_MAX = 10_000

# One statement, so that a turn is one round trip. `$1` is the wall clock; NULL takes each
# partition's own (a replay). Of timers due no more are counted than matter: the count would
# otherwise cost most when there is most to do.
_VITALS = f"""
WITH clocks AS (
  SELECT partition, coalesce($1, max(until)) AS until FROM positions GROUP BY partition)
SELECT 'position' AS what, consumer, topic, partition, NULL AS kind, position AS number,
       NULL::bigint AS oldest
  FROM positions
UNION ALL
SELECT 'letters', NULL, topic, partition, kind, count(*), NULL
  FROM dead_letters WHERE state = 'held' GROUP BY topic, partition, kind
UNION ALL
SELECT 'outbox', NULL, NULL, NULL, NULL, coalesce(sum(count), 0), min(created_at) FROM outbox
UNION ALL
SELECT 'timers', NULL, NULL, clocks.partition, NULL, due.timers, clocks.until - due.oldest
  FROM clocks
 CROSS JOIN LATERAL (
       SELECT count(*) AS timers, min(first.due_at) AS oldest
         FROM (SELECT t.due_at FROM timelines t
                WHERE t.partition = clocks.partition AND t.due_at <= clocks.until
                ORDER BY t.due_at LIMIT {TIMERS_COUNTED_MAX}) AS first) AS due
"""  # noqa: S608 - a constant of this module


@dataclass(frozen=True)
class Vitals:
    """One look at the database.

    Attributes:
        positions: the next offset to handle, by topic and partition; the hindmost consumer's.
        letters: dead letters held, by topic, partition and kind.
        outbox_messages: committed messages that Kafka does not have.
        outbox_since: when the oldest of them was written; None: there is none.
        timers_due: timers whose time has come; no more than `TIMERS_COUNTED_MAX` a partition.
        timers_late: by how much the latest of them is (a span, not an instant).
    """

    positions: dict[tuple[str, int], int] = field(default_factory=dict)
    letters: dict[tuple[str, int, str], int] = field(default_factory=dict)
    outbox_messages: int = 0
    outbox_since: Instant | None = None
    timers_due: int = 0
    timers_late: Instant = 0


async def measure(database: Database, now: Instant | None) -> Vitals:
    """Look at the database.

    Args:
        database: the service's.
        now: the wall clock; None with the stream clock, where each partition has its own.
    """
    positions: dict[tuple[str, int], int] = {}
    letters: dict[tuple[str, int, str], int] = {}
    messages, since, due, late = 0, None, 0, 0
    async with database.transaction() as tx:
        rows = await tx.fetch(_VITALS, now)
    for what, _consumer, topic, partition, kind, number, oldest in rows:
        if what == "position":
            positions[topic, partition] = min(number, positions.get((topic, partition), number))
        elif what == "letters":
            letters[topic, partition, kind] = number
        elif what == "outbox":
            messages, since = int(number), oldest
        else:
            due += number
            late = max(late, oldest or 0)
    return Vitals(positions, letters, messages, since, due, late)
