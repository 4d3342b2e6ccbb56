"""What there is to run, by name."""

import dataclasses
import statistics
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from deploy.bench import commands, draining, latency, pipeline, publishing, restarting
from deploy.bench.draining import NOTIFY, POINTS, SEGMENTATION, Shape
from deploy.bench.result import Result
from deploy.bench.servers import Say, Servers, servers
from deploy.bench.workload import Purchases
from deploy.local.services import SERVICES
from shared.clock import DAY, WallClock

_SCALE = (10_000, 500_000)
_EVENTS_PER_SECOND = 300.0
_COMMANDS_PER_SECOND = 200.0


@dataclass(frozen=True, slots=True)
class Options:
    """What was asked for.

    Attributes:
        name: of the benchmark.
        events: how many purchases.
        members: of how many members.
        rounds: of bare and ours each.
        batch_events: of every consumer, bare or ours.
        one_process: all roles of a service in one process, not one each.
        rate: latency: single events a second; commands: of them; None: its usual one.
        seconds: latency, commands: for how long.
        new_members: latency: each event is of somebody never seen before.
    """

    name: str
    events: int
    members: int
    rounds: int
    batch_events: int
    one_process: bool = False
    rate: float | None = None
    seconds: float = 20.0
    new_members: bool = False


@dataclass(frozen=True, slots=True)
class Scenario:
    """A benchmark: which services have to be there, and what to do."""

    services: Sequence[str]
    measure: Callable[[Servers, Options, Say], Awaitable[Result]]

    async def __call__(self, options: Options, say: Say) -> Result:
        """Run on servers of its own."""
        async with servers(self.services, options.batch_events) as on:
            return await self.measure(on, options, say)


def _draining(shape: Shape) -> Scenario:
    async def measure(on: Servers, options: Options, say: Say) -> Result:
        chosen = dataclasses.replace(shape, roles=("all",)) if options.one_process else shape
        purchases = Purchases(options.members, "a", WallClock().now() - DAY)
        return await draining.bench(on, chosen, purchases, options.events, options.rounds, say)

    return Scenario((shape.service,), measure)


async def _publishing(on: Servers, options: Options, say: Say) -> Result:
    return await publishing.bench(on, options.members, options.events, options.rounds, say)


async def _restarting(on: Servers, options: Options, say: Say) -> Result:
    purchases = Purchases(options.members, "a", WallClock().now() - DAY)
    return await restarting.bench(on, purchases, options.events, options.rounds, say)


async def _pipeline(on: Servers, options: Options, say: Say) -> Result:
    return await pipeline.bench(on, options.members, options.events, options.rounds, say)


async def _latency(on: Servers, options: Options, say: Say) -> Result:
    return await latency.bench(
        on,
        options.rate or _EVENTS_PER_SECOND,
        options.seconds,
        say,
        members=options.members,
        new_members=options.new_members,
    )


async def _commands(on: Servers, options: Options, say: Say) -> Result:
    return await commands.bench(
        on,
        options.rate or _COMMANDS_PER_SECOND,
        options.seconds,
        options.rounds,
        say,
        members=options.members,
    )


async def _scale(options: Options, say: Say) -> Result:
    """The same work for few and for many members, each with servers of its own."""
    rates: dict[int, list[float]] = {members: [] for members in _SCALE}
    broker = ""
    for _ in range(options.rounds):
        for members in _SCALE:
            async with servers((POINTS.service,), options.batch_events) as on:
                broker = on.endpoints.broker
                rates[members].append(await draining.at_scale(on, members, options.events))
                say(f"{members:,} members: {rates[members][-1]:,.0f}/s")
    few, many = (statistics.median(rates[members]) for members in _SCALE)
    return Result(
        "scale",
        broker,
        options.events,
        details={
            "events_per_second_by_members": {
                str(m): round(statistics.median(r), 1) for m, r in rates.items()
            },
            "rounds_by_members": {str(m): [round(rate, 1) for rate in r] for m, r in rates.items()},
            "cost_ratio": round(few / many, 3),
        },
    )


SCENARIOS: dict[str, Callable[[Options, Say], Awaitable[Result]]] = {
    "points": _draining(POINTS),
    "segmentation": _draining(SEGMENTATION),
    "notify": _draining(NOTIFY),
    "ingest": Scenario(("ingest",), _publishing),
    "pipeline": Scenario(SERVICES, _pipeline),
    "restart": Scenario((POINTS.service,), _restarting),
    "scale": _scale,
    "latency": Scenario(SERVICES, _latency),
    "commands": Scenario(SERVICES, _commands),
}


async def run(options: Options, say: Say) -> Result:
    """Run one benchmark.

    Raises:
        LookupError: there is none of that name.
    """
    scenario = SCENARIOS.get(options.name)
    if scenario is None:
        raise LookupError(f"one of {', '.join(SCENARIOS)}")
    return await scenario(options, say)
