"""Moving the stream clock on: telling every partition that nothing earlier will come."""

from services.ingest.domain.refusal import KAFKA_AWAY, Refusal
from services.ingest.handlers.added_facts import ORIGIN
from shared.clock import Clock, Instant, to_datetime
from shared.events import CONTENT_TYPE_HEADER, encode, types
from shared.events.decisions import ClockAdvanced
from shared.events.facts import Data
from shared.events.topics import EVENTS
from shared.kafka.producer import Message, Outcome, Producer

_DEADLINE_SECONDS = 10.0


class ClockHand:
    """Publishes `clock.advanced` to every partition of the facts, under the stream clock only."""

    def __init__(self, producer: Producer, partitions: int, clock: Clock) -> None:
        """Speak through this producer."""
        self._producer = producer
        self._partitions = partitions
        self._clock = clock

    async def advance(self, until: Instant) -> Refusal | None:
        """Say on every partition that its clock stands at `until`.

        Returns:
            Why that could not be confirmed, or None.
        """
        recorded = self._clock.now()
        messages: list[Message] = []
        for partition in range(self._partitions):
            subject = f"clock:{partition}"
            data: Data = ClockAdvanced(partition=partition, until=to_datetime(until))
            value = encode(
                type=types.CLOCK_ADVANCED,
                source=ORIGIN,
                id=f"ingest-{partition}-{until}",
                subject=subject,
                at=until,
                data=data,
                recorded_at=recorded,
            )
            headers = [CONTENT_TYPE_HEADER]
            messages.append(Message(EVENTS, partition, subject.encode(), value, headers))
        outcomes = await self._producer.send_many(messages, _DEADLINE_SECONDS)
        confirmed = all(outcome is Outcome.CONFIRMED for outcome in outcomes)
        return None if confirmed else KAFKA_AWAY
