"""What a service's database says of how the service does.

Measured whether anything works or not: by a loop of its own (`watch`), never by the lanes.
"""

from dataclasses import dataclass, field

from shared.clock import Instant
from shared.db import Database

TIMERS_COUNTED_MAX = 10_000

_VITALS = """
SELECT 'position' AS what, topic, partition, NULL AS kind, position AS number, until AS at
  FROM positions
UNION ALL
SELECT 'letters', topic, partition, kind, count(*), NULL
  FROM dead_letters WHERE state = 'held' GROUP BY topic, partition, kind
UNION ALL
SELECT 'outbox', NULL, NULL, NULL, coalesce(sum(count), 0), min(created_at) FROM outbox
UNION ALL
SELECT 'anew', NULL, NULL, NULL, coalesce(sum(greatest(0, w.members - w.judged)), 0), NULL
  FROM (SELECT coalesce(p.withdrawn_members, 0) AS members, coalesce(sum(j.members), 0) AS judged
          FROM programs p LEFT JOIN judged_anew j ON j.version = p.version
         WHERE p.withdrawn_at IS NOT NULL GROUP BY p.version, p.withdrawn_members
        HAVING count(j.done_at) < (SELECT count(DISTINCT partition) FROM positions)) AS w
"""

# Partition by partition, each by its own clock. No more are counted than matter: the count would
# otherwise cost most when there is most to do.
_TIMERS = f"""
SELECT count(*) AS timers, min(first.due_at) AS oldest
  FROM (SELECT due_at FROM timelines WHERE partition = $1 AND due_at <= $2
         ORDER BY due_at LIMIT {TIMERS_COUNTED_MAX}) AS first
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
        to_judge_anew: members who were judged by a version that was withdrawn since, about.
    """

    positions: dict[tuple[str, int], int] = field(default_factory=dict)
    letters: dict[tuple[str, int, str], int] = field(default_factory=dict)
    outbox_messages: int = 0
    outbox_since: Instant | None = None
    timers_due: int = 0
    timers_late: Instant = 0
    to_judge_anew: int = 0


async def measure(database: Database, now: Instant | None) -> Vitals:
    """Look at the database.

    Args:
        database: the service's.
        now: the wall clock; None with the stream clock, where each partition has its own.
    """
    positions: dict[tuple[str, int], int] = {}
    letters: dict[tuple[str, int, str], int] = {}
    clocks: dict[int, Instant] = {}
    messages, since, due, late, anew = 0, None, 0, 0, 0
    async with database.transaction() as tx:
        for what, topic, partition, kind, number, at in await tx.fetch(_VITALS):
            if what == "position":
                positions[topic, partition] = min(number, positions.get((topic, partition), number))
                clocks[partition] = max(at, clocks.get(partition, at)) if now is None else now
            elif what == "letters":
                letters[topic, partition, kind] = number
            elif what == "anew":
                anew = int(number)
            else:
                messages, since = int(number), at
        for partition, until in clocks.items():
            [(timers, oldest)] = await tx.fetch(_TIMERS, partition, until)
            due += timers
            late = max(late, until - oldest if timers else 0)
    return Vitals(positions, letters, messages, since, due, late, anew)
