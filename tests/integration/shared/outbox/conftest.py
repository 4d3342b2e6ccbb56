"""A database with an outbox in it."""

from collections.abc import AsyncIterator

import pytest
from sqlalchemy import MetaData
from sqlalchemy.ext.asyncio import create_async_engine

from shared.db import Database
from shared.outbox import tables


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    metadata = MetaData()
    tables.attach(metadata)
    engine = create_async_engine(database_url.replace("://", "+asyncpg://", 1))
    async with engine.begin() as connection:
        await connection.run_sync(metadata.create_all)
    await engine.dispose()
    database = Database(database_url, application_name="test")
    yield database
    await database.close()
