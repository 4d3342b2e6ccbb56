"""How fast a service works off a log that is there already, against the bare loop on it."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from deploy.bench.bare_loop import make_tables
from deploy.bench.errors import SpoiltError
from deploy.bench.preload import preload
from deploy.bench.result import Result
from deploy.bench.servers import Say, Servers
from deploy.bench.watching import Drained, drained, memory_mib_max
from deploy.bench.workload import Purchases
from deploy.local.child import Child
from shared.clock import DAY, WallClock
from shared.events.topics import EVENTS

BARE_PROGRESS = "SELECT coalesce(sum(position), 0), false FROM bare.positions"


@dataclass(frozen=True, slots=True)
class Shape:
    """What one service does with an event, so that the bare loop writes as many rows.

    Attributes:
        service: its name.
        appended: rows that it inserts per purchase.
        kept: rows that it writes anew per member of a batch.
        roles: one process for each while it is measured.
    """

    service: str
    appended: int
    kept: int
    roles: Sequence[str] = ("consume", "relay")


POINTS = Shape("points", appended=3, kept=2)
SEGMENTATION = Shape("segmentation", appended=2, kept=2)
NOTIFY = Shape("notify", appended=1, kept=1)


def progress_query(consumer: str) -> str:
    """SQL for how far a consumer of ours is with the facts, and whether the relay is."""
    return (
        "SELECT (SELECT coalesce(sum(position), 0) FROM positions"  # noqa: S608 - a constant of ours
        f" WHERE topic = '{EVENTS}' AND consumer = '{consumer}'), EXISTS (SELECT FROM outbox)"
    )


async def bench(
    servers: Servers, shape: Shape, purchases: Purchases, events: int, rounds: int, say: Say
) -> Result:
    """Alternate rounds of bare and ours over the same log."""
    say(f"{events:,} purchases of {purchases.members:,} members onto {EVENTS}")
    await preload(servers.endpoints.kafka, EVENTS, servers.partitions, purchases, events)
    ours: list[Drained] = []
    bare: list[Drained] = []
    for number in range(rounds):
        bare.append(await drain_bare(servers, shape, events))
        say(f"round {number + 1}: bare {bare[-1].rate:,.0f}/s")
        ours.append(await drain(servers, shape, events))
        say(f"round {number + 1}: ours {ours[-1].rate:,.0f}/s")
    return Result(
        shape.service,
        servers.endpoints.broker,
        events,
        [each.rate for each in ours],
        [each.rate for each in bare],
        max(servers.memory_mib.values()),
        details={
            "members": purchases.members,
            "batch_events": servers.batch_events,
            "memory_mib": servers.memory_mib,
            "cpu_micros_per_event": round(median(each.cpu_micros for each in ours), 1),
            "bare_cpu_micros_per_event": round(median(each.cpu_micros for each in bare), 1),
            "rows": await servers.rows(shape.service),
        },
    )


async def at_scale(servers: Servers, members: int, events: int) -> float:
    """Events a second of points when every one of so many members is known already."""
    purchases, total = Purchases(members, "a", WallClock().now() - DAY), members + events
    await preload(servers.endpoints.kafka, EVENTS, servers.partitions, purchases, total)
    return (await drain(servers, POINTS, total, skip=members)).rate


async def drain_bare(servers: Servers, shape: Shape, events: int) -> Drained:
    """One round of the bare loop."""
    async with servers.connection(shape.service) as connection:
        await connection.execute(make_tables(shape.appended, shape.kept))
        child = servers.bare_loop(shape.service, EVENTS, shape.appended, shape.kept)
        result, _ = await _watched(servers, [child], connection, BARE_PROGRESS, events)
        await connection.execute("DROP SCHEMA bare CASCADE")
    return result


async def drain(servers: Servers, shape: Shape, events: int, *, skip: int = 0) -> Drained:
    """One round of ours: from empty tables to the end of the log, everything published."""
    await servers.forget(shape.service)
    children = servers.service(shape.service, shape.roles)
    async with servers.connection(shape.service) as connection:
        query = progress_query(shape.service)
        result, memory = await _watched(servers, children, connection, query, events, skip=skip)
        if letter := await connection.fetchrow("SELECT error FROM dead_letters LIMIT 1"):
            raise SpoiltError(f"{shape.service} set events aside: {letter['error']}")
    for name, mib in memory.items():
        servers.memory_mib[name] = round(max(mib, servers.memory_mib.get(name, 0.0)), 1)
    return result


async def _watched(
    servers: Servers,
    children: Sequence[Child],
    connection: object,
    query: str,
    events: int,
    *,
    skip: int = 0,
) -> tuple[Drained, dict[str, float]]:
    """Run processes until the log is worked off; also says what memory each took."""
    async with asyncio.TaskGroup() as group:
        watch = group.create_task(drained(connection, query, events, skip=skip))
        async with servers.running(children) as supervisor:
            result = await watch
            pids = supervisor.processes
            return result, {name: memory_mib_max([pid]) for name, pid in pids.items()}
