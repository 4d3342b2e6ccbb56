"""A notify of one's own: its database, migrated, and the handlers over it."""

from collections.abc import AsyncIterator

import pytest

from services.notify.__main__ import SERVICE
from shared.clock import ManualClock
from shared.db import Database
from tests.conftest import NewDatabase
from tests.integration.services.notify.notify_lane import NotifyLane, SundayNoon
from tests.integration.services.verifying import expect_clean


@pytest.fixture
async def database(new_database: NewDatabase) -> AsyncIterator[Database]:
    url = await new_database(SERVICE.migrations)
    database = Database(url, application_name="test-notify")
    yield database
    await database.close()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(SundayNoon)


@pytest.fixture
async def lane(database: Database, clock: ManualClock) -> AsyncIterator[NotifyLane]:
    lane = NotifyLane(database, clock)
    await lane.prepare()
    yield lane
    await expect_clean("notify", database.url)
