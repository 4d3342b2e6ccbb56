"""How a lane does, in figures."""

import time
from collections import Counter
from collections.abc import Sequence

from shared.clock import SECOND, Clock, Instant
from shared.events.topics import DEAD_LETTERS
from shared.kafka.consumer import Record
from shared.observability.metrics import Metrics
from shared.outbox import Outgoing
from shared.runtime.batch import Arrived, Batch
from shared.runtime.positions import BEGINNING

_TYPE = b'"type":"'
_LETTER = "dead_letter"


class LaneReport:
    """A lane's metrics; nothing is counted before its transaction has committed."""

    def __init__(self, metrics: Metrics, clock: Clock, partition: int) -> None:
        """Report under this partition's number."""
        self._metrics = metrics
        self._clock = clock
        self._partition = str(partition)

    def phase(self, name: str, started: float) -> None:
        """A phase that began at this `perf_counter` is over."""
        self._metrics.phase_seconds.labels(name).observe(time.perf_counter() - started)

    def backed_off(self) -> None:
        """The database was away."""
        self._metrics.back_offs.labels("database").inc()

    def dead_letter(self, topic: str, kind: str) -> None:
        """A dead letter was made."""
        self._metrics.dead_letters.labels(topic, kind).inc()

    def last_resort(self, record: Record) -> None:
        """A record could not be set aside as it is."""
        self._metrics.set_aside_failures.labels(record.topic, self._partition).inc()

    def made_anew(self, topic: str) -> None:
        """A topic is not the one that was read before."""
        self._metrics.topic_recreations.labels(topic, self._partition).inc()

    def where(self, until: Instant) -> None:
        """Where the lane's clock stands."""
        if until > BEGINNING:
            self._metrics.clock_seconds.labels(self._partition).set(until / SECOND)

    def committed(self, applied: Sequence[Arrived], batch: Batch, started: float) -> None:
        """A batch is in the database."""
        metrics = self._metrics
        metrics.batch_seconds.observe(time.perf_counter() - started)
        metrics.batch_events.observe(len(applied))
        metrics.timers_fired.inc(batch.timers_fired)
        metrics.rebuilds.inc(batch.rebuilds)
        kinds = Counter(
            (each.record.topic, each.event.type) for each in applied if each.event is not None
        )
        for kind, count in kinds.items():
            metrics.events_in.labels(*kind).inc(count)
        sent = Counter((message.topic, _type_of(message)) for message in batch.outgoing)
        for kind, count in sent.items():
            metrics.events_out.labels(*kind).inc(count)
        if applied:
            topic = applied[0].record.topic
            metrics.duplicates.labels(topic).inc(batch.duplicates)
            self._latency(applied[0], topic)

    def _latency(self, oldest: Arrived, topic: str) -> None:
        if oldest.event is None or oldest.event.recorded_at is None:
            return
        seconds = (self._clock.now() - oldest.event.recorded_at) / SECOND
        self._metrics.effect_latency_seconds.labels(topic).observe(max(0.0, seconds))


def _type_of(message: Outgoing) -> str:
    """The type of an encoded event, without decoding it: text before it has no bare quote."""
    value = message.value
    start = value.find(_TYPE)
    if message.topic == DEAD_LETTERS or start < 0:
        return _LETTER  # the one thing said that is no event
    start += len(_TYPE)
    return value[start : value.find(b'"', start)].decode()
