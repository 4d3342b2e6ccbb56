"""How far a service has come: what `/v1/progress` answers."""

from typing import Any

from shared.clock import Instant, format_instant
from shared.db import Database
from shared.runtime import positions
from shared.runtime.positions import BEGINNING

_OUTBOX = "SELECT coalesce(sum(count), 0) AS messages FROM outbox"
_DUE = "SELECT count(*) AS timers FROM timelines WHERE partition = $1 AND due_at <= $2"


async def progress_of(database: Database, consumer: str) -> dict[str, Any]:
    """Tell the positions and clocks of a service's consumers.

    Returns: `partitions` and `until` (the slowest partition's clock; null before the first event)
        of the main consumer, `outbox_messages` not yet on Kafka, `timers_due` not yet fired, and
        `consumers`, all of them.
    """
    async with database.transaction(read_only=True) as tx:
        told = await positions.progress(tx)
        clocks = {
            partition: max(position.until for position in held.values())
            for partition, held in told.get(consumer, {}).items()
        }
        messages = (await tx.fetch(_OUTBOX))[0]["messages"]
        due = [(await tx.fetch(_DUE, *clock))[0]["timers"] for clock in clocks.items()]
    consumers = {
        name: {str(partition): _partition(held) for partition, held in partitions.items()}
        for name, partitions in told.items()
    }
    return {
        "until": _instant(min(clocks.values(), default=BEGINNING)),
        "partitions": consumers.get(consumer, {}),
        "outbox_messages": int(messages),
        "timers_due": sum(due),
        "consumers": consumers,
    }


def _partition(held: dict[str, positions.Position]) -> dict[str, Any]:
    return {
        "until": _instant(max(position.until for position in held.values())),
        "positions": {topic: position.position for topic, position in held.items()},
    }


def _instant(at: Instant) -> str | None:
    return None if at == BEGINNING else format_instant(at)
