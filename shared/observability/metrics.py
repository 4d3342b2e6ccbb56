"""Every metric of the stream runtime and the HTTP edge, in one closed list.

Names start with `regulars_` and end in their base unit. All carry the label `service`; the others
are given with each metric below. No metric is ever labelled by a member or an event id: the number
of series must not grow with the number of customers. A service's own figures live in its
`metrics.py`.

Use: `metrics.events_in.labels(topic, type).inc(812)`, `metrics.batch_events.observe(812)`. The
label `service` is filled in here; label values follow the order in which they are listed.
"""

from collections.abc import Callable
from functools import partial
from typing import Generic, TypeVar

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
)
from prometheus_client import GCCollector as GarbageCollections
from prometheus_client import ProcessCollector as ProcessFigures
from prometheus_client.metrics import MetricWrapperBase

_M = TypeVar("_M", bound=MetricWrapperBase)

_BATCH_SIZES = (1, 3, 10, 30, 100, 300, 1_000, 3_000, 10_000)
_WORK_SECONDS = (0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30)
_LATENCY_SECONDS = (0.005, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100, 300, 1_000, 3_600)
_REQUEST_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)

PHASES = ("poll", "decode", "handle", "commit", "relay")


class Labelled(Generic[_M]):
    """A metric whose first label, the service, is already given; children are looked up once."""

    def __init__(self, metric: _M, service: str) -> None:
        """Bind a metric to a service."""
        self._metric = metric
        self._service = service
        self._children: dict[tuple[str, ...], _M] = {}

    def labels(self, *values: str) -> _M:
        """The series of these label values."""
        child = self._children.get(values)
        if child is None:
            child = self._children[values] = self._metric.labels(self._service, *values)
        return child


class Metrics:
    """The runtime's figures of one service in one process."""

    def __init__(self, service: str, registry: CollectorRegistry | None = None) -> None:
        """Register the list below, and the process's own CPU and memory, in a registry."""
        self.service = service
        self.registry = registry = registry if registry is not None else CollectorRegistry()
        # `…_created` series would double the page, and nothing here asks them
        disable_created_metrics()  # type: ignore[no-untyped-call]  # prometheus-client's gap
        # process_cpu_seconds_total, process_resident_memory_bytes, process_open_fds, python_gc_…
        ProcessFigures(registry=registry)
        GarbageCollections(registry=registry)
        counter: Callable[..., Labelled[Counter]] = partial(_labelled, Counter, service, registry)
        gauge: Callable[..., Labelled[Gauge]] = partial(_labelled, Gauge, service, registry)
        histogram: Callable[..., Labelled[Histogram]] = partial(
            _labelled, Histogram, service, registry
        )

        # --- the event log -----------------------------------------------------------------------
        # Events of committed batches, duplicates included, without what was set aside.
        self.events_in = counter("events_in_total", "Events handled", "topic", "type")
        # Events written to the outbox by committed transactions.
        self.events_out = counter("events_out_total", "Events produced", "topic", "type")
        # Events that had been applied before and were passed over. Redelivery is normal; a steady
        # share of them says that a publisher sends everything twice.
        self.duplicates = counter("duplicates_total", "Events seen before, dropped", "topic")
        # Newest offset in Kafka less our position: how many records wait. Measured by the watch of
        # every process of the service, whoever reads the partition: take the maximum over
        # instances, never the sum.
        self.lag_events = gauge("lag_events", "Records not yet handled", "topic", "partition")
        # The next offset to be handled. One that stands still while the lag is not 0 stands.
        self.position_events = gauge("position_events", "Records passed", "topic", "partition")
        # 1 while a partition that the service reads does not exist.
        self.topics_missing = gauge("topics_missing", "Partition not there", "topic", "partition")
        # Signs that a partition is not the one that was read: its topic has another id (its lane
        # says so), or it ends before where it was read (lane and watch say so; then it counts more
        # than once). It was deleted and made anew, or Kafka has lost records.
        self.topic_recreations = counter(
            "topic_recreations_total", "Partitions made anew", "topic", "partition"
        )
        # From ingest's taking the event (recordedtime) to the commit of its effect here.
        self.effect_latency_seconds = histogram(
            "effect_latency_seconds", "From ingest to effect", "topic", buckets=_LATENCY_SECONDS
        )

        # --- batches -----------------------------------------------------------------------------
        # Events in one transaction of one partition.
        self.batch_events = histogram(
            "batch_events", "Events in a batch", buckets=_BATCH_SIZES
        ).labels()
        # From the first look at a batch to its commit.
        self.batch_seconds = histogram(
            "batch_seconds", "Time of a batch", buckets=_WORK_SECONDS
        ).labels()
        # Where that time goes: poll (idle waiting included), decode, handle, commit, and relay
        # (outbox to Kafka).
        self.phase_seconds = histogram(
            "phase_seconds", "Time of a batch's phase", "phase", buckets=_WORK_SECONDS
        )

        # --- errors ------------------------------------------------------------------------------
        # Set aside, by kind: undecodable, poison, timer.
        self.dead_letters = counter("dead_letters_total", "Dead letters made", "topic", "kind")
        # Set aside and not yet replayed or discarded. Should be 0; alert when it is not.
        self.dead_letters_held = gauge(
            "dead_letters_held", "Dead letters waiting", "topic", "partition", "kind"
        )
        # Records that could not be set aside as they should: the last resort was taken.
        self.set_aside_failures = counter(
            "set_aside_failures_total", "Last resorts taken", "topic", "partition"
        )
        # A loop beside the main work failed, and tries again.
        self.loop_failures = counter("loop_failures_total", "Turns of a loop that failed", "loop")
        # 1 while it answers, 0 while it does not: database, kafka.
        self.dependency_up = gauge("dependency_up", "Whether it answers", "dependency")
        # A database or broker did not answer; we wait and try again. By what was away: database,
        # kafka.
        self.back_offs = counter("back_offs_total", "Waits for a dependency", "dependency")

        # --- outbox ------------------------------------------------------------------------------
        # Committed messages that Kafka does not have yet, and the age of the oldest of them.
        self.outbox_messages = gauge("outbox_messages", "Messages waiting in the outbox").labels()
        self.outbox_age_seconds = gauge("outbox_age_seconds", "Age of the oldest one").labels()

        # --- time --------------------------------------------------------------------------------
        # Timers that fired (points expiring, tiers ending, journey steps).
        self.timers_fired = counter("timers_fired_total", "Timers fired").labels()
        # Timers whose time has come and that have not fired (at most 10,000 a partition are
        # counted), and how late the oldest of them is.
        self.timers_due = gauge("timers_due", "Timers due now").labels()
        self.timers_late_seconds = gauge("timers_late_seconds", "Lateness of the oldest").labels()
        # How far the clock of a partition stands (seconds since 1970): wall time, or the watermark.
        self.clock_seconds = gauge("clock_seconds", "Where a partition's clock stands", "partition")

        # --- late facts --------------------------------------------------------------------------
        # Members' timelines replayed from the beginning: something late arrived, or a refund.
        self.rebuilds = counter("rebuilds_total", "Timelines replayed").labels()
        # Members who were judged by a version of the program that has been withdrawn, and are not
        # judged anew yet.
        self.judge_anew_members = gauge(
            "judge_anew_members", "Members whose version was withdrawn"
        ).labels()
        # Decisions taken again and corrected in the open, by type of the correcting event.
        self.corrections = counter("corrections_total", "Corrections published", "type")

        # --- HTTP --------------------------------------------------------------------------------
        # By route template (`/v1/members/{member_id}`), never by path.
        self.http_requests = counter(
            "http_requests_total", "HTTP requests answered", "method", "route", "status"
        )
        self.http_request_seconds = histogram(
            "http_request_seconds",
            "Time to the end of the answer",
            "method",
            "route",
            buckets=_REQUEST_SECONDS,
        )


def _labelled(
    kind: Callable[..., _M],
    service: str,
    registry: CollectorRegistry,
    name: str,
    meaning: str,
    *labels: str,
    **options: object,
) -> Labelled[_M]:
    metric = kind(f"regulars_{name}", meaning, ("service", *labels), registry=registry, **options)
    return Labelled(metric, service)
