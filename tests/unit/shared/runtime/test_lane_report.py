"""A lane's figures: what is counted, under which labels."""

import time

from shared.clock import SECOND, ManualClock
from shared.events import encode, types
from shared.events.topics import DEAD_LETTERS, POINTS
from shared.kafka.consumer import Record
from shared.observability.metrics import Metrics
from shared.runtime.batch import Batch
from shared.runtime.dead_letters import announcement
from shared.runtime.lane_report import LaneReport

NOW = 1_700_000_000 * SECOND


def test_outgoing_events_are_counted_by_their_type() -> None:
    metrics = Metrics("points")
    batch = Batch(partition=0, partitions=4, now=NOW, until=NOW)
    tricky = 'x","type":"forged'
    for _ in range(3):
        value = encode(
            type=types.POINTS_MOVED,
            source=tricky,
            id=tricky,
            subject="m",
            at=NOW,
            data={"type": "inner"},
            recorded_at=NOW,
        )
        batch.emit(POINTS, "m", value)
    record = Record(POINTS, 0, 0, 0, b"m", b"?", ())
    batch.outgoing.append(announcement("points", record, "undecodable", "why"))
    LaneReport(metrics, ManualClock(NOW), 0).committed([], batch, time.perf_counter())

    def sent(topic: str, kind: str) -> float | None:
        labels = {"service": "points", "topic": topic, "type": kind}
        return metrics.registry.get_sample_value("regulars_events_out_total", labels)

    assert sent(POINTS, types.POINTS_MOVED) == 3
    assert sent(DEAD_LETTERS, "dead_letter") == 1


def test_where_the_clock_stands_is_told_in_seconds() -> None:
    metrics = Metrics("points")
    LaneReport(metrics, ManualClock(NOW), 2).where(NOW)
    labels = {"service": "points", "partition": "2"}
    assert metrics.registry.get_sample_value("regulars_clock_seconds", labels) == 1_700_000_000
