"""How far a service has come: what `/v1/progress` answers."""

from typing import Any

from shared.clock import Instant, format_instant
from shared.db import Database
from shared.runtime import positions
from shared.runtime.positions import BEGINNING

_WAITING = """
SELECT (SELECT coalesce(sum(count), 0) FROM outbox) AS outbox_messages,
       (SELECT coalesce(sum(due.timers), 0)
          FROM (SELECT partition, max(until) AS until FROM positions
                 WHERE consumer = $1 GROUP BY partition) AS clock
         CROSS JOIN LATERAL (SELECT count(*) AS timers FROM timelines t
                              WHERE t.partition = clock.partition AND t.due_at <= clock.until
                            ) AS due) AS timers_due
"""


async def progress_of(database: Database, consumer: str) -> dict[str, Any]:
    """Tell the positions and clocks of a service's consumers.

    Returns: `partitions` and `until` (the slowest partition's clock; null before the first event)
        of the main consumer, `outbox_messages` not yet on Kafka, `timers_due` not yet fired, and
        `consumers`, all of them.
    """
    async with database.transaction(read_only=True) as tx:
        told = await positions.progress(tx)
        waiting = (await tx.fetch(_WAITING, consumer))[0]
    consumers = {
        name: {str(partition): _partition(held) for partition, held in partitions.items()}
        for name, partitions in told.items()
    }
    clocks = [
        position.until for held in told.get(consumer, {}).values() for position in held.values()
    ]
    return {
        "until": _instant(min(clocks, default=BEGINNING)),
        "partitions": consumers.get(consumer, {}),
        "outbox_messages": int(waiting["outbox_messages"]),
        "timers_due": int(waiting["timers_due"]),
        "consumers": consumers,
    }


def _partition(held: dict[str, positions.Position]) -> dict[str, Any]:
    return {
        "until": _instant(max(position.until for position in held.values())),
        "positions": {topic: position.position for topic, position in held.items()},
    }


def _instant(at: Instant) -> str | None:
    return None if at == BEGINNING else format_instant(at)
