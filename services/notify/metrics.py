"""Every metric of notify beside the runtime's, in one closed list; the label `service` is constant.

Never labelled by member or job.
"""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

_SECONDS = (0.001, 0.005, 0.02, 0.1, 0.5, 1, 2, 5, 10, 30)


class NotifyMetrics:
    """Notify's figures in one process."""

    def __init__(self, registry: CollectorRegistry) -> None:
        """Register the list below."""
        # Decisions taken (not those of histories folded anew), by journey, step and outcome:
        # requested, or the reason of the suppression.
        self.decisions = Counter(
            "regulars_notify_decisions_total",
            "Decisions about messages",
            ("journey", "step", "outcome"),
            registry=registry,
        )
        # Decisions taken again because something came late, by what that changed:
        # new, revised, withdrawn, flagged, cleared.
        self.corrections = Counter(
            "regulars_notify_corrections_total",
            "Messages decided otherwise afterwards",
            ("kind",),
            registry=registry,
        )
        # Attempts to deliver, by destination and result: sent, retried, failed.
        self.attempts = Counter(
            "regulars_notify_delivery_attempts_total",
            "Attempts to deliver",
            ("destination", "result"),
            registry=registry,
        )
        # How long a destination takes to answer one attempt.
        self.attempt_seconds = Histogram(
            "regulars_notify_delivery_attempt_seconds",
            "Time of an attempt to deliver",
            ("destination",),
            buckets=_SECONDS,
            registry=registry,
        )
        # 1 while a destination's circuit breaker is open: it is given a rest, its jobs wait.
        self.resting = Gauge(
            "regulars_notify_destination_resting",
            "Whether a destination is given a rest",
            ("destination",),
            registry=registry,
        )
        # Requested jobs that are not delivered yet.
        self.waiting = Gauge(
            "regulars_notify_deliveries_waiting",
            "Jobs waiting for delivery",
            ("channel",),
            registry=registry,
        )
