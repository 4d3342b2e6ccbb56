"""A server of ours is away: 503 quickly and honestly, and nothing that was accepted is lost."""

import asyncio
import json
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from deploy.local.broker import Broker, provide_broker
from deploy.local.ports import choose
from deploy.local.supervisor import Supervisor
from shared.db import Database
from shared.events.topics import EVENTS
from shared.kafka.producer import Message, Outcome, Producer
from tests.conftest import KafkaServer
from tests.integration.services.ingest.edge import PARTITIONS, Edge, open_edge
from tests.integration.services.ingest.events import joined, purchase
from tests.integration.services.ingest.test_answers import BATCH, items, problem
from tests.integration.services.ingest.wire import Wire

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]

_DEADLINE_SECONDS = 2.0
_SLACK_SECONDS = 3.0  # a busy machine
_PATIENCE_SECONDS = 60.0


@asynccontextmanager
async def own_broker(directory: Path) -> AsyncIterator[tuple[Supervisor, Broker]]:
    """A Kafka that a test may kill."""
    port, controller_port = choose([None, None])
    broker = await provide_broker(directory, (port, controller_port))
    if not broker.durable:
        pytest.skip("needs an Apache Kafka of its own: the in-memory broker forgets")
    async with Supervisor(directory / "logs") as supervisor:
        await supervisor.start(broker.child)
        admin = AIOKafkaAdminClient(bootstrap_servers=broker.address)
        await admin.start()
        await admin.create_topics([NewTopic(EVENTS, PARTITIONS, 1)])
        await admin.close()
        yield supervisor, broker


async def accepted_again(edge: Edge, sent: Any) -> httpx.Response:
    """Send the same event until it is accepted, as publishers are told to."""
    async with asyncio.timeout(_PATIENCE_SECONDS):
        while True:
            response = await edge.publish(sent)
            if response.status_code == 202:
                return response
            assert response.status_code == 503
            await asyncio.sleep(0.1)


@pytest.mark.durable
async def test_a_silent_broker_is_answered_503_within_the_deadline_and_then_at_once(
    kafka_server: KafkaServer, ingest_database: str, tmp_path: Path
) -> None:
    del kafka_server  # only says whether there is a real one to be had
    database = Database(ingest_database, application_name="test")
    async with (
        own_broker(tmp_path) as (servers, broker),
        open_edge(database, broker.address, "", request_seconds_max=_DEADLINE_SECONDS) as edge,
    ):
        first = purchase()
        await accepted_again(edge, first)
        servers.kill("kafka", signal.SIGSTOP)
        try:
            unsure, batch = purchase(), [purchase(), purchase("card:2"), purchase("nobody")]
            begun = time.monotonic()
            response = await edge.publish(unsure)
            took = time.monotonic() - begun
            problem(response, 503, "not-confirmed")
            assert response.headers["retry-after"] == "1"
            assert took < _DEADLINE_SECONDS + _SLACK_SECONDS
            begun = time.monotonic()
            found = items(await edge.publish(batch, BATCH))
            # what is wrong is still told; only what was not confirmed is 503
            assert [item["problem"]["status"] for item in found] == [503, 503, 422]
            assert [item["status"] for item in found] == ["unconfirmed"] * 2 + ["rejected"]
            begun = time.monotonic()
            problem(await edge.publish(purchase()), 503, "unavailable")
            assert time.monotonic() - begun < _DEADLINE_SECONDS / 2  # the breaker is open
            assert edge.producer.is_silent()
        finally:
            servers.kill("kafka", signal.SIGCONT)
        response = await accepted_again(edge, unsure)
        assert response.json()["status"] == "accepted"
        await accepted_again(edge, purchase("card:3"))
        assert not edge.producer.is_silent()
        ids = [fact["id"] for fact in await edge.log()]
        assert {first["id"], unsure["id"]} <= set(ids)
    await database.close()


@pytest.mark.durable
async def test_a_killed_broker_loses_nothing_that_was_accepted(
    kafka_server: KafkaServer, ingest_database: str, tmp_path: Path
) -> None:
    del kafka_server
    database = Database(ingest_database, application_name="test")
    accepted: set[str] = set()
    stop = asyncio.Event()
    async with (
        own_broker(tmp_path) as (servers, broker),
        open_edge(database, broker.address, "", request_seconds_max=_DEADLINE_SECONDS) as edge,
    ):

        async def publish(who: int) -> None:
            while not stop.is_set():
                sent = [purchase(f"card:{who}-{number}") for number in range(5)]
                found = items(await edge.publish(sent, BATCH))
                accepted.update(item["id"] for item in found if item["status"] == "accepted")
                if any(item["status"] == "unconfirmed" for item in found):
                    await asyncio.sleep(0.05)

        async def reach(number: int) -> None:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                while True:
                    if len(accepted) >= number:
                        return
                    await asyncio.sleep(0.02)

        async with asyncio.TaskGroup() as tasks:
            for who in range(4):
                tasks.create_task(publish(who))
            await reach(100)
            servers.kill("kafka")
            await servers.ready("kafka")
            await reach(len(accepted) + 100)
            stop.set()
        await accepted_again(edge, purchase())
        on_the_log = [fact["id"] for fact in await edge.log()]
        assert accepted <= set(on_the_log)
        assert sum(on_the_log.count(each) > 1 for each in accepted) == 0
    await database.close()


async def test_without_the_database_who_is_known_by_heart_is_still_served(
    kafka_server: KafkaServer, ingest_database: str, topic_prefix: str, new_topics: Any
) -> None:
    await new_topics(EVENTS, partitions=PARTITIONS)
    async with Wire(ingest_database) as wire:
        database = Database(wire.url, application_name="test", open_seconds_max=2)
        async with open_edge(
            database,
            kafka_server.address,
            topic_prefix,
            request_seconds_max=_DEADLINE_SECONDS,
        ) as edge:
            await accepted_again(edge, purchase("card:1"))
            for trouble in (wire.hang, wire.cut):
                await trouble()
                begun, fresh = time.monotonic(), f"card:{trouble.__name__}"
                sent = [purchase("card:1"), purchase(fresh), joined("card:1"), purchase("x")]
                found = items(await edge.publish(sent, BATCH))
                assert time.monotonic() - begun < _DEADLINE_SECONDS + _SLACK_SECONDS
                assert [item["status"] for item in found] == [
                    "accepted",
                    "unconfirmed",
                    "accepted",
                    "rejected",
                ]
                assert found[1]["problem"]["status"] == 503
                problem(await edge.publish(purchase("card:3")), 503, "unavailable")
                # a key that is not known by heart cannot be looked up
                begun = time.monotonic()
                edge.headers["authorization"] = f"Bearer {trouble.__name__}"
                problem(await edge.publish(purchase("card:1")), 503, "unavailable")
                assert time.monotonic() - begun < _DEADLINE_SECONDS + _SLACK_SECONDS
                edge.headers["authorization"] = "Bearer the key of the development source"
                await wire.mend()
                await accepted_again(edge, purchase(fresh))
        await database.close()


async def test_it_starts_without_kafka_and_serves_when_kafka_is_there(
    ingest_database: str, tmp_path: Path, kafka_server: KafkaServer
) -> None:
    if not kafka_server.durable:
        pytest.skip("needs an Apache Kafka of its own")
    port, controller_port = choose([None, None])
    broker = await provide_broker(tmp_path, (port, controller_port))
    message = Message(EVENTS, 0, b"k", json.dumps({}).encode())
    async with (
        Producer(broker.address, client_id="early") as producer,
        Supervisor(tmp_path / "logs") as servers,
    ):
        assert await producer.send(message, 0.2) is Outcome.UNCONFIRMED
        async with asyncio.timeout(_PATIENCE_SECONDS):
            while True:
                if await producer.send(message, 0.2) is Outcome.REFUSED:
                    break
        assert producer.is_silent()
        await servers.start(broker.child)
        admin = AIOKafkaAdminClient(bootstrap_servers=broker.address)
        await admin.start()
        await admin.create_topics([NewTopic(EVENTS, 1, 1)])
        await admin.close()
        async with asyncio.timeout(_PATIENCE_SECONDS):
            while True:
                if await producer.send(message, 5) is Outcome.CONFIRMED:
                    break
                await asyncio.sleep(0.05)
        assert not producer.is_silent()
