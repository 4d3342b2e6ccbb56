"""The PostgreSQL of the local stack: its doors, and what a kill -9 leaves."""

import os
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import asyncpg
import pytest

from deploy.local.child import Account, Child, launch_argv
from deploy.local.launch import CAP_DAC_OVERRIDE
from deploy.local.ports import choose
from deploy.local.postgres import Postgres, dsn, unprivileged_account
from deploy.local.supervisor import Supervisor

pytestmark = pytest.mark.integration


@pytest.fixture
async def postgres(tmp_path: Path) -> AsyncIterator[tuple[Postgres, Supervisor]]:
    [port] = choose([None])
    server = Postgres(tmp_path / "postgres", port, "super'secret", shared_buffers="32MB")
    await server.prepare()
    async with Supervisor(tmp_path / "logs") as supervisor:
        await supervisor.start(server.child())
        yield server, supervisor


async def test_a_role_opens_its_own_database_only(
    postgres: tuple[Postgres, Supervisor],
) -> None:
    server, _ = postgres
    quoted = "it's points'"
    points = await server.provide_database("regulars_points", quoted)
    await server.provide_database("regulars_notify", "notify")
    connection = await asyncpg.connect(points)
    await connection.execute("CREATE TABLE accounts (id integer)")
    await connection.close()

    for database in ("regulars_notify", "postgres", "template1"):
        url = dsn(user="regulars_points", password=quoted, port=server.port, database=database)
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await asyncpg.connect(url)


async def test_without_the_password_nobody_comes_in(
    postgres: tuple[Postgres, Supervisor],
) -> None:
    server, _ = postgres
    guess = "guess"
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(replace(server, password=guess).superuser_dsn)


async def test_providing_again_changes_the_password_and_keeps_the_tables(
    postgres: tuple[Postgres, Supervisor],
) -> None:
    server, _ = postgres
    first = await server.provide_database("regulars_points", "one")
    connection = await asyncpg.connect(first)
    await connection.execute("CREATE TABLE kept AS SELECT 7 AS number")
    await connection.close()
    connection = await asyncpg.connect(await server.provide_database("regulars_points", "two"))
    assert await connection.fetchval("SELECT number FROM kept") == 7
    await connection.close()


async def test_what_was_committed_survives_kill_9(postgres: tuple[Postgres, Supervisor]) -> None:
    server, supervisor = postgres
    connection = await asyncpg.connect(server.superuser_dsn)
    await connection.execute("CREATE TABLE kept AS SELECT 7 AS number")
    supervisor.kill("postgres")
    await supervisor.ready("postgres")
    connection.terminate()
    again = await asyncpg.connect(server.superuser_dsn)  # the same port
    assert await again.fetchval("SELECT number FROM kept") == 7
    await again.close()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root needs to be somebody else")
async def test_it_runs_below_a_directory_closed_to_its_user() -> None:
    with tempfile.TemporaryDirectory() as closed:  # mode 0700, ours
        [port] = choose([None])
        server = Postgres(Path(closed) / "postgres", port, "secret", shared_buffers="32MB")
        assert unprivileged_account(server.directory).capable
        await server.prepare()
        async with Supervisor(Path(closed) / "logs") as supervisor:
            await supervisor.start(server.child())
            assert await server.is_ready()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root needs to be somebody else")
def test_root_becomes_somebody_without_rights() -> None:
    account = unprivileged_account(Path("/"))
    assert account.user in ("postgres", "nobody")
    assert account == Account(account.user, capable=False)


_ASK = """
import os, sys
print(os.getuid() != 0, os.access(sys.argv[1], os.X_OK))
print(*(line.split()[1] for line in open("/proc/self/status") if line[:6] in ("CapPrm", "CapEff")))
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root needs to be somebody else")
def test_whom_root_becomes_finds_programs_below_a_closed_directory_and_may_do_no_more() -> None:
    """As below /root, or in what `mktemp -d` made: initdb looks for postgres beside itself."""
    with tempfile.TemporaryDirectory() as closed:  # mode 0700, ours
        program = Path(closed) / "program"
        program.touch(mode=0o755)

        async def never() -> bool:
            return False

        argv = (sys.executable, "-I", "-S", "-c", _ASK, str(program))
        child = Child(name="ask", argv=argv, ready=never, account=unprivileged_account(program))
        told = subprocess.run(launch_argv(child), capture_output=True, text=True, check=True)  # noqa: S603
        one_capability = f"{1 << CAP_DAC_OVERRIDE:016x}"
        assert told.stdout.split() == ["True", "True", one_capability, one_capability]
