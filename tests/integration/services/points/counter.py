"""Points as it is run: lanes that decide on one side, the API that asks on the other."""

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import httpx

from services.points.api.adjustments import adjustments_router
from services.points.api.ledger import Books, ledger_router
from services.points.domain.deciding import PointsDecider
from services.points.handlers.effects import SOURCE
from shared.auth.tokens import Verifier
from shared.events import Event
from shared.kafka.producer import Outcome, Producer
from shared.runtime.batch import Input
from shared.runtime.commands.asking import Asking, CommandLog
from shared.runtime.commands.desk import Commands
from shared.runtime.consumers import ConsumerSpec, Workplace
from shared.runtime.group import LaneGroup
from shared.runtime.http.app import build_app
from shared.runtime.http.health import HealthBoard
from shared.runtime.publishing import OutboxPublisher
from shared.runtime.timeline import TimelineHandler
from tests.integration.services.log import messages
from tests.integration.services.points.ledger import Ledger
from tests.integration.services.points.serving import KEY, headers

PARTITIONS = 4


@dataclass
class Counter:
    """One ledger with its log; processes of it run inside of `lanes` and `serving`."""

    ledger: Ledger
    bootstrap: str
    facts: str
    group: str
    wait_seconds: float = 10.0
    health: HealthBoard = field(init=False)

    def __post_init__(self) -> None:
        self.health = HealthBoard(self.ledger.clock)

    @asynccontextmanager
    async def lanes(self) -> AsyncIterator[None]:
        """A process that reads and decides."""
        ledger, stop = self.ledger, asyncio.Event()
        commands = Commands(PointsDecider(ledger.versions), SOURCE, self.facts)
        spec = ConsumerSpec(
            name=self.group,
            inputs=(Input(self.facts),),
            handler=TimelineHandler(ledger.machine, ledger.effects, commands),
            source="urn:test",
            commands=True,
        )
        async with (
            Producer(self.bootstrap, client_id="lanes") as producer,
            asyncio.TaskGroup() as tasks,
        ):
            place = Workplace(
                database=ledger.database,
                clock=ledger.clock,
                metrics=ledger.metrics,
                health=self.health,
                partitions=PARTITIONS,
                batch_events=500,
                chance=random.Random(1),
                poster=OutboxPublisher(producer),
            )
            tasks.create_task(LaneGroup(spec, self.bootstrap, place, instance=None).run(stop))
            try:
                yield
            finally:
                stop.set()

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[httpx.AsyncClient]:
        """A process that answers; the client is an admin."""
        ledger, stop = self.ledger, asyncio.Event()
        async with (
            Producer(self.bootstrap, client_id="api") as producer,
            asyncio.TaskGroup() as tasks,
        ):
            asking = Asking(
                ledger.database,
                producer,
                ledger.clock,
                CommandLog("urn:test:api", PARTITIONS, self.facts),
                wait_seconds=self.wait_seconds,
            )
            tasks.create_task(asking.run(stop))
            app = build_app(
                service="points",
                title="Points",
                routers=[
                    adjustments_router(asking),
                    ledger_router(
                        Books(ledger.database, PARTITIONS),
                        ledger.clock,
                        ledger.machine,
                        ledger.versions,
                        ledger.effects.prepare,
                    ),
                ],
                metrics=ledger.metrics,
                health=self.health,
                verifier=Verifier.local(KEY),
                database=ledger.database,
                clock=ledger.clock,
            )
            async with httpx.AsyncClient(
                transport=httpx.ASGITransport(app=app),
                base_url="http://test",
                headers=headers(ledger.clock),
                timeout=30,
            ) as client:
                try:
                    yield client
                finally:
                    stop.set()

    async def publish(self, events: Sequence[Event]) -> None:
        """Put facts on the log."""
        async with Producer(self.bootstrap, client_id="test") as producer:
            sent = await producer.send_many(messages(self.facts, PARTITIONS, events), 20)
        assert set(sent) == {Outcome.CONFIRMED}

    async def until_available(self, member: UUID, points: int) -> None:
        """Wait until a member has so many points."""
        await self.until(
            "SELECT 1 FROM accounts WHERE member_id = $1 AND available = $2", member, points
        )

    async def until(self, sql: str, *args: object) -> None:
        """Wait until a statement finds something: the database is the only one who knows."""
        async with asyncio.timeout(40):
            while True:
                if await self.ledger.fetch(sql, *args):
                    return
                await asyncio.sleep(0.02)

    async def transfers(self, member: UUID) -> list[tuple[Any, ...]]:
        """What was moved by hand: points as the member sees them."""
        return await self.ledger.fetch(
            "SELECT CASE credit WHEN 'available' THEN points ELSE -points END FROM transfers"
            " WHERE member_id = $1 AND code = 'adjust' ORDER BY event_at, id",
            member,
        )
