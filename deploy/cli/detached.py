"""`regulars up --detach`: the same command in a session of its own, and the pipe it reports by.

The waiting process shows the lines that come, and knows by the last of them how it went: READY, or
the end of the pipe without it.
"""

import contextlib
import os
import subprocess
import sys
from collections.abc import Callable
from typing import IO

from deploy.local.child import child_environment
from deploy.local.errors import ChildFailedError, LocalStackError
from deploy.local.state import State

_READY = "READY"


class Report:
    """The writing end: tells whoever waits, if anybody does."""

    def __init__(self, descriptor: int | None) -> None:
        """Write to a file descriptor that was handed to us; None: nobody waits."""
        self._file: IO[str] | None = None if descriptor is None else os.fdopen(descriptor, "w")

    def line(self, text: str) -> None:
        """Something to show."""
        # Whoever waited may be gone, and reports end when all is ready.
        with contextlib.suppress(BrokenPipeError):
            if self._file is not None:
                self._file.write(text + "\n")
                self._file.flush()

    def ready(self) -> None:
        """All is up: the one who waits may go."""
        self.line(_READY)
        if self._file is not None:
            self._file.close()
            self._file = None

    def trouble(self, trouble: LocalStackError) -> None:
        """It could not be started."""
        if isinstance(trouble, ChildFailedError):
            for text in trouble.tail:
                self.line(f"  {text}")
        self.line(str(trouble))


def start_detached(state: State, show: Callable[[str], None]) -> bool:
    """Run this process' own command line again without --detach; answers whether it got ready."""
    state.logs.mkdir(parents=True, exist_ok=True)
    reader, writer = os.pipe()
    arguments = [word for word in sys.argv[1:] if word not in ("--detach", "-d")]
    with (state.logs / "up.out").open("wb") as output:
        process = subprocess.Popen(  # noqa: S603 - ourselves
            [sys.executable, "-m", "deploy.cli", *arguments, "--report-to", str(writer)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=child_environment({}),
            pass_fds=(writer,),
            start_new_session=True,
        )
    os.close(writer)
    with os.fdopen(reader) as report:
        for line in report:
            if line.rstrip() == _READY:
                process.returncode = 0  # it is meant to outlive us
                return True
            show(line.rstrip())
    process.wait()
    return False
