"""How far a run has come: bars on a terminal, a line every few seconds elsewhere."""

import time
from types import TracebackType
from typing import Final, Protocol, Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from shared.clock import DAY, Instant, to_datetime

_LINE_SECONDS: Final = 5.0
_PUBLISHED: Final = "published"


class Display(Protocol):
    """Shows progress while its `with` block runs."""

    def __enter__(self) -> Self:
        """Begin."""
        ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End."""
        ...

    def published(self, count: int, until: Instant) -> None:
        """So many events are published, the last of that time."""
        ...

    def reached(self, service: str, until: Instant | None) -> None:
        """A service's clock stands there."""
        ...


class _Pace:
    """Events a second since the first."""

    def __init__(self) -> None:
        self._started: float | None = None
        self.rate = 0.0

    def at(self, count: int) -> None:
        now = time.monotonic()
        if self._started is None:
            self._started = now
        elif now > self._started:
            self.rate = count / (now - self._started)


class Bars:
    """A bar for what is published, and one per service for where its clock stands."""

    def __init__(
        self, console: Console, total: int, span: tuple[Instant, Instant], services: tuple[str, ...]
    ) -> None:
        """Show a run of so many events over a span of time."""
        self._progress = Progress(
            TextColumn("{task.description:<13}"),
            BarColumn(40),
            TextColumn("{task.percentage:>3.0f} %"),
            TextColumn("{task.fields[note]}"),
            TimeElapsedColumn(),
            console=console,
        )
        self._start, self._end = span
        self._until = self._start
        self._pace = _Pace()
        self._tasks: dict[str, TaskID] = {
            _PUBLISHED: self._progress.add_task(_PUBLISHED, total=total, note="")
        }
        for service in services:
            length = self._end - self._start
            self._tasks[service] = self._progress.add_task(service, total=length, note="")

    def __enter__(self) -> Self:
        """Begin."""
        self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End."""
        self._progress.stop()

    def published(self, count: int, until: Instant) -> None:
        """So many events are published, the last of that time."""
        self._until = max(self._until, until)
        self._pace.at(count)
        note = f"{day(until)} · {self._pace.rate:,.0f} events/s"
        self._progress.update(self._tasks[_PUBLISHED], completed=count, note=note)

    def reached(self, service: str, until: Instant | None) -> None:
        """A service's clock stands there."""
        at = self._start if until is None else max(until, self._start)
        note = f"{day(at)} · {lag(at, self._until)}"
        self._progress.update(self._tasks[service], completed=at - self._start, note=note)


class Lines:
    """A plain line every few seconds, for logs and pipes."""

    def __init__(self, console: Console, total: int) -> None:
        """Show a run of so many events."""
        self._console = console
        self._total = total
        self._pace = _Pace()
        self._count = 0
        self._until: Instant = 0
        self._clocks: dict[str, Instant | None] = {}
        self._told = time.monotonic()

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Tell where it ended."""
        self._tell()

    def published(self, count: int, until: Instant) -> None:
        """So many events are published, the last of that time."""
        self._pace.at(count)
        self._count, self._until = count, until
        self._tell_sometimes()

    def reached(self, service: str, until: Instant | None) -> None:
        """A service's clock stands there."""
        self._clocks[service] = until
        self._tell_sometimes()

    def _tell_sometimes(self) -> None:
        if time.monotonic() - self._told >= _LINE_SECONDS:
            self._tell()

    def _tell(self) -> None:
        self._told = time.monotonic()
        words = [
            f"{service} {'not started' if at is None else lag(at, self._until)}"
            for service, at in self._clocks.items()
        ]
        line = f"published {self._count:,} of {self._total:,} ({self._pace.rate:,.0f} events/s)"
        if self._until:
            line += f", until {day(self._until)}"
        self._console.print("; ".join([line, *words]), highlight=False, soft_wrap=True)


def display(
    console: Console, total: int, span: tuple[Instant, Instant], services: tuple[str, ...]
) -> Display:
    """Bars where there is a terminal, else lines."""
    if console.is_terminal:
        return Bars(console, total, span, services)
    return Lines(console, total)


def day(at: Instant) -> str:
    """The day of an instant, for people."""
    return to_datetime(at).date().isoformat()


def lag(at: Instant, until: Instant) -> str:
    """How far behind a clock is, in days of the stream's time."""
    behind = max(0, until - at) / DAY
    return f"{behind:.1f} days behind" if round(behind, 1) else "up to date"
