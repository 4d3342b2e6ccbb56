"""Ledgers of their own for each test."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any

import pytest

from services.points.__main__ import SERVICE
from shared.db import Database
from shared.db.database import KEYED_LOOKUPS
from tests.conftest import KafkaServer, NewDatabase, NewTopics
from tests.integration.services.points.counter import PARTITIONS, Counter
from tests.integration.services.points.ledger import Ledger
from tests.integration.services.verifying import expect_clean
from tests.property.services.points.points_history import default_document

NewLedger = Callable[..., Awaitable[Ledger]]
NewCounter = Callable[..., Awaitable[Counter]]


@pytest.fixture
async def new_ledger(new_database: NewDatabase) -> AsyncIterator[NewLedger]:
    """Makes ledgers, each in a migrated database of its own."""
    databases: list[Database] = []

    async def make(document: Mapping[str, Any] | None = None, **more: Any) -> Ledger:
        url = await new_database(SERVICE.migrations)
        database = Database(url, application_name="test", server_settings=KEYED_LOOKUPS)
        databases.append(database)
        return Ledger(database, document or default_document(), **more)

    yield make
    for database in databases:
        await database.close()
        await expect_clean("points", database.url)


@pytest.fixture
async def ledger(new_ledger: NewLedger) -> Ledger:
    """A ledger under the default program."""
    return await new_ledger()


@pytest.fixture
async def new_counter(
    new_ledger: NewLedger, kafka_server: KafkaServer, new_topics: NewTopics, topic_prefix: str
) -> NewCounter:
    """Makes counters over the same log, each with a ledger and a group of its own."""
    facts, moves = await new_topics("events", "points", partitions=PARTITIONS)
    made = 0

    async def make(**more: Any) -> Counter:
        nonlocal made
        made += 1
        policy = {"adjustments": {"overdraft": 0, "store_points_max": 100}}
        ledger = await new_ledger(default_document() | policy, topic=moves, facts=facts)
        return Counter(ledger, kafka_server.address, facts, f"{topic_prefix}g{made}", **more)

    return make
