"""How soon a single event has its effect, live, as somebody else sees it on Kafka.

All four services run with the wall clock, one process each, the publisher beside them. Every
purchase earns points and is thanked at once by a journey of the benchmark's own, so that each event
can be followed from `POST /v1/events` to `regulars.jobs`.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import orjson
from aiokafka import AIOKafkaConsumer, TopicPartition

from deploy.bench.errors import StalledError
from deploy.bench.open_loop import Sent, send_at
from deploy.bench.publisher import publish_members, request, request_head
from deploy.bench.result import Result
from deploy.bench.servers import Say, Servers
from deploy.bench.watching import cpu_seconds_of
from deploy.bench.workload import Purchases
from deploy.local.kept import bytes_on_kafka
from deploy.local.services import ROOT, SERVICES
from services.notify.handlers.program import program_part
from shared.clock import SECOND, WallClock, format_instant, parse_instant
from shared.db import Database
from shared.events import topics
from shared.runtime.program import ProgramHistory
from shared.runtime.program_file import read_part

_AGO = 2 * SECOND
"""So long ago the purchases were, so that the journey's first wait of 1 s is over."""
_WARM_SECONDS = 3.0
_SILENCE_SECONDS = 10.0
_SHARES = (50, 90, 99, 100)
_STAGES = ("answer", "to log", "to points.moved", "to job", "log to effect", "effect to relay")


class _Seen:
    """When each event, and what it led to, was first seen on Kafka (`perf_counter`)."""

    def __init__(self) -> None:
        self.log: dict[str, float] = {}
        self.points: dict[str, float] = {}
        self.jobs: dict[str, float] = {}
        self.effects: dict[str, float] = {}
        """When points took its event in hand, as its message says."""

    def take(self, topic: str, value: bytes, at: float, wall_offset: float) -> None:
        event = orjson.loads(value)
        if topic == topics.EVENTS:
            self.log.setdefault(event["id"], at)
        elif topic == topics.POINTS:
            cause = event["data"].get("cause")
            if cause is not None and cause not in self.points:
                self.points[cause] = at
                recorded = parse_instant(event["recordedtime"]) / SECOND
                self.effects[cause] = recorded - wall_offset
        else:
            self.jobs.setdefault(event["data"]["because"]["event_id"], at)


async def bench(
    servers: Servers, rate: float, seconds: float, say: Say, *, members: int, new_members: bool
) -> Result:
    """Publish at a rate for some seconds, and follow every event."""
    await _install_program(servers.endpoints.databases["notify"])
    ports = servers.ports(len(SERVICES))
    key = servers.endpoints.source_key
    events, warm = int(rate * seconds), int(rate * _WARM_SECONDS)
    known = 1 if new_members else members
    purchases = Purchases(known, "known", WallClock().now())
    seen = _Seen()
    async with (
        servers.running(servers.whole(ports)) as supervisor,
        _tail(servers.endpoints.kafka, servers.partitions, seen) as tail,
    ):
        await publish_members(ports[0], purchases, key=key)
        await tail.quiet()
        say(f"{known:,} members known; {rate:,.0f} a second for {seconds:.0f} s")
        fresh = Purchases(events + warm if new_members else members, "live", WallClock().now())
        first = 0 if new_members else members

        head = request_head(key, "application/cloudevents+json")

        def single(number: int) -> bytes:
            event = fresh.published(number)
            if new_members:
                event["subject"] = f"card:new-{number:08}"
            event["time"] = format_instant(WallClock().now() - _AGO)
            return request(head, orjson.dumps(event))

        processes = {**supervisor.processes, **servers.endpoints.processes}
        before = {name: cpu_seconds_of(pid) for name, pid in processes.items()}
        kept = sum(bytes_on_kafka(servers.state).values())
        await send_at(rate, range(first, first + warm), single, port=ports[0])
        measured = range(first + warm, first + warm + events)
        sent = await send_at(rate, measured, single, port=ports[0])
        await tail.quiet()
        cpu = {name: cpu_seconds_of(pid) - before[name] for name, pid in processes.items()}
        kept = sum(bytes_on_kafka(servers.state).values()) - kept
    result = _result(servers, rate, seconds, sent, seen, cpu, new_members=new_members)
    result.details["kafka_bytes_per_event"] = round(kept / (warm + events))
    return result


async def _install_program(url: str) -> None:
    """Version 1 of notify: as the default, and a word of thanks at once, by day and by night."""
    document: dict[str, Any] = dict(read_part(ROOT / "deploy" / "program.yaml", "notify"))
    journey = {
        "title": {"zh": "即时", "en": "At once"},
        "trigger": {"event": "regulars.purchase.completed.v1"},
        "reentry": "parallel",
        "steps": [
            {"wait": {"since_entry": "1s"}},
            {
                "send": {
                    "id": "now",
                    "channel": "wecom",
                    "template": "thanks",
                    "category": "value",
                    "purpose": "latency",
                    "deadline": "1h",
                }
            },
        ],
    }
    document |= {"quiet_hours": None, "caps": [], "journeys": {"at_once": journey}}
    part = program_part(document)
    database = Database(url, application_name="bench")
    async with database.transaction() as tx:
        await ProgramHistory(part, WallClock()).refresh(tx)
    await database.close()


class _Tail:
    """Reads what is new on the topics that tell what became of an event."""

    def __init__(self, consumer: Any, seen: _Seen) -> None:
        self._consumer = consumer
        self._seen = seen
        self._last = time.perf_counter()

    async def run(self) -> None:
        offset = WallClock().now() / SECOND - time.perf_counter()
        while True:
            polled = await self._consumer.getmany(timeout_ms=500)
            at = time.perf_counter()
            for place, records in polled.items():
                self._last = at
                for record in records:
                    if record.value is not None:
                        self._seen.take(place.topic, record.value, at, offset)

    async def quiet(self) -> None:
        """Return when nothing has come for two seconds."""
        started = time.perf_counter()
        self._last = started
        while time.perf_counter() - self._last < 2.0:  # noqa: PLR2004 - as the docstring says
            if time.perf_counter() - started > _SILENCE_SECONDS * 12:
                raise StalledError("the topics do not come to rest")
            await asyncio.sleep(0.05)


@asynccontextmanager
async def _tail(kafka: str, partitions: int, seen: _Seen) -> AsyncIterator[_Tail]:
    consumer = AIOKafkaConsumer(
        bootstrap_servers=kafka,
        enable_auto_commit=False,
        fetch_min_bytes=1024 * 1024,  # the broker gathers for 5 ms: a fetch for each record would
        fetch_max_wait_ms=5,  # be a load of its own
    )
    await consumer.start()
    consumer.assign(
        [
            TopicPartition(topic, number)
            for topic in (topics.EVENTS, topics.POINTS, topics.JOBS)
            for number in range(partitions)
        ]
    )
    await consumer.seek_to_end()
    tail = _Tail(consumer, seen)
    try:
        async with asyncio.TaskGroup() as group:
            task = group.create_task(tail.run())
            yield tail
            task.cancel()
    finally:
        await consumer.stop()


def _result(  # noqa: PLR0913 - what was seen, by name
    servers: Servers,
    rate: float,
    seconds: float,
    sent: Sent,
    seen: _Seen,
    cpu: Mapping[str, float],
    *,
    new_members: bool,
) -> Result:
    ids = {number: f"live-{number}" for number in sent.answered}

    def since_due(at: Mapping[str, float]) -> list[float]:
        return [at[ids[n]] - sent.due[n] for n in ids if ids[n] in at]

    def between(first: Mapping[str, float], then: Mapping[str, float]) -> list[float]:
        return [then[i] - first[i] for i in ids.values() if i in first and i in then]

    spans = (
        [sent.answered[n] - sent.due[n] for n in sent.answered],
        since_due(seen.log),
        since_due(seen.points),
        since_due(seen.jobs),
        between(seen.log, seen.effects),
        between(seen.effects, seen.points),
    )
    missing = {
        name: sum(each not in found for each in ids.values())
        for name, found in (("log", seen.log), ("points", seen.points), ("job", seen.jobs))
    }
    return Result(
        "latency",
        servers.endpoints.broker,
        len(sent.due),
        details={
            "rate": rate,
            "seconds": seconds,
            "new_members": new_members,
            "milliseconds": {
                stage: percentiles(span) for stage, span in zip(_STAGES, spans, strict=True)
            },
            "refused": dict(sent.refused),
            "never_seen": missing,
            "cpu_ms_per_event": round(sum(cpu.values()) / len(sent.due) * 1000, 2),
            "cpu_seconds": {name: round(used, 2) for name, used in cpu.items()},
        },
    )


def percentiles(seconds: Sequence[float]) -> dict[str, float]:
    """Milliseconds by share."""
    ordered = sorted(seconds)
    return {
        f"p{share}" if share < 100 else "max": round(  # noqa: PLR2004 - the whole
            ordered[min(len(ordered) - 1, len(ordered) * share // 100)] * 1000, 1
        )
        for share in _SHARES
        if ordered
    }
