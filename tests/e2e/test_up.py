"""`regulars up`, `status`, `down` as a person types them, with real processes."""

import asyncio
import os
import signal
import socket
import stat
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import asyncpg
import pytest

from deploy.local.endpoints import Endpoints, read_endpoints
from deploy.local.ports import LOOPBACK
from deploy.local.state import State

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]

ROOT = Path(__file__).parents[2]


class Regulars:
    """The command line with a state directory of the test's own."""

    def __init__(self, state: Path) -> None:
        self.state = state

    async def start(self, *arguments: str) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "deploy.cli", *arguments, "--state-dir", str(self.state)),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            cwd=ROOT,
        )

    async def run(self, *arguments: str) -> tuple[int, str]:
        process = await self.start(*arguments)
        output, _ = await process.communicate()
        assert process.returncode is not None
        return process.returncode, output.decode()

    @property
    def endpoints(self) -> Endpoints:
        found = read_endpoints(self.state / "endpoints.json")
        assert found is not None
        return found


@pytest.fixture
async def regulars(tmp_path: Path) -> AsyncIterator[Regulars]:
    command = Regulars(tmp_path / "state")
    yield command
    await command.run("down")


def alive(pid: int) -> bool:
    """Whether a process runs; one that has ended and waits to be reaped does not."""
    try:
        stat_line = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return stat_line.rpartition(")")[2].split()[0] != "Z"


async def until(condition: Callable[[], bool]) -> None:
    """Wait for what another process brings about; the test's time-out bounds it."""
    while not condition():  # noqa: ASYNC110 - no event of ours marks it
        await asyncio.sleep(0.05)


async def test_detached_it_runs_on_until_down_and_keeps_its_data(regulars: Regulars) -> None:
    code, output = await regulars.run("up", "--detach", "--no-services")
    assert code == 0, output
    assert "ready" in output
    path = regulars.state / "endpoints.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    first = regulars.endpoints
    assert set(first.databases) == {"ingest", "points", "segmentation", "notify"}
    assert all(alive(pid) for pid in first.processes.values())
    connection = await asyncpg.connect(first.databases["points"])
    await connection.execute("CREATE TABLE kept AS SELECT 7 AS number")
    await connection.close()

    assert (await regulars.run("down"))[0] == 0
    assert not any(alive(pid) for pid in first.processes.values())
    assert not path.exists()

    assert (await regulars.run("up", "--detach", "--no-services"))[0] == 0
    connection = await asyncpg.connect(regulars.endpoints.databases["points"])
    assert await connection.fetchval("SELECT number FROM kept") == 7
    await connection.close()
    assert (await regulars.run("down", "--clear"))[0] == 0
    assert {entry.name for entry in regulars.state.iterdir()} == {"up.lock", "logs"}


async def test_a_second_one_on_the_same_state_is_refused_in_words(regulars: Regulars) -> None:
    with State(regulars.state).locked():
        code, output = await regulars.run("up", "--no-services")
    assert code == 1
    assert f"process {os.getpid()}" in output
    assert "Traceback" not in output


async def test_ctrl_c_leaves_nothing_running(regulars: Regulars) -> None:
    process = await regulars.start("up", "--no-services", "--no-jvm")
    await until((regulars.state / "endpoints.json").exists)
    pids = regulars.endpoints.processes
    assert set(pids) == {"postgres", "tansu"}
    process.send_signal(signal.SIGINT)
    output, _ = await process.communicate()
    assert process.returncode == 0, output.decode()
    assert "nothing is left running" in output.decode()
    assert not any(alive(pid) for pid in pids.values())
    assert not (regulars.state / "endpoints.json").exists()


async def test_ctrl_c_while_it_starts_leaves_nothing_running_either(regulars: Regulars) -> None:
    process = await regulars.start("up", "--no-services", "--no-jvm")
    log = regulars.state / "logs" / "postgres.log"
    await until(log.exists)
    process.send_signal(signal.SIGINT)
    await process.communicate()
    assert process.returncode == 0
    assert State(regulars.state).holder() is None
    assert not (regulars.state / "postgres" / "postmaster.pid").exists()


async def test_killed_with_9_it_leaves_nothing_running_and_can_start_again(
    regulars: Regulars,
) -> None:
    process = await regulars.start("up", "--no-services", "--no-jvm")
    await until((regulars.state / "endpoints.json").exists)
    pids = regulars.endpoints.processes
    process.kill()
    await process.communicate()
    await until(lambda: not any(alive(pid) for pid in pids.values()))
    code, output = await regulars.run("up", "--detach", "--no-services", "--no-jvm")
    assert code == 0, output


async def test_ports_that_are_taken_are_replaced(regulars: Regulars) -> None:
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if other.connect_ex((LOOPBACK, 5432)) != 0:  # otherwise somebody has it already
            other.close()
            with socket.create_server((LOOPBACK, 5432)):
                code, output = await regulars.run("up", "--detach", "--no-services", "--no-jvm")
        else:
            code, output = await regulars.run("up", "--detach", "--no-services", "--no-jvm")
    assert code == 0, output
    assert ":5432/" not in regulars.endpoints.databases["points"]


async def test_without_a_jvm_one_line_says_so_and_databases_start_anew(
    regulars: Regulars,
) -> None:
    code, output = await regulars.run("up", "--detach", "--no-services", "--no-jvm")
    assert code == 0, output
    notices = [line for line in output.splitlines() if "in-memory broker" in line]
    assert len(notices) == 1
    assert regulars.endpoints.broker == "tansu"
    connection = await asyncpg.connect(regulars.endpoints.databases["points"])
    await connection.execute("CREATE TABLE gone AS SELECT 7 AS number")
    await connection.close()
    await regulars.run("down")
    _, output = await regulars.run("up", "--detach", "--no-services", "--no-jvm")
    assert "a log that is gone" in output
    connection = await asyncpg.connect(regulars.endpoints.databases["points"])
    assert await connection.fetchval("SELECT to_regclass('gone')") is None
    await connection.close()


async def test_the_death_of_the_broker_in_memory_ends_the_stack_and_says_so(
    regulars: Regulars,
) -> None:
    process = await regulars.start("up", "--no-services", "--no-jvm")
    await until((regulars.state / "endpoints.json").exists)
    os.kill(regulars.endpoints.processes["tansu"], signal.SIGKILL)
    output, _ = await process.communicate()
    assert process.returncode == 1
    assert "tansu ended with SIGKILL" in output.decode()


async def test_a_token_is_made_with_the_key_of_the_stack(regulars: Regulars) -> None:
    code, output = await regulars.run("token", "--role", "admin")
    assert code == 1
    assert "make up" in output
    State(regulars.state).directory.mkdir(parents=True)
    State(regulars.state).secrets(("ingest",))
    code, output = await regulars.run("token", "--role", "analyst", "--hours", "1")
    assert code == 0
    assert output.count(".") == 2  # header, claims, signature
    code, output = await regulars.run("token", "--role", "king")
    assert code == 2
