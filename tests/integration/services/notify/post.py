"""A post office for tests: a receiver, senders that count, and a notify with a delivery worker."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import msgspec
from prometheus_client import CollectorRegistry

from services.notify.__main__ import make_sender
from services.notify.domain.delivery import Answer, Message, Spoken
from services.notify.handlers.delivery import (
    DestinationLoop,
    MakeSender,
    Office,
)
from services.notify.metrics import NotifyMetrics
from services.notify.store import deliveries
from services.notify.store.deliveries import Request
from shared.clock import DAY, MINUTE, SECOND, Instant, ManualClock, WallClock
from shared.db import Database
from shared.events import Event, decode
from shared.runtime.server import listen, serve
from tests.integration.services.notify.notify_lane import (
    NotifyLane,
    purchase,
)
from tests.property.services.notify.notify_history import default_document

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
