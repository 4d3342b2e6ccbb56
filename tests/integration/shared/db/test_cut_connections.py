"""A connection that was cut takes nothing with it: not the pool, not what others have in use."""

import gc

import pytest

from shared.db import Database, Transaction, is_transient

pytestmark = pytest.mark.integration

_PID = "SELECT pg_backend_pid() AS pid"


async def _cut_off(database: Database, from_outside: Transaction) -> None:
    """A transaction whose connection is cut before it ends."""
    async with database.transaction() as cut:
        pid = (await cut.fetch(_PID))[0]["pid"]
        await from_outside.fetch("SELECT pg_terminate_backend($1)", pid)
        await cut.fetch("SELECT 1")


async def test_a_connection_in_use_outlives_the_cut_of_another_and_goes_back_to_the_pool(
    database_url: str,
) -> None:
    database = Database(database_url, application_name="cut", connections_max=3)
    async with database.transaction() as whole:
        with pytest.raises(Exception) as caught:  # noqa: PT011 - the driver has several words for it
            await _cut_off(database, whole)
        assert is_transient(caught.value)
        kept = (await whole.fetch(_PID))[0]["pid"]
    gc.collect()  # a connection that nobody closes says so here
    async with database.transaction() as one, database.transaction() as other:
        assert kept in {(await tx.fetch(_PID))[0]["pid"] for tx in (one, other)}
    await database.close()


async def test_idle_connections_that_were_cut_are_opened_anew(database_url: str) -> None:
    database = Database(database_url, application_name="cut", connections_max=3)
    async with database.transaction() as tx:
        before = (await tx.fetch(_PID))[0]["pid"]
    database.abandon()
    async with database.transaction() as tx:
        assert (await tx.fetch(_PID))[0]["pid"] != before
    await database.close()
