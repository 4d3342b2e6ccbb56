"""The demo from beginning to end."""

import asyncio
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx
import msgspec
from rich.console import Console

from deploy.demo import report, year
from deploy.demo.errors import DemoError
from deploy.demo.figures import Figures, collect, times_of
from deploy.demo.hold import Hold
from deploy.demo.progress import Display, display
from deploy.demo.publish import Published, Publisher
from deploy.demo.services import DECIDING, Services
from deploy.local.endpoints import Endpoints
from deploy.local.state import DEFAULT_DIRECTORY

_CATCH_UP_SECONDS: Final = 1800.0
_WATCH_SECONDS: Final = 0.5
_TIMEOUT_SECONDS: Final = 30.0


@dataclass(frozen=True, slots=True)
class Options:
    """What the flags of `regulars demo` say.

    Attributes:
        limit_days: only the first calendar days; None for the year.
        rate: events a second at most.
        keep: leave the stack running.
        json_file: write the figures there.
        state_dir: the usual state directory; the demo's own lies inside it.
        jvm: false for the broker in memory.
    """

    limit_days: int | None
    rate: int | None
    keep: bool
    json_file: Path | None
    state_dir: Path
    jvm: bool = True


async def run(options: Options, console: Console) -> Figures:
    """Start a stack, run the year through it, say what came out.

    Raises:
        DemoError: what went wrong, in one line.
    """
    hold = Hold(options.state_dir)
    try:
        endpoints, days = await _prepare(hold, options, console)
        figures = await _through(endpoints, days, options, hold.directory, console)
        if options.keep:
            await _lead_on(endpoints, hold, console)
    except BaseException:
        if await hold.stop():
            console.print(f"the stack is stopped; its logs are in {hold.logs}", highlight=False)
        raise
    if options.json_file is not None:
        encoded = msgspec.json.format(msgspec.json.encode(figures), indent=2)
        options.json_file.write_bytes(encoded + b"\n")
    if options.keep:
        where = (
            "" if options.state_dir == DEFAULT_DIRECTORY else f" --state-dir {options.state_dir}"
        )
        console.print(
            f"\nThe stack runs on; stop it with `.venv/bin/regulars down{where}`.", highlight=False
        )
    else:
        await hold.stop()
        console.print("\nThe stack is stopped.", highlight=False)
    return figures


async def _prepare(hold: Hold, options: Options, console: Console) -> tuple[Endpoints, year.Year]:
    """Start the stack and read the data, side by side."""
    console.print("starting a fresh stack (PostgreSQL, Kafka, four services) …", highlight=False)
    try:
        async with asyncio.TaskGroup() as group:
            started = group.create_task(
                hold.start(lambda line: console.print(line, markup=False), jvm=options.jvm)
            )
            loaded = group.create_task(asyncio.to_thread(year.load, options.limit_days))
    except ExceptionGroup as failures:
        raise failures.exceptions[0] from failures
    return started.result(), loaded.result()


async def _through(
    endpoints: Endpoints, days: year.Year, options: Options, directory: Path, console: Console
) -> Figures:
    """Publish everything, wait until it is through, tell the figures."""
    span = (days.start, days.end)
    async with Services(endpoints) as services:
        before = await times_of(services)
        began = time.monotonic()
        with display(console, days.count, span, DECIDING) as shown:
            published = await _publish(services, days, options, shown)
        seconds = time.monotonic() - began
        figures, details = await collect(services, published, seconds, before, directory)
        report.show(console, figures, details)
    return figures


async def _lead_on(endpoints: Endpoints, hold: Hold, console: Console) -> None:
    """Say where to look further."""
    async with Services(endpoints) as services:
        member = await _some_member(services)
    report.show_urls(console, endpoints, hold.directory, member)


async def _publish(
    services: Services, days: year.Year, options: Options, shown: Display
) -> Published:
    """Publish in time order, move the clock to the end, wait for all services."""
    ingest = services.endpoints.services["ingest"]
    try:
        async with (
            asyncio.TaskGroup() as group,
            httpx.AsyncClient(base_url=ingest, timeout=_TIMEOUT_SECONDS) as client,
        ):
            watch = group.create_task(_watch(services, shown))
            publisher = Publisher(
                client,
                services.endpoints.source_key,
                rate=options.rate,
                on_progress=lambda so_far: shown.published(so_far.count, so_far.until),
            )
            published = await publisher.publish(days.events())
            await services.advance_clock(days.end)
            await services.wait_until(days.end, _CATCH_UP_SECONDS)
            watch.cancel()
    except ExceptionGroup as failures:
        raise failures.exceptions[0] from failures
    for service in DECIDING:
        shown.reached(service, days.end)
    return published


async def _watch(services: Services, shown: Display) -> None:
    """Show where each service's clock stands, until cancelled."""
    while True:
        for service in DECIDING:
            try:
                until, _ = await services.reached(service)
            except DemoError:
                continue  # being restarted; whether it comes back is seen elsewhere
            shown.reached(service, until)
        await asyncio.sleep(_WATCH_SECONDS)


async def _some_member(services: Services) -> str | None:
    """Somebody to look at: the household of the first basket."""
    answer = await services.client("ingest").get("/v1/members", params={"identity": "card:900"})
    if answer.is_error:
        return None
    member: str | None = answer.json().get("member_id")
    return member
