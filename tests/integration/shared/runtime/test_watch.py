"""What waits is told while nothing works, and by nobody's work."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import asyncpg
import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from shared.clock import SECOND, ManualClock
from shared.db import Database
from shared.kafka.producer import Message, Outcome, Producer
from shared.observability.metrics import Metrics
from shared.runtime.http.health import HealthBoard
from shared.runtime.watch import Watch
from tests.conftest import KafkaServer, NewTopics
from tests.integration.services.ingest.wire import Wire
from tests.integration.shared.runtime.http.serving import runtime_database

pytestmark = [pytest.mark.integration, pytest.mark.timeout(120)]

NOW = 1_700_000_000 * SECOND
_PATIENCE_SECONDS = 40.0


class Board:
    """What a watch told, and the wait for what it should tell."""

    def __init__(self) -> None:
        self.clock = ManualClock(NOW)
        self.metrics = Metrics("test")
        self.health = HealthBoard(self.clock)

    def value(self, name: str, **labels: str) -> float | None:
        return self.metrics.registry.get_sample_value(
            f"regulars_{name}", {"service": "test", **labels}
        )

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            while not condition():  # noqa: ASYNC110 - gauges wake nobody
                await asyncio.sleep(0.05)

    async def told(self, name: str, value: float, **labels: str) -> None:
        await self.until(lambda: self.value(name, **labels) == value)


@asynccontextmanager
async def watching(
    board: Board, url: str, bootstrap: str, topic: str, *pools: Database, stream: bool = False
) -> AsyncIterator[None]:
    watch = Watch(
        url=url,
        bootstrap=bootstrap,
        inputs=[(topic, 0), (topic, 1)],
        stream=stream,
        clock=board.clock,
        metrics=board.metrics,
        health=board.health,
        pools=pools,
    )
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(watch.run(stop))
        try:
            yield
        finally:
            stop.set()


async def publish(bootstrap: str, topic: str, count: int) -> None:
    async with Producer(bootstrap, client_id="test") as producer:
        told = await producer.send_many([Message(topic, 0, b"k", b"v") for _ in range(count)], 20)
        assert set(told) == {Outcome.CONFIRMED}


async def hung_in_a_statement(pool: Database, wire: Wire) -> None:
    """Be cut off by the watch, long before the statement's own limit."""
    async with pool.transaction() as tx, asyncio.timeout(_PATIENCE_SECONDS):
        await wire.hang()
        await tx.fetch("SELECT 1")


async def test_what_waits_is_measured_where_nothing_works(
    database_url: str, kafka_server: KafkaServer, new_topics: NewTopics
) -> None:
    [topic] = await new_topics("watched", partitions=2)
    await publish(kafka_server.address, topic, 30)
    board = Board()
    async with runtime_database(database_url) as database:
        async with database.transaction() as tx:
            await tx.execute(
                "INSERT INTO positions (consumer, topic, partition, position, until, epoch) VALUES"
                " ('test', $1, 0, 10, $2, 1), ('test', $1, 1, 0, $2, 1)",
                topic,
                NOW,
            )
            await tx.execute(
                "INSERT INTO outbox (topic, partition, count, created_at, messages)"
                " VALUES ('out', 0, 7, $1, ''), ('out', 0, 5, $1::bigint + 1000000, '')",
                NOW - 90 * SECOND,
            )
            await tx.execute(
                """INSERT INTO timelines
                          (member_id, partition, as_at, as_rank, as_key, due_at, state)
                   SELECT gen_random_uuid(), n % 2, 0, 0, '', $1::bigint - n * 1000000, ''
                     FROM generate_series(-1, 20) AS n""",
                NOW,
            )
            await tx.execute(
                """INSERT INTO dead_letters (consumer, topic, partition, position, headers, kind,
                          error, attempts, first_at, last_at, state)
                   SELECT 'test', $1, 1, n, '[]', 'poison', 'why', 1, 0, 0,
                          CASE WHEN n > 3 THEN 'discarded' ELSE 'held' END
                     FROM generate_series(1, 5) AS n""",
                topic,
            )
        async with watching(board, database_url, kafka_server.address, topic):
            await board.told("lag_events", 20, topic=topic, partition="0")
            await board.told("lag_events", 0, topic=topic, partition="1")
            await board.told("timers_due", 21)
            assert board.value("timers_late_seconds") == 20
            assert board.value("outbox_messages") == 12
            assert board.value("outbox_age_seconds") == 90
            assert board.value("position_events", topic=topic, partition="0") == 10
            held = {
                kind: board.value("dead_letters_held", topic=topic, partition="1", kind=kind)
                for kind in ("poison", "timer", "undecodable")
            }
            assert held == {"poison": 3, "timer": 0, "undecodable": 0}
            assert board.value("dependency_up", dependency="database") == 1
            assert board.value("dependency_up", dependency="kafka") == 1
            assert board.health.ready


async def test_a_replay_is_late_by_its_own_clock(
    database_url: str, kafka_server: KafkaServer, new_topics: NewTopics
) -> None:
    [topic] = await new_topics("watched", partitions=2)
    board = Board()
    async with runtime_database(database_url) as database:
        async with database.transaction() as tx:
            await tx.execute(
                "INSERT INTO positions (consumer, topic, partition, position, until, epoch)"
                " VALUES ('test', $1, 0, 0, $2, 1)",
                topic,
                SECOND,
            )
            await tx.execute(
                """INSERT INTO timelines
                          (member_id, partition, as_at, as_rank, as_key, due_at, state)
                   VALUES (gen_random_uuid(), 0, 0, 0, '', $1, '')""",
                2 * SECOND,
            )
        async with watching(board, database_url, kafka_server.address, topic, stream=True):
            await board.told("position_events", 0, topic=topic, partition="0")
            assert board.value("timers_due") == 0
            async with database.transaction() as tx:
                await tx.execute("UPDATE positions SET until = $1", 5 * SECOND)
            await board.told("timers_due", 1)
            assert board.value("timers_late_seconds") == 3


async def test_without_the_database_the_lag_goes_on_growing_and_readiness_says_why(
    database_url: str, kafka_server: KafkaServer, new_topics: NewTopics
) -> None:
    """3,000 events once waited for PostgreSQL while the lag said 0."""
    [topic] = await new_topics("watched", partitions=2)
    board = Board()
    async with runtime_database(database_url) as database, Wire(database_url) as wire:
        async with database.transaction() as tx:
            await tx.execute(
                "INSERT INTO positions (consumer, topic, partition, position, until, epoch)"
                " VALUES ('test', $1, 0, 5, $2, 1)",
                topic,
                NOW,
            )
        await publish(kafka_server.address, topic, 5)
        pool = Database(wire.url, application_name="test", statement_seconds_max=60)
        async with watching(board, wire.url, kafka_server.address, topic, pool):
            await board.told("lag_events", 0, topic=topic, partition="0")
            with pytest.raises((asyncpg.PostgresConnectionError, asyncpg.InterfaceError)):
                await hung_in_a_statement(pool, wire)
            await board.told("dependency_up", 0, dependency="database")
            assert not board.health.ready
            [why] = [each for each in board.health.report() if each["name"] == "database"]
            assert "does not answer" in why["why"]
            await publish(kafka_server.address, topic, 40)
            await board.told("lag_events", 40, topic=topic, partition="0")
            await wire.mend()
            await board.told("dependency_up", 1, dependency="database")
            await board.until(lambda: board.health.ready)
        await pool.close()


@pytest.mark.durable
async def test_a_topic_that_is_gone_and_one_that_was_made_anew_are_told(
    database_url: str, kafka_server: KafkaServer, topic_prefix: str
) -> None:
    topic = f"{topic_prefix}again"
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka_server.address)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(topic, 2, 1)])
        await publish(kafka_server.address, topic, 9)
        board = Board()
        async with runtime_database(database_url) as database:
            async with database.transaction() as tx:
                await tx.execute(
                    "INSERT INTO positions (consumer, topic, partition, position, until, epoch)"
                    " VALUES ('test', $1, 0, 9, $2, 1)",
                    topic,
                    NOW,
                )
            async with watching(board, database_url, kafka_server.address, topic):
                await board.told("topics_missing", 0, topic=topic, partition="0")
                await board.told("position_events", 9, topic=topic, partition="0")
                assert board.value("topic_recreations_total", topic=topic, partition="0") == 0
                await admin.delete_topics([topic])
                await board.told("topics_missing", 1, topic=topic, partition="0")
                await admin.create_topics([NewTopic(topic, 2, 1)])
                await publish(kafka_server.address, topic, 2)
                await board.until(
                    lambda: bool(board.value("topic_recreations_total", topic=topic, partition="0"))
                )
                await board.told("topics_missing", 0, topic=topic, partition="0")
                await admin.delete_topics([topic])
    finally:
        await admin.close()
