"""How soon a consumer has new output on Kafka after a SIGKILL in the middle of its work."""

import asyncio
import statistics
import time
from typing import Any

from deploy.bench.draining import POINTS, progress_query
from deploy.bench.errors import StalledError
from deploy.bench.preload import preload
from deploy.bench.result import Result
from deploy.bench.servers import Say, Servers
from deploy.bench.topic_ends import TopicEnds, topic_ends
from deploy.bench.workload import Purchases
from deploy.local.supervisor import Supervisor
from shared.events.topics import EVENTS
from shared.events.topics import POINTS as OUTPUT

_LOOK_SECONDS = 0.02
_PATIENCE_SECONDS = 60.0
_WAITING = "SELECT coalesce(sum(count), 0) FROM outbox"


async def bench(
    servers: Servers, purchases: Purchases, events: int, kills: int, say: Say
) -> Result:
    """Kill the consumer of points at even distances while it works off a log."""
    await preload(servers.endpoints.kafka, EVENTS, servers.partitions, purchases, events)
    children = servers.service(POINTS.service, POINTS.roles)
    commits: list[float] = []
    outputs: list[float] = []
    async with (
        servers.connection(POINTS.service) as connection,
        topic_ends(servers.endpoints.kafka, servers.partitions) as ends,
        servers.running(children) as supervisor,
    ):
        for number in range(kills):
            await _reached(connection, events * (number + 1) // (kills + 1))
            commit, output = await _kill(supervisor, connection, ends)
            commits.append(commit)
            outputs.append(output)
            say(f"kill {number + 1}: first commit {commit:.2f} s, first output {output:.2f} s")
    return Result(
        "restart",
        servers.endpoints.broker,
        events,
        details={
            "seconds": round(statistics.median(outputs), 2),
            "kills": kills,
            "seconds_to_first_commit": [round(seconds, 2) for seconds in commits],
            "seconds_to_first_output": [round(seconds, 2) for seconds in outputs],
        },
    )


async def _kill(supervisor: Supervisor, connection: Any, ends: TopicEnds) -> tuple[float, float]:
    """Seconds from SIGKILL (the supervisor pauses, too) to the first new commit and message."""
    supervisor.kill(f"{POINTS.service}-consume")
    started = time.perf_counter()
    # what was committed before the kill is still published by the relay: that is no new output
    before = await _worked_off(connection)
    old_output = await connection.fetchval(_WAITING) + (await ends.of([OUTPUT]))[OUTPUT]
    await _reached(connection, before + 1)
    commit = time.perf_counter() - started
    while (await ends.of([OUTPUT]))[OUTPUT] <= old_output:
        await _look(started)
    return commit, time.perf_counter() - started


async def _reached(connection: Any, events: int) -> None:
    started = time.perf_counter()
    while await _worked_off(connection) < events:
        await _look(started)


async def _worked_off(connection: Any) -> int:
    return int((await connection.fetchrow(progress_query(POINTS.service)))[0])


async def _look(started: float) -> None:
    if time.perf_counter() - started > _PATIENCE_SECONDS:
        raise StalledError("the killed consumer does not come back")
    await asyncio.sleep(_LOOK_SECONDS)
