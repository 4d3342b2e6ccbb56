"""Desks of their own for each test."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any

import pytest

from services.segmentation.__main__ import SERVICE
from shared.db import Database
from shared.db.database import KEYED_LOOKUPS
from tests.conftest import NewDatabase
from tests.integration.services.segmentation.desk import Desk
from tests.integration.services.verifying import expect_clean
from tests.property.services.segmentation.stories import document

NewDesk = Callable[..., Awaitable[Desk]]


@pytest.fixture
async def new_desk(new_database: NewDatabase) -> AsyncIterator[NewDesk]:
    """Makes desks, each in a migrated database of its own."""
    databases: list[Database] = []

    async def make(program: Mapping[str, Any] | None = None, **more: Any) -> Desk:
        url = await new_database(SERVICE.migrations)
        database = Database(url, application_name="test", server_settings=KEYED_LOOKUPS)
        databases.append(database)
        return Desk(database, program or document(), **more)

    yield make
    for database in databases:
        await database.close()
        await expect_clean("segmentation", database.url)
