"""What a command costs that a member's lane decides, next to a bare `SELECT … FOR UPDATE`.

Adjustments by hand at a fixed rate beside live events, then as many as 64 connections carry; all
four services with the wall clock, one process each. Bare and ours take turns.
"""

import asyncio
import math
import statistics
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import orjson

from deploy.bench.errors import StalledError
from deploy.bench.latency import percentiles
from deploy.bench.open_loop import Sent, send_at
from deploy.bench.publisher import publish_members, request, request_head
from deploy.bench.result import Result
from deploy.bench.servers import Say, Servers
from deploy.bench.watching import memory_mib_max
from deploy.bench.workload import Purchases
from deploy.local.services import SERVICES
from shared.clock import WallClock, format_instant

_BESIDE: Final = 100.0
"""Live events a second beside the commands."""
_SATURATED: Final = 8_000
"""Commands of a round without a rate."""
_WARM_SECONDS: Final = 3.0
_STALL_SECONDS: Final = 60.0
_PATH: Final = "/v1/adjustments"


@dataclass(slots=True)
class _Endpoint:
    """One that takes adjustments: ours, or the bare one.

    Attributes:
        token: of the caller.
        members: whom points may be given to.
        sent: how many commands were.
    """

    name: str
    port: int
    token: str
    members: Sequence[str]
    sent: int = 0
    spans: list[dict[str, float]] = field(default_factory=list)
    rates: list[float] = field(default_factory=list)
    refused: Counter[str] = field(default_factory=Counter)

    async def ask(self, rate: float, count: int) -> Sent:
        """Ask for so many adjustments, each of another member than the one before."""
        first, self.sent = self.sent, self.sent + count
        head = request_head(self.token, "application/json", _PATH)

        def adjust(number: int) -> bytes:
            member = self.members[number % len(self.members)]
            body = orjson.dumps({"member_id": member, "points": 5, "reason": "a cold meal"})
            return request(head, body, b"\r\nIdempotency-Key: %b-%d" % (self.name.encode(), number))

        numbers = range(first, first + count)
        sent = await send_at(rate, numbers, adjust, port=self.port, taken=b"201")
        self.refused.update(sent.refused)
        return sent

    async def round(self, rate: float, seconds: float, purchases: "_Purchases") -> str:
        """One round: at the rate beside live events, then without one."""
        await self.ask(rate, int(rate * _WARM_SECONDS))
        async with asyncio.TaskGroup() as group:
            group.create_task(purchases.send(seconds))
            sent = await self.ask(rate, int(rate * seconds))
        self.spans.append(percentiles([sent.answered[n] - sent.due[n] for n in sent.answered]))
        started = time.perf_counter()
        sent = await self.ask(math.inf, _SATURATED)
        self.rates.append(len(sent.answered) / (time.perf_counter() - started))
        return f"{self.name}: {self.spans[-1]} ms; {self.rates[-1]:,.0f} a second"

    def milliseconds(self) -> dict[str, float]:
        """Medians over the rounds."""
        return {share: statistics.median(s[share] for s in self.spans) for share in self.spans[0]}


class _Purchases:
    """Live events beside the commands."""

    def __init__(self, port: int, key: str, members: int) -> None:
        self._port = port
        self._key = key
        self._stream = Purchases(members, "live", WallClock().now())
        self._next = 0

    async def make_members(self) -> None:
        """The first purchase of each."""
        await publish_members(self._port, self._stream, key=self._key)
        self._next = self._stream.members

    async def send(self, seconds: float) -> None:
        """Send singles for so long."""
        head = request_head(self._key, "application/cloudevents+json")

        def single(number: int) -> bytes:
            event = self._stream.published(number)
            event["time"] = format_instant(WallClock().now())
            return request(head, orjson.dumps(event))

        first, self._next = self._next, self._next + int(_BESIDE * seconds)
        await send_at(_BESIDE, range(first, self._next), single, port=self._port)


async def bench(
    servers: Servers, rate: float, seconds: float, rounds: int, say: Say, *, members: int
) -> Result:
    """Ask at a rate for some seconds, and then without one, ours and bare by turns."""
    *ports, bare_port = servers.ports(len(SERVICES) + 1)
    purchases = _Purchases(ports[0], servers.endpoints.source_key, members)
    async with servers.running(servers.whole(ports)) as supervisor:
        await purchases.make_members()
        ids, token = await _members(servers, members), servers.token("admin")
        await supervisor.start(servers.bare_commands(bare_port))
        ours = _Endpoint("ours", ports[SERVICES.index("points")], token, ids)
        bare = _Endpoint("bare", bare_port, token, ids)
        for _ in range(rounds):
            for endpoint in (bare, ours):
                say(await endpoint.round(rate, seconds, purchases))
        memory = memory_mib_max(
            pid for name, pid in supervisor.processes.items() if not name.startswith("bare")
        )
    return Result(
        "commands",
        servers.endpoints.broker,
        _SATURATED,
        ours=ours.rates,
        bare=bare.rates,
        rss_mib_max=round(memory, 1),
        details={
            "rate": rate,
            "seconds": seconds,
            "events_beside": _BESIDE,
            "milliseconds": ours.milliseconds(),
            "bare_milliseconds": bare.milliseconds(),
            "refused": dict(ours.refused + bare.refused),
        },
    )


async def _members(servers: Servers, count: int) -> list[str]:
    """The ids of all members, as soon as points knows them."""
    started = time.perf_counter()
    async with servers.connection("points") as connection:
        while True:
            rows = await connection.fetch("SELECT member_id FROM accounts ORDER BY member_id")
            if len(rows) == count:
                return [str(row["member_id"]) for row in rows]
            if time.perf_counter() - started > _STALL_SECONDS:
                raise StalledError(f"points knows {len(rows)} of {count} members")
            await asyncio.sleep(0.1)
