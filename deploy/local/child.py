"""A child process of the local stack: what to run, how to know that it is ready, how to end it."""

import asyncio
import contextlib
import os
import signal
import sys
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

TAIL_LINES = 40
_LAUNCHER = Path(__file__).with_name("launch.py")
_CHUNK_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Account:
    """Whom a child runs as.

    Attributes:
        user: name of the user, or "-" for the one we are.
        capable: keep the right to pass directories closed to that user.
    """

    user: str = "-"
    capable: bool = False


@dataclass(frozen=True, slots=True)
class Child:
    """One process to keep running.

    Attributes:
        name: what people call it; also the name of its log file.
        argv: program and arguments.
        ready: asked again and again; true once the child can do its work.
        environment: variables in addition to our own.
        directory: where it runs; None for where we are.
        account: whom it runs as.
        stop_signal: asks it to end in good order.
        death_signal: what the kernel sends it when its supervisor is gone.
        stop_seconds: how long it may take to end before it is killed.
        ready_seconds: how long it may take to become ready at the first start.
        restart: started again when it dies; where not, its death ends the stack.
        quiet: its output goes to the log file only.
    """

    name: str
    argv: tuple[str, ...]
    ready: Callable[[], Awaitable[bool]]
    environment: Mapping[str, str] = field(default_factory=dict)
    directory: Path | None = None
    account: Account = Account()
    stop_signal: signal.Signals = signal.SIGTERM
    death_signal: signal.Signals = signal.SIGKILL
    stop_seconds: float = 15.0
    ready_seconds: float = 120.0
    restart: bool = True
    quiet: bool = False


def launch_argv(child: Child) -> list[str]:
    """The command that becomes the child and ties its life to ours."""
    account = child.account
    launcher = [sys.executable, "-I", "-S", str(_LAUNCHER)]
    tie = [str(os.getpid()), str(int(child.death_signal)), account.user, str(int(account.capable))]
    return [*launcher, *tie, *child.argv]


def child_environment(extra: Mapping[str, str]) -> dict[str, str]:
    """Our own environment with a child's variables on top."""
    inherited = dict(os.environ)  # noqa: TID251 - handed on unread, not configuration of ours
    return {**inherited, "PYTHONUNBUFFERED": "1", **extra}


class Running:
    """A child that has been started: its process and the last lines it wrote."""

    def __init__(self, child: Child, process: asyncio.subprocess.Process) -> None:
        """Take over a process that was just started."""
        self.child = child
        self.pid = process.pid
        self._process = process
        self._tail: deque[str] = deque(maxlen=TAIL_LINES)

    @classmethod
    async def start(cls, child: Child) -> "Running":
        """Start the child in a session of its own, so that a Ctrl-C reaches us only."""
        process = await asyncio.create_subprocess_exec(
            *launch_argv(child),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env=child_environment(child.environment),
            cwd=child.directory,
            start_new_session=True,
        )
        return cls(child, process)

    @property
    def alive(self) -> bool:
        """Whether the process has not ended yet."""
        return self._process.returncode is None

    @property
    def tail(self) -> list[str]:
        """The last lines that it wrote."""
        return list(self._tail)

    async def wait(self, on_line: Callable[[str], None]) -> int:
        """Pass on its output line by line until it ends; answers its exit code."""
        assert self._process.stdout is not None  # noqa: S101 - asked for in start()
        rest = b""
        while chunk := await self._process.stdout.read(_CHUNK_BYTES):
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                self._note(line, on_line)
        if rest:
            self._note(rest, on_line)
        return await self._process.wait()

    def _note(self, line: bytes, on_line: Callable[[str], None]) -> None:
        text = line.decode(errors="replace").rstrip("\r")
        self._tail.append(text)
        on_line(text)

    def signal(self, number: signal.Signals) -> None:
        """Send the process a signal; nothing happens if it has ended."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, number)

    def kill_group(self) -> None:
        """Kill whatever is left of the process and of those it started in its session."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)


def describe_exit(code: int) -> str:
    """An exit code in words."""
    if code >= 0:
        return f"exit code {code}"
    try:
        return signal.Signals(-code).name
    except ValueError:
        return f"signal {-code}"
