"""A slice of the real year, told to a stack in peace or in trouble; and what came of it."""

import asyncio
import random
import re
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import orjson
from confluent_kafka import Consumer, TopicPartition

from deploy.demo.errors import ServiceTroubleError
from deploy.demo.publish import TypedEvent, in_batches
from deploy.demo.services import Services
from deploy.demo.year import load
from deploy.local.stack import Stack
from deploy.verify.run import verify
from deploy.verify.services import VERIFIABLE
from shared.clock import DAY, HOUR, MINUTE, Instant, format_instant
from shared.events import types
from shared.events.topics import EVENTS

Outcomes = dict[str, dict[str, Any]]
"""What came of it: household → what it has → the details."""

_CONFIRMED = ("accepted", "duplicate")
_PATIENCE_SECONDS = 240
_ENOUGH = 200
"""Orders of less, in minor units, are not cut up."""
_MOST_DOWN = 3
"""Processes that may be down at once; a slow machine would else never get up again."""


@dataclass(frozen=True)
class Slice:
    """Some households' events of the first days of the year, in time order."""

    events: list[TypedEvent]
    households: list[str]
    end: Instant


def slice_of_the_year(days: int, households: int) -> Slice:
    """Cut a slice: the households that come first, for so many days.

    Every second one was sent by the one before. Of six, one gives back all that it bought (the till
    does not say who), one has its orders told in parts, one has them changed, refunded in part,
    and the refund reversed, and one claims receipts on which nobody was named.
    """
    year = load(days)
    kept: dict[str, None] = {}
    events = []
    for event in year.events():
        who = orjson.loads(event[2])["subject"]
        if who not in kept and len(kept) < households:
            kept[who] = None
        if who in kept:
            events.append(event)
    return Slice(_referred(events, list(kept)), list(kept), year.end)


def _referred(events: list[TypedEvent], households: list[str]) -> list[TypedEvent]:
    senders = dict(zip(households[1::2], households[::2], strict=False))
    told: list[TypedEvent] = []
    for type_, at, raw in events:
        event = orjson.loads(raw)
        who, data = event["subject"], event["data"]
        if type_ == types.MEMBER_JOINED and who in senders:
            data["referrer"] = senders[who]
            raw = orjson.dumps(event)  # noqa: PLW2901 - the same event, with a referrer
        turn = _TURNS.get(households.index(who) % 6, _as_it_was)
        least = 1 if turn is _given_back else _ENOUGH
        if type_ == types.PURCHASE_COMPLETED and data["total"] >= least:
            told += turn(event, at)
        else:
            told.append((type_, at, raw))
    return sorted(told, key=lambda event: event[1])


def _as_it_was(purchase: dict[str, Any], at: Instant) -> list[TypedEvent]:
    return [(types.PURCHASE_COMPLETED, at, orjson.dumps(purchase))]


def _given_back(purchase: dict[str, Any], at: Instant) -> list[TypedEvent]:
    nobody = {name: told for name, told in purchase.items() if name != "subject"}
    return [
        *_as_it_was(purchase, at),
        _refunded(nobody, at + HOUR, "all", purchase["data"]["total"]),
    ]


def _claimed(purchase: dict[str, Any], at: Instant) -> list[TypedEvent]:
    code = f"receipt-{purchase['id']}"
    nobody = {name: told for name, told in purchase.items() if name != "subject"}
    nobody["data"] = purchase["data"] | {"receipt_code": code}
    return [
        *_as_it_was(nobody, at),
        _about(purchase, types.RECEIPT_CLAIMED, at + HOUR, {"receipt_code": code}, "claim"),
    ]


def _in_parts(purchase: dict[str, Any], at: Instant) -> list[TypedEvent]:
    bought = purchase["data"]
    first = bought["total"] // 3
    totals = {"1": first, "2": bought["total"] - first}
    return [
        _about(
            purchase,
            types.PURCHASE_COMPLETED,
            at + i * MINUTE,
            bought | {"total": total, "lines": [], "part": {"id": part, "of": 2}},
            f"part-{part}",
        )
        for i, (part, total) in enumerate(totals.items())
    ]


def _changed(purchase: dict[str, Any], at: Instant) -> list[TypedEvent]:
    bought = purchase["data"]
    less = bought | {"total": bought["total"] - _ENOUGH // 2}
    back = {"order_id": bought["order_id"], "refund_id": "some"}
    return [
        *_as_it_was(purchase, at),
        _about(purchase, types.PURCHASE_CHANGED, at + HOUR, less, "changed"),
        _refunded(purchase, at + 2 * HOUR, "some", _ENOUGH // 4),
        _about(purchase, types.PURCHASE_REFUND_REVERSED, at + 3 * HOUR, back, "reversed"),
    ]


def _refunded(purchase: dict[str, Any], at: Instant, refund_id: str, amount: int) -> TypedEvent:
    bought = purchase["data"]
    refund = {name: bought[name] for name in ("order_id", "store_id", "currency")}
    refund |= {"refund_id": refund_id, "amount": amount}
    return _about(purchase, types.PURCHASE_REFUNDED, at, refund, refund_id)


def _about(
    purchase: dict[str, Any], type_: str, at: Instant, data: dict[str, Any], name: str
) -> TypedEvent:
    """Another event about the same order."""
    told = {"id": f"{purchase['id']}:{name}", "type": type_, "time": format_instant(at)}
    return type_, at, orjson.dumps(purchase | told | {"data": data})


_TURNS = {1: _given_back, 2: _claimed, 3: _in_parts, 5: _changed}


class Teller:
    """Publishes to a stack and does not rest before everything is confirmed."""

    def __init__(self, stack: Stack) -> None:
        endpoints = stack.endpoints
        self._client = httpx.AsyncClient(
            base_url=endpoints.services["ingest"],
            timeout=30,
            headers={
                "authorization": f"Bearer {endpoints.source_key}",
                "content-type": "application/cloudevents-batch+json",
            },
        )

    async def tell(self, events: Iterable[TypedEvent]) -> None:
        """Publish in order."""
        for batch in in_batches(events):
            await self._until_confirmed(batch)

    async def tell_troubled(self, events: Sequence[TypedEvent], chance: random.Random) -> None:
        """Publish every event three times, shuffled within its day, and now and then not listen."""
        days: dict[int, list[TypedEvent]] = defaultdict(list)
        for event in events:
            days[event[1] // DAY].extend([event] * 3)
        for day in sorted(days):
            chance.shuffle(days[day])
            for start in range(0, len(days[day]), 100):
                batch = days[day][start : start + 100]
                if chance.random() < 0.3:
                    await self._send(batch)  # whatever the answer was, it is sent again
                await self._until_confirmed(batch)

    async def close(self) -> None:
        await self._client.aclose()

    async def _until_confirmed(self, batch: list[TypedEvent]) -> None:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            while batch := await self._send(batch):  # noqa: ASYNC110 - told to come again later
                await asyncio.sleep(0.1)

    async def _send(self, batch: list[TypedEvent]) -> list[TypedEvent]:
        """Send once; returns what is not confirmed."""
        body = b"[" + b",".join(raw for _, _, raw in batch) + b"]"
        try:
            answer = await self._client.post("/v1/events", content=body)
        except httpx.TransportError:
            return batch
        if answer.status_code == httpx.codes.SERVICE_UNAVAILABLE:
            return batch
        assert answer.status_code == httpx.codes.MULTI_STATUS, answer.text[:500]
        items = answer.json()["items"]
        left = []
        for event, item in zip(batch, items, strict=True):
            if item["status"] not in _CONFIRMED:
                assert item["problem"]["status"] == httpx.codes.SERVICE_UNAVAILABLE, item
                left.append(event)
        return left


@dataclass
class Chaos:
    """Kills processes of a stack with SIGKILL at moments that a seed decides."""

    stack: Stack
    chance: random.Random
    kills_least: int = 16
    service: str = ""
    """Whose processes are killed, beside the servers; empty: everybody's."""
    killed: list[str] = field(default_factory=list)
    servers: list[str] = field(default_factory=lambda: ["kafka", "postgres"])

    @asynccontextmanager
    async def reigning(self) -> AsyncIterator[None]:
        """Kill on and on while the block runs; Kafka and PostgreSQL once each."""
        stop = asyncio.Event()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._kill(stop))
            try:
                yield
            finally:
                stop.set()
        for server in self.servers:
            self._shoot(server)  # the story was over too soon for them; their turn comes now
        self.servers.clear()

    async def _kill(self, stop: asyncio.Event) -> None:
        """Go on while the story is told, and until there were enough."""
        while not stop.is_set() or len(self.killed) < self.kills_least:
            await asyncio.sleep(self.chance.uniform(0.1, 0.8))  # the moments of the trouble itself
            if sum(word != "ready" for word in self.stack.status().values()) >= _MOST_DOWN:
                continue
            servers = ("kafka", "postgres")
            victims = sorted(
                name
                for name in self.stack.processes
                if name not in servers and name.startswith(self.service)
            )
            if self.servers and self.chance.random() < 0.15:
                self._shoot(self.servers.pop(self.chance.randrange(len(self.servers))))
            elif victims:
                self._shoot(self.chance.choice(victims))

    def _shoot(self, name: str) -> None:
        self.stack.kill(name)
        self.killed.append(name)


async def finish(stack: Stack, end: Instant) -> None:
    """Move the clock to the end and wait until every service has come there."""
    await stack.ready()
    async with Services(stack.endpoints) as services, asyncio.timeout(_PATIENCE_SECONDS):
        while True:
            try:
                await services.advance_clock(end)
                await services.wait_until(end, _PATIENCE_SECONDS)
                while not await _is_settled(stack, services):  # noqa: ASYNC110 - nobody tells
                    await asyncio.sleep(0.1)
                # what the order index has added is worked off, too
                await services.wait_until(end, _PATIENCE_SECONDS)
            except ServiceTroubleError:
                await asyncio.sleep(0.2)  # 503: a server has just come back; ask again
            else:
                return


async def _is_settled(stack: Stack, services: Services) -> bool:
    """Whether everybody has read the facts to their end, and nothing waits to be added to them."""
    ends = await asyncio.to_thread(_ends, stack.endpoints.kafka)
    for service, consumer in _READERS.items():
        progress = await services.get(service, "/v1/progress")
        if progress["outbox_messages"]:
            return False
        for partition, end in ends.items():
            held = progress["consumers"].get(consumer, {}).get(str(partition))
            if end and (held is None or held["positions"].get(EVENTS, 0) < end):
                return False
    return True


_READERS = {
    "ingest": "ingest-orders",
    "points": "points",
    "segmentation": "segmentation",
    "notify": "notify",
}


def _ends(kafka: str) -> dict[int, int]:
    """The end of each partition of the facts."""
    reader = Consumer({"bootstrap.servers": kafka, "group.id": "none"})
    try:
        partitions = reader.list_topics(EVENTS, timeout=10).topics[EVENTS].partitions
        return {
            each: reader.get_watermark_offsets(TopicPartition(EVENTS, each), timeout=10)[1]
            for each in partitions
        }
    finally:
        reader.close()


async def in_peace(directory: Path, told: Slice) -> Outcomes:
    """Tell the slice, undisturbed, to a stack with its data in this directory; what came of it."""
    async with Stack(directory, clock="stream") as stack:
        teller = Teller(stack)
        await teller.tell(told.events)
        await finish(stack, told.end)
        await teller.close()
        return await outcome(stack, told.households)


async def verified(stack: Stack) -> list[str]:
    """What `regulars verify` finds: every difference, and every service that it could not do."""
    services = {name: url for name, url in stack.endpoints.databases.items() if name in VERIFIABLE}
    told = await verify(services, stack.endpoints.kafka, lambda *_: None)
    named = [f"{name} {each}" for name, found in told.findings.items() for each in found.listed]
    return [*named, *told.failures.values()]


async def outcome(stack: Stack, households: Sequence[str]) -> Outcomes:
    """What every household has in the end: points, tags, tier, messages; without what is random."""
    told: Outcomes = {}
    async with Services(stack.endpoints) as services:
        books = await asyncpg.connect(stack.endpoints.databases["points"])
        letters = await asyncpg.connect(stack.endpoints.databases["notify"])
        for who in households:
            member = (await services.get("ingest", f"/v1/members?identity={who}"))["member_id"]
            view = await services.get("segmentation", f"/v1/members/{member}")
            account = await services.get("points", f"/v1/members/{member}/account")
            told[who] = {
                "account": {key: account[key] for key in ("available", "pending", "held")},
                "points": sorted(_nameless(await _rows(books, _POINTS, member))),
                "lots": await _rows(books, _LOTS, member),
                "tags": sorted((tag["tag"], tag["since"], tag["until"]) for tag in view["tags"]),
                "tier": {key: view["tier"][key] for key in ("level", "since", "until")},
                "messages": _nameless(await _rows(letters, _MESSAGES, member)),
            }
        await books.close()
        await letters.close()
    return told


def differences(expected: Outcomes, found: Outcomes) -> list[str]:
    """What one has and the other has not, in words."""
    told = []
    for who, household in expected.items():
        for what, details in household.items():
            other = found[who][what]
            if details == other:
                continue
            if isinstance(details, list):
                missing = [each for each in details if each not in other]
                extra = [each for each in other if each not in details]
                told.append(f"{who} {what}: missing {missing}, extra {extra}")
            else:
                told.append(f"{who} {what}: {other} instead of {details}")
    return told


def _nameless(rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """Ids of decisions and effects are made from members', which are others in every run."""
    return [
        tuple(_UUID.sub("id", each) if isinstance(each, str) else each for each in row)
        for row in rows
    ]


_UUID = re.compile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")

# Points of each event and rule, whatever number of transfers and corrections it took.
_POINTS = """
SELECT event_id, rule, sum(CASE credit WHEN 'available' THEN points ELSE -points END)::bigint
  FROM transfers WHERE member_id = $1 GROUP BY 1, 2
HAVING sum(CASE credit WHEN 'available' THEN points ELSE -points END) <> 0 ORDER BY 1, 2
"""
_LOTS = """
SELECT event_at, sum(remaining)::bigint FROM lots WHERE member_id = $1
 GROUP BY 1 HAVING sum(remaining) <> 0 ORDER BY 1
"""
_MESSAGES = """
SELECT journey, step, entry_event_id, due_at, decision, reason FROM jobs
 WHERE member_id = $1 AND decision <> 'withdrawn' ORDER BY due_at, journey, step, decision
"""


async def _rows(connection: Any, sql: str, member: str) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in await connection.fetch(sql, member)]
