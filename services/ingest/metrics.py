"""Every figure of ingest's own, beside those of the runtime (`shared.observability.metrics`).

None is labelled by member, event or store. `source` is the name of a registered source.
"""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

_KAFKA_SECONDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5)
_REQUEST_EVENTS = (1, 3, 10, 30, 100, 300, 1_000)


class IngestMetrics:
    """Ingest's figures in one process."""

    def __init__(self, registry: CollectorRegistry) -> None:
        """Register the list below."""
        # Answers to single events: accepted, duplicate, rejected, unconfirmed (503: send again).
        self.answers = Counter(
            "regulars_ingest_answers_total",
            "Answers by kind",
            ("source", "answer"),
            registry=registry,
        )
        # Events not taken, by the slug of their problem.
        self.rejected = Counter(
            "regulars_ingest_rejected_total", "Rejected events", ("problem",), registry=registry
        )
        # Events whose id was taken before with another content: two events share an id.
        self.differing = Counter(
            "regulars_ingest_differing_duplicates_total",
            "Events that came under the id of another one",
            ("source",),
            registry=registry,
        )
        # Rejected events that were not even kept for looking at, because there were too many.
        self.rejected_not_kept = Counter(
            "regulars_ingest_rejected_not_kept_total", "Rejected, not kept", registry=registry
        )
        # Events in one request.
        self.request_events = Histogram(
            "regulars_ingest_request_events",
            "Events in a request",
            buckets=_REQUEST_EVENTS,
            registry=registry,
        )
        # From handing events to the producer until Kafka has confirmed them.
        self.confirm_seconds = Histogram(
            "regulars_ingest_confirm_seconds",
            "Time to Kafka's confirmation",
            buckets=_KAFKA_SECONDS,
            registry=registry,
        )
        # Names looked up: by heart, or in the database.
        self.lookups = Counter(
            "regulars_ingest_name_lookups_total", "Names looked up", ("where",), registry=registry
        )
        # Members made because a name was new.
        self.members_created = Counter(
            "regulars_ingest_members_created_total", "Members created", registry=registry
        )
        # Further names given to members.
        self.names_linked = Counter(
            "regulars_ingest_names_linked_total", "Names linked", registry=registry
        )
        # Names that were not linked: other-member (two members may be one person) or limit.
        self.conflicts = Counter(
            "regulars_ingest_identity_conflicts_total", "Not linked", ("reason",), registry=registry
        )
        # What the order index put right: moved, redirected (a refund to the buyer), claimed; or
        # could not: reused (a number stands for two orders), claimed_before (by another).
        self.orders = Counter(
            "regulars_ingest_orders_total", "Orders put right, or not", ("what",), registry=registry
        )
        # Stores that only events have named: master data is missing.
        self.stores_unconfirmed = Gauge(
            "regulars_ingest_stores_unconfirmed", "Stores without master data", registry=registry
        )
