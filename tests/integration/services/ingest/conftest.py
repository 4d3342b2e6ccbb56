"""Edges of their own for each test."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from typing import Any

import asyncpg
import pytest

from services.ingest.__main__ import SERVICE
from shared.db import Database, migrations
from tests.conftest import KafkaServer, NewTopics, database_of
from tests.integration.services.ingest.edge import PARTITIONS, Edge, open_edge


@pytest.fixture(scope="session")
def migrated(postgres_server: str) -> Iterator[str]:
    """The name of a database with ingest's tables, to make others from."""
    name = f"template_{secrets.token_hex(6)}"
    asyncio.run(_administer(postgres_server, f"CREATE DATABASE {name}"))
    migrations.upgrade(SERVICE.migrations, database_of(postgres_server, name))
    yield name
    asyncio.run(_administer(postgres_server, f"DROP DATABASE {name} WITH (FORCE)"))


@pytest.fixture
async def ingest_database(postgres_server: str, migrated: str) -> AsyncIterator[str]:
    """URL of a database with ingest's tables, of this test's own."""
    name = f"test_{secrets.token_hex(6)}"
    await _administer(postgres_server, f"CREATE DATABASE {name} TEMPLATE {migrated}")
    yield database_of(postgres_server, name)
    await _administer(postgres_server, f"DROP DATABASE {name} WITH (FORCE)")


async def _administer(server_url: str, statement: str) -> None:
    connection = await asyncpg.connect(server_url)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


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
