"""A PostgreSQL that is frozen answers nothing at all: everything that waits for it has an end."""

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from deploy.local.ports import choose
from deploy.local.postgres import Postgres
from deploy.local.supervisor import Supervisor
from shared.clock import ManualClock
from shared.db import Database, is_transient
from tests.integration.shared.runtime.http.serving import NOW, runtime_database, serve

pytestmark = [pytest.mark.integration, pytest.mark.timeout(120)]

_ANSWER_SECONDS_MAX = 2.0


@dataclass
class Frozen:
    """A PostgreSQL of the test's own, and how to freeze all of it."""

    url: str
    group: int

    def freeze(self) -> None:
        for process in self._processes():
            os.kill(process, signal.SIGSTOP)

    def thaw(self) -> None:
        for process in self._processes():
            with contextlib.suppress(ProcessLookupError):  # a connection that has ended meanwhile
                os.kill(process, signal.SIGCONT)

    def _processes(self) -> list[int]:
        """The server and its children: each connection is a process."""
        children = Path(f"/proc/{self.group}/task/{self.group}/children").read_text().split()
        return [self.group, *map(int, children)]


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Frozen]:
    [port] = choose([None])
    postgres = Postgres(tmp_path / "data", port, "secret", durable=False, shared_buffers="32MB")
    await postgres.prepare()
    async with Supervisor(tmp_path / "logs") as supervisor:
        await supervisor.start(postgres.child())
        frozen = Frozen(postgres.superuser_dsn, supervisor.processes["postgres"])
        yield frozen
        frozen.thaw()


async def test_requests_are_answered_503_within_two_seconds_and_well_again_afterwards(
    server: Frozen,
) -> None:
    """They once took the whole 30 s that a request may take."""
    async with (
        runtime_database(server.url) as database,
        serve(database, ManualClock(NOW)) as client,
    ):
        assert (await client.get("/v1/dead-letters")).status_code == 200
        server.freeze()
        try:
            # more than there are connections: idle ones, new ones, and those who wait for one
            begun = time.monotonic()
            async with asyncio.TaskGroup() as asking:
                asked = [asking.create_task(client.get("/v1/dead-letters")) for _ in range(30)]
            assert time.monotonic() - begun < _ANSWER_SECONDS_MAX
            for answer in (each.result() for each in asked):
                assert answer.status_code == 503
                assert answer.headers["content-type"] == "application/problem+json"
                assert answer.headers["retry-after"] == "1"
        finally:
            server.thaw()
        async with asyncio.timeout(10):
            while (await client.get("/v1/dead-letters")).status_code != 200:
                pass


async def test_a_statement_caught_by_the_frost_ends_with_its_limit(server: Frozen) -> None:
    database = Database(server.url, application_name="test", statement_seconds_max=0.2)
    try:
        begun = time.monotonic()
        with pytest.raises(TimeoutError):
            await _freeze_within(database, server)
        assert time.monotonic() - begun < 6
        server.thaw()
        async with database.transaction() as tx:
            assert (await tx.fetch("SELECT 7 AS n"))[0]["n"] == 7
    finally:
        server.thaw()
        await database.close()


async def _freeze_within(database: Database, server: Frozen) -> None:
    async with database.transaction() as tx:
        server.freeze()
        await tx.fetch("SELECT 1")


async def test_a_statement_that_takes_too_long_is_cancelled_by_the_server(server: Frozen) -> None:
    database = Database(server.url, application_name="test", statement_seconds_max=0.2)
    try:
        with pytest.raises(Exception, match="statement timeout") as caught:
            await _sleep_in(database)
        assert is_transient(caught.value)
        async with database.transaction(timeout_seconds=0.1) as tx:  # the connection is fit again
            assert (await tx.fetch("SELECT 7 AS n"))[0]["n"] == 7
    finally:
        await database.close()


async def _sleep_in(database: Database) -> None:
    async with database.transaction() as tx:
        await tx.fetch("SELECT pg_sleep(5)")


async def test_a_commit_caught_by_the_frost_is_given_up_and_its_connection_too(
    server: Frozen,
) -> None:
    database = Database(server.url, application_name="test", statement_seconds_max=0.2)
    try:
        with pytest.raises(TimeoutError):
            await _freeze_before_commit(database, server)
        server.thaw()
        async with database.transaction() as tx:
            assert (await tx.fetch("SELECT 7 AS n"))[0]["n"] == 7
    finally:
        server.thaw()
        await database.close()


async def _freeze_before_commit(database: Database, server: Frozen) -> None:
    async with database.transaction() as tx:
        await tx.fetch("SELECT 1")
        server.freeze()
