"""Delivery against real HTTP servers and a real queue."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import msgspec
import pytest
from prometheus_client import CollectorRegistry
from standardwebhooks import Webhook

from services.notify.__main__ import make_sender
from services.notify.domain.delivery import Answer, Message, Spoken
from services.notify.domain.program import Destination
from services.notify.handlers.delivery import (
    AT_ONCE_MAX,
    DestinationLoop,
    Dispatcher,
    MakeSender,
    Office,
)
from services.notify.metrics import NotifyMetrics
from services.notify.senders import Sender
from services.notify.store import deliveries
from services.notify.store.deliveries import Request, Result
from shared.clock import DAY, HOUR, MINUTE, SECOND, Instant, ManualClock, WallClock
from shared.db import Database
from shared.events import Event, decode, types
from shared.runtime.server import listen, serve
from tests.integration.services.notify.notify_lane import (
    NotifyLane,
    consent,
    contact_removed,
    purchase,
    refund,
)
from tests.property.services.notify.notify_history import default_document

pytestmark = pytest.mark.integration

NEW = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OLD = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"


@dataclass
class Receiver:
    """Another system: keeps what it hears, and answers as told."""

    answers: list[tuple[int, dict[str, str]]] = field(default_factory=list)
    heard: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    silent: bool = False

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        body = b""
        while True:
            part_ = await receive()
            body += part_.get("body", b"")
            if not part_.get("more_body"):
                break
        self.heard.append(({k.decode(): v.decode() for k, v in scope["headers"]}, body))
        if self.silent:
            await receive()  # until the other side has hung up
            return
        status, headers = self.answers.pop(0) if self.answers else (200, {})
        named = [(k.encode(), v.encode()) for k, v in headers.items()]
        await send({"type": "http.response.start", "status": status, "headers": named})
        await send({"type": "http.response.body", "body": b""})


@asynccontextmanager
async def listening(receiver: Receiver) -> AsyncIterator[str]:
    stop = asyncio.Event()
    socket = listen("127.0.0.1", 0)
    port = socket.getsockname()[1]
    async with asyncio.TaskGroup() as group:
        group.create_task(serve(receiver, socket, stop))
        try:
            yield f"http://127.0.0.1:{port}/hook"
        finally:
            stop.set()


class Counting:
    """A sender that remembers, and now and then lets others go first."""

    def __init__(self, expected: int = 0) -> None:
        self.said: list[str] = []
        self.texts: list[str] = []
        self.done = asyncio.Event()
        self._expected = expected

    async def send(self, message: Message) -> Answer:
        await asyncio.sleep(0)
        self.said.append(message.job_id)
        self.texts.append(message.text)
        if len(self.said) >= self._expected:
            self.done.set()
        return Spoken()

    async def close(self) -> None:
        pass


def document_to(url: str, **more: Any) -> dict[str, Any]:
    """The default program, with WeCom led to a webhook, no night, and no word needed for SMS."""
    document: dict[str, Any] = {**default_document(), "quiet_hours": None}
    hook = {
        "sender": "webhook",
        "url": url,
        "secrets": ["REGULARS_WEBHOOK_SECRET_NEW", "REGULARS_WEBHOOK_SECRET_OLD"],
        "timeout": "1s",
        **more,
    }
    document["destinations"] = {"console": {"sender": "console", "per_second": 1000}, "crm": hook}
    channels = dict(default_document()["channels"])  # type: ignore[call-overload]
    channels["wecom"] = {**channels["wecom"], "destination": "crm"}
    channels["sms"] = {**channels["sms"], "consent": "implied"}
    document["channels"] = channels
    return document


class Post:
    """A notify with a delivery worker, at today's wall time (signatures must be fresh)."""

    def __init__(self, database: Database, document: dict[str, Any]) -> None:
        self.clock = ManualClock(WallClock().now())
        self.lane = NotifyLane(database, self.clock, document)
        self.database = database

    def office(self, make: MakeSender | None = None) -> Office:
        secrets = {"REGULARS_WEBHOOK_SECRET_NEW": NEW, "REGULARS_WEBHOOK_SECRET_OLD": OLD}
        return Office(
            database=self.database,
            clock=self.clock,
            history=self.lane.history,
            metrics=NotifyMetrics(CollectorRegistry()),
            partitions=1,
            make_sender=make or (lambda to: make_sender(to, secrets, self.clock)),
            book=self.lane.book,
        )

    def loop(self, name: str = "crm", make: MakeSender | None = None) -> DestinationLoop:
        office = self.office(make)
        return DestinationLoop(office.program.destinations[name], office)

    async def request(self) -> Event:
        """A purchase three minutes ago: its message is requested and queued."""
        await self.lane.prepare()
        bought = purchase("1", self.clock.now() - 3 * MINUTE - SECOND)
        [job] = await self.lane.feed([bought], stream=False)
        await self.lane.queue([job])
        return job

    async def enqueue(self, channel: str, count: int, deadline: Instant = DAY) -> list[str]:
        """Jobs without a history behind them."""
        await self.lane.prepare()
        now = self.clock.now()
        ids = [uuid4() for _ in range(count)]
        requests = [
            Request(
                job_id=each,
                member_id=uuid4(),
                revision=0,
                channel=channel,
                template="welcome",
                category="value",
                purpose="welcome",
                content='{"language": "en", "variables": {"tier": "gold"}}',
                program_version=1,
                store_id=None,
                deadline=now + deadline,
                not_before=now,
            )
            for each in ids
        ]
        async with self.database.transaction() as tx:
            await deliveries.request(tx, 0, requests, now)
        return [str(each) for each in ids]

    async def receipts(self) -> list[Event]:
        """What went out to `regulars.receipts`, in order."""
        async with self.database.transaction() as tx:
            rows = await tx.fetch(
                "SELECT messages FROM outbox WHERE topic = 'regulars.receipts' ORDER BY id"
            )
        decoder = msgspec.msgpack.Decoder(list[tuple[bytes, bytes]])
        return [decode(value) for row in rows for _, value in decoder.decode(row["messages"])]

    async def rows(self) -> list[dict[str, Any]]:
        async with self.database.transaction() as tx:
            return [dict(row) for row in await tx.fetch("SELECT * FROM deliveries")]


async def test_a_message_is_signed_and_says_the_same_id_at_every_attempt(
    database: Database,
) -> None:
    receiver = Receiver(answers=[(503, {}), (200, {})])
    async with listening(receiver) as url:
        post = Post(database, document_to(url))
        job = await post.request()
        loop = post.loop()
        await loop.turn()
        assert await post.receipts() == []
        await loop.turn()
        assert len(receiver.heard) == 1, "not before its wait is over"
        post.clock.advance(5 * SECOND)
        await loop.turn()
        await loop.turn()
    assert len(receiver.heard) == 2
    ids = {headers["webhook-id"] for headers, _ in receiver.heard}
    assert ids == {job.data.job_id}
    for headers, body in receiver.heard:
        for secret in (NEW, OLD):
            said = Webhook(secret).verify(body, headers)
            assert said["data"]["job_id"] == job.data.job_id
            assert "35.20" in said["data"]["text"]
    [receipt] = await post.receipts()
    assert receipt.type == types.JOB_SENT
    assert receipt.data.job_id == job.data.job_id


async def test_gone_is_gone(database: Database) -> None:
    receiver = Receiver(answers=[(410, {})])
    async with listening(receiver) as url:
        post = Post(database, document_to(url))
        await post.request()
        loop = post.loop()
        await loop.turn()
        post.clock.advance(HOUR)
        await loop.turn()
    assert len(receiver.heard) == 1
    [receipt] = await post.receipts()
    assert (receipt.type, receipt.data.error) == (types.JOB_FAILED, "answered 410 (gone)")


@pytest.mark.parametrize(("given", "wait"), [("120", 120 * SECOND), ("1", 5 * SECOND)])
async def test_a_destination_that_asks_for_patience_gets_it(
    database: Database, given: str, wait: int
) -> None:
    receiver = Receiver(answers=[(429, {"retry-after": given})])
    async with listening(receiver) as url:
        post = Post(database, document_to(url))
        await post.request()
        await post.loop().turn()
    [row] = await post.rows()
    assert row["next_at"] - post.clock.now() == wait
    assert (row["state"], row["error"]) == ("waiting", "answered 429")


async def test_a_redirect_is_not_followed(database: Database) -> None:
    receiver = Receiver(answers=[(302, {"location": "http://127.0.0.1:1/elsewhere"})])
    async with listening(receiver) as url:
        post = Post(database, document_to(url))
        await post.request()
        await post.loop().turn()
    [row] = await post.rows()
    assert row["error"] == "answered 302"


async def test_one_dead_destination_delays_nobody_else(database: Database) -> None:
    """rudder-server #4953: one destination that does not answer held up all the others."""
    dead = Receiver(silent=True)
    async with listening(dead) as url:
        post = Post(database, document_to(url))
        post.clock = WallClock()  # type: ignore[assignment]  # time passes while it is silent
        await post.enqueue("wecom", 300)
        alive = await post.enqueue("sms", 300)
        counting = Counting(len(alive))
        secrets = {"REGULARS_WEBHOOK_SECRET_NEW": NEW, "REGULARS_WEBHOOK_SECRET_OLD": OLD}

        def make(to: Destination) -> Sender:
            return counting if to.name == "console" else make_sender(to, secrets, WallClock())

        stop = asyncio.Event()
        async with asyncio.TaskGroup() as group, asyncio.timeout(30):
            group.create_task(Dispatcher(post.office(make)).run(stop))
            await counting.done.wait()
            said_after_dead_had = len(dead.heard)
            stop.set()
    assert sorted(counting.said) == sorted(alive)
    # its breaker opened after the first attempts: the other jobs wait, none of them tried in vain
    assert said_after_dead_had <= AT_ONCE_MAX
    waiting = [row for row in await post.rows() if row["channel"] == "wecom"]
    assert sum(row["attempts"] == 0 for row in waiting) >= 300 - AT_ONCE_MAX


async def test_after_a_rest_one_probe_goes_before_the_others(database: Database) -> None:
    receiver = Receiver(answers=[(500, {})] * 5)
    async with listening(receiver) as url:
        post = Post(database, document_to(url))
        await post.enqueue("wecom", 5)
        loop = post.loop()
        await loop.turn()
        await post.enqueue("wecom", 10)
        await loop.turn()
        assert len(receiver.heard) == 5, "resting"
        post.clock.advance(31 * SECOND)
        await loop.turn()
        assert len(receiver.heard) == 6, "a probe"
        await loop.turn()
    assert len(receiver.heard) == 5 + 15
    assert {row["state"] for row in await post.rows()} == {"sent"}


async def test_a_message_withdrawn_in_time_is_not_said(database: Database) -> None:
    """LinkWeChat: a cancelled message was sent all the same."""
    receiver = Receiver()
    async with listening(receiver) as url:
        post = Post(database, document_to(url))
        job = await post.request()
        bought_at = post.clock.now() - 3 * MINUTE - SECOND
        out = await post.lane.feed([refund("1", bought_at + SECOND)], stream=False)
        assert [each.data.job_id for each in out] == [job.data.job_id]
        assert out[0].data.reason == "exited"
        await post.lane.queue(out)
        await post.loop().turn()
    assert receiver.heard == []
    assert [row["state"] for row in await post.rows()] == ["cancelled"]


async def test_before_every_attempt_the_member_is_asked_again(database: Database) -> None:
    """A no that comes between two attempts of a webhook counts."""
    receiver = Receiver(answers=[(503, {})])
    async with listening(receiver) as url:
        post = Post(database, document_to(url))
        await post.request()
        loop = post.loop()
        await loop.turn()
        await post.lane.feed([consent(post.clock.now(), granted=False)], stream=False)
        post.clock.advance(MINUTE)
        await loop.turn()
    assert len(receiver.heard) == 1
    [receipt] = await post.receipts()
    assert (receipt.type, receipt.data.error) == (types.JOB_FAILED, "no_consent")


async def test_m25_a_contact_that_is_gone_is_no_address_at_the_last_look(
    database: Database,
) -> None:
    receiver = Receiver()
    async with listening(receiver) as url:
        post = Post(database, document_to(url))
        await post.request()
        await post.lane.feed([contact_removed(post.clock.now())], stream=False)
        await post.loop().turn()
    assert receiver.heard == []
    [receipt] = await post.receipts()
    assert receipt.data.error == "no_address"


async def test_what_would_be_said_at_night_waits_for_the_morning(database: Database) -> None:
    hour = WallClock().now() % DAY // HOUR
    night = {"start": f"{hour:02d}:00", "end": f"{(hour + 2) % 24:02d}:00"}
    post = Post(database, document_to("http://127.0.0.1:1") | {"quiet_hours": night})
    morning = (post.clock.now() // HOUR + 2) * HOUR
    [job] = await post.enqueue("wecom", 1)
    counting = Counting()
    loop = post.loop("crm", lambda _: counting)
    await loop.turn()
    assert counting.said == []
    [row] = await post.rows()
    assert (row["state"], row["next_at"], row["error"]) == ("waiting", morning, "quiet_hours")
    post.clock.advance(morning - post.clock.now())
    await loop.turn()
    assert counting.said == [job]


async def test_nothing_is_said_to_who_was_never_asked_where_a_word_is_needed(
    database: Database,
) -> None:
    document = document_to("http://127.0.0.1:1")
    document["channels"]["sms"]["consent"] = "explicit"
    post = Post(database, document)
    await post.enqueue("sms", 1)
    counting = Counting()
    await post.loop("console", lambda _: counting).turn()
    assert counting.said == []
    assert [receipt.data.error for receipt in await post.receipts()] == ["no_consent"]


async def test_the_same_jobs_told_again_are_not_said_again(database: Database) -> None:
    """Mautic #3669, #2215: concurrent runs sent the same message twice."""
    post = Post(database, document_to("http://127.0.0.1:1"))
    expected = await post.enqueue("sms", 45)
    counting = Counting()
    loops = [post.loop("console", lambda _: counting) for _ in range(3)]
    async with asyncio.TaskGroup() as group:
        for loop in loops:
            group.create_task(_empty(loop))
    assert sorted(counting.said) == sorted(expected)
    job = await post.request()
    await post.lane.queue([job, job])
    webhook = post.loop("crm", lambda _: counting)
    await webhook.turn()
    await post.lane.queue([job])
    await webhook.turn()
    assert counting.said.count(job.data.job_id) == 1


async def _empty(loop: DestinationLoop) -> None:
    while await loop.turn() == 0:
        pass


async def test_what_a_killed_worker_held_is_said_by_the_next(database: Database) -> None:
    post = Post(database, document_to("http://127.0.0.1:1"))
    [job] = await post.enqueue("sms", 1)
    now = post.clock.now()
    async with database.transaction() as tx:
        ready = await deliveries.ready(tx, ["sms"], now, 10)
        [held] = await deliveries.claim(tx, 0, ready[0], now, lease=40 * SECOND)
    counting = Counting()
    loop = post.loop("console", lambda _: counting)
    await loop.turn()
    assert counting.said == [], "its lease is not over"
    post.clock.advance(40 * SECOND)
    await loop.turn()
    assert counting.said == [job]
    # the first worker was only slow; what it has to say comes too late
    late = Result(held.job_id, held.attempts, "failed", now, "slow", None)
    async with database.transaction() as tx:
        assert await deliveries.record(tx, 0, [late], post.clock.now()) == set()
    assert [row["state"] for row in await post.rows()] == ["sent"]


async def test_what_waited_past_its_deadline_is_given_up(database: Database) -> None:
    post = Post(database, document_to("http://127.0.0.1:1"))
    await post.enqueue("sms", 2, deadline=MINUTE)
    post.clock.advance(2 * MINUTE)
    counting = Counting()
    await post.loop("console", lambda _: counting).turn()
    assert counting.said == []
    assert [each.data.error for each in await post.receipts()] == ["past_deadline"] * 2


async def test_a_text_too_long_for_its_channel_is_refused_with_the_figures(
    database: Database,
) -> None:
    document = document_to("http://127.0.0.1:1")
    document["channels"]["sms"] = {**document["channels"]["sms"], "bytes_max": 20}
    post = Post(database, document)
    await post.enqueue("sms", 1)
    counting = Counting()
    await post.loop("console", lambda _: counting).turn()
    assert counting.said == []
    [receipt] = await post.receipts()
    assert receipt.data.error.endswith("bytes, and sms takes 20")
