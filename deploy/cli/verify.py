"""`regulars verify`: whether what the services hold follows from the facts, and these from the log.

Exit code 0: nothing differs; 1: something does, and is named; 2: it could not be looked at.
"""

import asyncio
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, NoReturn

import orjson
import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from deploy.cli.management import plain
from deploy.cli.stack import StateDirectory
from deploy.local.endpoints import FILE_NAME, Endpoints, read_endpoints
from deploy.local.settings import StackSettings
from deploy.local.state import DEFAULT_DIRECTORY, State
from shared.runtime.environment import read_settings

if TYPE_CHECKING:
    from deploy.verify.run import Progress, Verification
    from shared.runtime.verifying.findings import Findings

SERVICES = ("points", "segmentation", "notify")
CANNOT = 2

_PLAIN_WIDTH = 160


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("verify")(verify)


def verify(  # noqa: PLR0913 - the flags of a command
    *,
    service: Annotated[
        list[str] | None, typer.Option("--service", "-s", help="Only this one; repeatable.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For programs: one object.")] = False,
    database: Annotated[
        list[str] | None,
        typer.Option(
            help="SERVICE=URL, repeatable; not given: REGULARS_DATABASE_*, or the stack's.",
            metavar="S=URL",
        ),
    ] = None,
    kafka: Annotated[
        str | None, typer.Option(help="host:port; not given: REGULARS_KAFKA, or the stack's.")
    ] = None,
    log: Annotated[bool, typer.Option(help="Hold the facts against the log as well.")] = True,
    most: Annotated[
        int, typer.Option(help="Name at most so many differences of each table.", min=1)
    ] = 20,
    state_dir: StateDirectory = DEFAULT_DIRECTORY,
) -> None:
    """Compute all that is derived again from the facts, and hold it against what stands."""
    from deploy.verify.run import verify as run

    endpoints = read_endpoints(State(state_dir).directory / FILE_NAME)
    settings = read_settings(StackSettings)
    databases = databases_of(service, database, settings, endpoints)
    address = kafka_of(kafka, settings, endpoints) if log else None
    with _display() as progress:
        told = asyncio.run(run(databases, address, progress, listed_max=most))
    if as_json:
        sys.stdout.write(orjson.dumps(told.as_json(), option=orjson.OPT_INDENT_2).decode() + "\n")
    else:
        _show(told, with_log=log)
    raise typer.Exit(told.exit_code)


def databases_of(
    services: Sequence[str] | None,
    given: Sequence[str] | None,
    settings: StackSettings,
    endpoints: Endpoints | None,
) -> dict[str, str]:
    """The databases of the services asked for: as given, of the environment, or of the stack."""
    named = dict(_named(text) for text in given or ())
    unknown = {*(services or ()), *named} - {*SERVICES}
    if unknown:
        _refuse(f"{', '.join(sorted(unknown))}: there are {', '.join(SERVICES)} to verify")
    found = {}
    for name in services or tuple(named) or SERVICES:
        stack = endpoints.databases.get(name) if endpoints else None
        url = named.get(name) or settings.database(name) or stack
        if url is not None:
            found[name] = url
        elif services or endpoints is None:
            _refuse(
                f"where is the database of {name}? start the stack, or say --database {name}=URL"
            )
    return found


def _named(text: str) -> tuple[str, str]:
    service, equals, url = text.partition("=")
    if not equals or not url.startswith(("postgresql://", "postgres://")):
        _refuse("--database SERVICE=URL, as points=postgresql://user:password@host:5432/points")
    return service, url


def kafka_of(given: str | None, settings: StackSettings, endpoints: Endpoints | None) -> str:
    address = given or settings.kafka or (endpoints.kafka if endpoints else None)
    if address is None:
        _refuse("where is the log? say --kafka host:port, or leave it out by --no-log")
    return address


def _refuse(why: str) -> NoReturn:
    Console(stderr=True, soft_wrap=True).print(Text(why, style="bold red"))
    raise typer.Exit(CANNOT)


@contextmanager
def _display() -> "Iterator[Progress]":
    """How far it has come: one line that changes on a terminal, one for each service elsewhere."""
    console = Console(stderr=True)
    if console.is_terminal:
        with console.status("verifying") as status:
            yield lambda service, what: status.update(f"{service}: {what}")
        return
    begun: set[str] = set()

    def tell(service: str, _: str) -> None:
        if service not in begun:
            begun.add(service)
            console.print(f"verifying {service}", highlight=False)

    yield tell


def _show(told: "Verification", *, with_log: bool) -> None:
    console = Console()
    if not console.is_terminal:
        console = Console(width=_PLAIN_WIDTH)
    for name, found in told.findings.items():
        _show_service(console, name, found, told.failures.get(name))
    if not with_log:
        console.print("the log was left out", highlight=False)


def _show_service(console: Console, name: str, found: "Findings", failure: str | None) -> None:
    looked_at = ", ".join(f"{count:,} {what}" for what, count in found.checked.items())
    verdict = f"{found.total:,} differences" if found.total else "clean"
    console.print(f"[bold]{name}[/]: {plain(failure) if failure else verdict}", highlight=False)
    console.print(f"  {looked_at or 'nothing to look at'}", highlight=False)
    for reason, count in found.accounted.items():
        console.print(f"  no difference: {count:,} {reason}", highlight=False)
    if not found.listed:
        return
    table = Table(show_edge=False)
    for heading in ("table", "row", "column", "expected", "found"):
        table.add_column(heading, overflow="fold")
    for each in found.listed:
        table.add_row(*map(plain, each))
    console.print(table)
    for name_of_table, count in found.counts.items():
        more = count - sum(each.table == name_of_table for each in found.listed)
        if more:
            console.print(f"  and {more:,} more in {name_of_table}", highlight=False)
