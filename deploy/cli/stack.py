"""`regulars up`, `down`, `status`: the whole system on this machine."""

import asyncio
import os
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from deploy.cli.detached import Report, start_detached
from deploy.cli.voices import Voices
from deploy.local.endpoints import FILE_NAME, Endpoints, read_endpoints
from deploy.local.errors import LocalStackError
from deploy.local.services import SERVICES, StackClock, is_ready
from deploy.local.state import DEFAULT_DIRECTORY, State
from deploy.local.supervisor import STACK

if TYPE_CHECKING:
    from deploy.local.stack import Stack

_STOP_SECONDS = 90.0
_READY = "ready"

StateDirectory = Annotated[
    Path, typer.Option("--state-dir", help="Where data is kept between runs.", show_default=True)
]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("up")(up)
    app.command("down")(down)
    app.command("status")(status)


def parse_clock(text: str) -> StackClock:
    """The clock that a flag names."""
    if text == "wall":
        return "wall"
    if text == "stream":
        return "stream"
    raise typer.BadParameter("wall or stream", param_hint="--clock")


def up(  # noqa: PLR0913 - the flags of a command
    *,
    detach: Annotated[
        bool, typer.Option("--detach", "-d", help="Return when all is ready; it runs on.")
    ] = False,
    fresh: Annotated[bool, typer.Option("--fresh", help="Forget what earlier runs left.")] = False,
    clock: Annotated[
        str, typer.Option(help="wall: the system's time. stream: the events' own (replay, demo).")
    ] = "wall",
    split_roles: Annotated[
        bool, typer.Option("--split-roles", help="A process for each role of each service.")
    ] = False,
    no_services: Annotated[
        bool, typer.Option("--no-services", help="Only PostgreSQL, Kafka, topics and tables.")
    ] = False,
    no_jvm: Annotated[
        bool, typer.Option("--no-jvm", help="The broker in memory, even if Kafka could run.")
    ] = False,
    only: Annotated[
        list[str] | None, typer.Option(help="Run this service, not all; repeatable.")
    ] = None,
    state_dir: StateDirectory = DEFAULT_DIRECTORY,
    endpoints_file: Annotated[
        Path | None, typer.Option(help="Where to say where everything is; else in --state-dir.")
    ] = None,
    report_to: Annotated[int | None, typer.Option("--report-to", hidden=True)] = None,
) -> None:
    """Start PostgreSQL, Kafka and the services; run until Ctrl-C."""
    chosen = parse_clock(clock)
    console = Console()
    told = endpoints_file or State(state_dir).directory / FILE_NAME
    if detach:
        _detach(console, State(state_dir), told)
        return
    report, voices = Report(report_to), Voices(console)

    def say(name: str, line: str) -> None:
        voices.say(name, line)
        if name == STACK:
            report.line(line)

    from deploy.local.stack import Stack  # brings the clients of all servers along

    stack = Stack(
        state_dir,
        clock=chosen,
        split_roles=split_roles,
        services=only or SERVICES,
        run_services=not no_services,
        fresh=fresh,
        jvm=not no_jvm,
        usual_ports=True,
        endpoints_file=told,
        say=say,
    )
    try:
        asyncio.run(_run(stack, told, console, voices, report))
    except LocalStackError as trouble:
        report.trouble(trouble)
        raise


async def _run(
    stack: "Stack", told: Path, console: Console, voices: Voices, report: Report
) -> None:
    """Run a stack until a signal, or until something died for good."""
    signals = _Signals(stack, voices)
    try:
        async with stack:
            show_endpoints(console, stack.endpoints, told)
            report.ready()
            raise await stack.failed()
    except asyncio.CancelledError:
        if not signals.received:
            raise
    voices.say(STACK, "stopped; nothing is left running")


class _Signals:
    """The first signal stops in good order, the second at once."""

    def __init__(self, stack: "Stack", voices: Voices) -> None:
        """Take over the signals of the process, for the task that this is called from."""
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - there is one in a coroutine
        self.received = 0
        self._task = task
        self._stack = stack
        self._voices = voices
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, self._on_signal)

    def _on_signal(self) -> None:
        self.received += 1
        if self.received == 1:
            self._voices.say(STACK, "stopping; once more to kill everything at once")
            self._task.cancel()
        else:
            self._stack.kill_all()


def _detach(console: Console, state: State, told: Path) -> None:
    ready = start_detached(
        state, lambda line: console.print(line, markup=False, highlight=False, soft_wrap=True)
    )
    endpoints = read_endpoints(told)
    if not ready or endpoints is None:
        console.print(f"[bold red]not started[/]; the logs are in {state.logs}")
        raise typer.Exit(1)
    show_endpoints(console, endpoints, told)


def show_endpoints(console: Console, endpoints: Endpoints, path: Path) -> None:
    """Say where everything is."""
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    for service, url in endpoints.services.items():
        table.add_row(f"[bold]{service}[/]", url, f"{url}/docs")
    table.add_row("[bold]kafka[/]", endpoints.kafka, endpoints.broker)
    console.print(table)
    console.print(f"[green]ready[/] · keys, tokens and databases: {path}", highlight=False)


def down(
    *,
    clear: Annotated[bool, typer.Option("--clear", help="Forget all data, too.")] = False,
    state_dir: StateDirectory = DEFAULT_DIRECTORY,
) -> None:
    """Stop what `up` started."""
    console = Console()
    state = State(state_dir)
    holder = state.holder()
    if holder is not None:
        _stop(state, holder)
    console.print("nothing was running" if holder is None else "stopped")
    if clear and state.directory.exists():
        with state.locked():
            state.clear()
        console.print(f"cleared {state.directory}", highlight=False)


def _stop(state: State, holder: int) -> None:
    """End the process that runs the stack and wait until it is gone."""
    os.kill(holder, signal.SIGTERM)
    deadline = time.monotonic() + _STOP_SECONDS
    while state.holder() == holder:
        if time.monotonic() > deadline:
            os.kill(holder, signal.SIGKILL)  # its children go with it
        time.sleep(0.05)


def status(*, state_dir: StateDirectory = DEFAULT_DIRECTORY) -> None:
    """What runs, where, and whether it is ready."""
    console = Console()
    endpoints = read_endpoints(State(state_dir).directory / FILE_NAME)
    if endpoints is None or State(state_dir).holder() is None:
        console.print("nothing is up")
        raise typer.Exit(1)
    table = Table("process", "pid", "where", "state", box=None)
    places = {**endpoints.services, endpoints.broker: endpoints.kafka}
    words = asyncio.run(_readiness(endpoints))
    for name, pid in endpoints.processes.items():
        table.add_row(name, str(pid), places.get(name, ""), words.get(name, "runs"))
    console.print(table)
    if any(word != _READY for word in words.values()):
        raise typer.Exit(1)


async def _readiness(endpoints: Endpoints) -> dict[str, str]:
    """Each service in a word or two."""
    words = {}
    for service, url in endpoints.services.items():
        try:
            ready = await is_ready(int(url.rpartition(":")[2]))
        except (OSError, TimeoutError):
            words[service] = "does not answer"
        else:
            words[service] = _READY if ready else "not ready"
    return words
