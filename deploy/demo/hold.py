"""The stack under a demo: a fresh one of its own, that runs on when the demo is done."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from deploy.demo.errors import DemoError, StackInUseError
from deploy.local.child import child_environment
from deploy.local.endpoints import FILE_NAME, Endpoints, read_endpoints
from deploy.local.state import State

_STOP_SECONDS: Final = 90.0
_POLL_SECONDS: Final = 0.05

Say = Callable[[str], None]


class Hold:
    """Starts, replaces and stops the demo's stack; its data is apart from that of `regulars up`."""

    def __init__(self, directory: Path) -> None:
        """Name the usual state directory; the demo's own lies inside it."""
        self._usual = State(directory)
        self._own = State(directory / "demo")
        self._endpoints = self._usual.directory / FILE_NAME

    async def start(self, say: Say, *, jvm: bool = True) -> Endpoints:
        """Start a fresh stack with the stream clock; replaces an earlier demo's.

        Raises:
            StackInUseError: a stack is up that is not a demo's.
            DemoError: it could not be started.
        """
        await self._make_room(say)
        command = [
            *(sys.executable, "-m", "deploy.cli", "up", "--detach", "--fresh"),
            *("--clock", "stream", "--state-dir", str(self._own.directory)),
            *("--endpoints-file", str(self._endpoints)),
            *(() if jvm else ("--no-jvm",)),
        ]
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=child_environment({}),
        )
        output, _ = await process.communicate()
        endpoints = read_endpoints(self._endpoints)
        if process.returncode != 0 or endpoints is None:
            raise DemoError(f"the stack did not start:\n{output.decode(errors='replace').strip()}")
        if endpoints.broker == "tansu":
            say(output.decode(errors="replace").partition("\n")[0].strip())
        return endpoints

    @property
    def directory(self) -> Path:
        """The state directory of the demo's stack."""
        return self._own.directory

    @property
    def logs(self) -> Path:
        """Where its processes write what they say."""
        return self._own.logs

    async def stop(self) -> bool:
        """Stop the demo's stack; answers whether it was up."""
        holder = self._own.holder()
        if holder is not None:
            await _end(self._own, holder)
        return holder is not None

    async def _make_room(self, say: Say) -> None:
        own, usual = self._own.holder(), self._usual.holder()
        if usual is not None and usual != own:
            raise StackInUseError(
                f"a stack is up already (process {usual}); "
                "stop it with `.venv/bin/regulars down` first"
            )
        if own is not None:
            say("replacing the earlier demo's stack")
            await _end(self._own, own)


async def _end(state: State, holder: int) -> None:
    """End the process that runs a stack and wait until it is gone."""
    os.kill(holder, signal.SIGTERM)
    deadline = time.monotonic() + _STOP_SECONDS
    while state.holder() == holder:
        if time.monotonic() > deadline:
            os.kill(holder, signal.SIGKILL)  # its children go with it
        await asyncio.sleep(_POLL_SECONDS)
