"""`regulars generate`: a synthetic chain's events, to a file or into a running stack."""

import asyncio
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO

import typer
from rich.console import Console

from deploy.local.endpoints import FILE_NAME, Endpoints, read_endpoints
from deploy.local.errors import StateMissingError
from deploy.local.state import DEFAULT_DIRECTORY, State

if TYPE_CHECKING:
    from deploy.demo.generate import Shape
    from deploy.demo.publish import TypedEvent

_TIMEOUT_SECONDS = 30.0


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("generate")(generate)


def generate(  # noqa: PLR0913 - the flags of a command
    *,
    members: Annotated[int, typer.Option(min=1, help="How many members there are.")] = 10_000,
    stores: Annotated[int, typer.Option(min=1, help="How many stores.")] = 50,
    days: Annotated[int, typer.Option(min=1, help="Over how many days.")] = 90,
    events: Annotated[int, typer.Option(min=1, help="How many events.")] = 100_000,
    seed: Annotated[int, typer.Option(help="The same seed gives the same events.")] = 1,
    late: Annotated[float, typer.Option(min=0, max=1, help="Share that comes late.")] = 0.02,
    duplicates: Annotated[float, typer.Option(min=0, max=1, help="Share that comes twice.")] = 0.01,
    only: Annotated[
        list[str] | None, typer.Option(help="Only this event type; repeatable.")
    ] = None,
    out: Annotated[str, typer.Option(help="NDJSON goes to this file; - for the terminal.")] = "-",
    publish: Annotated[
        bool, typer.Option("--publish", help="Publish to the running stack instead.")
    ] = False,
    rate: Annotated[int | None, typer.Option(min=1, help="Published events a second.")] = None,
    state_dir: Annotated[
        Path, typer.Option(help="Where the running stack says where it is.")
    ] = DEFAULT_DIRECTORY,
) -> None:
    """Make up a chain's members, stores and events, any number of them."""
    from deploy.demo import generate as synthetic

    weights = synthetic.DEFAULT_WEIGHTS
    if only:
        unknown = sorted(set(only) - set(weights))
        if unknown:
            raise typer.BadParameter(f"unknown: {', '.join(unknown)}", param_hint="--only")
        weights = {kind: weights[kind] for kind in only}
    shape = synthetic.Shape(members, stores, days, events, seed, late, duplicates, weights)
    if publish:
        asyncio.run(_publish(shape, rate, state_dir))
    elif out == "-":
        _write(synthetic.generate(shape), sys.stdout.buffer)
    else:
        with Path(out).open("wb") as file:
            _write(synthetic.generate(shape), file)


def _write(events: "Iterator[TypedEvent]", file: BinaryIO) -> None:
    for _, _, raw in events:
        file.write(raw)
        file.write(b"\n")


async def _publish(shape: "Shape", rate: int | None, state_dir: Path) -> None:
    """Publish over HTTP, with a bar or a line every few seconds."""
    import httpx

    from deploy.demo.generate import generate as synthetic_events
    from deploy.demo.progress import display
    from deploy.demo.publish import Publisher
    from shared.clock import DAY

    endpoints = _endpoints(state_dir)
    span = (shape.start, shape.start + shape.days * DAY)
    console = Console(stderr=True)
    async with httpx.AsyncClient(
        base_url=endpoints.services["ingest"], timeout=_TIMEOUT_SECONDS
    ) as client:
        with display(console, shape.events, span, ()) as shown:
            publisher = Publisher(
                client,
                endpoints.source_key,
                rate=rate,
                on_progress=lambda so_far: shown.published(so_far.count, so_far.until),
            )
            published = await publisher.publish(synthetic_events(shape))
    console.print(
        f"published {published.count:,} events, {published.duplicates:,} of them a second time",
        highlight=False,
    )


def _endpoints(state_dir: Path) -> Endpoints:
    endpoints = read_endpoints(State(state_dir).directory / FILE_NAME)
    if endpoints is None:
        raise StateMissingError("no stack is up: start one with `make up`")
    return endpoints
