"""Edges of their own for each test."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest

from services.ingest.__main__ import SERVICE
from shared.db import Database
from tests.conftest import KafkaServer, NewDatabase, NewTopics
from tests.integration.services.ingest.edge import PARTITIONS, Edge, open_edge


@pytest.fixture
async def ingest_database(new_database: NewDatabase) -> str:
    """URL of a database with ingest's tables, of this test's own."""
    return await new_database(SERVICE.migrations)


NewEdge = Callable[..., Awaitable[Edge]]


@pytest.fixture
async def new_edge(
    kafka_server: KafkaServer,
    ingest_database: str,
    new_topics: NewTopics,
    topic_prefix: str,
) -> AsyncIterator[NewEdge]:
    """Makes edges over the same database and topics: what two processes would be."""
    await new_topics(
        "regulars.events", "regulars.inbound", "regulars.dead-letters", partitions=PARTITIONS
    )
    async with AsyncExitStack() as stack:

        async def make(**settings: Any) -> Edge:
            database = Database(ingest_database, application_name="test")
            stack.push_async_callback(database.close)
            return await stack.enter_async_context(
                open_edge(database, kafka_server.address, topic_prefix, **settings)
            )

        yield make


@pytest.fixture
async def edge(new_edge: NewEdge) -> Edge:
    """One edge."""
    return await new_edge()
