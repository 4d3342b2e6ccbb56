"""The relay: takes committed messages from the outbox to Kafka, in order, and then removes them.

What keeps it right (each was seen to go wrong otherwise): chunks are read in id order and exactly
those are deleted after Kafka confirmed them, never "everything up to id"; one relay of a service is
active, held by an advisory lock, others wait; a chunk that is not confirmed is sent again before
anything after it. A crash between confirmation and deletion sends a chunk twice; consumers drop the
second.
"""

import asyncio
import logging
import time
import zlib
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Protocol

from shared.backoff import Backoff, rest
from shared.db import Database, is_transient
from shared.db.database import CONNECT_SECONDS_MAX, connect
from shared.outbox.append import CHANNEL, Outgoing, unpack

log = logging.getLogger(__name__)

_READ = """
SELECT partition, id, topic, coalesce(target, partition) AS target, messages
  FROM outbox WHERE lane IS NULL ORDER BY id LIMIT $1
"""
_DELETE = "DELETE FROM outbox WHERE partition = $1 AND id = ANY($2::bigint[])"
_CHUNKS_AT_ONCE = 16
_IDLE_SECONDS = 1.0
_STATEMENT_SECONDS_MAX = 15.0
_BACKOFF = Backoff(first_seconds=0.1, ceiling_seconds=3.2)

Rest = Callable[[asyncio.Event, float], Awaitable[None]]
"""Waits until the event, at most so many seconds."""


class Publisher(Protocol):
    """What the relay needs of a Kafka producer."""

    async def publish(self, messages: Sequence[Outgoing]) -> bool:
        """Send messages, in order per partition; True when Kafka has confirmed all of them."""
        ...


class RelayGauges(Protocol):
    """Where the relay tells how it is doing."""

    def relayed(self, messages: int, seconds: float) -> None:
        """So many messages were published, in so long."""
        ...

    def turned(self) -> None:
        """The relay has come round once more."""
        ...

    def trouble(self, reason: str | None) -> None:
        """The relay backs off for this reason; None: it works."""
        ...


class Relay:
    """The outbox of one service, on its way to Kafka."""

    def __init__(
        self, database: Database, publisher: Publisher, gauges: RelayGauges, *, rest: Rest = rest
    ) -> None:
        """Describe the relay; `run` does the work, and all its waits are `rest`."""
        self._database = database
        self._publisher = publisher
        self._gauges = gauges
        self._rest = rest
        self._lock_key = zlib.crc32(b"regulars outbox relay")
        self._wake = asyncio.Event()
        self._failures = 0

    async def run(self, stop: asyncio.Event) -> None:
        """Relay until told to stop; backs off and comes back by itself when a server is away."""
        while not stop.is_set():
            try:
                await self._session(stop)
            except Exception as error:
                if not is_transient(error):
                    raise
                log.warning("the relay waits for its database: %r", error)
                await self._back_off(stop, f"database: {error!r}")

    async def _back_off(self, stop: asyncio.Event, reason: str) -> None:
        self._failures += 1
        self._gauges.trouble(reason)
        await self._rest(stop, _BACKOFF.ceiling(self._failures))

    async def _session(self, stop: asyncio.Event) -> None:
        """Hold the lock on one connection of its own and relay until it breaks or we stop."""
        connection = await connect(self._database.url, "relay", _STATEMENT_SECONDS_MAX)
        try:
            if await self._lead(stop, connection):
                await connection.add_listener(CHANNEL, self._notified)
                await self._drain_until(stop, connection)
        except BaseException:
            connection.terminate()  # a server that hangs would not answer a farewell
            raise
        else:
            await connection.close(timeout=CONNECT_SECONDS_MAX)

    async def _lead(self, stop: asyncio.Event, connection: Any) -> bool:
        """Wait until no other relay of the service holds the lock; False: told to stop before."""
        while not await connection.fetchval("SELECT pg_try_advisory_lock($1)", self._lock_key):
            if stop.is_set():
                return False
            await self._rest(stop, _IDLE_SECONDS)
        return True

    def _notified(self, *_: object) -> None:
        self._wake.set()

    async def _drain_until(self, stop: asyncio.Event, connection: Any) -> None:
        while True:
            self._wake.clear()
            rows = await connection.fetch(_READ, _CHUNKS_AT_ONCE)
            if rows and not await self._publish(rows):
                log.warning("the relay waits for Kafka; %d chunks are not confirmed", len(rows))
                await self._back_off(stop, "kafka does not confirm")
            else:
                await self._remove(connection, rows)
            emptied = len(rows) < _CHUNKS_AT_ONCE
            if stop.is_set() and (self._failures or emptied):
                return
            if emptied and not self._failures:
                self._gauges.turned()
                await self._rest(self._wake, _IDLE_SECONDS)

    async def _remove(self, connection: Any, rows: Sequence[Any]) -> None:
        """Kafka has these rows; where there were none, the database at least answers."""
        for partition, ids in _by_partition(rows).items():
            await connection.execute(_DELETE, partition, ids)
        self._failures = 0
        self._gauges.trouble(None)

    async def _publish(self, rows: Sequence[Any]) -> bool:
        started = time.perf_counter()
        messages = [
            Outgoing(row["topic"], row["target"], key, value)
            for row in rows
            for key, value in unpack(row["messages"])
        ]
        confirmed = await self._publisher.publish(messages)
        if confirmed:
            self._gauges.relayed(len(messages), time.perf_counter() - started)
        return confirmed


def _by_partition(rows: Sequence[Any]) -> dict[int, list[int]]:
    """The ids of the rows of each partition: a statement touches one."""
    ids: dict[int, list[int]] = {}
    for row in rows:
        ids.setdefault(row["partition"], []).append(row["id"])
    return ids
