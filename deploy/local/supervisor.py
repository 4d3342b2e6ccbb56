"""Keeps child processes running.

They are started in layers on readiness, started again when they die, and ended in reverse order.
"""

import asyncio
import contextlib
import signal
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from deploy.local.child import Child, Running, describe_exit
from deploy.local.errors import ChildFailedError
from shared.backoff import Backoff, rest

_POLL_SECONDS = 0.05
_HEALTHY_SECONDS = 10.0
_PAUSE = Backoff(first_seconds=0.1, ceiling_seconds=10.0)
_LOGS_KEPT = 5

STACK = "regulars"
"""Who says what is about the stack as a whole."""

Say = Callable[[str, str], None]
"""Takes the name of a child and a line about it or of it."""


def say_nothing(_name: str, _line: str) -> None:
    """Keep the lines in the log files only."""


def backoff_seconds(failures: int) -> float:
    """The pause before the next start after so many deaths in a row: 0.1 s, doubling to 10 s."""
    return _PAUSE.ceiling(failures)


class _Kept:
    """What the supervisor knows of one child."""

    def __init__(self, child: Child) -> None:
        self.child = child
        self.running: Running | None = None
        self.ready = asyncio.Event()
        self.first_failure: ChildFailedError | None = None
        self.was_ready = False
        self.ended = asyncio.Event()
        self.stop = asyncio.Event()
        self.failures = 0
        self.starts = 0


class Supervisor:
    """Children that live while the `async with` block runs.

    Attributes:
        failed: set when a child that must not be restarted has died; the reason is in `failure`.
    """

    def __init__(
        self,
        logs: Path,
        *,
        say: Say = say_nothing,
        on_change: Callable[[], None] = lambda: None,
    ) -> None:
        """Write logs to a directory, pass lines on to `say`, tell `on_change` of new ids."""
        self._logs = logs
        self._say = say
        self._on_change = on_change
        self._kept: dict[str, _Kept] = {}
        self._layers: list[list[_Kept]] = []
        self._tasks = asyncio.TaskGroup()
        self.failed = asyncio.Event()
        self.failure: ChildFailedError | None = None

    async def __aenter__(self) -> Self:
        """Begin with no children."""
        self._logs.mkdir(parents=True, exist_ok=True)
        await self._tasks.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End all children, whatever the reason for leaving."""
        try:
            await self.stop()
        finally:
            self.kill_all()
            await self._tasks.__aexit__(None, None, None)

    @property
    def processes(self) -> dict[str, int]:
        """Process id of each child that runs."""
        return {
            name: kept.running.pid
            for name, kept in self._kept.items()
            if kept.running is not None and kept.running.alive
        }

    def status(self) -> dict[str, str]:
        """Each child in one word: ready, starting or down."""
        return {
            name: "ready" if kept.ready.is_set() else "starting" if kept.running else "down"
            for name, kept in self._kept.items()
        }

    async def start(self, *children: Child) -> None:
        """Start children side by side and return when all are ready.

        Raises:
            ChildFailedError: one of them failed. The others are left to `__aexit__`.
        """
        layer = [_Kept(child) for child in children]
        self._layers.append(layer)
        for kept in layer:
            self._kept[kept.child.name] = kept
            self._tasks.create_task(self._keep(kept), name=f"keep {kept.child.name}")
        for kept in layer:
            await self._first_ready(kept)

    async def _first_ready(self, kept: _Kept) -> None:
        child = kept.child
        try:
            async with asyncio.timeout(child.ready_seconds):
                await kept.ready.wait()
        except TimeoutError:
            tail = kept.running.tail if kept.running else []
            raise ChildFailedError(
                child.name, f"was not ready within {child.ready_seconds:g} s", tail
            ) from None
        if kept.first_failure is not None:
            raise kept.first_failure

    async def ready(self, *names: str) -> None:
        """Wait until the children named (none: all) are ready, also after a restart."""
        for kept in [self._kept[name] for name in names] or list(self._kept.values()):
            await kept.ready.wait()

    def kill(self, name: str, number: signal.Signals = signal.SIGKILL) -> int:
        """Send a child a signal and answer its process id; once killed, it counts as not ready.

        Raises:
            KeyError: there is no such child.
            ChildFailedError: it does not run at the moment.
        """
        kept = self._kept[name]
        if kept.running is None or not kept.running.alive:
            raise ChildFailedError(name, "does not run", [])
        if number == signal.SIGKILL:
            kept.ready.clear()
        kept.running.signal(number)
        return kept.running.pid

    async def stop(self, *names: str) -> None:
        """End children (none named: all) in reverse order of their start, for good."""
        for layer in reversed(self._layers):
            chosen = [kept for kept in layer if not names or kept.child.name in names]
            async with asyncio.TaskGroup() as group:
                for kept in chosen:
                    group.create_task(self._end(kept))

    async def _end(self, kept: _Kept) -> None:
        kept.stop.set()
        if kept.running is not None:
            kept.running.signal(kept.child.stop_signal)
        try:
            async with asyncio.timeout(kept.child.stop_seconds):
                await kept.ended.wait()
        except TimeoutError:
            self._say(kept.child.name, f"did not stop within {kept.child.stop_seconds:g} s; killed")
            if kept.running is not None:
                kept.running.kill_group()
            await kept.ended.wait()

    def kill_all(self) -> None:
        """Kill every child at once: the second Ctrl-C, and the last resort of leaving."""
        for kept in self._kept.values():
            kept.stop.set()
            if kept.running is not None:
                kept.running.kill_group()

    async def _keep(self, kept: _Kept) -> None:
        """Run one child until it is to stop: start, wait for its end, back off, again."""
        try:
            with (self._logs / f"{kept.child.name}.log").open("a", encoding="utf-8") as log:
                while not kept.stop.is_set():
                    await self._run_once(kept, log)
        finally:
            kept.ended.set()

    async def _run_once(self, kept: _Kept, log: IO[str]) -> None:
        child = kept.child
        began = time.monotonic()
        kept.running = running = await Running.start(child)
        kept.starts += 1
        self._on_change()
        if kept.stop.is_set():  # told to stop while it was being started
            running.signal(child.stop_signal)

        def on_line(line: str) -> None:
            log.write(line + "\n")
            log.flush()
            if not child.quiet:
                self._say(child.name, line)

        async with asyncio.TaskGroup() as group:
            probe = group.create_task(self._probe(kept, running))
            code = await running.wait(on_line)
            probe.cancel()
        running.kill_group()
        kept.ready.clear()
        if kept.stop.is_set():
            self._on_change()
            return
        if time.monotonic() - began > _HEALTHY_SECONDS:
            kept.failures = 0
        kept.failures += 1
        await self._after_death(kept, running, code)

    async def _after_death(self, kept: _Kept, running: Running, code: int) -> None:
        """A death: the start has failed, or the stack has, or it is once more after a pause."""
        child = kept.child
        failure = ChildFailedError(child.name, f"ended with {describe_exit(code)}", running.tail)
        if not kept.was_ready:
            kept.first_failure = failure
            kept.stop.set()
            kept.ready.set()  # wakes start(), which raises
        elif not child.restart:
            self.failure = failure
            kept.stop.set()
            self.failed.set()
        else:
            pause = backoff_seconds(kept.failures)
            self._say(
                child.name,
                f"{failure}; starting it again in {pause:g} s (pid was {running.pid})",
            )
            await rest(kept.stop, pause)

    async def _probe(self, kept: _Kept, running: Running) -> None:
        """Ask the child whether it is ready until it says so."""
        while running.alive and not kept.stop.is_set():
            with contextlib.suppress(OSError, TimeoutError):
                if await kept.child.ready() and running.alive:
                    if kept.was_ready:
                        self._say(kept.child.name, f"is ready again (pid {running.pid})")
                    kept.was_ready = True
                    kept.ready.set()
                    return
            await asyncio.sleep(_POLL_SECONDS)


def rotate_logs(logs: Path) -> None:
    """Make room for a new run: `points.log` becomes `points.1.log` and so on; five are kept."""
    for current in sorted(logs.glob("*.log")):
        if current.stem.rpartition(".")[2].isdigit():
            continue
        for number in range(_LOGS_KEPT - 1, 0, -1):
            older = logs / f"{current.stem}.{number}.log"
            if older.exists():
                older.replace(logs / f"{current.stem}.{number + 1}.log")
        current.replace(logs / f"{current.stem}.1.log")
