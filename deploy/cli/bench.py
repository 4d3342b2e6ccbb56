"""`regulars bench`: each path against a bare loop in the same run."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

JsonFile = Annotated[Path | None, typer.Option("--json", help="Write the figures to this file.")]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("bench")(bench)


def bench(  # noqa: PLR0913 - the flags of a command
    name: Annotated[
        str, typer.Argument(help="points, segmentation, notify, ingest, pipeline, restart, scale")
    ],
    *,
    json: JsonFile = None,
    events: Annotated[int, typer.Option(help="How many purchases.", min=1000)] = 100_000,
    members: Annotated[int, typer.Option(help="Of how many members.", min=1)] = 20_000,
    rounds: Annotated[int, typer.Option(help="Rounds of bare and ours each.", min=1)] = 3,
    batch: Annotated[int, typer.Option(help="Most events in a transaction.", min=1)] = 2_000,
    one_process: Annotated[
        bool, typer.Option("--one-process", help="All roles of a service in one process.")
    ] = False,
) -> None:
    """Measure one path on fresh servers of its own; medians over the rounds."""
    from deploy.bench.scenarios import Options, run

    console = Console(stderr=True)
    options = Options(name, events, members, rounds, batch, one_process=one_process)
    try:
        result = asyncio.run(run(options, console.print))
    except LookupError as unknown:
        raise typer.BadParameter(str(unknown), param_hint="name") from unknown
    Console().print(result.table())
    if json is not None:
        result.write(json)
