"""What became of the events: figures from the services' own APIs."""

from pathlib import Path
from typing import Final

import msgspec
from prometheus_client.parser import text_string_to_metric_families

from deploy.demo.publish import Published
from deploy.demo.services import Services
from deploy.local.kept import bytes_in_postgres, bytes_on_kafka

_CPU: Final = "process_cpu_seconds_total"
_BATCH_SUM: Final = "regulars_batch_seconds_sum"


class ServiceTime(msgspec.Struct, frozen=True):
    """What a service needed: CPU seconds, and seconds that batches were in the works."""

    cpu_seconds: float
    batch_seconds: float

    def since(self, earlier: "ServiceTime") -> "ServiceTime":
        """What was needed from then to now; a process started again counts from nothing."""
        if earlier.cpu_seconds > self.cpu_seconds:
            return self
        return ServiceTime(
            self.cpu_seconds - earlier.cpu_seconds, self.batch_seconds - earlier.batch_seconds
        )


class Figures(msgspec.Struct, frozen=True):
    """The result of a demo.

    Attributes:
        seconds: from the first event sent to the last effect published by the last service.
        events_per_second: published events by these seconds, through everything.
        broker: "kafka" or "tansu".
    """

    events_published: int
    events_by_type: dict[str, int]
    members: int
    points_issued: int
    members_by_tier: dict[str, int]
    jobs_by_step: dict[str, int]
    suppressed_by_reason: dict[str, int]
    dead_letters: int
    seconds: float
    events_per_second: float
    broker: str


class Details(msgspec.Struct, frozen=True):
    """What the table shows beside the figures.

    Attributes:
        kafka_bytes: of the records on all topics; 0 for the broker in memory.
        postgres_bytes: of all databases, with their indexes.
    """

    members_by_tag: dict[str, int]
    time_per_service: dict[str, ServiceTime]
    books_balance: bool
    kafka_bytes: int
    postgres_bytes: int


async def times_of(services: Services) -> dict[str, ServiceTime]:
    """The times of all services up to now."""
    return {name: times(await services.metrics(name)) for name in services.endpoints.services}


async def collect(
    services: Services,
    published: Published,
    seconds: float,
    before: dict[str, ServiceTime],
    directory: Path,
) -> tuple[Figures, Details]:
    """Ask all services; `before` are their times at the start, `directory` is the servers'."""
    ledger = await services.get("points", "/v1/ledger/trial-balance")
    tiers = (await services.get("segmentation", "/v1/tiers:summary"))["tiers"]
    tags = (await services.get("segmentation", "/v1/tags:summary"))["tags"]
    journeys = await services.get("notify", "/v1/journeys/stats")
    letters = [
        (await services.get(name, "/v1/dead-letters?limit=1"))["total"]
        for name in services.endpoints.services
    ]
    figures = Figures(
        events_published=published.count,
        events_by_type=dict(sorted(published.by_type.items())),
        members=sum(tiers.values()),
        points_issued=ledger["points_issued"],
        members_by_tier=tiers,
        jobs_by_step=dict(sorted(journeys["jobs_by_step"].items())),
        suppressed_by_reason=dict(sorted(journeys["suppressed_by_reason"].items())),
        dead_letters=sum(letters),
        seconds=round(seconds, 2),
        events_per_second=round(published.count / seconds, 1),
        broker=services.endpoints.broker,
    )
    details = Details(
        members_by_tag=tags,
        time_per_service={
            name: now.since(before[name]) for name, now in (await times_of(services)).items()
        },
        books_balance=ledger["balanced"],
        kafka_bytes=sum(bytes_on_kafka(directory).values()),
        postgres_bytes=sum((await bytes_in_postgres(services.endpoints)).values()),
    )
    return figures, details


def times(metrics: str) -> ServiceTime:
    """A service's times from its metrics."""
    sums = {_CPU: 0.0, _BATCH_SUM: 0.0}
    for family in text_string_to_metric_families(metrics):
        for sample in family.samples:
            if sample.name in sums:
                sums[sample.name] += sample.value
    return ServiceTime(cpu_seconds=sums[_CPU], batch_seconds=sums[_BATCH_SUM])
