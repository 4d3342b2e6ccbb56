"""`regulars demo`: one real year of a real grocery chain through all services."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from deploy.local.state import DEFAULT_DIRECTORY

_PLAIN_WIDTH = 120


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("demo")(demo)


def demo(
    *,
    limit_days: Annotated[
        int | None, typer.Option(min=1, help="Only the first calendar days.")
    ] = None,
    rate: Annotated[
        int | None, typer.Option(min=1, help="Events a second at most; else as fast as it goes.")
    ] = None,
    keep: Annotated[bool, typer.Option(help="Leave the stack running, to look around.")] = True,
    json_file: Annotated[
        Path | None, typer.Option("--json", help="Write the figures to this file.")
    ] = None,
    no_jvm: Annotated[
        bool, typer.Option("--no-jvm", help="The broker in memory, even if Kafka could run.")
    ] = False,
    state_dir: Annotated[
        Path, typer.Option(help="Where data is kept; the demo's own lies inside it.")
    ] = DEFAULT_DIRECTORY,
) -> None:
    """Run the year 2017 of a grocery chain through a fresh stack and show what came out."""
    from deploy.demo.run import Options, run

    options = Options(limit_days, rate, keep, json_file, state_dir, jvm=not no_jvm)
    console = Console()
    if not console.is_terminal:
        console = Console(width=_PLAIN_WIDTH)  # nothing is cut off in a log
    asyncio.run(run(options, console))
