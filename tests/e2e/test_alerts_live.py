"""Each fault on a running system, seen by a real Prometheus: exactly its alert, and silence after.

The rules are those that we ship, six times as quick (`tests.e2e.prometheus.scaled`). What was seen,
with seconds, is printed, and stands in docs/operating.md.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import httpx
import pytest

from deploy.local.services import SERVICES
from deploy.local.stack import Stack
from shared.events import topics
from tests.conftest import NewStack
from tests.e2e import faults
from tests.e2e.prometheus import Prometheus, prometheus

pytestmark = [pytest.mark.e2e, pytest.mark.durable, pytest.mark.long, pytest.mark.timeout(900)]

FACTOR = 6
_FIRES_SECONDS_MAX = 120.0
_SILENT_SECONDS_MAX = 150.0
_LOOK_SECONDS = 0.5

# what a failure of this test shows beside the alerts
_TELLING = '{__name__=~"regulars_(dead_letters.*|lag_events|topics_missing|.*failures_total)"} > 0'

Alert = tuple[str, str]
"""Name and service."""


class Seen:
    """What Prometheus said, fault by fault."""

    def __init__(self, server: Prometheus) -> None:
        self.server = server
        self.lines: list[str] = []

    async def firing(self) -> set[Alert]:
        alerts = await self.server.firing()
        for alert in alerts:
            words = " ".join(alert["annotations"].values())
            assert "<no value>" not in words, words
            assert "error" not in words[:5], words
        return {(each["labels"]["alertname"], each["labels"]["service"]) for each in alerts}

    async def fault(
        self,
        what: str,
        given: AbstractAsyncContextManager[None],
        expected: set[Alert],
        tolerated: set[Alert] = frozenset(),  # type: ignore[assignment]  # an empty set of them
    ) -> None:
        """Give a fault, see its alerts and no others, take it away, see silence."""
        assert await self.firing() == set()
        async with given:
            begun = time.monotonic()
            since: dict[Alert, float] = {}
            while since.keys() < expected:
                seconds = time.monotonic() - begun
                assert seconds < _FIRES_SECONDS_MAX, (
                    *(what, expected - since.keys()),
                    await self.server.query("ALERTS"),
                    await self.server.query(_TELLING),
                )
                firing = await self.firing()
                assert firing <= expected | tolerated, (what, firing)
                since |= dict.fromkeys(firing - since.keys(), seconds)
                await asyncio.sleep(_LOOK_SECONDS)
        await self.silence(what, since, expected | tolerated)

    async def silence(self, what: str, since: dict[Alert, float], allowed: set[Alert]) -> None:
        """Wait until nothing fires, nor anything else meanwhile."""
        begun = time.monotonic()
        while firing := await self.firing():
            assert firing <= allowed, (what, firing)
            assert time.monotonic() - begun < _SILENT_SECONDS_MAX, (what, firing)
            await asyncio.sleep(_LOOK_SECONDS)
        silent = time.monotonic() - begun
        names = {
            name: max(seconds for each, seconds in since.items() if each[0] == name)
            for name in {alert[0] for alert in since}
        }
        told = ", ".join(f"{name} {seconds:.0f} s" for name, seconds in sorted(names.items()))
        self.lines.append(f"| {what} | {told or 'none'} | {silent:.0f} s |")
        print(self.lines[-1], flush=True)  # noqa: T201 - the table for the handbook

    async def quiet(self, what: str, seconds: float, tolerated: set[Alert]) -> None:
        """Nothing fires for so long."""
        begun = time.monotonic()
        while time.monotonic() - begun < seconds:
            firing = await self.firing()
            assert firing <= tolerated, (what, firing)
            await asyncio.sleep(_LOOK_SECONDS)
        await self.silence(what, {}, tolerated)


def everywhere(alert: str) -> set[Alert]:
    return {(alert, service) for service in SERVICES}


Watched = tuple[Stack, Seen]


@pytest.fixture
async def watched(new_stack: NewStack, tmp_path: Path) -> AsyncIterator[Watched]:
    """All services, and a Prometheus that has seen them for a while without an alert."""
    async with new_stack() as stack, prometheus(tmp_path / "prometheus", factor=FACTOR) as server:
        server.watch(stack.endpoints.services)
        seen = Seen(server)
        await _until_scraped(server)
        await seen.quiet("nothing is wrong", 15, set())
        yield stack, seen


async def _until_scraped(server: Prometheus) -> None:
    async with asyncio.timeout(60):
        while len(await server.query("up == 1")) < len(SERVICES):  # noqa: ASYNC110 - it calls nobody
            await asyncio.sleep(_LOOK_SECONDS)


async def test_processes_that_end_hang_or_are_gone(watched: Watched) -> None:
    stack, seen = watched
    stack.kill("notify")
    await stack.ready("notify")
    await seen.quiet("a process is killed, and started again", 20, set())
    await seen.fault(
        "a process is frozen (SIGSTOP)",
        faults.stopped(stack, "notify"),
        {("RegularsServiceDown", "notify")},
    )
    await seen.fault(
        "a service is gone from DNS",
        faults.not_found(seen.server, stack, "notify"),
        {("RegularsInstanceMissing", "notify")},
    )
    await seen.fault(
        "a process ends again and again",
        _restarting(stack, seen.server),
        {("RegularsRestarting", "segmentation")},
        {("RegularsServiceDown", "segmentation")},
    )


@asynccontextmanager
async def _restarting(stack: Stack, server: Prometheus) -> AsyncIterator[None]:
    await faults.restart_again_and_again(stack, server, "segmentation")
    await stack.ready("segmentation")
    yield


async def test_records_and_timers_that_are_not_processed(watched: Watched) -> None:
    stack, seen = watched
    await seen.fault(
        "a record that is no event",
        faults.set_aside(stack, topics.RECEIPTS, b"\x00 no event", "notify"),
        {("RegularsDeadLetters", "notify")},
    )
    await seen.fault(
        "an event that cannot be processed",
        faults.set_aside(stack, topics.INBOUND, faults.stranger(), "ingest"),
        {("RegularsPoison", "ingest")},
    )
    await seen.fault(
        "a lane is held up, and a timer late",
        faults.late_timers(stack, "points"),
        {("RegularsTimersLate", "points")},
    )


async def test_servers_that_hang_or_end(watched: Watched) -> None:
    stack, seen = watched
    await seen.fault(
        "PostgreSQL hangs (SIGSTOP)",
        _hung_database(stack),
        everywhere("RegularsDependencyAway"),
    )
    stack.kill("kafka")
    await stack.ready()
    # as quick as these rules are, a start of Kafka on a busy machine may be too slow for them
    await seen.quiet("Kafka is killed, and started again", 15, everywhere("RegularsDependencyAway"))
    await seen.fault(
        "Kafka hangs (SIGSTOP), and a message waits",
        _hung_kafka(stack),
        everywhere("RegularsDependencyAway") | {("RegularsOutboxStuck", "points")},
    )


@asynccontextmanager
async def _hung_database(stack: Stack) -> AsyncIterator[None]:
    """Readiness follows within 10 s; an API answers 503 within 2 s."""
    async with faults.stopped(stack, "postgres"), httpx.AsyncClient(timeout=30) as client:
        begun = time.monotonic()
        base = stack.endpoints.services["points"]
        headers = {"Authorization": f"Bearer {stack.endpoints.token}"}
        answer = await client.get(f"{base}/v1/dead-letters", headers=headers)
        assert answer.status_code == 503
        assert answer.headers["retry-after"]
        assert answer.headers["content-type"] == "application/problem+json"
        print(f"503 after {time.monotonic() - begun:.1f} s", flush=True)  # noqa: T201 - as above
        assert time.monotonic() - begun < 2
        while (await client.get(f"{base}/readyz")).status_code == 200:
            assert time.monotonic() - begun < 10
            await asyncio.sleep(0.1)
        print(f"readyz 503 after {time.monotonic() - begun:.1f} s", flush=True)  # noqa: T201
        yield


@asynccontextmanager
async def _hung_kafka(stack: Stack) -> AsyncIterator[None]:
    async with faults.stopped(stack, "kafka"), faults.message_not_taken(stack, "points"):
        yield


async def test_topics_that_are_gone_and_a_database_that_is_stopped(watched: Watched) -> None:
    """Last: a topic made anew is told for half an hour, a stopped PostgreSQL does not come back."""
    stack, seen = watched
    await faults.publish(stack, topics.RECEIPTS, b"no event")
    await _until_read(seen)
    await faults.discard_all(stack, "notify")
    missing = {("RegularsTopicMissing", "notify")}
    anew = {("RegularsTopicRecreated", "notify")}
    begun = time.monotonic()
    async with faults.deleted(stack, topics.RECEIPTS):
        await _until_fires(seen, missing, set())
        print(f"| a topic is deleted | {time.monotonic() - begun:.0f} s |")  # noqa: T201 - as above
    begun = time.monotonic()
    await _until_fires(seen, anew, missing)
    print(f"| it is made anew | {time.monotonic() - begun:.0f} s |")  # noqa: T201 - as above
    await stack.stop("postgres")
    begun = time.monotonic()
    away = everywhere("RegularsDependencyAway")
    await _until_fires(seen, away, missing | anew)
    print(f"| PostgreSQL is stopped | {time.monotonic() - begun:.0f} s |")  # noqa: T201 - as above


async def _until_read(seen: Seen) -> None:
    read = f'regulars_position_events{{topic="{topics.RECEIPTS}"}} > 0'
    async with asyncio.timeout(60):
        while not await seen.server.query(read):  # noqa: ASYNC110 - it calls nobody
            await asyncio.sleep(_LOOK_SECONDS)


async def _until_fires(seen: Seen, expected: set[Alert], tolerated: set[Alert]) -> None:
    async with asyncio.timeout(_FIRES_SECONDS_MAX):
        while not expected <= (firing := await seen.firing()):
            assert firing <= expected | tolerated, firing
            await asyncio.sleep(_LOOK_SECONDS)
