"""The relay's way to Kafka, and where it tells how it is doing."""

from collections.abc import Sequence

from shared.events import CONTENT_TYPE_HEADER
from shared.kafka.producer import Message, Outcome, Posted, Producer
from shared.observability.metrics import Metrics
from shared.outbox import Outgoing
from shared.runtime.http.health import HealthBoard

_HEADERS = (CONTENT_TYPE_HEADER,)
_DEADLINE_SECONDS = 10.0


class OutboxPublisher:
    """Publishes outbox messages; order per partition is the producer's."""

    def __init__(self, producer: Producer) -> None:
        """Send through this producer."""
        self._producer = producer

    async def publish(self, messages: Sequence[Outgoing]) -> bool:
        """Send messages; True when Kafka has confirmed all of them."""
        outcomes = await self._producer.send_many(_dressed(messages), _DEADLINE_SECONDS)
        return all(outcome is Outcome.CONFIRMED for outcome in outcomes)

    def post(self, messages: Sequence[Outgoing]) -> Posted:
        """Send messages without waiting."""
        return self._producer.post(_dressed(messages))


def _dressed(messages: Sequence[Outgoing]) -> list[Message]:
    return [
        Message(topic, partition, key, value, _HEADERS) for topic, partition, key, value in messages
    ]


class OutboxGauges:
    """The relay's figures and its line on the health board."""

    def __init__(self, metrics: Metrics, health: HealthBoard) -> None:
        """Write there."""
        self._metrics = metrics
        self._check = health.loop("relay", stalled_after_seconds=120.0)
        self._check.up()

    def relayed(self, messages: int, seconds: float) -> None:  # noqa: ARG002 - the outbox counts them when written
        """So many messages were published, in so long."""
        self._metrics.phase_seconds.labels("relay").observe(seconds)
        self._check.beat()

    def turned(self) -> None:
        """The relay has come round once more."""
        self._check.beat()

    def trouble(self, reason: str | None) -> None:
        """The relay backs off for this reason; None: it works."""
        if reason is None:
            self._check.up()
        else:
            self._check.down(reason)
            dependency = "kafka" if reason.startswith("kafka") else "database"
            self._metrics.back_offs.labels(dependency).inc()
