"""What there is to run, by name."""

import dataclasses
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from deploy.bench import draining
from deploy.bench.draining import NOTIFY, POINTS, SEGMENTATION, Say, Shape
from deploy.bench.result import Result
from deploy.bench.servers import Servers, servers
from deploy.bench.workload import Purchases


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
    """

    name: str
    events: int
    members: int
    rounds: int
    batch_events: int
    one_process: bool = False


@dataclass(frozen=True, slots=True)
class Scenario:
    """A benchmark: which services have to be there, and what to do."""

    services: tuple[str, ...]
    measure: Callable[[Servers, Options, Say], Awaitable[Result]]


def _draining(shape: Shape) -> Scenario:
    async def measure(on: Servers, options: Options, say: Say) -> Result:
        chosen = dataclasses.replace(shape, roles=("all",)) if options.one_process else shape
        purchases = Purchases(options.members)
        return await draining.bench(on, chosen, purchases, options.events, options.rounds, say)

    return Scenario((shape.service,), measure)


SCENARIOS: dict[str, Scenario] = {
    "points": _draining(POINTS),
    "segmentation": _draining(SEGMENTATION),
    "notify": _draining(NOTIFY),
}


async def run(options: Options, say: Say) -> Result:
    """Run a benchmark on servers of its own.

    Raises:
        LookupError: there is none of that name.
    """
    scenario = SCENARIOS.get(options.name)
    if scenario is None:
        raise LookupError(f"one of {', '.join(SCENARIOS)}")
    async with servers(scenario.services, options.batch_events) as on:
        return await scenario.measure(on, options, say)
