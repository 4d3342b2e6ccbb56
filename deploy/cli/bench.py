"""`regulars bench`: each path against a bare loop in the same run."""

import asyncio
import sys
from pathlib import Path
from typing import Annotated

import orjson
import typer
from rich.console import Console
from rich.text import Text

NAMES = (
    *("points", "segmentation", "notify", "ingest", "pipeline"),
    *("restart", "scale", "latency", "commands"),
)
"""The benchmarks, in the order in which `all` runs them."""

JsonFile = Annotated[Path | None, typer.Option("--json", help="Write the figures to this file.")]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("bench")(bench)


def bench(  # noqa: PLR0913 - the flags of a command
    name: Annotated[str, typer.Argument(help=f"{', '.join(NAMES)}, or all.")] = "all",
    *,
    json: JsonFile = None,
    events: Annotated[int, typer.Option(help="How many purchases.", min=1000)] = 100_000,
    members: Annotated[int, typer.Option(help="Of how many members.", min=1)] = 20_000,
    rounds: Annotated[int, typer.Option(help="Rounds of bare and ours each.", min=1)] = 3,
    batch: Annotated[int, typer.Option(help="Most events in a transaction.", min=1)] = 1_500,
    one_process: Annotated[
        bool, typer.Option("--one-process", help="All roles of a service in one process.")
    ] = False,
    rate: Annotated[
        float | None,
        typer.Option(help="latency: single events a second (300); commands: of them (200).", min=1),
    ] = None,
    seconds: Annotated[
        float, typer.Option(help="latency, commands: for how long at this rate.", min=1)
    ] = 20.0,
    new_members: Annotated[
        bool, typer.Option("--new-members", help="latency: each event is of somebody new.")
    ] = False,
) -> None:
    """Measure one path on fresh servers of its own; medians over the rounds."""
    from deploy.bench.errors import BenchError
    from deploy.bench.scenarios import Options, run

    if name != "all" and name not in NAMES:
        raise typer.BadParameter(f"one of {', '.join(NAMES)}, all", param_hint="name")
    console = Console(stderr=True)
    figures = {}
    for each in NAMES if name == "all" else (name,):
        options = Options(
            each,
            events,
            members,
            rounds,
            batch,
            one_process=one_process,
            rate=rate,
            seconds=seconds,
            new_members=new_members,
        )
        try:
            result = asyncio.run(run(options, console.print))
        except* BenchError as failures:
            console.print(Text(f"{each}: {_first(failures)}", style="bold red"))
            sys.exit(1)
        Console().print(result.table())
        figures[each] = result.figures()
    if json is not None:
        told = figures if name == "all" else figures[name]
        json.write_bytes(orjson.dumps(told, option=orjson.OPT_INDENT_2) + b"\n")


def _first(failures: BaseExceptionGroup[Exception]) -> BaseException:
    """The failure itself, out of the task groups around it."""
    failure: BaseException = failures
    while isinstance(failure, BaseExceptionGroup):
        failure = failure.exceptions[0]
    return failure
