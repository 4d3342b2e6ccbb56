"""What goes on beside requests: the books are kept fresh, rejected events are written down."""

import asyncio
import logging

from services.ingest.handlers.rejecting import RejectionLog
from services.ingest.handlers.source_book import SourceBook
from services.ingest.handlers.store_book import StoreBook
from services.ingest.metrics import IngestMetrics
from services.ingest.store import orders
from shared.backoff import rest
from shared.clock import DAY, Clock
from shared.db import Database, is_transient
from shared.kafka.producer import Producer
from shared.runtime.http.health import HealthBoard

_FORGET_SECONDS = 600.0
_FORGOTTEN_AT_ONCE = 5_000
_ORDERS_KEPT = 400 * DAY

log = logging.getLogger(__name__)

_PERIOD_SECONDS = 1.0
_DATABASE_SECONDS = 5.0


class Housekeeping:
    """The loop of a process that serves publishers."""

    def __init__(
        self,
        *,
        sources: SourceBook,
        stores: StoreBook,
        rejections: RejectionLog,
        producer: Producer,
        health: HealthBoard,
        metrics: IngestMetrics,
    ) -> None:
        """Keep these."""
        self._sources = sources
        self._stores = stores
        self._rejections = rejections
        self._producer = producer
        self._metrics = metrics
        self._health = health

    async def run(self, stop: asyncio.Event) -> None:
        """Work until told to stop, and once more then."""
        while not stop.is_set():
            await self._turn()
            await rest(stop, _PERIOD_SECONDS)
        await self._turn()

    async def _turn(self) -> None:
        producer = self._health.dependency("kafka producer")
        if self._producer.is_silent():
            producer.down("Kafka does not confirm")
        else:
            producer.up()
        try:
            async with asyncio.timeout(_DATABASE_SECONDS):
                await self._sources.keep_fresh()
                await self._stores.keep_fresh()
                await self._rejections.write()
        except Exception as error:
            if not is_transient(error):
                raise
            log.warning("housekeeping waits for the database: %r", error)
        else:
            self._metrics.stores_unconfirmed.set(self._stores.unconfirmed)


class Forgetting:
    """The loop that lets go of orders that are too old to be put right."""

    def __init__(self, database: Database, clock: Clock) -> None:
        """Forget there, by that clock."""
        self._database = database
        self._clock = clock

    async def run(self, stop: asyncio.Event) -> None:
        """Work until told to stop."""
        while not stop.is_set():
            try:
                await self.turn()
            except Exception as error:
                if not is_transient(error):
                    raise
                log.warning("forgetting orders waits for the database: %r", error)
            await rest(stop, _FORGET_SECONDS)

    async def turn(self) -> None:
        """Delete what is older than 400 days, some rows at a time."""
        before = self._clock.now() - _ORDERS_KEPT
        for table in orders.TABLES:
            while True:
                async with self._database.transaction() as tx:
                    gone = await orders.forget(tx, table, before, _FORGOTTEN_AT_ONCE)
                if gone < _FORGOTTEN_AT_ONCE:
                    break
