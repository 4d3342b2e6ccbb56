"""A notify of one's own: its database, migrated, and the handlers over it."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from services.notify.__main__ import SERVICE
from shared.clock import ManualClock
from shared.db import Database, migrations
from tests.integration.services.notify.notify_lane import NotifyLane, SundayNoon


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    await asyncio.to_thread(migrations.upgrade, SERVICE.migrations, database_url)
    database = Database(database_url, application_name="test-notify")
    yield database
    await database.close()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(SundayNoon)


@pytest.fixture
async def lane(database: Database, clock: ManualClock) -> NotifyLane:
    lane = NotifyLane(database, clock)
    await lane.prepare()
    return lane
