"""Ingest's own application, put together by its composition root, on servers of a test's own.

Topics are unique to the test: the producer puts a prefix before their names.
"""

import asyncio
import base64
import dataclasses
import json
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
from aiokafka import AIOKafkaConsumer, TopicPartition
from typing_extensions import override

from services.ingest.__main__ import assemble
from services.ingest.consumer import InboundHandler
from services.ingest.settings import IngestSettings
from shared.auth.tokens import Verifier, issue
from shared.clock import Clock, WallClock
from shared.db import Database
from shared.db.database import KEYED_LOOKUPS
from shared.events.topics import EVENTS
from shared.kafka.producer import Limits, Message, Outcome, Posted, Producer
from shared.observability.metrics import Metrics
from shared.outbox import Relay
from shared.runtime.consumers import ConsumerSpec, Workplace
from shared.runtime.group import LaneGroup
from shared.runtime.http.app import build_app
from shared.runtime.http.health import HealthBoard
from shared.runtime.publishing import OutboxGauges, OutboxPublisher
from shared.runtime.server import ASGIApp
from shared.runtime.service import Parts, Resources

KEY = base64.urlsafe_b64encode(b"k" * 32).decode()
SOURCE_KEY = "the key of the development source"
PARTITIONS = 4


class PrefixedProducer(Producer):
    """A producer that writes to the test's own topics."""

    def __init__(self, bootstrap: str, prefix: str, limits: Limits | None = None) -> None:
        super().__init__(bootstrap, client_id="test", limits=limits)
        self._prefix = prefix

    @override
    async def send(self, message: Message, deadline_seconds: float) -> Outcome:
        named = message._replace(topic=self._prefix + message.topic)
        return await super().send(named, deadline_seconds)

    @override
    def post(self, messages: Sequence[Message]) -> Posted:
        return super().post([each._replace(topic=self._prefix + each.topic) for each in messages])

    @override
    async def send_many(
        self, messages: Sequence[Message], deadline_seconds: float
    ) -> list[Outcome]:
        named = [each._replace(topic=self._prefix + each.topic) for each in messages]
        return await super().send_many(named, deadline_seconds)


@dataclass
class Edge:
    """A running edge and what a test wants of it."""

    app: ASGIApp
    parts: Parts
    client: httpx.AsyncClient
    database: Database
    producer: Producer
    metrics: Metrics
    clock: Clock
    bootstrap: str
    prefix: str
    settings: IngestSettings
    headers: dict[str, str] = field(
        default_factory=lambda: {"authorization": f"Bearer {SOURCE_KEY}"}
    )

    def token(self, role: str = "admin", stores: tuple[str, ...] = ()) -> dict[str, str]:
        """Headers of somebody who administers."""
        token = issue(
            KEY,
            subject="li",
            role=role,
            stores=stores,
            expires_in_seconds=3600,
            now=self.clock.now(),
        )
        return {"authorization": f"Bearer {token}"}

    async def publish(
        self, body: object, media_type: str = "application/json", **headers: str
    ) -> httpx.Response:
        """POST /v1/events with the development source's key."""
        content = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
        return await self.client.post(
            "/v1/events",
            content=content,
            headers={**self.headers, "content-type": media_type, **headers},
        )

    async def log(self) -> list[dict[str, Any]]:
        """Everything on the test's topic of facts, by partition and position."""
        return [json.loads(value) for _, _, value in await self.records()]

    async def records(self, topic: str = EVENTS) -> list[tuple[int, bytes, bytes]]:
        """Partition, key and value of every record."""
        # not seek_to_beginning: the client's own reset to the end may overtake it
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self.bootstrap, auto_offset_reset="earliest", enable_auto_commit=False
        )
        await consumer.start()
        try:
            partitions = [TopicPartition(self.prefix + topic, each) for each in range(PARTITIONS)]
            consumer.assign(partitions)
            ends = await consumer.end_offsets(partitions)
            found: list[tuple[int, bytes, bytes]] = []
            for partition in partitions:
                while await consumer.position(partition) < ends[partition]:
                    for record in (await consumer.getmany(partition, timeout_ms=1_000)).get(
                        partition, []
                    ):
                        found.append((partition.partition, record.key, record.value))  # noqa: PERF401
            return found
        finally:
            await consumer.stop()

    async def outbox(self) -> int:
        """How many messages wait in the outbox."""
        async with self.database.transaction() as tx:
            [row] = await tx.fetch("SELECT coalesce(sum(count), 0)::int AS n FROM outbox")
        return int(row["n"])


@asynccontextmanager
async def open_edge(
    database: Database,
    bootstrap: str,
    prefix: str,
    *,
    limits: Limits | None = None,
    time: Clock | None = None,
    **settings: Any,
) -> AsyncIterator[Edge]:
    """The edge with all its parts."""
    told = IngestSettings.model_validate(
        {
            "database": database.url,
            "kafka": bootstrap,
            "pii_key": KEY,
            "token_key": KEY,
            "development_source_key": SOURCE_KEY,
            "request_seconds_max": 20.0,  # the machine may be busy; tests of outages say their own
            **settings,
        }
    )
    clock = time or WallClock()
    metrics, health = Metrics("ingest"), HealthBoard(clock)
    async with PrefixedProducer(bootstrap, prefix, limits) as producer:
        parts = assemble(Resources(told, database, clock, metrics, health, producer))
        assert parts.prepare is not None
        assert parts.wrap is not None
        await parts.prepare()
        await producer.partitions(prefix + EVENTS, 30)
        framework = build_app(
            service="ingest",
            title="Ingest",
            routers=parts.routers,
            metrics=metrics,
            health=health,
            verifier=Verifier.local(KEY),
            database=database,
            clock=clock,
        )
        app = parts.wrap(framework)
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            yield Edge(
                app,
                parts,
                client,
                database,
                producer,
                metrics,
                clock,
                bootstrap,
                prefix,
                told,
            )


def inbound_spec(edge: Edge) -> ConsumerSpec:
    """The consumer of `regulars.inbound`, reading the test's own topic under a name of its own."""
    spec, _ = edge.parts.roles["consume"].consumers
    [only] = spec.inputs
    assert isinstance(spec.handler, InboundHandler)
    spec.handler.name = edge.prefix + spec.name
    return dataclasses.replace(
        spec, name=spec.handler.name, inputs=(only._replace(topic=edge.prefix + only.topic),)
    )


@asynccontextmanager
async def consuming(edge: Edge) -> AsyncIterator[ConsumerSpec]:
    """The inbound consumer and the relay, running."""
    spec, stop, relay_stop = inbound_spec(edge), asyncio.Event(), asyncio.Event()
    lanes = Database(
        edge.database.url, application_name="lanes", server_settings=dict(KEYED_LOOKUPS)
    )
    place = Workplace(
        database=lanes,
        clock=edge.clock,
        metrics=edge.metrics,
        health=HealthBoard(edge.clock),
        partitions=PARTITIONS,
        batch_events=100,
        chance=random.Random(1),
        poster=OutboxPublisher(edge.producer),
    )
    gauges = OutboxGauges(edge.metrics, place.health)
    relay = Relay(lanes, OutboxPublisher(edge.producer), gauges)
    try:
        async with asyncio.TaskGroup() as tasks:
            group = LaneGroup(spec, edge.bootstrap, place, instance=None)
            running = tasks.create_task(group.run(stop))
            tasks.create_task(relay.run(relay_stop))
            try:
                yield spec
            finally:
                stop.set()
                await running
                relay_stop.set()
    finally:
        await lanes.close()
