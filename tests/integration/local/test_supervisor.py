"""The supervisor with real processes: death, restart, stubbornness, order, nothing left over."""

import asyncio
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from deploy.local.child import Child
from deploy.local.errors import ChildFailedError
from deploy.local.supervisor import Supervisor
from tests.integration.local.conftest import NewChild, alive

pytestmark = pytest.mark.integration


async def until(condition: Callable[[], bool]) -> None:
    """Wait for something that another process brings about; the test's time-out bounds it."""
    while not condition():  # noqa: ASYNC110 - no event of ours marks it
        await asyncio.sleep(0.01)


async def test_children_run_while_the_block_runs(tmp_path: Path, new_child: NewChild) -> None:
    lines: list[tuple[str, str]] = []
    async with Supervisor(tmp_path, say=lambda name, line: lines.append((name, line))) as them:
        await them.start(new_child("one"), new_child("two"))
        pids = them.processes
        assert set(pids) == {"one", "two"}
        assert them.status() == {"one": "ready", "two": "ready"}
        assert all(alive(pid) for pid in pids.values())
    assert not any(alive(pid) for pid in pids.values())
    assert ("one", "hello from one") in lines
    assert (tmp_path / "two.log").read_text() == "hello from two\n"


async def test_a_killed_child_comes_back_and_it_is_said(
    tmp_path: Path, new_child: NewChild
) -> None:
    lines: list[str] = []
    changes: list[int] = []
    async with Supervisor(
        tmp_path, say=lambda name, line: lines.append(line), on_change=lambda: changes.append(1)
    ) as them:
        await them.start(new_child("one"))
        first = them.processes["one"]
        assert them.kill("one") == first
        await them.ready("one")
        second = them.processes["one"]
        assert second != first
        assert alive(second)
    assert f"one ended with SIGKILL; starting it again in 0.1 s (pid was {first})" in lines
    assert f"is ready again (pid {second})" in lines
    assert len(changes) >= 2


async def test_a_child_killed_by_somebody_else_comes_back_too(
    tmp_path: Path, new_child: NewChild
) -> None:
    async with Supervisor(tmp_path) as them:
        await them.start(new_child("one"))
        first = them.processes["one"]
        os.kill(first, signal.SIGKILL)
        await until(lambda: them.processes.get("one", first) != first)
        await them.ready("one")


async def test_a_child_that_cannot_start_fails_with_its_last_words(tmp_path: Path) -> None:
    async def never() -> bool:
        return False

    child = Child(
        name="broken",
        argv=(sys.executable, "-c", "import sys; print('no such thing'); sys.exit(3)"),
        ready=never,
    )
    async with Supervisor(tmp_path) as them:
        with pytest.raises(ChildFailedError, match="broken ended with exit code 3") as caught:
            await them.start(child)
    assert caught.value.tail == ["no such thing"]


async def test_a_child_that_never_gets_ready_fails_in_time(
    tmp_path: Path, new_child: NewChild
) -> None:
    async def never() -> bool:
        return False

    slow = new_child("slow")
    child = Child(name="slow", argv=slow.argv, ready=never, ready_seconds=0.5)
    async with Supervisor(tmp_path) as them:
        with pytest.raises(ChildFailedError, match=r"slow was not ready within 0\.5 s"):
            await them.start(child)
        pid = them.processes["slow"]
    assert not alive(pid)


async def test_one_that_ignores_the_request_to_stop_is_killed(
    tmp_path: Path, new_child: NewChild
) -> None:
    lines: list[str] = []
    async with Supervisor(tmp_path, say=lambda name, line: lines.append(line)) as them:
        await them.start(new_child("deaf", "deaf", stop_seconds=0.3))
        pid = them.processes["deaf"]
    assert not alive(pid)
    assert "did not stop within 0.3 s; killed" in lines


async def test_layers_stop_in_reverse_order(tmp_path: Path, new_child: NewChild) -> None:
    async with Supervisor(tmp_path) as them:
        await them.start(new_child("server"))
        await them.start(new_child("client"))
        server = them.processes["server"]
        await them.stop("client")
        assert set(them.processes) == {"server"}
        assert alive(server)


async def test_the_death_of_one_that_must_not_be_restarted_is_reported(
    tmp_path: Path, new_child: NewChild
) -> None:
    async with Supervisor(tmp_path) as them:
        await them.start(new_child("only", restart=False))
        them.kill("only")
        await them.failed.wait()
        assert str(them.failure) == "only ended with SIGKILL"
        assert them.processes == {}


_SUPERVISING = """
import asyncio, sys
from pathlib import Path
from deploy.local.child import Child
from deploy.local.supervisor import Supervisor

async def ready(): return True
async def main():
    sleeper = "import signal,time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"
    child = Child(name="child", argv=(sys.executable, "-I", "-S", "-c", sleeper), ready=ready)
    async with Supervisor(Path(sys.argv[1])) as them:
        await them.start(child)
        print(them.processes["child"], flush=True)
        await asyncio.sleep(600)
asyncio.run(main())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's death signal is Linux's")
async def test_nothing_lingers_when_the_supervisor_itself_is_killed(tmp_path: Path) -> None:
    supervisor = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", _SUPERVISING, str(tmp_path)),
        stdout=asyncio.subprocess.PIPE,
        cwd=Path(__file__).parents[3],
    )
    assert supervisor.stdout is not None
    pid = int(await supervisor.stdout.readline())
    assert alive(pid)
    supervisor.kill()
    await supervisor.wait()
    await until(lambda: not alive(pid))
