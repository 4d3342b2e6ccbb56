"""The event by which a producer of decisions says how far it has come (stream clock only)."""

from shared.clock import to_datetime
from shared.events import encode, types
from shared.events.decisions import ClockAdvanced
from shared.runtime.batch import Batch
from shared.runtime.consumers import ConsumerSpec


def clock_mark(spec: ConsumerSpec, partition: int, batch: Batch) -> tuple[str, bytes]:
    """Subject and value of `clock.advanced`: nothing earlier than `batch.until` will come."""
    subject = f"clock:{partition}"
    value = encode(
        type=types.CLOCK_ADVANCED,
        source=spec.source,
        id=f"{spec.name}-{partition}-{batch.until}",
        subject=subject,
        at=batch.until,
        data=ClockAdvanced(partition=partition, until=to_datetime(batch.until)),
        recorded_at=batch.now,
    )
    return subject, value
