"""The whole way: HTTP in, through Kafka, until every consumer has worked off what was sent.

Ours are the four services, a process each; the bare way is the bare endpoint and three bare loops
that read what it produced. Rounds follow one another on running processes.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from deploy.bench.bare_loop import make_tables
from deploy.bench.draining import BARE_PROGRESS, NOTIFY, POINTS, SEGMENTATION
from deploy.bench.errors import StalledError
from deploy.bench.publisher import publish
from deploy.bench.result import Result
from deploy.bench.servers import Say, Servers
from deploy.bench.topic_ends import TopicEnds, topic_ends
from deploy.bench.watching import memory_mib_max
from deploy.bench.workload import GAP, Purchases
from deploy.local.services import SERVICES
from deploy.local.topics import Topic, make_topics
from shared.clock import Instant, WallClock
from shared.events import topics

_BATCH = 500
_CONNECTIONS = 4
_LOOK_SECONDS = 0.05
_STALL_SECONDS = 120.0
_TYPE = "application/cloudevents-batch+json"
_CONSUMERS = (POINTS, SEGMENTATION, NOTIFY)
_MEMBER_TOPICS = (topics.EVENTS, topics.POINTS, topics.SEGMENTS, topics.JOBS)
_BARE_TOPIC = "bench.bare"
_POSITIONS = "SELECT topic, sum(position)::bigint AS position FROM positions GROUP BY topic"
_WAITING = "SELECT EXISTS (SELECT FROM outbox)"


async def bench(servers: Servers, members: int, events: int, rounds: int, say: Say) -> Result:
    """First the bare way, then ours, each with its processes alone on the machine."""
    kafka, partitions = servers.endpoints.kafka, servers.partitions
    await make_topics(kafka, [Topic(_BARE_TOPIC, partitions, {})])
    async with topic_ends(kafka, partitions) as ends:
        bare = await _bare(servers, ends, members, events, rounds)
        say("bare: " + ", ".join(f"{rate:,.0f}/s" for rate in bare))
        ours, memory = await _ours(servers, ends, members, events, rounds)
        say("ours: " + ", ".join(f"{rate:,.0f}/s" for rate in ours))
    return Result(
        "pipeline",
        servers.endpoints.broker,
        events,
        ours,
        bare,
        max(memory.values()),
        details={"members": members, "memory_mib": memory},
    )


def _bodies(
    members: int, events: int, number: int, start: Instant, *, identified: bool
) -> list[bytes]:
    # they happen just now, so that journeys lie ahead; each round after the one before, for what
    # comes late has histories folded anew
    begin = start + (number * events - members) * GAP
    purchases = Purchases(members, f"round-{number}", begin)
    # round 0 is everybody once: it warms up
    first, last = (0, members) if number == 0 else (members, members + events)
    return list(purchases.batches(first, last, _BATCH, identified=identified))


async def _publish(servers: Servers, port: int, bodies: list[bytes]) -> None:
    key = servers.endpoints.source_key
    await publish(port, bodies, connections=_CONNECTIONS, content_type=_TYPE, key=key)


async def _bare(
    servers: Servers, ends: TopicEnds, members: int, events: int, rounds: int
) -> list[float]:
    [port] = servers.ports(1)
    children = [servers.bare_endpoint(_BARE_TOPIC, port)]
    for shape in _CONSUMERS:
        async with servers.connection(shape.service) as connection:
            await connection.execute(make_tables(shape.appended, shape.kept))
        children.append(servers.bare_loop(shape.service, _BARE_TOPIC, shape.appended, shape.kept))
    rates = []
    start = WallClock().now()
    async with servers.running(children), _connections(servers) as connections:
        for number in range(rounds + 1):
            bodies = _bodies(
                members, events, number, start, identified=True
            )  # the bare way looks up nobody
            started = time.perf_counter()
            await _publish(servers, port, bodies)
            await _until(lambda: _bare_done(connections, ends))
            rates.append(events / (time.perf_counter() - started))
    return rates[1:]


async def _bare_done(connections: dict[str, Any], ends: TopicEnds) -> bool:
    end = (await ends.of([_BARE_TOPIC]))[_BARE_TOPIC]
    for shape in _CONSUMERS:
        if (await connections[shape.service].fetchrow(BARE_PROGRESS))[0] < end:
            return False
    return True


async def _ours(
    servers: Servers, ends: TopicEnds, members: int, events: int, rounds: int
) -> tuple[list[float], dict[str, float]]:
    ports = servers.ports(len(SERVICES))
    rates = []
    start = WallClock().now()
    async with (
        servers.running(servers.whole(ports)) as supervisor,
        _connections(servers) as connections,
    ):
        for number in range(rounds + 1):
            bodies = _bodies(members, events, number, start, identified=False)
            started = time.perf_counter()
            await _publish(servers, ports[0], bodies)
            await _until(lambda: _done(connections, ends))
            rates.append(events / (time.perf_counter() - started))
        memory = {
            name: round(memory_mib_max([pid]), 1) for name, pid in supervisor.processes.items()
        }
    return rates[1:], memory


@asynccontextmanager
async def _connections(servers: Servers) -> AsyncIterator[dict[str, Any]]:
    """One connection to each service's database."""
    async with AsyncExitStack() as stack:
        yield {
            service: await stack.enter_async_context(servers.connection(service))
            for service in SERVICES
        }


async def _done(connections: dict[str, Any], ends: TopicEnds) -> bool:
    """Whether nothing waits anywhere, and nothing moved while we asked."""
    before = await ends.of(_MEMBER_TOPICS)
    for connection in connections.values():
        if not await _idle(connection, before):
            return False
    return before == await ends.of(_MEMBER_TOPICS)


async def _idle(connection: Any, ends: dict[str, int]) -> bool:
    # positions first: a message is in the outbox before the position says that its cause is done
    rows = await connection.fetch(_POSITIONS)
    waiting = await connection.fetchval(_WAITING)
    return not waiting and all(
        row["position"] >= ends[row["topic"]] for row in rows if row["topic"] in ends
    )


async def _until(done: Callable[[], Awaitable[bool]]) -> None:
    started = time.perf_counter()
    while not await done():
        if time.perf_counter() - started > _STALL_SECONDS:
            raise StalledError("the pipeline does not come to rest")
        await asyncio.sleep(_LOOK_SECONDS)
