"""How fast the edge takes events over HTTP, against an endpoint that only produces them."""

import statistics
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass

import orjson

from deploy.bench.publisher import publish
from deploy.bench.result import Result
from deploy.bench.servers import Say, Servers
from deploy.bench.watching import memory_mib_max
from deploy.bench.workload import Purchases
from deploy.local.topics import Topic, make_topics
from shared.clock import DAY, WallClock

_BATCH = 500
_BATCH_CONNECTIONS = 6
_SINGLE_CONNECTIONS = 32
_SINGLES_SHARE = 10  # one in so many events is also sent by itself
_BATCH_TYPE = "application/cloudevents-batch+json"
_SINGLE_TYPE = "application/cloudevents+json"
_BARE_TOPIC = "bench.bare"
_TURNS = 10
_Sender = Callable[[list[bytes]], Awaitable[float]]


@dataclass(frozen=True, slots=True)
class _Edge:
    """An endpoint under load: in batches, and one by one."""

    port: int
    key: str

    async def batches(self, bodies: list[bytes]) -> float:
        """Seconds that it takes them."""
        return await publish(
            self.port,
            bodies,
            connections=_BATCH_CONNECTIONS,
            content_type=_BATCH_TYPE,
            key=self.key,
        )

    async def singles(self, bodies: list[bytes]) -> float:
        """Seconds that it takes them."""
        return await publish(
            self.port,
            bodies,
            connections=_SINGLE_CONNECTIONS,
            content_type=_SINGLE_TYPE,
            key=self.key,
        )


async def bench(servers: Servers, members: int, events: int, rounds: int, say: Say) -> Result:
    """Alternate rounds of bare and ours; every round sends events of its own."""
    topic = Topic(_BARE_TOPIC, servers.partitions, {})
    await make_topics(servers.endpoints.kafka, [topic])
    bare_port, port = servers.ports(2)
    bare = _Edge(bare_port, "none")
    ours = _Edge(port, servers.endpoints.source_key)
    rates: dict[str, list[float]] = {"bare": [], "ours": [], "bare one": [], "one": []}
    children = [
        servers.bare_endpoint(_BARE_TOPIC, bare_port),
        *servers.service("ingest", ("serve", "relay"), port=port),
    ]
    async with servers.running(children) as supervisor:
        say(f"every one of {members:,} members once, unmeasured: the edge learns who they are")
        begin = WallClock().now() - DAY
        warm = Purchases(members, "warm", begin)
        for edge in (bare, ours):
            await edge.batches(list(warm.batches(0, members, _BATCH)))
        for number in range(rounds):
            purchases = Purchases(members, f"round-{number}", begin)
            bodies = list(purchases.batches(members, members + events, _BATCH))
            singles = list(
                _singles(Purchases(members, f"one-{number}", begin), events // _SINGLES_SHARE)
            )
            taken = await _by_turns(bare.batches, ours.batches, bodies)
            singly = await _by_turns(bare.singles, ours.singles, singles)
            for name, seconds in zip(("bare", "ours"), taken, strict=True):
                rates[name].append(events / seconds)
                say(f"round {number + 1}: {name} {rates[name][-1]:,.0f}/s in batches")
            for name, seconds in zip(("bare one", "one"), singly, strict=True):
                rates[name].append(len(singles) / seconds)
                say(f"round {number + 1}: {name} by one {rates[name][-1]:,.0f}/s")
        memory = {name: memory_mib_max([pid]) for name, pid in supervisor.processes.items()}
    del memory["bare-endpoint"]
    one, bare_one = (statistics.median(rates[name]) for name in ("one", "bare one"))
    return Result(
        "ingest",
        servers.endpoints.broker,
        events,
        rates["ours"],
        rates["bare"],
        round(max(memory.values()), 1),
        details={
            "members": members,
            "batch_events": _BATCH,
            "memory_mib": {name: round(mib, 1) for name, mib in memory.items()},
            "singles_per_second": round(one, 1),
            "bare_singles_per_second": round(bare_one, 1),
            "singles_ratio": round(one / bare_one, 3),
        },
    )


async def _by_turns(bare: _Sender, ours: _Sender, bodies: list[bytes]) -> tuple[float, float]:
    """Seconds that each takes for all bodies, in short turns: what disturbs one disturbs both."""
    seconds = [0.0, 0.0]
    size = -(-len(bodies) // _TURNS)
    for start in range(0, len(bodies), size):
        for side, sender in enumerate((bare, ours)):
            seconds[side] += await sender(bodies[start : start + size])
    return seconds[0], seconds[1]


def _singles(purchases: Purchases, events: int) -> Iterator[bytes]:
    first = purchases.members
    return (orjson.dumps(purchases.published(number)) for number in range(first, first + events))
